// The certificate: any iterate (S, lam, mu) made into a lower and an upper bound on
//
//     F = min  f(q) = sum q[x,y,z] log(q[x,y,z] / q[x,y,.])   over q >= 0 with marginals a, b
//       = max  sum a lam + sum b mu                            over logsumexp_z(lam[x]+mu[y]) <= 0.
//
// Upper. q = S exp(lam + mu), its rows scaled down to a and then its columns to b, has marginals
// dominated by a and b. f is convex and 1-homogeneous, hence subadditive, and never positive, so
// adding the missing mass can only lower it: F <= f(q). With u = exp(lam), v = exp(mu) scaled like
// that, T = sum_z u v, and row and column sums r, c of q,
//
//     f(q) = sum r log u + sum c log v - sum_xy S T log T,
//
// for log q = log S + log u + log v and q[x,y,.] = S T: no cell of the table is ever formed.
//
// Lower. A pair with T > 1 is made feasible by cutting its terms u v on the side whose cell has
// less mass (cuts.hpp): next to nothing for a violation that light cells make up for. Then shifting
// lam[x,:] by -max_y log T and mu[y,:] by -max_x log T takes up the slack that is left, so that
// every constraint holds and the tightest ones with equality.
#pragma once

#include <limits>

#include "cuts.hpp"
#include "numerics.hpp"
#include "products.hpp"
#include "sinkhorn.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

// By how much rounding may make bounds cross that meet, in nats. A bound is a sum of at most n
// terms mass * log, n being the cells of the two marginals. Added one after the other they err by
// n eps sum |mass * log|, where the masses add up to two and the logarithms, of posteriors, average
// less than log n + 1; the pair sums that have to be feasible err by less. The factor of two is for
// the other bound. The known terms of tables that are divided by their total lose as much by its
// logarithm.
FASTPID_HD inline double rounding(Shape s, double log_total = 0.0) {
  const double n = (static_cast<double>(s.nx) + s.ny) * s.nz;
  return 4.0 * std::numeric_limits<double>::epsilon() * n *
         (1.0 + std::log(n) + std::fabs(log_total));
}

// Neither bound is ever NaN.
template <class Real>
struct BasicBounds {
  Real lower = -std::numeric_limits<double>::infinity();
  Real upper = std::numeric_limits<double>::infinity();

  FASTPID_HD Real gap() const { return upper - lower; }

  // Whether they cross by `rounding` at most, and so may both be true.
  FASTPID_HD bool consistent(double rounding) const { return lower <= upper + rounding; }
};
using Bounds = BasicBounds<double>;

// A bound that came out as no number is none.
template <class Real>
FASTPID_HD Real bound_or(const Real& bound, double none) {
  return select(fabs(bound) < HUGE_VAL, bound, Real(none));
}

// sum of marginal * log(factor) over one side, its marginals being factor * sums. `logs` is dense.
template <class Exec, class Real>
FASTPID_HD Real weighted_logs(const Exec& exec, const BasicSide<Real>& side, const Real* factor,
                              const Real* sums, Real* logs) {
  exec.log_each(side.cells(), factor, logs);
  return sum_cells<Exec, Real>(exec, side, [&](int, std::ptrdiff_t c) {
    return select(factor[c] > 0.0, sums[c] * factor[c] * logs[c], Real(0.0));
  });
}

// Sinkhorn sweeps take the marginals close to their targets before what is left over is cut: mass
// that is rescaled costs second order, mass that is cut first. They stop at a residual of `enough`
// and after `sweeps`; problems of a pack that are not `wanted` get none.
template <class Exec, class Real>
FASTPID_STAGE Real upper_bound(const Exec& exec, const BasicReduced<Real>& r,
                               const BasicIterate<Real>& it, double enough,
                               const BasicCertificateWork<Real>& w, int sweeps,
                               MaskOf<Real> wanted) {
  const std::ptrdiff_t n = r.b.count;
  const auto sums_a = [&] { weighted_sums(exec, r, r.half_a(), it.s, w.exp_b, w.sums_a); };
  const auto sums_b = [&] { weighted_sums(exec, r, r.half_b(), it.s, w.exp_a, w.sums_b); };
  exec.for_each(r.b.cells(), [&](std::ptrdiff_t k) { w.exp_b[k] = it.exp_b[k]; });
  exec.for_each(r.a.cells(), [&](std::ptrdiff_t k) { w.exp_a[k] = it.exp_a[k]; });
  MaskOf<Real> active = wanted;
  for (int sweep = 0; sweep < sweeps && any(active); ++sweep) {
    sums_a();
    const Real off_a = rescale_active(exec, r.a, w.sums_a, active, w.exp_a);
    sums_b();
    const Real off_b = rescale_active(exec, r.b, w.sums_b, active, w.exp_b);
    active = active & (off_a + off_b > enough);
  }
  sums_a();
  rescale_down(exec, r.a, w.sums_a, w.exp_a);
  sums_b();
  rescale_down(exec, r.b, w.sums_b, w.exp_b);
  sums_a();
  pair_sums(exec, r, w.exp_a, w.exp_b, w.t);
  const Real pairs = exec.sum(r.a.count, [&](std::ptrdiff_t i) {
    Real value = 0.0;
    for (int j = 0; j < n; ++j) {
      const Real s = it.s[i * n + j];
      if (skip(s)) continue;
      value += select(s > 0.0, s * xlogx(w.t[i * n + j]), Real(0.0));
    }
    return value;
  });
  const Real rows = weighted_logs(exec, r.a, w.exp_a, w.sums_a, w.cut_a);
  const Real columns = weighted_logs(exec, r.b, w.exp_b, w.sums_b, w.cut_b);
  return bound_or(rows + columns - pairs, HUGE_VAL);
}

// One side's part of sum a lam + sum b mu, the shifts being subtracted; minus infinity where a
// potential is not believed. What is not in a problem of a pack has no mass, whatever its
// potential.
template <class Exec, class Real>
FASTPID_HD Real dual_value(const Exec& exec, const BasicSide<Real>& side, const Real* logs,
                           const Real* shift) {
  return exec.sum(side.count, [&](int i) {
    Real sum = 0.0;
    for (int k = side.begin(i); k < side.end(i); ++k) {
      const Real term = side.mass[k] * (logs[k] - shift[k]);
      const Real sound = select(logs[k] <= tuning::Certificate::kLargestPotential, term,
                                Real(-HUGE_VAL));  // NaN is not
      sum += select(side.mass[k] > 0.0, sound, Real(0.0));
    }
    return sum;
  });
}

// Violations up to `slack` are left to the shifts of whole symbols.
//
// What is added up are the logarithms, what is feasible are the exponentials. These are the same
// numbers to rounding, but for exponentials that underflow: they are missing from the pair sums by
// less than 1e-308 kLargestFactor each. Where a potential is not believed there is no bound.
template <class Exec, class Real>
FASTPID_STAGE Real lower_bound(const Exec& exec, const BasicReduced<Real>& r,
                               const BasicIterate<Real>& it, double slack,
                               const BasicCertificateWork<Real>& w, Cuts cuts = Cuts::alike) {
  using Mask = MaskOf<Real>;
  const std::ptrdiff_t m = r.a.count, n = r.b.count, target = r.a.target;
  slack = larger(slack, tuning::Certificate::kRounding);
  pair_sums(exec, r, it.exp_a, it.exp_b, w.t);
  const Real worst = exec.max(m, [&](std::ptrdiff_t i) {
    Real most = 0.0;
    for (std::ptrdiff_t j = 0; j < n; ++j) most = larger(most, w.t[i * n + j]);
    return most;
  });
  const Mask infeasible = worst > 1.0 + slack;
  const bool cut = any(infeasible);
  if (cut) {
    // Packs are too small for the finer cut.
    if constexpr (kDense<Real>) {
      cut_cells(exec, r, w, slack, infeasible);
    } else if (cuts == Cuts::levels) {
      cut_to_levels(exec, r, it, w, slack);
    } else {
      cut_cells(exec, r, w, slack, infeasible);
    }
    const auto divide = [&](std::ptrdiff_t count, const Real* factors, const Real* by, Real* out) {
      exec.for_each(count * target, [&](std::ptrdiff_t c) { out[c] = factors[c] / by[c]; });
    };
    divide(m, it.exp_a, w.cut_a, w.sums_a);
    divide(n, it.exp_b, w.cut_b, w.sums_b);
    pair_sums(exec, r, w.sums_a, w.sums_b, w.t);
    each_cell(exec, r.a, [&](int k, std::ptrdiff_t c) { w.shift_a[k] = w.cut_a[c]; });
    each_cell(exec, r.b, [&](int k, std::ptrdiff_t c) { w.shift_b[k] = w.cut_b[c]; });
    exec.log_each(r.a.size, w.shift_a, w.shift_a);
    exec.log_each(r.b.size, w.shift_b, w.shift_b);
  } else {
    exec.for_each(r.a.size, [&](std::ptrdiff_t k) { w.shift_a[k] = 0.0; });
    exec.for_each(r.b.size, [&](std::ptrdiff_t k) { w.shift_b[k] = 0.0; });
  }
  const auto positive = [](const Real& most) { return select(most > 0.0, most, Real(1.0)); };
  exec.for_each(m, [&](std::ptrdiff_t i) {
    Real most = 0.0;
    for (std::ptrdiff_t j = 0; j < n; ++j) most = larger(most, w.t[i * n + j]);
    most = positive(most);
    const Real move = log(most);
    const Real scale = 1.0 / most;
    for (std::ptrdiff_t j = 0; j < n; ++j) w.t[i * n + j] *= scale;
    for (int k = r.a.begin(static_cast<int>(i)); k < r.a.end(static_cast<int>(i)); ++k) {
      w.shift_a[k] += move;
    }
  });
  exec.for_each(n, [&](std::ptrdiff_t j) {
    Real most = 0.0;
    for (std::ptrdiff_t i = 0; i < m; ++i) most = larger(most, w.t[i * n + j]);
    const Real move = log(positive(most));
    for (int k = r.b.begin(static_cast<int>(j)); k < r.b.end(static_cast<int>(j)); ++k) {
      w.shift_b[k] += move;
    }
  });
  const Real value =
      dual_value(exec, r.a, it.log_a, w.shift_a) + dual_value(exec, r.b, it.log_b, w.shift_b);
  return bound_or(value, -HUGE_VAL);
}

// The better one of both ways to cut, on tables that are large enough for the finer one.
template <class Exec>
FASTPID_HD double best_lower_bound(const Exec& exec, const Reduced& r, const Iterate& it,
                                   double slack, const CertificateWork& w) {
  const double alike = lower_bound(exec, r, it, slack, w);
  if (!is_large(r)) return alike;
  const double levels = lower_bound(exec, r, it, slack, w, Cuts::levels);
  return levels >= alike ? levels : lower_bound(exec, r, it, slack, w);
}

// The same for potentials that are feasible but for rounding, and a binary target: in one pass that
// keeps nothing by the pair. All of lam gives way by what the worst pair exceeds one.
template <class Exec>
FASTPID_HD double feasible_bound(const Exec& exec, const Reduced& r, const Iterate& it,
                                 const CertificateWork& w) {
  constexpr double kNearly = tuning::Certificate::kNearly;
  const std::ptrdiff_t n = r.b.count;
  const int target = r.b.target;
  if (target > 2) return lower_bound(exec, r, it, 0.0, w);
  const auto transposed = [&](int z) { return w.sums_b + z * n; };
  for (int z = 0; z < target; ++z) {
    exec.for_each(n, [&](std::ptrdiff_t j) { transposed(z)[j] = it.exp_b[j * target + z]; });
  }
  const double worst = exec.max(r.a.count, [&](std::ptrdiff_t i) {
    const double* u = it.exp_a + i * target;
    return exec.alone().largest_sum(n, u[0], transposed(0), target > 1 ? u[1] : 0.0,
                                    transposed(target > 1 ? 1 : 0));
  });
  const bool nearly = worst >= 1.0 - kNearly && worst <= 1.0 + kNearly;
  if (!nearly) return lower_bound(exec, r, it, 0.0, w);
  const double shift = std::log(worst);
  exec.for_each(r.a.size, [&](std::ptrdiff_t k) { w.shift_a[k] = shift; });
  exec.for_each(r.b.size, [&](std::ptrdiff_t k) { w.shift_b[k] = 0.0; });
  return bound_or(
      dual_value(exec, r.a, it.log_a, w.shift_a) + dual_value(exec, r.b, it.log_b, w.shift_b),
      -HUGE_VAL);
}

// exp of the potentials of one side, dense, zero off the support.
template <class Exec>
FASTPID_HD void exponentials(const Exec& exec, const Side& side, const double* logs, double* out) {
  exec.for_each(side.count, [&](std::ptrdiff_t i) {
    for (int z = 0; z < side.target; ++z) out[i * side.target + z] = 0.0;
    side.row(static_cast<int>(i),
             [&](int k, int z) { out[i * side.target + z] = std::exp(logs[k]); });
  });
}

// Takes the shifts of lower_bound() to the potentials.
template <class Exec>
FASTPID_STAGE void apply_shifts(const Exec& exec, const Reduced& r, const CertificateWork& w,
                                const Iterate& it) {
  exec.for_each(r.a.size, [&](std::ptrdiff_t k) { it.log_a[k] -= w.shift_a[k]; });
  exec.for_each(r.b.size, [&](std::ptrdiff_t k) { it.log_b[k] -= w.shift_b[k]; });
  exponentials(exec, r.a, it.log_a, it.exp_a);
  exponentials(exec, r.b, it.log_b, it.exp_b);
}

template <class Exec, class Real>
FASTPID_HD BasicBounds<Real> certify(const Exec& exec, const BasicReduced<Real>& r,
                                     const BasicIterate<Real>& it, double enough,
                                     const BasicCertificateWork<Real>& w,
                                     int sweeps = tuning::Certificate::kSweeps,
                                     MaskOf<Real> wanted = true) {
  BasicBounds<Real> bounds;
  bounds.upper = upper_bound(exec, r, it, enough, w, sweeps, wanted);
  bounds.lower = lower_bound(exec, r, it, tuning::Certificate::kSlackShare * enough, w);
  return bounds;
}

}  // namespace fastpid
