// Calls of the kernel, for .ci/instructions to count how many instructions each of them takes:
// on one thread, of numbers that are the same everywhere.
#include <callgrind.h>

#include <cstdio>
#include <random>
#include <vector>

#include "../cpu/batch.hpp"
#include "../cpu/gaussian.hpp"
#include "../cpu/histogram.hpp"
#include "../cpu/union_batch.hpp"

namespace {

using namespace fastpid;
using Doubles = std::vector<double>;

std::size_t size(std::ptrdiff_t a, std::ptrdiff_t b = 1, std::ptrdiff_t c = 1,
                 std::ptrdiff_t d = 1) {
  return static_cast<std::size_t>(a * b * c * d);
}

// Counts what call() takes, and prints the name only if it came to an end.
template <class Call>
void count(const char* name, Call&& call) {
  CALLGRIND_ZERO_STATS;
  const bool finished = call();
  CALLGRIND_DUMP_STATS_AT(name);
  if (finished) std::printf("%s\n", name);
}

class Numbers {
 public:
  // Above zero, at most one: std::uniform_real_distribution differs between libraries.
  double operator()() { return (static_cast<double>(engine_() >> 11) + 1.0) * 0x1p-53; }
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }

  // `count` tables of `cells` cells that sum to one each.
  Doubles tables(std::ptrdiff_t count, std::ptrdiff_t cells) {
    Doubles p(size(count, cells));
    for (std::size_t n = 0; n < size(count); ++n) {
      double sum = 0.0;
      double* const table = p.data() + n * size(cells);
      for (std::size_t i = 0; i < size(cells); ++i) sum += table[i] = (*this)() * (*this)();
      for (std::size_t i = 0; i < size(cells); ++i) table[i] /= sum;
    }
    return p;
  }

 private:
  std::mt19937_64 engine_{20140401};
};

// Where a batch's answers go, and its marginals and potentials.
struct Answers {
  Doubles terms, xz, yz, lam, mu;
  std::vector<std::int32_t> codes;
  Results results;

  Answers(Shape s, std::ptrdiff_t count)
      : terms(size(Results::kTerms, count)),
        xz(size(count, s.nx, s.nz)),
        yz(size(count, s.ny, s.nz)),
        lam(xz.size()),
        mu(yz.size()),
        codes(size(Results::kCodes, count)),
        results(Results::rows(terms.data(), codes.data(), count)) {}
};

cpu::BatchOptions options(Method method = Method::automatic, double tol = 1e-9) {
  cpu::BatchOptions out;
  out.solve.method = method;
  out.solve.tol = tol;
  return out;
}

void tables(const char* name, Numbers& numbers, Shape s, std::ptrdiff_t batch,
            const cpu::BatchOptions& how) {
  const Doubles p = numbers.tables(batch, std::ptrdiff_t{s.nx} * s.ny * s.nz);
  Answers out(s, batch);
  count(name, [&] {
    return cpu::solve_tables({s, p.data()}, batch, how, out.results, out.xz.data(), out.yz.data());
  });
}

void gradients(const char* name, Numbers& numbers, Shape s, std::ptrdiff_t batch) {
  const Doubles p = numbers.tables(batch, std::ptrdiff_t{s.nx} * s.ny * s.nz);
  const Doubles weights(size(4, batch), 1.0);
  Doubles gradient(p.size());
  Answers out(s, batch);
  count(name, [&] {
    return cpu::solve_tables({s, p.data()}, batch, options(), out.results, out.xz.data(),
                             out.yz.data(), {out.lam.data(), out.mu.data()}) &&
           cpu::gradient({s, p.data()}, out.xz.data(), out.yz.data(),
                         {out.lam.data(), out.mu.data()}, weights.data(), batch, options(),
                         {gradient.data()});
  });
}

void gaussian_variables(const char* name, Numbers& numbers, gaussian::Sizes s) {
  const int total = s.total(), factors = 2 * total;
  Doubles loadings(size(total, factors)), cov(size(total, total));
  for (double& w : loadings) w = numbers() - 0.5;
  for (int i = 0; i < total; ++i) {
    for (int j = 0; j < total; ++j) {
      double sum = 0.0;
      for (int k = 0; k < factors; ++k) {
        sum += loadings[size(i, factors) + size(k)] * loadings[size(j, factors) + size(k)];
      }
      cov[size(i, total) + size(j)] = sum;
    }
  }
  Answers out({1, 1, 1}, 1);
  count(name, [&] { return cpu::solve_gaussian(cov.data(), 1, s, options(), out.results, {}); });
}

void three_sources(const char* name, Numbers& numbers, int n, int target) {
  cpu::UnionProblems problems{1, target, {n, n, n}, {}};
  const Doubles p = numbers.tables(1, std::ptrdiff_t{n} * n * n * target);
  std::vector<Doubles> marginals(3, Doubles(size(n, target))), potentials = marginals;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const std::size_t side = size(n), z = i % size(target), tuple = i / size(target);
    marginals[0][tuple / side / side * size(target) + z] += p[i];
    marginals[1][tuple / side % side * size(target) + z] += p[i];
    marginals[2][tuple % side * size(target) + z] += p[i];
  }
  Doubles mi(3);
  Answers out({1, 1, 1}, 1);
  cpu::UnionResults results{mi.data(),
                            out.results.lower,
                            out.results.upper,
                            out.results.iterations,
                            out.results.status,
                            out.results.method,
                            {},
                            nullptr};
  for (const Doubles& a : marginals) problems.marginals.push_back(a.data());
  for (Doubles& a : potentials) results.potentials.push_back(a.data());
  count(name, [&] { return cpu::union_information(problems, options(), results); });
}

void pairs(const char* name, Numbers& numbers, Shape s, int columns, std::ptrdiff_t rows) {
  std::vector<std::uint16_t> sources(size(columns, rows)), target(size(rows));
  for (auto& code : sources) {
    code = static_cast<std::uint16_t>(numbers.below(static_cast<std::uint64_t>(s.nx)));
  }
  for (auto& code : target) {
    code = static_cast<std::uint16_t>(numbers.below(static_cast<std::uint64_t>(s.nz)));
  }
  std::vector<std::int32_t> chosen;
  for (int i = 0; i < columns; ++i) {
    for (int j = i + 1; j < columns; ++j) chosen.insert(chosen.end(), {i, j});
  }
  const std::ptrdiff_t batch = static_cast<std::ptrdiff_t>(chosen.size()) / 2;
  Doubles counts(size(batch, s.nx, s.ny, s.nz));
  count(name, [&] {
    return cpu::count_pairs({sources.data(), target.data(), nullptr, rows}, chosen.data(), batch, s,
                            {}, counts.data());
  });
}

}  // namespace

int main() {
  Numbers numbers;
  tables("500 tables 2x2x2, closed form", numbers, {2, 2, 2}, 500, options());
  tables("64 tables 3x3x3", numbers, {3, 3, 3}, 64, options());
  tables("100x100x2, closed form", numbers, {100, 100, 2}, 1, options());
  tables("10x10x10", numbers, {10, 10, 10}, 1, options());
  tables("20x20x10", numbers, {20, 20, 10}, 1, options());
  tables("30x30x20, mirror descent", numbers, {30, 30, 20}, 1, options(Method::gradient, 1e-4));
  tables("60x60x30, proxy", numbers, {60, 60, 30}, 1, options(Method::proxy));
  gradients("8 tables 6x6x4 and gradients", numbers, {6, 6, 4}, 8);
  gaussian_variables("Gaussian 8 + 8 and 5", numbers, {8, 8, 5});
  three_sources("three sources 5, target 4", numbers, 5, 4);
  pairs("45 pairs of columns", numbers, {4, 4, 3}, 10, 2000);
}
