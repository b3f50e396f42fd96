// Several sources: the closed form, the interior point and mirror descent, against one another, the
// solver of two sources, and values known without any of them.
#include <cmath>
#include <random>
#include <vector>

#include "../cpu/many_tables.hpp"
#include "../cpu/union_batch.hpp"
#include "check.hpp"
#include "sources.hpp"

namespace fastpid::many::testing {
namespace {

TEST(many_sources_are_bracketed_whatever_the_method) {
  for (const auto& symbols : {std::vector<int>{2, 3, 4}, {3, 3, 3, 3}, {2, 2, 2, 2, 2}}) {
    for (unsigned seed = 0; seed < 6; ++seed) {
      const Given given(symbols, 3, seed % 2 ? 0.1 : 1.0, seed);
      const Solved newton = solve(given, Method::automatic, 1e-9);
      CHECK(newton.answer.status == Status::converged);
      CHECK_LE(newton.answer.upper - newton.answer.lower, 1e-9);
      for (const Method method : {Method::proxy, Method::gradient}) {
        const Solved other = solve(given, method, 1e-3);
        CHECK_LE(other.answer.lower, newton.answer.upper + 1e-13);
        CHECK_LE(newton.answer.lower, other.answer.upper + 1e-13);
      }
      CHECK_LE(largest_by_tuples(given, newton.potentials), 1.0 + 1e-13);
    }
  }
}

TEST(binary_targets_of_many_sources_have_a_closed_form) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Given given({4, 3, 2, 5}, 2, seed % 2 ? 0.1 : 1.0, seed);
    const Solved closed = solve(given, Method::automatic, 1e-9);
    CHECK(closed.answer.method == Method::exact);
    CHECK_LE(closed.answer.upper - closed.answer.lower, 1e-12);
    const Solved newton = solve(given, Method::newton, 1e-9);
    CHECK(newton.answer.method == Method::newton || newton.answer.method == Method::proxy);
    CHECK_LE(closed.answer.lower, newton.answer.upper + 1e-12);
    CHECK_LE(newton.answer.lower, closed.answer.upper + 1e-12);
    // The merged hulls find the very constraint that visiting every tuple does.
    CHECK_NEAR(largest_by_tuples(given, closed.potentials), 1.0, 1e-12);
  }
}

TEST(a_source_that_says_nothing_changes_nothing) {
  Given given({3, 4}, 3, 1.0, 5);
  const Solved two = solve(given, Method::newton, 1e-10);
  Given more = given;
  more.symbols.push_back(2);
  for (int x = 0; x < 2; ++x) {
    for (int z = 0; z < 3; ++z) {
      double p_z = 0.0;
      for (int y = 0; y < 3; ++y) p_z += given.a[static_cast<std::size_t>(3 * y + z)];
      more.a.push_back((x == 0 ? 0.25 : 0.75) * p_z);
    }
  }
  more.first.push_back(static_cast<std::ptrdiff_t>(more.a.size()));
  const Solved three = solve(more, Method::newton, 1e-10);
  CHECK_NEAR(two.answer.lower, three.answer.lower, 2e-10);
  CHECK_LE(largest_by_tuples(more, three.potentials), 1.0 + 1e-13);
}

TEST(the_coupling_has_marginals_below_those_given) {
  const Given given({3, 2, 4}, 3, 0.3, 2);
  const many::Sources sources = given.sources();
  std::vector<double> q, sums(given.a.size());
  const Solved solved = solve(given, Method::automatic, 1e-9, &q);
  CHECK(solved.answer.method == Method::newton);
  CHECK(q.size() == 24 * 3);
  many::Odometer at(sources);
  for (std::size_t t = 0; t < 24; ++t) {
    for (std::size_t z = 0; z < 3; ++z) {
      for (int i = 0; i < 3; ++i) sums[static_cast<std::size_t>(at.row(i)) + z] += q[3 * t + z];
    }
    if (t < 23) at.next();
  }
  for (std::size_t c = 0; c < sums.size(); ++c) {
    CHECK_LE(sums[c], given.a[c] + 1e-15);
    CHECK_LE(given.a[c], sums[c] + 1e-9);
  }
}

TEST(channels_that_are_nearly_equal_are_solved_to_the_tolerance) {
  for (const double error : {1e-10, 1e-9, 1e-8, 1e-7, 1e-6}) {
    for (unsigned seed = 0; seed < 8; ++seed) {
      Given given({4, 4, 4}, 4, 1.0, seed);
      make_nearly_equal(given, error, seed);
      for (const double tol : {1e-9, 1e-11}) {
        const Solved solved = solve(given, Method::automatic, tol);
        CHECK(solved.answer.status == Status::converged);
        CHECK_LE(solved.answer.upper - solved.answer.lower, tol);
        CHECK_LE(largest_by_tuples(given, solved.potentials), 1.0 + 1e-13);
      }
    }
  }
}

// A batch of random problems and what the batch solver finds.
struct Batch {
  std::ptrdiff_t count;
  int target;
  std::vector<int> symbols;
  std::vector<std::vector<double>> marginals, potentials;
  std::vector<double> mi, bounds;
  std::vector<std::int32_t> codes;

  Batch(std::ptrdiff_t n, std::vector<int> sizes, int nz)
      : count(n), target(nz), symbols(sizes), marginals(sizes.size()) {
    for (unsigned k = 0; k < n; ++k) {
      const Given given(symbols, nz, k % 2 ? 0.5 : 0.1, k);
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        marginals[i].insert(marginals[i].end(), given.a.begin() + given.first[i],
                            given.a.begin() + given.first[i + 1]);
      }
    }
  }

  // Solves `size` of the problems from `first` on.
  bool solve(std::ptrdiff_t first, std::ptrdiff_t size, const cpu::BatchOptions& options) {
    cpu::UnionProblems problems{size, target, symbols, {}};
    cpu::UnionResults results;
    const auto n = static_cast<std::size_t>(size);
    potentials = marginals;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      problems.marginals.push_back(marginals[i].data() + first * symbols[i] * target);
      results.potentials.push_back(potentials[i].data());
    }
    mi.assign(symbols.size() * n, 0.0);
    bounds.assign(2 * n, 0.0);
    codes.assign(3 * n, -1);
    results.mi = mi.data();
    results.lower = bounds.data();
    results.upper = bounds.data() + n;
    results.iterations = codes.data();
    results.status = codes.data() + n;
    results.method = codes.data() + 2 * n;
    return cpu::union_information(problems, options, results);
  }
};

TEST(batches_of_many_sources_do_not_depend_on_threads_and_stop_when_told) {
  Batch one(40, {3, 2, 3}, 3), several = one;
  cpu::BatchOptions options;
  options.threads = 1;
  CHECK(one.solve(0, 40, options));
  options.threads = 3;
  CHECK(several.solve(0, 40, options));
  CHECK(one.bounds == several.bounds);
  CHECK(one.potentials == several.potentials);
  options.interrupted = [] { return true; };
  CHECK(!one.solve(0, 40, options));
}

TEST(problems_of_many_sources_get_the_same_bits_alone_and_in_packs) {
  for (const auto& symbols : {std::vector<int>{3, 3, 3}, {2, 2, 2, 2}, {4, 5, 3}}) {
    Batch together(19, symbols, 3), alone = together;
    cpu::BatchOptions options;
    options.threads = 1;
    CHECK(together.solve(0, 19, options));
    for (std::ptrdiff_t i = 0; i < 19; ++i) {
      CHECK(alone.solve(i, 1, options));
      const auto at = static_cast<std::size_t>(i);
      CHECK(alone.bounds[0] == together.bounds[at]);
      CHECK(alone.bounds[1] == together.bounds[19 + at]);
      CHECK(alone.codes[0] == together.codes[at]);
      CHECK(alone.codes[1] == static_cast<std::int32_t>(Status::converged));
      for (std::size_t s = 0; s < symbols.size(); ++s) {
        const std::ptrdiff_t size = symbols[s] * 3;
        CHECK(std::equal(alone.potentials[s].begin(), alone.potentials[s].begin() + size,
                         together.potentials[s].begin() + i * size));
      }
    }
  }
}

TEST(decompositions_of_many_sources_do_not_depend_on_threads_and_stop_when_told) {
  constexpr std::ptrdiff_t kCount = 700, kCells = 3 * 2 * 3 * 3;
  std::mt19937 rng(3);
  std::gamma_distribution<double> draw(0.4);
  std::vector<double> p(kCount * kCells);
  for (double& v : p) v = draw(rng);
  p[5 * kCells] = -1.0;
  cpu::ManyTables tables{
      kCount, 3, {3, 2, 3}, {{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}, {0, 1, 2}}, p.data()};
  struct Found {
    std::vector<double> joint, bounds, terms, marginals;
    std::vector<std::int32_t> codes, of_pairs;
  };
  const auto decompose = [&](const cpu::BatchOptions& options, Found& found) {
    found.joint.assign(kCount, 0.0);
    found.bounds.assign(14 * kCount, 0.0);
    found.codes.assign(21 * kCount, -1);
    found.terms.assign(15 * kCount, 0.0);
    found.of_pairs.assign(9 * kCount, -1);
    found.marginals.assign(6 * 9 * kCount, 0.0);
    cpu::ManyResults results;
    results.joint = found.joint.data();
    results.lower = found.bounds.data();
    results.upper = results.lower + 7 * kCount;
    results.iterations = found.codes.data();
    results.status = results.iterations + 7 * kCount;
    results.method = results.status + 7 * kCount;
    for (std::ptrdiff_t pair = 0; pair < 3; ++pair) {
      double* marginals = found.marginals.data() + pair * 18 * kCount;
      results.pairs.push_back({Results::rows(found.terms.data() + 5 * kCount * pair,
                                             found.of_pairs.data() + 3 * kCount * pair, kCount),
                               marginals, marginals + 9 * kCount});
    }
    return cpu::decompose_many(tables, options, results);
  };
  cpu::BatchOptions options;
  options.normalize = true;
  options.threads = 1;
  Found one, three;
  CHECK(decompose(options, one));
  options.threads = 3;
  CHECK(decompose(options, three));
  for (std::size_t k = 0; k < 14 * kCount; ++k) {
    const bool bad = k % kCount == 5;
    CHECK(bad ? std::isnan(one.bounds[k]) : one.bounds[k] == three.bounds[k]);
  }
  CHECK(one.codes == three.codes);
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto status = static_cast<Status>(one.codes[13 * kCount + i]);
    CHECK(status == (i == 5 ? Status::invalid : Status::converged));
  }
  options.interrupted = [] { return true; };
  CHECK(!decompose(options, three));
}

}  // namespace
}  // namespace fastpid::many::testing
