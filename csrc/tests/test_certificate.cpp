#include "check.hpp"
#include "problem.hpp"

namespace fastpid::testing {
namespace {

// Moves the iterate by noise of size `spread` in the logarithms; a fifth of S goes to zero if
// `holes`.
void disturb(Rng& rng, const Reduced& r, const Iterate& it, double spread, bool holes) {
  for (std::ptrdiff_t n = 0; n < r.pairs(); ++n) {
    it.s[n] *= std::exp(uniform(rng, -spread, spread));
    if (holes && uniform(rng) < 0.2) it.s[n] = 0.0;
  }
  for (int k = 0; k < r.a.size; ++k) it.log_a[k] += uniform(rng, -spread, spread);
  for (int l = 0; l < r.b.size; ++l) it.log_b[l] += uniform(rng, -spread, spread);
  exponentiate(r.a, it.log_a, it.exp_a);
  exponentiate(r.b, it.log_b, it.exp_b);
}

void check_certificate(const Problem& p, const Iterate& it, const Bounds& optimum, double enough) {
  const Reduced& r = p.reduced();
  const CertificateWork w = p.blocks.carve<CertificateWork>(r);
  const Bounds bounds = certify(Serial(), r, it, enough, w);
  CHECK_LE(bounds.lower, bounds.upper + 1e-14);
  CHECK_LE(bounds.lower, optimum.upper + 1e-14);
  CHECK_LE(optimum.lower, bounds.upper + 1e-14);

  // The lower bound is the value of potentials that are feasible.
  CHECK_LE(dual_violation(r, it.log_a, it.log_b, w.shift_a, w.shift_b), 1e-12);
  CHECK_NEAR(bounds.lower, dual_value(r, it.log_a, it.log_b, w.shift_a, w.shift_b), 1e-12);

  // The upper bound is the value of a coupling whose marginals are dominated, and completing it
  // does not raise it.
  Coupling q(r, it.s, w.exp_a, w.exp_b);
  CHECK_LE(largest(q.excess()), 1e-15);
  CHECK_NEAR(bounds.upper, q.objective(), 1e-12);
  q.complete();
  CHECK_LE(largest(q.excess()), 1e-14);
  CHECK_LE(q.objective(), bounds.upper + 1e-13);
  CHECK_LE(optimum.lower, q.objective() + 1e-13);
}

}  // namespace

TEST(any_iterate_gives_bounds_around_the_optimum) {
  Rng rng(30);
  for (const Shape s : small_shapes()) {
    for (const Table& t : families(rng, s)) {
      const Problem p(t);
      const Bounds optimum = newton(p, 1e-10).bounds;
      for (const double spread : {0.0, 1e-6, 0.1, 3.0}) {
        for (const bool holes : {false, true}) {
          const Iterate it = p.proxy_iterate();
          disturb(rng, p.reduced(), it, spread, holes);
          check_certificate(p, it, optimum, 0.0);
          check_certificate(p, it, optimum, HUGE_VAL);  // one sweep alone
        }
      }
    }
  }
}

TEST(finer_cuts_are_feasible_and_better_where_posteriors_are_peaked) {
  Rng rng(33);
  int better = 0, tables = 0;
  for (const Shape s : small_shapes()) {
    for (const Table& t : families(rng, s)) {
      const Problem p(t);
      const Reduced& r = p.reduced();
      const CertificateWork w = p.blocks.carve<CertificateWork>(r);
      const Bounds optimum = newton(p, 1e-10).bounds;
      for (const double spread : {0.0, 0.1, 3.0}) {
        const Iterate it = p.proxy_iterate();
        disturb(rng, r, it, spread, false);
        const double alike = lower_bound(Serial(), r, it, 0.0, w);
        const double levels = lower_bound(Serial(), r, it, 0.0, w, Cuts::levels);
        CHECK_LE(levels, optimum.upper + 1e-14);
        CHECK_LE(dual_violation(r, it.log_a, it.log_b, w.shift_a, w.shift_b), 1e-12);
        CHECK_NEAR(levels, dual_value(r, it.log_a, it.log_b, w.shift_a, w.shift_b), 1e-12);
        ++tables;
        better += levels > alike + 1e-9;
      }
    }
  }
  CHECK(4 * better > tables);
}

TEST(an_empty_coupling_still_gives_bounds) {
  Rng rng(31);
  const Problem p(dense(rng, {3, 4, 3}));
  const Iterate it = p.proxy_iterate();
  for (std::ptrdiff_t n = 0; n < p.reduced().pairs(); ++n) it.s[n] = 0.0;
  check_certificate(p, it, newton(p, 1e-10).bounds, 0.0);
}

TEST(the_certificate_leaves_the_iterate_alone) {
  Rng rng(32);
  const Problem p(dense(rng, {3, 4, 3}));
  const Iterate it = p.proxy_iterate();
  disturb(rng, p.reduced(), it, 0.5, false);
  const CertificateWork w = p.blocks.carve<CertificateWork>(p.reduced());
  const Bounds first = certify(Serial(), p.reduced(), it, 0.0, w);
  const Bounds second = certify(Serial(), p.reduced(), it, 0.0, w);
  CHECK(first.lower == second.lower && first.upper == second.upper);
}

}  // namespace fastpid::testing
