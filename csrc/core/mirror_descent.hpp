// Accelerated mirror descent (KL-projected gradient) on the union information.
//
// f is 1-smooth relative to the entropy and its gradient is log(q / q[x,y,.]), so the exponentiated
// gradient step of length one followed by the Bregman projection onto Delta_P is: for every z scale
// the matrix S[x,y] = q[x,y,.] to the marginals a[:,z], b[:,z] by factors u[x,z], v[y,z]
// (Sinkhorn), then S <- S T with T = sum_z u v. This is the alternating minimisation of Banerjee,
// Rauh and Montufar (2018); lam = log u and mu = log v are its dual iterates. One Sinkhorn pass per
// step is enough: the factors are kept from step to step.
//
// By itself it converges sublinearly. Here it gets Nesterov's momentum (Nesterov 1983) in log S,
// the coordinates in which its step is an addition:
//
//     w_k = y_k + log T(y_k),   y_{k+1} = w_k + (k - 1) / (k + 3) (w_k - w_{k-1}),
//
// and the momentum starts anew (O'Donoghue and Candes 2015) whenever the residual
// sum S (log T)^2 grows. Bounds hold for any S, u, v, so that nothing rests on its convergence.
//
// Three matrix products a step, O(m n + (m + n) K) memory: the method for loose tolerances and for
// tables that are too large for the interior point. On large tables the products are in single
// precision, at twice the speed, as long as that brings the bounds closer: the bounds themselves
// are always evaluated in double precision.
#pragma once

#include "certificate.hpp"
#include "iteration.hpp"
#include "numerics.hpp"
#include "proxy.hpp"
#include "views.hpp"

namespace fastpid {

// What the products of a step read and write: S, the factors, the sums, T.
template <class Real>
struct SweepWork {
  Real *s = nullptr, *t = nullptr;
  Real *exp_a = nullptr, *exp_b = nullptr, *sums_a = nullptr, *sums_b = nullptr;

  FASTPID_HD static SweepWork take(Arena& arena, const Reduced& r) {
    const std::ptrdiff_t dense_a = static_cast<std::ptrdiff_t>(r.a.count) * r.a.target;
    const std::ptrdiff_t dense_b = static_cast<std::ptrdiff_t>(r.b.count) * r.b.target;
    SweepWork w;
    for (Real** p : {&w.s, &w.t}) *p = arena.take<Real>(r.pairs());
    for (Real** p : {&w.exp_a, &w.sums_a}) *p = arena.take<Real>(dense_a);
    for (Real** p : {&w.exp_b, &w.sums_b}) *p = arena.take<Real>(dense_b);
    return w;
  }
};

struct MirrorWork {
  Iterate best;
  CertificateWork certificate;
  SweepWork<float> single;
  double* log_s = nullptr;  // y_k, over the pairs
  double* last = nullptr;   // w_{k-1}

  // Single precision pays on large tables with a dense support.
  FASTPID_HD static bool takes_single(const Reduced& r) {
    return multiply_densely(r) && static_cast<double>(r.pairs()) * r.a.target >= 1e6;
  }

  FASTPID_HD static MirrorWork take(Arena& arena, const Reduced& r) {
    MirrorWork w;
    w.best = Iterate::take(arena, r);
    w.certificate = CertificateWork::take(arena, r);
    if (takes_single(r)) w.single = SweepWork<float>::take(arena, r);
    w.log_s = arena.take<double>(r.pairs());
    w.last = arena.take<double>(r.pairs());
    return w;
  }
};

// Its factors are close to the marginals already; the certificate's sweeps are few.
constexpr int kDescentSweeps = 2;

template <class Exec>
class MirrorDescent {
 public:
  FASTPID_HD MirrorDescent(const Exec& exec, const Reduced& r, const MirrorWork& w,
                           const Iterate& it, const IterationOptions& options)
      : exec_(exec), r_(r), w_(w), it_(it), options_(options) {}

  // Starts from the proxy in `it`. `stop()` is asked before every certificate.
  template <class Stop>
  FASTPID_STAGE Outcome run(Bounds& bounds, int& iterations, Stop&& stop) {
    exec_.log_each(r_.pairs(), it_.s, w_.log_s);
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) { w_.last[p] = w_.log_s[p]; });
    bool single = MirrorWork::takes_single(r_);
    if (single) enter_single();
    double last_gap = HUGE_VAL;
    int next = kFirstCertificate, last_certificate = 1;
    for (iterations = 1;; ++iterations) {
      if (single) {
        project_single();
      } else {
        project();
      }
      if (iterations >= next || iterations == options_.max_iter) {
        if (single) exec_.exp_each(r_.pairs(), w_.log_s, it_.s);
        logarithms();
        const Bounds now =
            certify(exec_, r_, it_, kEnoughShare * options_.tol, w_.certificate, kDescentSweeps);
        if (now.gap() <= options_.tol) {
          bounds = now;
          return Outcome::converged;
        }
        // The bounds and the solution are of one iterate.
        if (now.gap() < bounds.gap() || !(bounds.gap() < HUGE_VAL)) {
          bounds = now;
          copy_iterate(exec_, r_, it_, w_.best);
        }
        const auto end = [&](Outcome outcome) {
          copy_iterate(exec_, r_, w_.best, it_);
          return outcome;
        };
        if (iterations == options_.max_iter) return end(Outcome::max_iterations);
        if (stop()) return end(Outcome::interrupted);
        if (single && bounds.gap() > kProgress * last_gap) {
          single = false;
          since_restart_ = 0;
        }
        const double power = power_of_gap(iterations, bounds.gap(), last_certificate, last_gap);
        if (last_gap < HUGE_VAL &&
            steps_to_go(bounds.gap(), larger(power, kUsualPower)) * iterations >
                options_.worthwhile) {
          return end(Outcome::stalled);
        }
        // A certificate costs several steps; the next one comes a little before it should succeed.
        const double ahead = 0.95 * steps_to_go(bounds.gap(), power) - 1.0;
        next = iterations + 1 + static_cast<int>(iterations * clamp(ahead, 0.12, 1.0));
        last_certificate = iterations;
        last_gap = bounds.gap();
      }
      if (single) {
        const SweepWork<float>& f = w_.single;
        exec_.times_transposed(f.exp_a, f.exp_b, r_.a.count, r_.a.target, r_.b.count, f.t);
        move(f.s, f.t);
      } else {
        pair_sums(exec_, r_, it_.exp_a, it_.exp_b, w_.certificate.t);
        move(it_.s, w_.certificate.t);
      }
    }
  }

 private:
  // S of a pair that dies out: small enough for nothing, large enough to come back, and far from
  // the subnormal numbers that would slow the products down.
  static constexpr double kLeastLog = -60.0;
  static constexpr int kFirstCertificate = 12;
  // Single precision has reached its end if a gap is this share of the one before.
  static constexpr double kProgress = 0.9;
  static constexpr double kMostPower = 5.0;
  static constexpr double kUsualPower = 3.0;  // early certificates show less

  // One step in log S, from S and T; T is overwritten.
  template <class Real>
  FASTPID_HD void move(Real* s, Real* t) {
    exec_.log_each(r_.pairs(), t, t);
    const double now = exec_.sum_squares(r_.pairs(), s, t);
    since_restart_ = now > residual_ ? 1 : since_restart_ + 1;
    residual_ = now;
    const double momentum = (since_restart_ - 1.0) / (since_restart_ + 3.0);
    exec_.for_each(r_.a.count, [&](std::ptrdiff_t i) {
      double* y = w_.log_s + i * r_.b.count;
      double* last = w_.last + i * r_.b.count;
      const Real* step = t + i * r_.b.count;
      const double by = momentum;
      const int n = r_.b.count;
      for (int j = 0; j < n; ++j) {
        const double plain = larger(y[j] + static_cast<double>(step[j]), kLeastLog);
        const double ahead = larger(plain + by * (plain - last[j]), kLeastLog);
        y[j] = smaller(ahead, 0.0);
        last[j] = plain;
      }
    });
    exec_.exp_each(r_.pairs(), w_.log_s, s);
  }

  FASTPID_HD void enter_single() {
    const SweepWork<float>& f = w_.single;
    const auto convert = [&](std::ptrdiff_t n, const double* from, float* to) {
      exec_.for_each(n, [&](std::ptrdiff_t i) { to[i] = static_cast<float>(from[i]); });
    };
    convert(r_.pairs(), it_.s, f.s);
    convert(static_cast<std::ptrdiff_t>(r_.b.count) * r_.b.target, it_.exp_b, f.exp_b);
    exec_.for_each(static_cast<std::ptrdiff_t>(r_.a.count) * r_.a.target,
                   [&](std::ptrdiff_t c) { f.exp_a[c] = 0.0f; });
  }

  FASTPID_HD void project_single() {
    const SweepWork<float>& f = w_.single;
    const int m = r_.a.count, n = r_.b.count, target = r_.a.target;
    exec_.times(f.s, f.exp_b, m, n, target, f.sums_a);
    rescale(r_.a, f.sums_a, it_.exp_a, f.exp_a);
    exec_.transposed_times(f.s, f.exp_a, m, n, target, f.sums_b);
    rescale(r_.b, f.sums_b, it_.exp_b, f.exp_b);
  }

  FASTPID_HD void rescale(const Side& side, const float* sums, double* factors, float* single) {
    constexpr double kLeast = 1e-37, kMost = 1e37;  // normal numbers in single precision
    exec_.for_each(side.count, [&](std::ptrdiff_t i) {
      const float* sum = sums + i * side.target;
      double* factor = factors + i * side.target;
      float* rounded = single + i * side.target;
      const double* mass = side.mass;
      side.row(static_cast<int>(i), [=](int k, int z) {
        const double by = static_cast<double>(sum[z]);
        const double value = smaller(larger(mass[k] / by, kLeast), kMost);
        factor[z] = by > 0.0 ? value : factor[z];
        rounded[z] = static_cast<float>(factor[z]);
      });
    });
  }

  // The gap falls like a power of the steps, which the last two certificates show.
  FASTPID_HD double power_of_gap(int now, double gap, int before, double gap_before) const {
    const double power = std::log(gap_before / gap) / std::log(static_cast<double>(now) / before);
    return power >= 1.0 ? smaller(power, kMostPower) : 1.0;  // also for NaN
  }

  // The step at which the gap should reach tol, as a multiple of those made.
  FASTPID_HD double steps_to_go(double gap, double power) const {
    return std::pow(gap / options_.tol, 1.0 / power);
  }

  FASTPID_HD void project() {
    const CertificateWork& c = w_.certificate;
    weighted_sums(exec_, r_, true, it_.s, it_.exp_b, c.sums_a);
    rescale(r_.a, c.sums_a, it_.exp_a);
    weighted_sums(exec_, r_, false, it_.s, it_.exp_a, c.sums_b);
    rescale(r_.b, c.sums_b, it_.exp_b);
  }

  FASTPID_HD void rescale(const Side& side, const double* sums, double* factors) {
    exec_.for_each(side.count, [&](std::ptrdiff_t i) {
      side.row(static_cast<int>(i), [&](int k, int z) {
        const double sum = sums[i * side.target + z];
        if (sum > 0.0) factors[i * side.target + z] = smaller(side.mass[k] / sum, kLargestFactor);
      });
    });
  }

  FASTPID_HD void logarithms() {
    const auto of = [&](const Side& side, const double* factors, double* logs) {
      exec_.for_each(side.count, [&](std::ptrdiff_t i) {
        side.row(static_cast<int>(i),
                 [&](int k, int z) { logs[k] = factors[i * side.target + z]; });
      });
      exec_.log_each(side.size, logs, logs);
    };
    of(r_.a, it_.exp_a, it_.log_a);
    of(r_.b, it_.exp_b, it_.log_b);
  }

  const Exec& exec_;
  const Reduced& r_;
  const MirrorWork& w_;
  const Iterate& it_;
  const IterationOptions& options_;
  double residual_ = HUGE_VAL;  // sum S (log T)^2
  int since_restart_ = 0;
};

}  // namespace fastpid
