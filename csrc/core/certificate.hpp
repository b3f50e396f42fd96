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
#include "views.hpp"

namespace fastpid {

struct Bounds {
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();

  FASTPID_HD double gap() const { return upper - lower; }

  // Both bounds hold, so the tighter one of each does.
  FASTPID_HD void tighten(const Bounds& other) {
    lower = larger(lower, other.lower);
    upper = smaller(upper, other.upper);
  }
};

// Scratch of the certificate, and what it leaves behind: the dominated factors exp_a and exp_b of
// the upper bound, and the shifts (to be subtracted from the potentials) of the lower one.
struct CertificateWork {
  double* exp_a = nullptr;  // a.count * target
  double* exp_b = nullptr;  // b.count * target
  double* sums_a = nullptr;
  double* sums_b = nullptr;
  double* shift_a = nullptr;  // a.count
  double* scale_a = nullptr;  // exp(-shift_a)
  double* shift_b = nullptr;  // b.count
  double* scale_b = nullptr;

  FASTPID_HD static CertificateWork take(Arena& arena, const Reduced& r) {
    const std::ptrdiff_t dense_a = static_cast<std::ptrdiff_t>(r.a.count) * r.a.target;
    const std::ptrdiff_t dense_b = static_cast<std::ptrdiff_t>(r.b.count) * r.b.target;
    CertificateWork w;
    w.exp_a = arena.take<double>(dense_a);
    w.exp_b = arena.take<double>(dense_b);
    w.sums_a = arena.take<double>(dense_a);
    w.sums_b = arena.take<double>(dense_b);
    w.shift_a = arena.take<double>(r.a.count);
    w.scale_a = arena.take<double>(r.a.count);
    w.shift_b = arena.take<double>(r.b.count);
    w.scale_b = arena.take<double>(r.b.count);
    return w;
  }
};

// T[i, j] = sum_z exp_a[i, z] exp_b[j, z].
FASTPID_HD inline double pair_sum(const Reduced& r, const double* exp_a, const double* exp_b,
                                  std::ptrdiff_t i, int j) {
  const double* u = exp_a + i * r.a.target;
  const double* v = exp_b + static_cast<std::ptrdiff_t>(j) * r.b.target;
  double sum = 0.0;
  r.b.row(j, [&](int, int z) { sum += u[z] * v[z]; });
  return sum;
}

template <class Exec>
FASTPID_HD void pair_sums(const Exec& exec, const Reduced& r, const double* exp_a,
                          const double* exp_b, double* t) {
  exec.for_each(r.a.count, [&](int i) {
    for (int j = 0; j < r.b.count; ++j) {
      t[static_cast<std::ptrdiff_t>(i) * r.b.count + j] = pair_sum(r, exp_a, exp_b, i, j);
    }
  });
}

// sums[i, z] = sum_j S[i, j] exp_other[j, z] on the support of `self`; its product with exp_self is
// the marginal of S exp(lam + mu). The strides are those of S along the two sides.
template <class Exec>
FASTPID_HD void weighted_sums(const Exec& exec, const Side& self, const Side& other,
                              const double* s, std::ptrdiff_t stride_self,
                              std::ptrdiff_t stride_other, const double* exp_other, double* sums) {
  exec.for_each(self.count, [&](int i) {
    double* sum = sums + static_cast<std::ptrdiff_t>(i) * self.target;
    self.row(i, [&](int, int z) { sum[z] = 0.0; });
    for (int j = 0; j < other.count; ++j) {
      const double weight = s[i * stride_self + j * stride_other];
      if (weight <= 0.0) continue;
      const double* v = exp_other + static_cast<std::ptrdiff_t>(j) * other.target;
      self.row(i, [&](int, int z) { sum[z] += weight * v[z]; });
    }
  });
}

constexpr double kLargestFactor = 1e100;

// Rescales the factors of one side so that factor * sums is the marginal (Sinkhorn) or, if
// `only_down`, nowhere above it. Returns by how much the marginal was off, in total.
template <class Exec>
FASTPID_HD double rescale(const Exec& exec, const Side& side, const double* sums, bool only_down,
                          double* factors) {
  return exec.sum(side.count, [&](std::ptrdiff_t i) {
    double off = 0.0;
    side.row(static_cast<int>(i), [&](int k, int z) {
      const double sum = sums[i * side.target + z];
      double& factor = factors[i * side.target + z];
      off += std::fabs(side.mass[k] - factor * sum);
      if (!(sum > 0.0) || (only_down && factor * sum <= side.mass[k])) return;
      // Where the zeros of S leave Sinkhorn without a limit, factors must not run to infinity.
      factor = smaller(side.mass[k] / sum, kLargestFactor);
    });
    return off;
  });
}

// sum of marginal * log(factor) over one side, its marginals being factor * sums.
template <class Exec>
FASTPID_HD double weighted_logs(const Exec& exec, const Side& side, const double* factor,
                                const double* sums) {
  return exec.sum(side.count, [&](int i) {
    const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(i) * side.target;
    double value = 0.0;
    side.row(i, [&](int, int z) { value += sums[start + z] * xlogx(factor[start + z]); });
    return value;
  });
}

// Marginals closer than this share of tol are close enough for what is left over to be cut.
constexpr double kEnoughShare = 0.02;

// Sinkhorn sweeps take the marginals close to their targets before what is left over is cut: mass
// that is rescaled costs second order, mass that is cut first. They stop at a residual of `enough`.
template <class Exec>
FASTPID_HD double upper_bound(const Exec& exec, const Reduced& r, const Iterate& it, double enough,
                              const CertificateWork& w) {
  constexpr int kSweeps = 32;
  const std::ptrdiff_t n = r.b.count;
  const auto sums_a = [&] { weighted_sums(exec, r.a, r.b, it.s, n, 1, w.exp_b, w.sums_a); };
  const auto sums_b = [&] { weighted_sums(exec, r.b, r.a, it.s, 1, n, w.exp_a, w.sums_b); };
  exec.for_each(n * r.b.target, [&](std::ptrdiff_t k) { w.exp_b[k] = it.exp_b[k]; });
  exec.for_each(static_cast<std::ptrdiff_t>(r.a.count) * r.a.target,
                [&](std::ptrdiff_t k) { w.exp_a[k] = it.exp_a[k]; });
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    sums_a();
    const double off_a = rescale(exec, r.a, w.sums_a, false, w.exp_a);
    sums_b();
    const double off_b = rescale(exec, r.b, w.sums_b, false, w.exp_b);
    if (off_a + off_b <= enough) break;
  }
  sums_a();
  rescale(exec, r.a, w.sums_a, true, w.exp_a);
  sums_b();
  rescale(exec, r.b, w.sums_b, true, w.exp_b);
  sums_a();
  const double pairs = exec.sum(r.a.count, [&](std::ptrdiff_t i) {
    double value = 0.0;
    for (int j = 0; j < n; ++j) {
      const double s = it.s[i * n + j];
      if (s > 0.0) value += s * xlogx(pair_sum(r, w.exp_a, w.exp_b, i, j));
    }
    return value;
  });
  return weighted_logs(exec, r.a, w.exp_a, w.sums_a) + weighted_logs(exec, r.b, w.exp_b, w.sums_b) -
         pairs;
}

constexpr double kRounding = 1e-14;  // of a sum of exponentials

// Leaves in shift_a and shift_b what is to be subtracted from the potentials. Where the iterate is
// infeasible, the lighter symbol of a pair gives way first: what is wrong with a symbol of mass
// 1e-12 must not cost one of mass 0.1. Then all constraints hold, and rows and columns in turn take
// up the slack that is left.
template <class Exec>
FASTPID_HD double lower_bound(const Exec& exec, const Reduced& r, const Iterate& it,
                              const CertificateWork& w) {
  const std::ptrdiff_t m = r.a.count, n = r.b.count;
  const auto t = [&](std::ptrdiff_t i, std::ptrdiff_t j) {
    return pair_sum(r, it.exp_a, it.exp_b, i, static_cast<int>(j));
  };
  // scale[i] <- scale[i] / most; shift[i] is -log of the scale.
  const auto rescale = [](double most, double& scale, double& shift) {
    if (!(most > 0.0)) return;
    scale /= most;
    shift += std::log(most);
  };
  exec.for_each(m, [&](std::ptrdiff_t i) {
    w.scale_a[i] = 1.0;
    w.shift_a[i] = 0.0;
  });
  exec.for_each(n, [&](std::ptrdiff_t j) {
    w.scale_b[j] = 1.0;
    w.shift_b[j] = 0.0;
  });
  const double worst = exec.max(m, [&](std::ptrdiff_t i) {
    double most = 0.0;
    for (std::ptrdiff_t j = 0; j < n; ++j) most = larger(most, t(i, j));
    return most;
  });
  if (worst > 1.0 + kRounding) {
    const auto masses = [&](const Side& side, double* mass) {
      exec.for_each(side.count, [&](int i) {
        double sum = 0.0;
        for (int k = side.begin(i); k < side.end(i); ++k) sum += side.mass[k];
        mass[i] = sum;
      });
    };
    masses(r.a, w.sums_a);
    masses(r.b, w.sums_b);
    exec.for_each(m, [&](std::ptrdiff_t i) {
      double most = 1.0;
      for (std::ptrdiff_t j = 0; j < n; ++j) {
        if (w.sums_a[i] <= w.sums_b[j]) most = larger(most, t(i, j));
      }
      rescale(most, w.scale_a[i], w.shift_a[i]);
    });
    exec.for_each(n, [&](std::ptrdiff_t j) {
      double most = 1.0;
      for (std::ptrdiff_t i = 0; i < m; ++i) {
        if (w.sums_b[j] < w.sums_a[i]) most = larger(most, w.scale_a[i] * t(i, j));
      }
      rescale(most, w.scale_b[j], w.shift_b[j]);
    });
  }
  exec.for_each(m, [&](std::ptrdiff_t i) {
    double most = 0.0;
    for (std::ptrdiff_t j = 0; j < n; ++j) most = larger(most, w.scale_b[j] * t(i, j));
    rescale(w.scale_a[i] * most, w.scale_a[i], w.shift_a[i]);
  });
  exec.for_each(n, [&](std::ptrdiff_t j) {
    double most = 0.0;
    for (std::ptrdiff_t i = 0; i < m; ++i) most = larger(most, w.scale_a[i] * t(i, j));
    rescale(w.scale_b[j] * most, w.scale_b[j], w.shift_b[j]);
  });
  const auto value = [&](const Side& side, const double* log, const double* shift) {
    return exec.sum(side.count, [&](int i) {
      double sum = 0.0;
      for (int k = side.begin(i); k < side.end(i); ++k) sum += side.mass[k] * (log[k] - shift[i]);
      return sum;
    });
  };
  return value(r.a, it.log_a, w.shift_a) + value(r.b, it.log_b, w.shift_b);
}

// exp of the potentials of one side, dense, zero off the support.
template <class Exec>
FASTPID_HD void exponentials(const Exec& exec, const Side& side, const double* log, double* out) {
  exec.for_each(side.count, [&](std::ptrdiff_t i) {
    for (int z = 0; z < side.target; ++z) out[i * side.target + z] = 0.0;
    side.row(static_cast<int>(i),
             [&](int k, int z) { out[i * side.target + z] = std::exp(log[k]); });
  });
}

// The shifts of lower_bound() moved from the potentials into S, which leaves S exp(lam + mu) as it
// is.
template <class Exec>
FASTPID_HD void apply_shifts(const Exec& exec, const Reduced& r, const CertificateWork& w,
                             const Iterate& it) {
  const auto shift = [&](const Side& side, const double* by, double* log) {
    exec.for_each(side.count, [&](int i) {
      for (int k = side.begin(i); k < side.end(i); ++k) log[k] -= by[i];
    });
  };
  shift(r.a, w.shift_a, it.log_a);
  shift(r.b, w.shift_b, it.log_b);
  exponentials(exec, r.a, it.log_a, it.exp_a);
  exponentials(exec, r.b, it.log_b, it.exp_b);
  exec.for_each(r.a.count, [&](std::ptrdiff_t i) {
    for (int j = 0; j < r.b.count; ++j) {
      double& s = it.s[i * r.b.count + j];
      if (s > 0.0) s *= std::exp(w.shift_a[i] + w.shift_b[j]);
    }
  });
}

template <class Exec>
FASTPID_HD Bounds certify(const Exec& exec, const Reduced& r, const Iterate& it, double enough,
                          const CertificateWork& w) {
  Bounds bounds;
  bounds.upper = upper_bound(exec, r, it, enough, w);
  bounds.lower = lower_bound(exec, r, it, w);
  return bounds;
}

}  // namespace fastpid
