// A fuzz target: bytes become a table, options and what must hold of the answer.
//
// For libFuzzer by itself (fuzz.sh uses it where clang has it); with FASTPID_FUZZ_MAIN it has a
// main of its own, which draws inputs at random, or replays the files that it is given:
//   fuzz [seconds] [seed], or fuzz FILE...
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "../core/certificate.hpp"
#include "../cpu/batch.hpp"
#include "tables.hpp"

namespace fastpid::testing {
namespace {

constexpr double kSlack = 1e-12;

#define EXPECT(condition)                                                          \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)

// Zeros once the bytes are used up, so that any input is one.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

  unsigned next() { return at_ < end_ ? *at_++ : 0U; }
  int below(int n) { return static_cast<int>(next()) % n; }

 private:
  const std::uint8_t *at_, *end_;
};

// Zero, a count, or a number of any decade; equal bytes give equal cells, and so ties.
double cell(Bytes& bytes) {
  const unsigned kind = bytes.next();
  if (kind < 64) return 0.0;
  if (kind < 128) return static_cast<double>(kind - 63);
  if (kind < 224)
    return std::pow(10.0, -static_cast<double>(kind - 128) / 6.0) * (1 + bytes.next());
  return std::pow(10.0, -10.0 * static_cast<double>(kind - 223)) * (1 + bytes.next());
}

bool finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

std::size_t size(int a, int b, int c = 1) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b) * static_cast<std::size_t>(c);
}

struct Answers {
  std::vector<double> terms = std::vector<double>(Results::kTerms);
  std::vector<std::int32_t> codes = std::vector<std::int32_t>(Results::kCodes);
  std::vector<double> xz, yz, lam, mu;

  Answers(const Given& given, const cpu::BatchOptions& options)
      : xz(size(given.shape.nx, given.shape.nz)),
        yz(size(given.shape.ny, given.shape.nz)),
        lam(xz),
        mu(yz) {
    const cpu::Potentials<double> potentials{lam.data(), mu.data()};
    EXPECT(cpu::solve_tables(given, 1, options, results(), xz.data(), yz.data(), potentials));
  }

  Results results() { return Results::rows(terms.data(), codes.data(), 1); }
  Status status() { return static_cast<Status>(*results().status); }
};

void check_bracket(Answers& of, double tol) {
  const Results r = of.results();
  EXPECT(finite(of.terms));
  EXPECT(std::max(*r.mi_x, *r.mi_y) <= *r.lower);
  EXPECT(*r.lower <= *r.upper);
  EXPECT(*r.upper <= std::min(*r.mi_x + *r.mi_y, *r.mi_xy));
  EXPECT((of.status() == Status::converged) == (*r.upper - *r.lower <= tol));
}

void check_potentials(Shape s, const Answers& of) {
  EXPECT(finite(of.lam) && finite(of.mu));
  for (int x = 0; x < s.nx; ++x) {
    for (int y = 0; y < s.ny; ++y) {
      double sum = 0.0;
      for (int z = 0; z < s.nz; ++z)
        sum += std::exp(of.lam[size(x, s.nz) + z] + of.mu[size(y, s.nz) + z]);
      EXPECT(sum <= 1.0 + kSlack);
    }
  }
}

// The coupling's cells are numbers, and its marginals no larger than the table's.
void check_coupling(Shape s, const Answers& of, cpu::BatchOptions options) {
  options.solve.coupling = true;
  std::vector<double> lam(of.lam), mu(of.mu), pairs(size(s.nx, s.ny)), u(of.xz), v(of.yz);
  EXPECT(cpu::solve_marginals(of.xz.data(), of.yz.data(), 1, s, options,
                              {{lam.data(), mu.data()}, pairs.data(), u.data(), v.data()}));
  EXPECT(finite(pairs) && finite(u) && finite(v));
  std::vector<double> xz(of.xz.size()), yz(of.yz.size());
  for (int x = 0; x < s.nx; ++x) {
    for (int y = 0; y < s.ny; ++y) {
      for (int z = 0; z < s.nz; ++z) {
        const std::size_t a = size(x, s.nz) + z, b = size(y, s.nz) + z;
        const double mass = pairs[size(x, s.ny) + y] * u[a] * v[b];
        EXPECT(mass >= 0.0);
        xz[a] += mass;
        yz[b] += mass;
      }
    }
  }
  for (std::size_t k = 0; k < xz.size(); ++k) EXPECT(xz[k] <= of.xz[k] + kSlack);
  for (std::size_t k = 0; k < yz.size(); ++k) EXPECT(yz[k] <= of.yz[k] + kSlack);
}

void check_gradient(const Table& t, const Answers& of, const cpu::BatchOptions& options,
                    const double* weights) {
  std::vector<double> gradient(t.p.size());
  EXPECT(cpu::gradient({t.shape, t.p.data()}, of.xz.data(), of.yz.data(),
                       {of.lam.data(), of.mu.data()}, weights, 1, options, {gradient.data()}));
  EXPECT(finite(gradient));
}

void check_input(Bytes bytes) {
  Shape shape;
  shape.nx = 1 + bytes.below(6);
  shape.ny = 1 + bytes.below(6);
  shape.nz = 1 + bytes.below(8);
  if (bytes.below(8) == 0) shape.nz += 12;  // beyond the lanes, and where sums are vectorised
  cpu::BatchOptions options;
  options.normalize = true;
  options.solve.method = static_cast<Method>(bytes.below(4));  // the exact one may have no answer
  options.solve.tol = std::pow(10.0, -static_cast<double>(bytes.below(20)) - 1.0);
  if (bytes.below(16) == 0) options.solve.tol = 1e-300;
  options.solve.max_iter = bytes.below(4) == 0 ? 1 + bytes.below(50) : 60;
  Table table(shape);
  for (double& value : table.p) value = cell(bytes);

  const Given given{shape, table.p.data()};
  Answers answers(given, options);
  if (answers.status() == Status::invalid) return;
  check_bracket(answers, options.solve.tol);
  check_potentials(shape, answers);
  check_coupling(shape, answers, options);
  const double weights[] = {1.0, -0.5, 0.25, -1.0};
  check_gradient(table, answers, options, weights);

  cpu::BatchOptions usual;
  usual.normalize = true;
  Answers best(given, usual);
  check_bracket(best, usual.solve.tol);
  usual.normalize = false;
  Answers of_marginals({shape, nullptr, best.xz.data(), best.yz.data()}, usual);
  EXPECT(of_marginals.status() != Status::invalid);
  const Results one = answers.results();
  for (Answers* others : {&best, &of_marginals}) {
    const Results other = others->results();
    const double apart = std::max(*one.lower - *other.upper, *other.lower - *one.upper);
    EXPECT(apart <= 2.0 * rounding(shape));
  }
}

}  // namespace
}  // namespace fastpid::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fastpid::testing::check_input({data, size});
  return 0;
}

#ifdef FASTPID_FUZZ_MAIN
namespace {

// The input at hand, written down when a check or a sanitizer ends the process.
void keep(const std::vector<std::uint8_t>& input) {
  std::ofstream("fuzz-input.bin", std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(input.data()),
             static_cast<std::ptrdiff_t>(input.size()));
}

}  // namespace

int main(int argc, char** argv) {
  using Clock = std::chrono::steady_clock;
  char* end = nullptr;
  const double seconds = argc > 1 ? std::strtod(argv[1], &end) : 10.0;
  if (argc > 1 && *end != '\0') {
    for (int i = 1; i < argc; ++i) {
      std::ifstream file(argv[i], std::ios::binary);
      const std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
      const std::vector<std::uint8_t> input(text.begin(), text.end());
      LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    return 0;
  }
  fastpid::testing::Rng rng(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0);
  const Clock::time_point start = Clock::now();
  long inputs = 0;
  for (; std::chrono::duration<double>(Clock::now() - start).count() < seconds; ++inputs) {
    std::vector<std::uint8_t> input(
        static_cast<std::size_t>(9 + fastpid::testing::below(rng, 300)));
    // Few different bytes make many ties and zeros, as coverage would find out.
    const int alphabet = 1 << (1 + fastpid::testing::below(rng, 8));
    const int step = 256 / alphabet;
    for (std::uint8_t& byte : input) {
      byte = static_cast<std::uint8_t>(step * fastpid::testing::below(rng, alphabet) + step / 2);
    }
    for (int i = 0; i < 9; ++i)
      input[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(rng());
    keep(input);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%ld inputs\n", inputs);
  return 0;
}
#endif
