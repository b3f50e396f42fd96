// The interior point of two sources (../interior_point.hpp, which derives it) for M: pairs of
// symbols become tuples, and two potentials become M.
//
//     sum over t with t_i = x of S_t E[t, z] = a_i[x, z],   h_t + sum_z E[t, z] = 1,   S_t h_t =
//     tau,
//
// by Mehrotra's predictor and corrector on the system of system.hpp.
#pragma once

#include <initializer_list>

#include "certificate.hpp"
#include "split_system.hpp"

namespace fastpid::many {

template <class Real>
struct BasicInteriorWork {
  BasicSystemWork<Real> system;
  // By the tuple: slack, its inverse, sum_z E, the two steps, the complementarity's right-hand
  // side, what is pushed into the marginals, sum_z E d^2 / 2.
  Real *h = nullptr, *inverse = nullptr, *t = nullptr, *ds = nullptr, *dh = nullptr;
  Real *rc = nullptr, *push = nullptr, *bend = nullptr;
  Real *e = nullptr, *d = nullptr;  // tuples x target: E, and the step of its logarithm
  Real *rhs = nullptr, *left = nullptr, *dir = nullptr, *fix = nullptr, *of_q = nullptr;
  Real *image = nullptr, *best = nullptr;
  Real* row = nullptr;  // target

  FASTPID_HD static BasicInteriorWork take(Arena& arena, const BasicProblem<Real>& p) {
    BasicInteriorWork w;
    w.system = BasicSystemWork<Real>::take(arena, p);
    for (Real** a : {&w.h, &w.inverse, &w.t, &w.ds, &w.dh, &w.rc, &w.push, &w.bend}) {
      *a = arena.take<Real>(p.tuples());
    }
    for (Real** a : {&w.e, &w.d}) *a = arena.take<Real>(p.tuples() * p.target());
    for (Real** a : {&w.rhs, &w.left, &w.dir, &w.fix, &w.of_q, &w.image, &w.best}) {
      *a = arena.take<Real>(p.cells());
    }
    w.row = arena.take<Real>(p.target());
    return w;
  }
};

// An iterative method in the sense of ../iteration.hpp.
template <class Exec, class Real, int kTarget>
class InteriorPoint {
 public:
  using Mask = MaskOf<Real>;
  using Tuned = tuning::ManyInteriorPoint;

  // `cautious`: keeps to its central path all the way. With `split`, the system is that of
  // split_system.hpp.
  FASTPID_HD InteriorPoint(const Exec& exec, const BasicProblem<Real>& p,
                           const BasicInteriorWork<Real>& w, const BasicCertificateWork<Real>& c,
                           const BasicIterate<Real>& it, double tol, bool cautious,
                           const BasicSplitWork<Real>* split)
      : exec_(exec),
        p_(p),
        w_(w),
        c_(c),
        it_(it),
        tol_(tol),
        tuples_(p.tuples()),
        target_(p.target()),
        split_(split),
        none_(),
        system_(exec, p, w.system, split ? *split : none_),
        careful_(cautious ? HUGE_VAL : 0.0) {}

  // From the proxy, its first source's rows shifted to be strictly feasible.
  FASTPID_STAGE void start() {
    read_products();
    const std::ptrdiff_t after = tuples_ / p_.sources.symbols[0];
    for (std::ptrdiff_t x = 0; x < p_.sources.symbols[0]; ++x) {
      Real most = 0.0;
      for (std::ptrdiff_t t = x * after; t < (x + 1) * after; ++t) most = larger(most, w_.t[t]);
      const Real shift = log(most) + Tuned::kMargin, scale = exp(shift);
      for (std::ptrdiff_t c = x * target_; c < (x + 1) * target_; ++c) {
        it_.log[c] -= shift;
        it_.factor[c] /= scale;
      }
      for (std::ptrdiff_t t = x * after; t < (x + 1) * after; ++t) {
        w_.h[t] = 1.0 - w_.t[t] / scale;
        it_.s[t] = select(w_.t[t] > 0.0, it_.s[t] * scale, Real(0.0));
        live_ += select(it_.s[t] > 0.0, Real(1.0), Real(0.0));
      }
    }
  }

  // Certifies where the gap is about tol, and where progress ends: the iterate at hand may be the
  // best there is.
  FASTPID_HD Mask ready(int, const Mask& running, bool last) {
    measure();
    const Real merit = complement_ + residual_;
    finite_ = merit < HUGE_VAL;
    const Mask progress = merit < Tuned::kProgress * least_merit_;
    least_merit_ = select(progress, merit, least_merit_);
    in_vain_ = select(progress, Real(0.0), in_vain_ + 1.0);
    const Mask uneasy = in_vain_ >= Tuned::kUneasy;
    // Predictor and corrector may go round in circles, which central steps leave.
    careful_ = select(uneasy, larger(careful_, Real(Tuned::kCarefulSteps)), careful_);
    const Mask plausible = complement_ <= Tuned::kPlausible * larger(tol_, Tuned::kNearRounding);
    return running & finite_ & (Mask(last) | plausible | uneasy);
  }

  FASTPID_HD BasicBounds<Real> certificate(const Mask& which) {
    return certify(exec_, p_, it_, tuning::Certificate::kEnoughShare * tol_, c_,
                   tuning::Certificate::kSweeps, which);
  }

  FASTPID_HD void learn(int, const Mask& which, const Real& gap, const Real& before) {
    in_vain_ = select(which & (gap < Tuned::kProgress * before), Real(0.0), in_vain_);
  }

  FASTPID_HD Mask hopeless() const { return (in_vain_ > Tuned::kPatience) | !finite_; }

  // A predictor-corrector step of `running`; false where no regularisation gives a usable
  // direction. A problem that has its direction gets the same one again while others of its pack
  // retry.
  FASTPID_HD Mask step(const Mask& running) {
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) w_.inverse[t] = 1.0 / w_.h[t];
    Real regularisation = Tuned::kLeastRegularisation;
    Mask usable = false;
    for (;;) {
      const Mask definite = split_
                                ? system_.factorise(it_.s, w_.e, w_.h, regularisation)
                                : system_.Whole::factorise(it_.s, w_.e, w_.inverse, regularisation);
      if (any(definite & running)) {
        predict();
        const Real misfit = correct();
        usable = running & definite & (misfit <= Tuned::kUsableShare * (complement_ + residual_));
      }
      const Mask open = running & !usable & (regularisation < Tuned::kMostRegularisation);
      regularisation = select(open, Tuned::kRaise * regularisation, regularisation);
      if (!any(open)) break;
    }
    if (any(usable)) advance(usable);
    return usable;
  }

 private:
  // E and its sums.
  FASTPID_STAGE void read_products() {
    products(p_.sources, p_.sources.count, it_.factor, w_.e, target_);
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      Real sum = 0.0;
      for (int z = 0; z < target_; ++z) sum += w_.e[t * target_ + z];
      w_.t[t] = sum;
    }
  }

  // out[i, x, z] = sum over the tuples with t_i = x of value(t, t * target + z), for every source;
  // those whose S is zero are left out.
  template <class F>
  FASTPID_HD void gather(Real* out, F&& value) const {
    const std::ptrdiff_t last = p_.last();
    const int sources = p_.sources.count;
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) out[c] = 0.0;
    each_head(p_, [&](std::ptrdiff_t h, const Odometer& at) {
      for (int z = 0; z < target_; ++z) w_.row[z] = 0.0;
      for (std::ptrdiff_t x = 0; x < last; ++x) {
        const std::ptrdiff_t t = h * last + x;
        if (skip(it_.s[t])) continue;
        Real* of_last = out + p_.tail() + x * target_;
        for (int z = 0; z < target_; ++z) {
          const Real v = value(t, t * target_ + z);
          w_.row[z] += v;
          of_last[z] += v;
        }
      }
      for (int i = 0; i + 1 < sources; ++i) {
        Real* row = out + at.row(i);
        for (int z = 0; z < target_; ++z) row[z] += w_.row[z];
      }
    });
  }

  // Sets E, its sums and what a step is judged by, after sweeps of iterative proportional fitting
  // if some marginal is off by much of itself.
  FASTPID_STAGE void measure() {
    complement_ = 0.0;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      complement_ = multiply_add(it_.s[t], w_.h[t], complement_);
    }
    compare_marginals();
    const Mask early = complement_ > Tuned::kSweepAbove * tol_;
    const MarginalSums<Exec, Real> sums(exec_, p_, c_.sums);
    for (int n = 0; n < Tuned::kSweeps; ++n) {
      const Mask which = early & (beyond_ > 0.0);
      if (!any(which)) break;
      sums.sweep(it_.s, it_.factor, w_.of_q, [&](std::ptrdiff_t from, std::ptrdiff_t to) {
        for (std::ptrdiff_t c = from; c < to; ++c) {
          const Real scaled = it_.factor[c] * (p_.mass[c] / w_.of_q[c]);
          // Factors and their logarithms stay one number.
          const Mask change = which & (scaled > Tuned::kLeastFactor) &
                              (scaled < tuning::Certificate::kLargestFactor);
          it_.factor[c] = select(change, scaled, it_.factor[c]);
          it_.log[c] = select(change, log(it_.factor[c]), it_.log[c]);
        }
      });
      compare_marginals();
    }
    read_products();
  }

  // The marginals of S E against those given: their distance, and by how much the furthest is
  // beyond Tuned::kFar of itself.
  FASTPID_STAGE void compare_marginals() {
    MarginalSums<Exec, Real>(exec_, p_, c_.sums).all(it_.s, it_.factor, w_.of_q);
    residual_ = 0.0;
    beyond_ = -HUGE_VAL;
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      const Real off = fabs(p_.mass[c] - w_.of_q[c]);
      residual_ += off;
      beyond_ = larger(beyond_, off - Tuned::kFar * p_.mass[c]);
    }
  }

  // The direction to tau = 0, and from it the centring and the weight of the second-order terms.
  FASTPID_STAGE void predict() {
    right_hand_sides(0.0, 0.0, false);
    if (split_) {
      for (std::ptrdiff_t k = 0; k < system_.count(); ++k) split_->left[k] = 0.0;
      system_.solve(w_.rhs, split_->left, w_.dir, split_->v);
    } else {
      system_.Whole::solve(w_.rhs, w_.dir);
    }
    steps_of_tuples(false, 0.0);
    const Real primal = smaller(Real(1.0), primal_length());
    const Real dual = smaller(Real(1.0), dual_length());
    Real after = 0.0;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      const Real product = (it_.s[t] + primal * w_.ds[t]) * (w_.h[t] + dual * w_.dh[t]);
      after += select(it_.s[t] > 0.0, product, Real(0.0));
    }
    const Real ratio = after / complement_;
    sigma_ = larger(ratio * ratio * ratio,
                    select(careful_ > 0.0, Real(Tuned::kCarefulSigma), Real(Tuned::kLeastSigma)));
    // tau stays in reach of the tolerance and of the residual, which it must not outrun.
    sigma_ = larger(sigma_, smaller(Real(1.0), Tuned::kToleranceShare * tol_ / complement_));
    sigma_ = larger(sigma_, smaller(Real(1.0), Tuned::kResidualShare * residual_ / complement_));
    const Real share = smaller(primal, dual) * (1.0 - sigma_);
    damp_ = share * share;
  }

  // Returns the residual of the linear system, after conjugate gradients with the factorisation as
  // their preconditioner. W_t has E_t E_t' S_t / h_t beside S_t, and S_t / h_t may be 1e10: its
  // rounding spoils the few directions that only tuples of little mass hold up. The direction with
  // the least residual is kept.
  FASTPID_STAGE Real correct() {
    right_hand_sides(sigma_ * complement_ / live_, damp_, true);
    const Real enough = Tuned::kResidualEnough * larger(Real(tol_), sigma_ * complement_);
    if (split_) return correct_split(enough);
    const std::ptrdiff_t n = p_.cells();
    system_.Whole::solve(w_.rhs, w_.dir);
    apply(w_.dir, w_.image);
    for (std::ptrdiff_t c = 0; c < n; ++c) w_.left[c] = w_.rhs[c] - w_.image[c];
    const auto norm = [&] {
      Real sum = 0.0;
      for (std::ptrdiff_t c = 0; c < n; ++c) sum += fabs(w_.left[c]);
      return sum;
    };
    const auto dot = [&](const Real* x, const Real* y) {
      Real sum = 0.0;
      for (std::ptrdiff_t c = 0; c < n; ++c) sum = multiply_add(x[c], y[c], sum);
      return sum;
    };
    Real misfit = norm(), least = misfit, before = 1.0;
    Mask active = misfit > enough;
    if (any(active)) {
      for (std::ptrdiff_t c = 0; c < n; ++c) w_.best[c] = w_.dir[c];
      Real* p = w_.of_q;
      for (int k = 0; k < Tuned::kRefinements && any(active); ++k) {
        system_.Whole::solve(w_.left, w_.fix);
        const Real product = dot(w_.left, w_.fix);
        active = active & (product > 0.0);
        if (!any(active)) break;
        const Real turn = k == 0 ? Real(0.0) : select(active, product / before, Real(0.0));
        before = select(active, product, Real(1.0));
        for (std::ptrdiff_t c = 0; c < n; ++c) {
          p[c] = k == 0 ? w_.fix[c] : multiply_add(turn, p[c], w_.fix[c]);
        }
        apply(p, w_.image);
        const Real curvature = dot(p, w_.image);
        active = active & (curvature > 0.0);
        const Real length = select(active, product / curvature, Real(0.0));
        for (std::ptrdiff_t c = 0; c < n; ++c) {
          w_.dir[c] += length * p[c];
          w_.left[c] -= length * w_.image[c];
        }
        misfit = select(active, norm(), misfit);
        const Mask better = active & (misfit < least);
        least = select(better, misfit, least);
        for (std::ptrdiff_t c = 0; c < n; ++c) {
          w_.best[c] = select(better, w_.dir[c], w_.best[c]);
        }
        active = active & (misfit > enough) & (misfit <= Tuned::kRunaway * least);
      }
      for (std::ptrdiff_t c = 0; c < n; ++c) w_.dir[c] = w_.best[c];
    }
    steps_of_tuples(true, damp_);
    return least;
  }

  // The same with the system split, by iterative refinement: its factors are good to many digits.
  FASTPID_STAGE Real correct_split(const Real& enough) {
    const std::ptrdiff_t n = p_.cells(), stiff = system_.count();
    const BasicSplitWork<Real>& split = *split_;
    for (std::ptrdiff_t c = 0; c < n; ++c) {
      w_.dir[c] = w_.best[c] = 0.0;
      w_.left[c] = w_.rhs[c];
    }
    for (std::ptrdiff_t k = 0; k < stiff; ++k) split.v[k] = split.best[k] = split.left[k] = 0.0;
    Real least = HUGE_VAL;
    Mask active = true;
    for (int round = 0; round < Tuned::kRefinements && any(active); ++round) {
      system_.solve(w_.left, split.left, w_.fix, split.fix);
      for (std::ptrdiff_t c = 0; c < n; ++c) {
        w_.dir[c] = select(active, w_.dir[c] + w_.fix[c], w_.dir[c]);
      }
      for (std::ptrdiff_t k = 0; k < stiff; ++k) {
        split.v[k] = select(active, split.v[k] + split.fix[k], split.v[k]);
      }
      Real misfit = residuals_of_split();
      const Mask better = active & (misfit < least);
      const Mask much = misfit < 0.5 * least;
      least = select(better, misfit, least);
      for (std::ptrdiff_t c = 0; c < n; ++c) w_.best[c] = select(better, w_.dir[c], w_.best[c]);
      for (std::ptrdiff_t k = 0; k < stiff; ++k) {
        split.best[k] = select(better, split.v[k], split.best[k]);
      }
      active = active & much & (misfit > enough);
    }
    for (std::ptrdiff_t c = 0; c < n; ++c) w_.dir[c] = w_.best[c];
    for (std::ptrdiff_t k = 0; k < stiff; ++k) split.v[k] = split.best[k];
    steps_of_tuples(true, damp_);
    return least;
  }

  // What w_.dir and v leave of the right-hand sides, to w_.left and split.left; returns its size.
  FASTPID_STAGE Real residuals_of_split() {
    const BasicSplitWork<Real>& split = *split_;
    Real misfit = 0.0;
    each_step(w_.dir, [&](std::ptrdiff_t t) {
      Real dot = 0.0;
      for (std::ptrdiff_t c = t * target_; c < (t + 1) * target_; ++c) {
        dot = multiply_add(w_.e[c], w_.d[c], dot);
      }
      w_.push[t] = dot;
    });
    for (std::ptrdiff_t k = 0; k < system_.count(); ++k) {
      const std::ptrdiff_t t = system_.tuple(k);
      const Real left = split.weight[k] * split.v[k] - w_.push[t];
      split.left[k] = select(system_.is_stiff(k), left, Real(0.0));
    }
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) w_.push[t] *= split.inverse[t];
    for (std::ptrdiff_t k = 0; k < system_.count(); ++k) {
      const std::ptrdiff_t t = system_.tuple(k);
      w_.push[t] = select(system_.is_stiff(k), split.v[k] / it_.s[t], w_.push[t]);
    }
    gather(w_.image, [&](std::ptrdiff_t t, std::ptrdiff_t c) {
      return it_.s[t] * w_.e[c] * (w_.d[c] + w_.push[t]);
    });
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      w_.left[c] = w_.rhs[c] - w_.image[c];
      misfit += fabs(w_.left[c]);
    }
    return misfit;
  }

  // out = the system times a direction.
  FASTPID_STAGE void apply(const Real* direction, Real* out) {
    each_step(direction, [&](std::ptrdiff_t t) {
      Real dot = 0.0;
      for (std::ptrdiff_t c = t * target_; c < (t + 1) * target_; ++c) {
        dot = multiply_add(w_.e[c], w_.d[c], dot);
      }
      w_.push[t] = dot * w_.inverse[t];
    });
    gather(out, [&](std::ptrdiff_t t, std::ptrdiff_t c) {
      return it_.s[t] * w_.e[c] * (w_.d[c] + w_.push[t]);
    });
  }

  // d[t, z] = sum_i direction_i[t_i, z], and then f(t), for every tuple with S > 0.
  template <class F>
  FASTPID_HD void each_step(const Real* direction, F&& f) {
    const std::ptrdiff_t last = p_.last();
    each_head(p_, [&](std::ptrdiff_t h, const Odometer& at) {
      for (int z = 0; z < target_; ++z) {
        Real sum = 0.0;
        for (int i = 0; i + 1 < p_.sources.count; ++i) sum += direction[at.row(i) + z];
        w_.row[z] = sum;
      }
      for (std::ptrdiff_t x = 0; x < last; ++x) {
        const std::ptrdiff_t t = h * last + x;
        if (skip(it_.s[t])) continue;
        const Real* own = direction + p_.tail() + x * target_;
        for (int z = 0; z < target_; ++z) w_.d[t * target_ + z] = w_.row[z] + own[z];
        f(t);
      }
    });
  }

  // rhs = marginal - sum E (push + damp (ds d + S d^2 / 2)), d and ds being the predictor's.
  FASTPID_STAGE void right_hand_sides(const Real& centre, const Real& damp, bool corrector) {
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      const Real s = it_.s[t];
      w_.rc[t] = w_.push[t] = 0.0;
      if (skip(s)) continue;
      const Mask live = s > 0.0;
      Real rc = centre - s * w_.h[t];
      if (corrector) rc -= damp * (w_.ds[t] * w_.dh[t] - s * w_.bend[t]);
      w_.rc[t] = select(live, rc, Real(0.0));
      w_.push[t] = select(live, s + (rc + s * slack_residual(t)) * w_.inverse[t], Real(0.0));
    }
    if (corrector) {
      gather(w_.rhs, [&](std::ptrdiff_t t, std::ptrdiff_t c) {
        const Real d = clamp(w_.d[c], -Tuned::kBend, Tuned::kBend);
        return w_.e[c] *
               multiply_add(damp * d, multiply_add(0.5 * it_.s[t], d, w_.ds[t]), w_.push[t]);
      });
    } else {
      gather(w_.rhs, [&](std::ptrdiff_t t, std::ptrdiff_t c) { return w_.e[c] * w_.push[t]; });
    }
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      w_.rhs[c] = select(p_.mass[c] > 0.0, p_.mass[c] - w_.rhs[c], Real(0.0));
    }
  }

  // ds and dh of the direction. A predictor also leaves its second-order term in bend, which the
  // corrector adds to its dh; a corrector also measures its largest |d log E|.
  FASTPID_STAGE void steps_of_tuples(bool corrector, const Real& damp) {
    Real largest = 1e-300;
    each_step(w_.dir, [&](std::ptrdiff_t t) {
      Real dot = 0.0, bend = 0.0;
      for (std::ptrdiff_t c = t * target_; c < (t + 1) * target_; ++c) {
        const Real e = w_.e[c], d = w_.d[c];
        dot = multiply_add(e, d, dot);
        if (corrector) {
          largest = larger(largest, select(e > 0.0, fabs(d), Real(0.0)));
        } else {
          const Real bent = clamp(d, -Tuned::kBend, Tuned::kBend);
          bend = multiply_add(e, bent * bent, bend);
        }
      }
      const Real dh = -slack_residual(t) - dot;
      w_.ds[t] = (w_.rc[t] - it_.s[t] * dh) * w_.inverse[t];
      w_.dh[t] = corrector ? dh - damp * w_.bend[t] : dh;
      if (!corrector) w_.bend[t] = 0.5 * bend;
    });
    largest_ = largest;
    if (!split_) return;
    // S / h of a stiff tuple would make noise of the last digit of E . d; v has all digits.
    for (std::ptrdiff_t k = 0; k < system_.count(); ++k) {
      const std::ptrdiff_t t = system_.tuple(k);
      const Mask stiff = system_.is_stiff(k);
      const Real s = it_.s[t];
      const Real ds = (w_.rc[t] + s * slack_residual(t)) * w_.inverse[t] + split_->v[k];
      const Real dh = (w_.rc[t] - w_.h[t] * ds) / s;
      w_.ds[t] = select(stiff, ds, w_.ds[t]);
      w_.dh[t] = select(stiff, corrector ? dh - damp * w_.bend[t] : dh, w_.dh[t]);
    }
  }

  FASTPID_STAGE void advance(const Mask& which) {
    const Real tau = complement_ / live_;
    const Mask central = careful_ > 0.0;
    const Real share =
        select(central, Real(Tuned::kLeastTau),
               clamp(1.0 - Tuned::kTauPerT * tau, Tuned::kLeastTau, Tuned::kMostTau));
    Real step_s = smaller(Real(1.0), share * primal_length());
    Real step_h = smaller(smaller(Real(1.0), share * dual_length()), Tuned::kReach / largest_);
    // A short step is the sign of products S h far from one another: the next few stay central.
    careful_ = select(smaller(step_s, step_h) < Tuned::kShort,
                      larger(careful_, Real(Tuned::kCarefulSteps)),
                      select(central, careful_ - 1.0, Real(0.0)));
    step_s = select(which, step_s, Real(0.0));
    step_h = select(which, step_h, Real(0.0));
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      if (skip(it_.s[t])) continue;
      const Mask live = it_.s[t] > 0.0;
      it_.s[t] = select(live, it_.s[t] + step_s * w_.ds[t], it_.s[t]);
      w_.h[t] = select(live, w_.h[t] + step_h * w_.dh[t], w_.h[t]);
    }
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      it_.log[c] = select(p_.mass[c] > 0.0, it_.log[c] + step_h * w_.dir[c], it_.log[c]);
    }
    exec_.exp_each(p_.cells(), it_.log, it_.factor);
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      it_.factor[c] = select(p_.mass[c] > 0.0, it_.factor[c], Real(0.0));
    }
  }

  // h + sum_z E - 1, taken as zero where it is the rounding of a sum.
  FASTPID_HD Real slack_residual(std::ptrdiff_t t) const {
    const Real residual = w_.h[t] + w_.t[t] - 1.0;
    return select(fabs(residual) > Tuned::kSlackRounding, residual, Real(0.0));
  }

  // The largest steps that keep S and h non-negative.
  FASTPID_HD Real primal_length() const {
    Real least = HUGE_VAL;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      const Mask falls = (it_.s[t] > 0.0) & (w_.ds[t] < 0.0);
      least = smaller(least, select(falls, -it_.s[t] / w_.ds[t], Real(HUGE_VAL)));
    }
    return least;
  }
  FASTPID_HD Real dual_length() const {
    Real most = 0.0;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      most = larger(most, select(it_.s[t] > 0.0, -w_.dh[t] * w_.inverse[t], Real(0.0)));
    }
    return select(most > 0.0, 1.0 / most, Real(HUGE_VAL));
  }

  const Exec& exec_;
  const BasicProblem<Real>& p_;
  const BasicInteriorWork<Real>& w_;
  const BasicCertificateWork<Real>& c_;
  const BasicIterate<Real>& it_;
  const double tol_;
  const std::ptrdiff_t tuples_;
  const TargetSize<kTarget> target_;
  const BasicSplitWork<Real>* const split_;
  const BasicSplitWork<Real> none_;
  SplitSystem<Exec, Real, kTarget> system_;
  Real live_ = 0.0;        // tuples with a common target symbol
  Real complement_ = 0.0;  // sum S h
  Real residual_ = 0.0;    // sum |a - marginal of S E|
  Real beyond_ = 0.0;      // largest error of a marginal beyond Tuned::kFar of itself
  Real sigma_ = 0.0;       // centring of the step at hand
  Real damp_ = 0.0;        // weight of its second-order terms
  Real careful_;           // steps to come that stay central
  Real largest_ = 0.0;     // largest |d log E| of the last direction
  Real least_merit_ = HUGE_VAL;
  Real in_vain_ = 0.0;  // steps since there was progress
  Mask finite_ = true;
};

}  // namespace fastpid::many
