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
// Lower. Shifting lam[x,:] by -max_y log T and then mu[y,:] by -max_x log T makes every constraint
// hold, the tightest ones with equality; lower_bound() does it so that heavy symbols lose least.
#pragma once

#include <limits>

#include "numerics.hpp"
#include "products.hpp"
#include "views.hpp"

namespace fastpid {

template <class Real>
struct BasicBounds {
  Real lower = -std::numeric_limits<double>::infinity();
  Real upper = std::numeric_limits<double>::infinity();

  FASTPID_HD Real gap() const { return upper - lower; }

  // Both bounds hold, so the tighter one of each does.
  FASTPID_HD void tighten(const BasicBounds& other) {
    lower = larger(lower, other.lower);
    upper = smaller(upper, other.upper);
  }
};
using Bounds = BasicBounds<double>;

// Scratch of the certificate, and what it leaves behind: the dominated factors exp_a and exp_b of
// the upper bound, and the shifts (to be subtracted from the potentials) of the lower one.
template <class Real>
struct BasicCertificateWork {
  Real* exp_a = nullptr;  // a.count * target
  Real* exp_b = nullptr;  // b.count * target
  Real* sums_a = nullptr;
  Real* sums_b = nullptr;
  Real* shift_a = nullptr;  // a.count
  Real* scale_a = nullptr;  // exp(-shift_a)
  Real* shift_b = nullptr;  // b.count
  Real* scale_b = nullptr;
  Real* t = nullptr;  // pairs: sum_z exp(lam + mu)

  FASTPID_HD static BasicCertificateWork take(Arena& arena, const BasicReduced<Real>& r) {
    const std::ptrdiff_t dense_a = static_cast<std::ptrdiff_t>(r.a.count) * r.a.target;
    const std::ptrdiff_t dense_b = static_cast<std::ptrdiff_t>(r.b.count) * r.b.target;
    BasicCertificateWork w;
    w.exp_a = arena.take<Real>(dense_a);
    w.exp_b = arena.take<Real>(dense_b);
    w.sums_a = arena.take<Real>(dense_a);
    w.sums_b = arena.take<Real>(dense_b);
    w.shift_a = arena.take<Real>(r.a.count);
    w.scale_a = arena.take<Real>(r.a.count);
    w.shift_b = arena.take<Real>(r.b.count);
    w.scale_b = arena.take<Real>(r.b.count);
    w.t = arena.take<Real>(r.pairs());
    return w;
  }
};
using CertificateWork = BasicCertificateWork<double>;

constexpr double kLargestFactor = 1e100;

// Rescales the factors of one side so that factor * sums is the marginal (Sinkhorn) or, if
// `only_down`, nowhere above it. Returns by how much the marginal was off, in total. Problems
// outside `active` keep their factors.
template <class Exec, class Real>
FASTPID_HD Real rescale(const Exec& exec, const BasicSide<Real>& side, const Real* sums,
                        bool only_down, MaskOf<Real> active, Real* factors) {
  return exec.sum(side.count, [&](std::ptrdiff_t i) {
    Real off = 0.0;
    side.row(static_cast<int>(i), [&](int k, int z) {
      const Real sum = sums[i * side.target + z];
      Real& factor = factors[i * side.target + z];
      off += fabs(side.mass[k] - factor * sum);
      MaskOf<Real> change = active & (sum > 0.0);
      if (only_down) change = change & (factor * sum > side.mass[k]);
      // Where the zeros of S leave Sinkhorn without a limit, factors must not run to infinity.
      factor = select(change, smaller(side.mass[k] / sum, Real(kLargestFactor)), factor);
    });
    return off;
  });
}

// sum of marginal * log(factor) over one side, its marginals being factor * sums.
template <class Exec, class Real>
FASTPID_HD Real weighted_logs(const Exec& exec, const BasicSide<Real>& side, const Real* factor,
                              const Real* sums) {
  return exec.sum(side.count, [&](int i) {
    const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(i) * side.target;
    Real value = 0.0;
    side.row(i, [&](int, int z) { value += sums[start + z] * xlogx(factor[start + z]); });
    return value;
  });
}

// Marginals closer than this share of tol are close enough for what is left over to be cut.
constexpr double kEnoughShare = 0.02;

// Sinkhorn sweeps take the marginals close to their targets before what is left over is cut: mass
// that is rescaled costs second order, mass that is cut first. They stop at a residual of `enough`;
// problems of a pack that are not `wanted` get none.
template <class Exec, class Real>
FASTPID_HD Real upper_bound(const Exec& exec, const BasicReduced<Real>& r,
                            const BasicIterate<Real>& it, double enough,
                            const BasicCertificateWork<Real>& w, MaskOf<Real> wanted) {
  constexpr int kSweeps = 32;
  const std::ptrdiff_t n = r.b.count;
  const auto sums_a = [&] { weighted_sums(exec, r, true, it.s, w.exp_b, w.sums_a); };
  const auto sums_b = [&] { weighted_sums(exec, r, false, it.s, w.exp_a, w.sums_b); };
  exec.for_each(n * r.b.target, [&](std::ptrdiff_t k) { w.exp_b[k] = it.exp_b[k]; });
  exec.for_each(static_cast<std::ptrdiff_t>(r.a.count) * r.a.target,
                [&](std::ptrdiff_t k) { w.exp_a[k] = it.exp_a[k]; });
  MaskOf<Real> active = wanted;
  for (int sweep = 0; sweep < kSweeps && any(active); ++sweep) {
    sums_a();
    const Real off_a = rescale(exec, r.a, w.sums_a, false, active, w.exp_a);
    sums_b();
    const Real off_b = rescale(exec, r.b, w.sums_b, false, active, w.exp_b);
    active = active & (off_a + off_b > enough);
  }
  sums_a();
  rescale(exec, r.a, w.sums_a, true, true, w.exp_a);
  sums_b();
  rescale(exec, r.b, w.sums_b, true, true, w.exp_b);
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
  return weighted_logs(exec, r.a, w.exp_a, w.sums_a) + weighted_logs(exec, r.b, w.exp_b, w.sums_b) -
         pairs;
}

// One side's part of sum a lam + sum b mu, the shifts being subtracted.
template <class Exec, class Real>
FASTPID_HD Real dual_value(const Exec& exec, const BasicSide<Real>& side, const Real* logs,
                           const Real* shift) {
  return exec.sum(side.count, [&](int i) {
    Real sum = 0.0;
    for (int k = side.begin(i); k < side.end(i); ++k) sum += side.mass[k] * (logs[k] - shift[i]);
    return sum;
  });
}

constexpr double kRounding = 1e-14;  // of a sum of exponentials

// Leaves in shift_a and shift_b what is to be subtracted from the potentials. Where the iterate is
// infeasible, the lighter symbol of a pair gives way first: what is wrong with a symbol of mass
// 1e-12 must not cost one of mass 0.1. Then all constraints hold, and rows and columns in turn take
// up the slack that is left.
template <class Exec, class Real>
FASTPID_HD Real lower_bound(const Exec& exec, const BasicReduced<Real>& r,
                            const BasicIterate<Real>& it, const BasicCertificateWork<Real>& w) {
  using Mask = MaskOf<Real>;
  const std::ptrdiff_t m = r.a.count, n = r.b.count;
  pair_sums(exec, r, it.exp_a, it.exp_b, w.t);
  const auto t = [&](std::ptrdiff_t i, std::ptrdiff_t j) -> const Real& { return w.t[i * n + j]; };
  // scale[i] <- scale[i] / most; shift[i] is -log of the scale.
  const auto rescale = [](const Real& most, Real& scale, Real& shift) {
    const Real by = select(most > 0.0, most, Real(1.0));
    scale /= by;
    shift += log(by);
  };
  exec.for_each(m, [&](std::ptrdiff_t i) {
    w.scale_a[i] = 1.0;
    w.shift_a[i] = 0.0;
  });
  exec.for_each(n, [&](std::ptrdiff_t j) {
    w.scale_b[j] = 1.0;
    w.shift_b[j] = 0.0;
  });
  const Real worst = exec.max(m, [&](std::ptrdiff_t i) {
    Real most = 0.0;
    for (std::ptrdiff_t j = 0; j < n; ++j) most = larger(most, t(i, j));
    return most;
  });
  const Mask infeasible = worst > 1.0 + kRounding;
  if (any(infeasible)) {
    const auto masses = [&](const BasicSide<Real>& side, Real* mass) {
      exec.for_each(side.count, [&](int i) {
        Real sum = 0.0;
        for (int k = side.begin(i); k < side.end(i); ++k) sum += side.mass[k];
        mass[i] = sum;
      });
    };
    masses(r.a, w.sums_a);
    masses(r.b, w.sums_b);
    exec.for_each(m, [&](std::ptrdiff_t i) {
      Real most = 1.0;
      for (std::ptrdiff_t j = 0; j < n; ++j) {
        const Mask yields = infeasible & (w.sums_a[i] <= w.sums_b[j]);
        if (any(yields)) most = select(yields, larger(most, t(i, j)), most);
      }
      rescale(most, w.scale_a[i], w.shift_a[i]);
    });
    exec.for_each(n, [&](std::ptrdiff_t j) {
      Real most = 1.0;
      for (std::ptrdiff_t i = 0; i < m; ++i) {
        const Mask yields = infeasible & (w.sums_b[j] < w.sums_a[i]);
        if (any(yields)) most = select(yields, larger(most, w.scale_a[i] * t(i, j)), most);
      }
      rescale(most, w.scale_b[j], w.shift_b[j]);
    });
  }
  exec.for_each(m, [&](std::ptrdiff_t i) {
    Real most = 0.0;
    for (std::ptrdiff_t j = 0; j < n; ++j) most = larger(most, w.scale_b[j] * t(i, j));
    rescale(w.scale_a[i] * most, w.scale_a[i], w.shift_a[i]);
  });
  exec.for_each(n, [&](std::ptrdiff_t j) {
    Real most = 0.0;
    for (std::ptrdiff_t i = 0; i < m; ++i) most = larger(most, w.scale_a[i] * t(i, j));
    rescale(w.scale_b[j] * most, w.scale_b[j], w.shift_b[j]);
  });
  return dual_value(exec, r.a, it.log_a, w.shift_a) + dual_value(exec, r.b, it.log_b, w.shift_b);
}

// The same for potentials that are feasible but for rounding, and a binary target: in one pass that
// keeps nothing by the pair. All of lam gives way by what the worst pair exceeds one.
template <class Exec>
FASTPID_HD double feasible_bound(const Exec& exec, const Reduced& r, const Iterate& it,
                                 const CertificateWork& w) {
  constexpr double kNearly = 1e-13;
  const std::ptrdiff_t n = r.b.count;
  const int target = r.b.target;
  if (target > 2) return lower_bound(exec, r, it, w);
  const auto transposed = [&](int z) { return w.sums_b + z * n; };
  for (int z = 0; z < target; ++z) {
    exec.for_each(n, [&](std::ptrdiff_t j) { transposed(z)[j] = it.exp_b[j * target + z]; });
  }
  const double worst = exec.max(r.a.count, [&](std::ptrdiff_t i) {
    const double* u = it.exp_a + i * target;
    return exec.largest_sum(n, u[0], transposed(0), target > 1 ? u[1] : 0.0,
                            transposed(target > 1 ? 1 : 0));
  });
  if (worst > 1.0 + kNearly || worst < 1.0 - kNearly) return lower_bound(exec, r, it, w);
  const double shift = std::log(worst);
  exec.for_each(r.a.count, [&](std::ptrdiff_t i) { w.shift_a[i] = shift; });
  exec.for_each(n, [&](std::ptrdiff_t j) { w.shift_b[j] = 0.0; });
  return dual_value(exec, r.a, it.log_a, w.shift_a) + dual_value(exec, r.b, it.log_b, w.shift_b);
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

// The shifts of lower_bound() moved from the potentials into S, which leaves S exp(lam + mu) as it
// is; S stays, unless `primal`.
template <class Exec>
FASTPID_HD void apply_shifts(const Exec& exec, const Reduced& r, const CertificateWork& w,
                             bool primal, const Iterate& it) {
  const auto shift = [&](const Side& side, const double* by, double* log) {
    exec.for_each(side.count, [&](int i) {
      for (int k = side.begin(i); k < side.end(i); ++k) log[k] -= by[i];
    });
  };
  shift(r.a, w.shift_a, it.log_a);
  shift(r.b, w.shift_b, it.log_b);
  exponentials(exec, r.a, it.log_a, it.exp_a);
  exponentials(exec, r.b, it.log_b, it.exp_b);
  if (!primal) return;
  exec.for_each(r.a.count, [&](std::ptrdiff_t i) {
    for (int j = 0; j < r.b.count; ++j) {
      double& s = it.s[i * r.b.count + j];
      if (s > 0.0) s *= std::exp(w.shift_a[i] + w.shift_b[j]);
    }
  });
}

template <class Exec, class Real>
FASTPID_HD BasicBounds<Real> certify(const Exec& exec, const BasicReduced<Real>& r,
                                     const BasicIterate<Real>& it, double enough,
                                     const BasicCertificateWork<Real>& w,
                                     MaskOf<Real> wanted = true) {
  BasicBounds<Real> bounds;
  bounds.upper = upper_bound(exec, r, it, enough, w, wanted);
  bounds.lower = lower_bound(exec, r, it, w);
  return bounds;
}

}  // namespace fastpid
