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

#include <type_traits>

#include "certificate.hpp"
#include "iteration.hpp"
#include "numerics.hpp"
#include "sinkhorn.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

// What the products of a step read and write: S, the factors, the sums, T.
template <class Real>
struct SweepWork {
  Real *s = nullptr, *t = nullptr;
  Real *exp_a = nullptr, *exp_b = nullptr, *sums_a = nullptr, *sums_b = nullptr;

  FASTPID_HD static SweepWork take(Arena& arena, const Reduced& r) {
    SweepWork w;
    for (Real** p : {&w.s, &w.t}) *p = arena.take<Real>(r.pairs());
    for (Real** p : {&w.exp_a, &w.sums_a}) *p = arena.take<Real>(r.a.cells());
    for (Real** p : {&w.exp_b, &w.sums_b}) *p = arena.take<Real>(r.b.cells());
    return w;
  }
};

template <class Real>
struct BasicMirrorWork {
  SweepWork<float> single;
  Real* log_s = nullptr;  // y_k, over the pairs
  Real* last = nullptr;   // w_{k-1}

  FASTPID_HD static BasicMirrorWork take(Arena& arena, const BasicReduced<Real>& r) {
    BasicMirrorWork w;
    if constexpr (!kDense<Real>) {
      if (is_large(r)) w.single = SweepWork<float>::take(arena, r);
    }
    w.log_s = arena.take<Real>(r.pairs());
    w.last = arena.take<Real>(r.pairs());
    return w;
  }
};
using MirrorWork = BasicMirrorWork<double>;

// An iterative method in the sense of iteration.hpp. The certificate's arrays are its scratch.
template <class Exec, class Real = double>
class MirrorDescent {
 public:
  using Mask = MaskOf<Real>;
  using Tuned = tuning::MirrorDescent;

  // Where there is an alternative, gives a problem up once it is to be expected to take
  // `worthwhile` more steps, or more than `most` in all. The first certificate comes after `first`.
  FASTPID_HD MirrorDescent(const Exec& exec, const BasicReduced<Real>& r,
                           const BasicMirrorWork<Real>& w, const BasicCertificateWork<Real>& c,
                           const BasicIterate<Real>& it, double tol,
                           const Real& worthwhile = HUGE_VAL, double most = HUGE_VAL,
                           double first = Tuned::kFirstCertificate)
      : exec_(exec),
        r_(r),
        w_(w),
        c_(c),
        it_(it),
        tol_(tol),
        worthwhile_(worthwhile),
        most_(most),
        next_(first) {}

  FASTPID_HD void start() {
    exec_.log_each(r_.pairs(), it_.s, w_.log_s);
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) { w_.last[p] = w_.log_s[p]; });
    if constexpr (!kDense<Real>) {
      single_ = finer_ = is_large(r_);
      if (single_) enter_single();
    }
  }

  FASTPID_HD Mask ready(int n, const Mask& running, bool last) const {
    return running & (Mask(last) | (next_ <= static_cast<double>(n)));
  }

  FASTPID_HD BasicBounds<Real> certificate(const Mask& which) {
    if (single_) exec_.exp_each(r_.pairs(), w_.log_s, it_.s);
    logarithms(exec_, r_.a, it_.exp_a, it_.log_a);
    logarithms(exec_, r_.b, it_.exp_b, it_.log_b);
    using Certificate = tuning::Certificate;
    const double enough = Certificate::kEnoughShare * tol_;
    BasicBounds<Real> bounds =
        certify(exec_, r_, it_, enough, c_, Certificate::kDescentSweeps, which);
    if constexpr (!kDense<Real>) {
      if (finer_ && bounds.gap() > tol_) {
        const double finer =
            lower_bound(exec_, r_, it_, Certificate::kSlackShare * enough, c_, Cuts::levels);
        finer_ = finer > bounds.lower;  // once in vain, always in vain
        bounds.lower = larger(bounds.lower, finer);
      }
    }
    return bounds;
  }

  // Decides when to look again.
  FASTPID_HD void learn(int n, const Mask& which, const Real& gap_now, const Real& before) {
    const Real steps = static_cast<double>(n);
    const Real gap = smaller(gap_now, before);
    const Mask second = before < HUGE_VAL;
    if (single_ && any(second & (gap > Tuned::kSingleProgress * before))) {
      single_ = false;
      since_restart_ = 0.0;
    }
    const Real power = power_of_gap(steps / looked_, before / gap);
    const Real total = steps_to_go(gap, larger(power, Real(Tuned::kUsualPower))) * steps;
    const Mask vain = (total - steps > worthwhile_) | (total > most_);
    given_up_ = given_up_ | (which & second & vain & (worthwhile_ < HUGE_VAL));
    const Real ahead =
        clamp(Tuned::kAhead * steps_to_go(gap, power) - 1.0, Tuned::kSoonest, Tuned::kLatest);
    next_ = select(which, steps + 1.0 + steps * ahead, next_);
    looked_ = select(which, steps, looked_);
  }

  FASTPID_HD Mask hopeless() const { return given_up_; }

  FASTPID_HD Mask step(const Mask& running) {
    if constexpr (!kDense<Real>) {
      if (single_) {
        step_single();
        return running;
      }
    }
    pair_sums(exec_, r_, it_.exp_a, it_.exp_b, c_.t);
    move(it_.s, c_.t);
    weighted_sums(exec_, r_, r_.half_a(), it_.s, it_.exp_b, c_.sums_a);
    rescale(exec_, r_.a, c_.sums_a, it_.exp_a);
    weighted_sums(exec_, r_, r_.half_b(), it_.s, it_.exp_a, c_.sums_b);
    rescale(exec_, r_.b, c_.sums_b, it_.exp_b);
    return running;
  }

 private:
  // The step in log S, from S and T; T is overwritten.
  template <class Number>
  FASTPID_HD void move(Number* s, Number* t) {
    exec_.log_each(r_.pairs(), t, t);
    const Real residual = exec_.sum_squares(r_.pairs(), s, t);
    since_restart_ = select(residual > residual_, Real(1.0), since_restart_ + 1.0);
    residual_ = residual;
    const Real momentum = (since_restart_ - 1.0) / (since_restart_ + 3.0);
    exec_.for_each(r_.a.count, [&](std::ptrdiff_t i) {
      Real* y = w_.log_s + i * r_.b.count;
      Real* last = w_.last + i * r_.b.count;
      const Number* step = t + i * r_.b.count;
      const Real by = momentum, least = Tuned::kLeastLog;
      const int n = r_.b.count;
      for (int j = 0; j < n; ++j) {
        const Real plain = larger(y[j] + Real(step[j]), least);
        const Real ahead = larger(plain + by * (plain - last[j]), least);
        y[j] = smaller(ahead, Real(0.0));
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
    convert(r_.a.cells(), it_.exp_a, f.exp_a);
    convert(r_.b.cells(), it_.exp_b, f.exp_b);
  }

  FASTPID_HD void step_single() {
    const SweepWork<float>& f = w_.single;
    const int m = r_.a.count, n = r_.b.count, target = r_.a.target;
    exec_.times_transposed(f.exp_a, f.exp_b, m, target, n, f.t);
    move(f.s, f.t);
    exec_.times(f.s, f.exp_b, m, n, target, f.sums_a);
    rescale_single(exec_, r_.a, f.sums_a, it_.exp_a, f.exp_a);
    exec_.transposed_times(f.s, f.exp_a, m, n, target, f.sums_b);
    rescale_single(exec_, r_.b, f.sums_b, it_.exp_b, f.exp_b);
  }

  // The power of the steps by which the gap fell, from the ratios of two certificates.
  FASTPID_HD static Real power_of_gap(const Real& steps, const Real& gaps) {
    const Real power = log(gaps) / log(steps);
    return select(power >= 1.0, smaller(power, Real(Tuned::kMostPower)), Real(1.0));  // NaN is not
  }

  // The step at which a gap should reach tol, as a multiple of those made.
  FASTPID_HD Real steps_to_go(const Real& gap, const Real& power) const {
    return exp(log(gap / tol_) / power);
  }

  const Exec& exec_;
  const BasicReduced<Real>& r_;
  const BasicMirrorWork<Real>& w_;
  const BasicCertificateWork<Real>& c_;
  const BasicIterate<Real>& it_;
  const double tol_;
  const Real worthwhile_;
  const double most_;
  bool single_ = false;
  bool finer_ = false;        // whether finer cuts are worth their time
  Real residual_ = HUGE_VAL;  // sum S (log T)^2
  Real since_restart_ = 0.0;
  Real next_;
  Real looked_ = 1.0;  // steps at the last certificate
  Mask given_up_ = false;
};

}  // namespace fastpid
