// Batches of several sources as threads solve them that have one problem each
// (core/many/batch.hpp): the CPU's answers, within the workspace that was promised, whatever the
// number of threads.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "../core/many/batch.hpp"
#include "check.hpp"
#include "host_team.hpp"
#include "problem.hpp"
#include "sources.hpp"

namespace fastpid::many::testing {
namespace {

using fastpid::testing::Blocks;

// Problems of one shape: dense ones and some of nearly empty tables, of the relative frequencies of
// few samples, of a target that is a function of the sources, of a last source with few target
// symbols for each of its own, and of nearly equal sources.
std::vector<Given> families(const std::vector<int>& symbols, int target, unsigned seed) {
  std::vector<Given> out;
  for (const double shape : {1.0, 0.1, 0.02}) out.emplace_back(symbols, target, shape, seed);
  std::vector<double> p = random_table(symbols, target, 1.0, seed);
  std::mt19937 rng(seed + 1);
  for (const int samples : {10, 40}) {
    std::vector<double> counts(p.size());
    for (int n = 0; n < samples; ++n) counts[rng() % p.size()] += 1.0;
    out.emplace_back(symbols, target, counts);
  }
  for (std::size_t c = 0; c < p.size(); c += static_cast<std::size_t>(target)) {
    const std::size_t kept = c + rng() % static_cast<std::size_t>(target);
    for (std::size_t k = c; k < c + static_cast<std::size_t>(target); ++k) p[k] *= k == kept;
  }
  out.emplace_back(symbols, target, p);
  p = random_table(symbols, target, 1.0, seed);
  for (std::size_t c = 0; c < p.size(); ++c) {
    const std::size_t z = c % static_cast<std::size_t>(target);
    const std::size_t x = c / static_cast<std::size_t>(target) % symbols.back();
    const std::size_t nz = static_cast<std::size_t>(target);
    p[c] *= z == x % nz || (x >= nz && z == (x + 1) % nz);
  }
  out.emplace_back(symbols, target, p);
  for (const double error : {1e-9, 1e-7}) {
    const std::vector<int> alike(symbols.size(), symbols[0]);
    if (alike != symbols) break;
    Given given(symbols, target, 1.0, seed);
    make_nearly_equal(given, error, seed);
    out.push_back(given);
  }
  return out;
}

// Answers of a batch, as a device leaves them.
class Answers {
 public:
  Answers(const std::vector<Given>& problems, const Options& options) {
    const Given& one = problems[0];
    const auto sources = static_cast<std::ptrdiff_t>(one.symbols.size());
    count_ = static_cast<std::ptrdiff_t>(problems.size());
    cells_ = static_cast<std::ptrdiff_t>(one.a.size());
    for (const Given& given : problems) a_.insert(a_.end(), given.a.begin(), given.a.end());
    potentials_.assign(a_.size(), NAN);
    terms_.assign(static_cast<std::size_t>((sources + 2) * count_), NAN);
    codes_.assign(static_cast<std::size_t>(3 * count_), -1);
    batch_.layout = many::Layout::of(static_cast<int>(sources), one.symbols.data(), one.target);
    batch_.count = count_;
    batch_.options = options;
    batch_.marginals = a_.data();
    batch_.mi = terms_.data();
    batch_.lower = terms_.data() + sources * count_;
    batch_.upper = batch_.lower + count_;
    batch_.iterations = codes_.data();
    batch_.status = codes_.data() + count_;
    batch_.method = codes_.data() + 2 * count_;
    batch_.potentials = potentials_.data();
  }
  Answers(const Answers&) = delete;

  // By a grid of `threads`, each in exactly the workspace that workspace_bytes() says.
  void solve(int threads) {
    const std::vector<double> ones(static_cast<std::size_t>(cells_), 1.0);
    const std::size_t bytes = many::workspace_bytes(batch_.layout, batch_.options, ones.data());
    const auto thread = [&](int first) {
      Blocks blocks;
      void* workspace = blocks(bytes);
      on_host_team(1, [&](const auto& exec) {
        for (std::ptrdiff_t i = first; i < count_; i += threads) {
          many::solve_problem(exec, Room(workspace), batch_, i);
        }
      });
    };
    std::vector<std::thread> others;
    for (int rank = 1; rank < threads; ++rank) others.emplace_back(thread, rank);
    thread(0);
    for (std::thread& other : others) other.join();
  }

  double mi(std::size_t source, std::ptrdiff_t i) const {
    return batch_.mi[static_cast<std::ptrdiff_t>(source) * count_ + i];
  }
  double lower(std::ptrdiff_t i) const { return batch_.lower[i]; }
  double upper(std::ptrdiff_t i) const { return batch_.upper[i]; }
  Status status(std::ptrdiff_t i) const { return static_cast<Status>(batch_.status[i]); }
  std::vector<double> potentials(std::ptrdiff_t i) const {
    const auto from = potentials_.begin() + i * cells_;
    return {from, from + cells_};
  }
  bool operator==(const Answers& other) const {
    const auto same = [](const std::vector<double>& x, const std::vector<double>& y) {
      return std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) == 0;
    };
    return codes_ == other.codes_ && same(terms_, other.terms_) &&
           same(potentials_, other.potentials_);
  }

 private:
  std::ptrdiff_t count_ = 0, cells_ = 0;
  std::vector<double> a_, terms_, potentials_;
  std::vector<std::int32_t> codes_;
  many::Batch batch_;
};

struct Case {
  std::vector<int> symbols;
  int target;
};
const std::vector<Case> kCases = {
    {{3, 3, 3}, 3}, {{2, 3, 4}, 3}, {{3, 3, 3, 3}, 3},    {{2, 2, 2, 2}, 3}, {{3, 4, 3}, 6},
    {{2, 9, 3}, 6}, {{1, 3, 4}, 3}, {{2, 2, 2, 2, 6}, 5}, {{5, 2, 7}, 2},    {{3, 2, 2}, 1}};

// H(Z) + sum of marginal * potential.
double dual_value(const Given& given, const std::vector<double>& potentials) {
  double value = 0.0;
  for (int z = 0; z < given.target; ++z) {
    double mass = 0.0;
    for (std::ptrdiff_t c = z; c < given.first[1]; c += given.target) {
      mass += given.a[static_cast<std::size_t>(c)];
    }
    value -= xlogx(mass);
  }
  for (std::size_t c = 0; c < given.a.size(); ++c) {
    if (given.a[c] > 0.0) value += given.a[c] * potentials[c];
  }
  return value;
}

double largest(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

Options options_of(Method method, double tol) {
  Options options;
  options.method = method;
  options.tol = tol;
  return options;
}

}  // namespace

TEST(a_thread_finds_what_the_cpu_does_of_many_sources) {
  for (const Case& shape : kCases) {
    for (const Method method :
         {Method::automatic, Method::newton, Method::gradient, Method::proxy}) {
      // "auto" is that, but for closed forms.
      if (method == Method::newton && shape.target != 2) continue;
      const double tol = method == Method::gradient ? 1e-2 : 1e-9;
      const auto problems = families(shape.symbols, shape.target, 7);
      Answers found(problems, options_of(method, tol));
      found.solve(1);
      for (std::size_t k = 0; k < problems.size(); ++k) {
        const auto i = static_cast<std::ptrdiff_t>(k);
        const Solved expected = solve(problems[k], method, tol);
        for (std::size_t s = 0; s < shape.symbols.size(); ++s) {
          CHECK_NEAR(found.mi(s, i), expected.mi[s], 1e-13);
        }
        // Two certified brackets of one number overlap, and are as narrow as each other.
        CHECK_LE(found.lower(i), found.upper(i));
        CHECK_LE(found.lower(i), expected.answer.upper + 1e-13);
        CHECK_LE(expected.answer.lower, found.upper(i) + 1e-13);
        CHECK(found.status(i) == expected.answer.status);
        if (expected.answer.status == Status::converged) {
          CHECK_LE(found.upper(i) - found.lower(i), tol);
        }
        // The potentials are feasible, and what the lower bound is the value of.
        const std::vector<double> potentials = found.potentials(i);
        CHECK_LE(largest_by_tuples(problems[k], potentials), 1.0 + 1e-13);
        CHECK_NEAR(std::max(dual_value(problems[k], potentials), largest(expected.mi)),
                   found.lower(i), 1e-12);
      }
    }
  }
}

TEST(exact_is_refused_by_a_thread_where_it_is_by_the_cpu) {
  const auto problems = families({2, 3, 2}, 3, 1);
  Answers found(problems, options_of(Method::exact, 1e-9));
  found.solve(1);
  for (std::size_t k = 0; k < problems.size(); ++k) {
    const Solved expected = solve(problems[k], Method::exact, 1e-9);
    CHECK(found.status(static_cast<std::ptrdiff_t>(k)) == expected.answer.status);
  }
  CHECK(found.status(0) == Status::not_exact);
}

TEST(a_grid_of_threads_gives_the_same_bits_whatever_its_size) {
  std::vector<Given> problems;
  for (unsigned seed = 0; seed < 3; ++seed) {
    for (const Given& given : families({3, 3, 3}, 3, seed)) problems.push_back(given);
  }
  const Options options = options_of(Method::automatic, 1e-9);
  Answers one(problems, options), three(problems, options);
  one.solve(1);
  three.solve(3);
  CHECK(one == three);
}

// "auto" with mirror descent before and after an interior point that has its system split takes all
// that there is; no single problem need do so for it to fit.
TEST(workspaces_have_room_for_every_way_through_a_reduced_problem) {
  for (const Case& shape : kCases) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      for (const Given& given : families(shape.symbols, shape.target, seed)) {
        const many::Sources sources = given.sources();
        Blocks blocks;
        auto reduction = blocks.carve<many::Reduction>(sources);
        const Tolerances limits = many::tolerances(1e-9, sources);
        many::keep_targets(sources, given.a.data(), limits.negligible, reduction);
        many::reduce(sources, given.a.data(), limits, reduction);
        const many::Problem& p = reduction.problem;
        Room room;
        room(given.symbols.size() * sizeof(double));
        carve<many::Reduction>(room, sources);
        // As solve_problem() goes, with all that iterate() may come to.
        carve<many::CertificateWork>(room, p);
        carve<many::BasicProxyWork<double>>(room, p);
        carve<many::BasicInteriorWork<double>>(room, p);
        carve<many::BasicSplitWork<double>>(room, p);
        for (int n = 0; n < 2; ++n) {
          carve<many::Iterate>(room, p);
          carve<many::BasicMirrorWork<double>>(room, p);
        }
        const std::vector<double> ones(given.a.size(), 1.0);
        const auto layout = many::Layout::of(sources.count, given.symbols.data(), given.target);
        const Options options = options_of(Method::automatic, 1e-9);
        CHECK_LE(static_cast<double>(room.used()),
                 static_cast<double>(many::workspace_bytes(layout, options, ones.data())));
      }
    }
  }
}

}  // namespace fastpid::many::testing
