#include "check.hpp"
#include "problem.hpp"

namespace fastpid::testing {
namespace {

constexpr double kTol = 1e-9;

void check_optimal(const Table& t) {
  const Problem p(t);
  const Reduced& r = p.reduced();
  const Solved solved = newton(p, kTol);
  CHECK(solved.outcome == Outcome::converged);
  CHECK_LE(solved.bounds.gap(), kTol);
  CHECK(solved.iterations >= 0 && solved.iterations <= 100);

  const Iterate& it = solved.it;
  const CertificateWork& w = solved.certificate;
  const Bounds bounds = certify(Serial(), r, it, 0.0, w);
  CHECK_LE(bounds.gap(), 1.01 * kTol);

  // The iterate is what it says, S is not negative, and the marginals are close to what a gap of
  // tol allows (Pinsker).
  const Coupling q(r, it.s, it.exp_a, it.exp_b);
  CHECK_LE(total_size(q.excess()), std::sqrt(2.0 * kTol));
  for_each_cell(r, [&](int i, int j, int k, int l, int z) {
    const double u = it.exp_a[i * r.a.target + z], v = it.exp_b[j * r.b.target + z];
    CHECK_NEAR(u, std::exp(it.log_a[k]), 1e-14 * u);
    CHECK_NEAR(v, std::exp(it.log_b[l]), 1e-14 * v);
  });
  for (std::ptrdiff_t n = 0; n < r.pairs(); ++n) CHECK(it.s[n] >= 0.0);

  // What the certificate makes of it is feasible; every pair's share of the gap,
  // q(x, y) KL(q(. | x, y) || exp(lam + mu)), is not negative, and no less than q(x, y) times the
  // slack of its constraint: complementary slackness.
  CHECK_LE(dual_violation(r, it.log_a, it.log_b, w.shift_a, w.shift_b), 1e-12);
  Coupling rounded(r, it.s, w.exp_a, w.exp_b);
  rounded.complete();
  CHECK_LE(total_size(rounded.excess()), 1e-13);
  std::vector<double> pair(static_cast<std::size_t>(r.pairs())), share(pair);
  std::vector<double> slack(static_cast<std::size_t>(r.pairs()), 1.0);
  for_each_cell(r, [&](int i, int j, int, int, int z) {
    pair[static_cast<std::size_t>(i) * r.b.count + j] += rounded.at(i, j, z);
  });
  for_each_cell(r, [&](int i, int j, int k, int l, int z) {
    const std::size_t n = static_cast<std::size_t>(i) * r.b.count + j;
    const double mass = rounded.at(i, j, z);
    const double log_e = it.log_a[k] - w.shift_a[k] + it.log_b[l] - w.shift_b[l];
    slack[n] -= std::exp(log_e);
    if (mass > 0.0) share[n] += mass * (std::log(mass / pair[n]) - log_e);
  });
  double gap = 0.0;
  for (std::size_t n = 0; n < share.size(); ++n) {
    CHECK_LE(pair[n] * slack[n] - 1e-14, share[n]);
    gap += share[n];
  }
  CHECK_LE(gap, 1.01 * kTol);
}

}  // namespace

TEST(interior_point_is_optimal_on_small_tables) {
  Rng rng(60);
  for (int trial = 0; trial < 3; ++trial) {
    for (const Shape s : small_shapes()) {
      for (const Table& t : families(rng, s)) check_optimal(t);
    }
  }
}

TEST(interior_point_is_optimal_on_larger_tables) {
  Rng rng(61);
  for (const Shape s : {Shape{10, 8, 4}, Shape{7, 12, 5}}) {
    for (const Table& t : families(rng, s)) check_optimal(t);
  }
}

TEST(interior_point_stops_when_told) {
  Rng rng(62);
  const Problem p(dense(rng, {4, 5, 4}));
  for (const int patience : {0, 1, 4}) {
    int asked = 0;
    const Solved solved = newton(
        p, kTol, 100, [&](const Iterate&, const InteriorWork&) { return asked++ == patience; });
    CHECK(solved.outcome == Outcome::interrupted);
    CHECK(solved.iterations == patience);
    CHECK(asked == patience + 1);
    CHECK_LE(solved.bounds.lower, solved.bounds.upper);
    CHECK_LE(solved.bounds.upper, 0.0);
  }
}

TEST(interior_point_stops_at_max_iter) {
  Rng rng(63);
  const Problem p(dense(rng, {4, 5, 4}));
  const Bounds optimum = newton(p, kTol).bounds;
  double previous = HUGE_VAL;
  for (const int max_iter : {0, 1, 3, 6}) {
    const Solved solved = newton(p, kTol, max_iter);
    CHECK(solved.outcome == Outcome::max_iterations);
    CHECK(solved.iterations == max_iter);
    CHECK_LE(kTol, solved.bounds.gap());
    CHECK_LE(solved.bounds.lower, optimum.upper);
    CHECK_LE(optimum.lower, solved.bounds.upper);
    CHECK_LE(solved.bounds.gap(), previous);
    previous = solved.bounds.gap();
  }
}

// Below what rounding allows the gap goes up and down; what is handed back is the best.
TEST(interior_point_hands_back_the_best_iterate) {
  Rng rng(64);
  for (const Table& t : families(rng, {5, 6, 4})) {
    for (const double tol : {1e-13, 1e-14}) {
      const Problem p(t);
      const Reduced& r = p.reduced();
      const CertificateWork w = p.blocks.carve<CertificateWork>(r);
      const Serial exec;
      double best = HUGE_VAL;
      const auto watch = [&](const Iterate& it, const InteriorWork& work) {
        double complement = 0.0;
        for (std::ptrdiff_t n = 0; n < r.pairs(); ++n) complement += it.s[n] * work.h[n];
        if (complement <= 3.0 * tol) {  // the iterates that the method certifies, too
          best = smaller(best, certify(exec, r, it, 0.02 * tol, w).gap());
        }
        return false;
      };
      const Solved solved = newton(p, tol, 80, watch);
      const Bounds handed_back = certify(exec, r, solved.it, 0.02 * tol, w);
      CHECK_LE(handed_back.gap(), best);
      CHECK(handed_back.lower == solved.bounds.lower && handed_back.upper == solved.bounds.upper);
    }
  }
}

}  // namespace fastpid::testing
