// Primal-dual interior point on the condensed system.
//
// Unknowns: potentials lam, mu on the supports of a and b, and for each pair of symbols a mass
// S > 0 and a slack h > 0. With E = exp(lam + mu), the perturbed optimality conditions are
//
//     sum_y S E = a,    sum_x S E = b,    h + sum_z E = 1,    S h = t.
//
// On their path q = S E lies in Delta_P and the gap is t per pair. The slack is a variable of its
// own, which lets a step leave the surface h = 1 - sum_z E and come back to it: fewer steps than if
// the slack is recomputed, and none cut short to stay inside.
//
// Newton. Eliminating dh and dS leaves, for d = dlam[x,z] + dmu[y,z] and W = S (diag E + E E^T /
// h),
//
//     sum_y W d = r_a,   sum_x W d = r_b,
//     r_a = a - sum_y E (S + w + c1),   w = (rc + S rh) / h,   rh = h + sum_z E - 1,
//     dh = -rh - sum_z E d,   dS = (rc - S dh) / h,
//
// and likewise for b; rc is the right-hand side of the complementarity row and c1 the second-order
// term below. condensed_system.hpp solves for d.
//
// Predictor-corrector (Mehrotra 1992): a first direction with t = 0 sets the centring and the
// second-order terms, here those of the exponential too: with d the predictor's, damped by its step
// length, q gains dS E d + S E d^2 / 2, sum_z E gains E d^2 / 2, and S h gains dS dh.
//
// On large systems the corrector is repeated from where its step ends (repeat_corrector()): a solve
// costs far less than a factorisation there.
//
// Between two Newton steps a few Sinkhorn sweeps (each factor rescaled to its marginal) restore the
// marginals in relative terms. Newton alone does so in absolute terms, and stalls on tables in
// which cells of 1e-9 stand beside cells of 0.1.
#pragma once

#include "certificate.hpp"
#include "condensed_system.hpp"
#include "iteration.hpp"
#include "numerics.hpp"
#include "sinkhorn.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

template <class Real>
struct BasicInteriorWork {
  BasicCondensedWork<Real> system;
  // Over the pairs: slack, sum_z E, the two steps, right-hand sides, sum_z E d^2 / 2.
  Real *h = nullptr, *t = nullptr, *ds = nullptr, *dh = nullptr;
  Real *rc = nullptr, *push = nullptr, *bend = nullptr;
  // Of a repeated corrector: the steps that it would make of ds and dh.
  Real *next_s = nullptr, *next_h = nullptr;
  // Over the cells of a and of b, dense (count x target), zero off the support.
  Real *rhs_a = nullptr, *dir_a = nullptr, *sums_a = nullptr, *next_a = nullptr, *end_a = nullptr;
  Real *rhs_b = nullptr, *dir_b = nullptr, *sums_b = nullptr, *next_b = nullptr, *end_b = nullptr;

  FASTPID_HD static BasicInteriorWork take(Arena& arena, const BasicReduced<Real>& r) {
    const std::ptrdiff_t pairs = r.pairs();
    BasicInteriorWork w;
    w.system = BasicCondensedWork<Real>::take(arena, r);
    for (Real** p : {&w.h, &w.t, &w.ds, &w.dh, &w.rc, &w.push, &w.bend, &w.next_s, &w.next_h}) {
      *p = arena.take<Real>(pairs);
    }
    for (Real** p : {&w.rhs_a, &w.dir_a, &w.sums_a, &w.next_a, &w.end_a}) {
      *p = arena.take<Real>(r.a.cells());
    }
    for (Real** p : {&w.rhs_b, &w.dir_b, &w.sums_b, &w.next_b, &w.end_b}) {
      *p = arena.take<Real>(r.b.cells());
    }
    return w;
  }
};
using InteriorWork = BasicInteriorWork<double>;

// An iterative method in the sense of iteration.hpp.
template <class Exec, class Real = double>
class InteriorPoint {
 public:
  using Mask = MaskOf<Real>;
  using Tuned = tuning::InteriorPoint;

  // `cautious`: keeps to its central path all the way.
  FASTPID_HD InteriorPoint(const Exec& exec, const BasicReduced<Real>& r,
                           const BasicInteriorWork<Real>& w, const BasicCertificateWork<Real>& c,
                           const BasicIterate<Real>& it, double tol, bool cautious = false)
      : exec_(exec),
        r_(r),
        w_(w),
        c_(c),
        it_(it),
        tol_(tol),
        n_(r.b.count),
        system_(exec, r, w.system, it, w.h),
        careful_(cautious ? HUGE_VAL : 0.0) {}

  // The proxy with its rows shifted to be strictly feasible; its marginals stay exact.
  FASTPID_HD void start() {
    pair_sums(exec_, r_, it_.exp_a, it_.exp_b, w_.t);
    exec_.for_each(r_.a.count, [&](int i) {
      Real most = 0.0;
      for (int j = 0; j < n_; ++j) most = larger(most, w_.t[i * n_ + j]);
      const Real shift = log(most) + Tuned::kMargin;
      const Real scale = exp(shift);
      r_.a.row(i, [&](int k, int z) {
        it_.log_a[k] -= shift;
        it_.exp_a[i * target() + z] /= scale;
      });
      for (int j = 0; j < n_; ++j) {
        const std::ptrdiff_t p = i * n_ + j;
        w_.h[p] = 1.0 - w_.t[p] / scale;
        it_.s[p] = select(w_.t[p] > 0.0, it_.s[p] * scale, Real(0.0));
      }
    });
    live_ = exec_.sum(
        r_.pairs(), [&](std::ptrdiff_t p) { return select(it_.s[p] > 0.0, Real(1.0), Real(0.0)); });
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
    return certify(exec_, r_, it_, tuning::Certificate::kEnoughShare * tol_, c_,
                   tuning::Certificate::kSweeps, which);
  }

  FASTPID_HD void learn(int, const Mask& which, const Real& gap, const Real& before) {
    in_vain_ = select(which & (gap < Tuned::kProgress * before), Real(0.0), in_vain_);
  }

  FASTPID_HD Mask hopeless() const { return (in_vain_ > Tuned::kPatience) | !finite_; }

  // One predictor-corrector step of `running`; false where no regularisation gives a usable
  // direction. The first one is the rounding of the matrix itself, and the least that will do is
  // best: larger ones suppress the directions in which the optimum is nearly degenerate. A problem
  // that has its direction gets the same one again while others of its pack retry.
  FASTPID_HD Mask step(const Mask& running) {
    Real regularisation = Tuned::kLeastRegularisation;
    Mask usable = false;
    for (;;) {
      const Mask definite = system_.factorise(regularisation);
      if (any(definite & running)) {
        predict();
        // A residual of the linear system far beyond what there is to gain marks a useless
        // direction.
        const Real misfit = correct();
        usable = running & definite & (misfit <= Tuned::kUsableShare * (complement_ + residual_));
      }
      const Mask open = running & !usable & (regularisation < Tuned::kMostRegularisation);
      regularisation = select(open, Tuned::kRaise * regularisation, regularisation);
      if (exec_.stopped() || !any(open)) break;
    }
    ++steps_;
    if (any(usable)) {
      if (r_.b.size >= Tuned::kRepeatOrder && steps_ < Tuned::kRepeatSteps) repeat_corrector();
      advance(usable);
    }
    return usable;
  }

 private:
  // Sets what a step is judged by, after Sinkhorn sweeps (each side's factor rescaled to its
  // marginal) if some marginal is off by much of itself.
  FASTPID_HD void measure() {
    complement_ = exec_.sum(r_.pairs(), [&](std::ptrdiff_t p) { return it_.s[p] * w_.h[p]; });
    compare_marginals();
    const Mask early = complement_ > Tuned::kSweepAbove * tol_;
    for (int n = 0; n < Tuned::kSweeps; ++n) {
      const Mask sweep = early & (beyond_ > 0.0);
      if (!any(sweep)) break;
      rescale_with_logs(exec_, r_.a, w_.sums_a, sweep, it_.exp_a, it_.log_a);
      weigh_b();
      rescale_with_logs(exec_, r_.b, w_.sums_b, sweep, it_.exp_b, it_.log_b);
      compare_marginals();
    }
    pair_sums(exec_, r_, it_.exp_a, it_.exp_b, w_.t);
  }

  // The marginals of S E against a and b: their distance, and by how much the furthest is beyond
  // Tuned::kFar of itself.
  FASTPID_HD void compare_marginals() {
    residual_ = 0.0;
    beyond_ = -HUGE_VAL;
    weigh_a();
    compare_side(r_.a, it_.exp_a, w_.sums_a);
    weigh_b();
    compare_side(r_.b, it_.exp_b, w_.sums_b);
  }

  FASTPID_HD void compare_side(const BasicSide<Real>& side, const Real* factors, const Real* sums) {
    const auto off = [&](int k, std::ptrdiff_t c) {
      return fabs(side.mass[k] - factors[c] * sums[c]);
    };
    residual_ += sum_cells<Exec, Real>(exec_, side, off);
    beyond_ = larger(beyond_, exec_.max(side.count, [&](std::ptrdiff_t i) {
      Real most = -HUGE_VAL;
      side.row(static_cast<int>(i), [&](int k, int z) {
        most = larger(most, off(k, i * target() + z) - Tuned::kFar * side.mass[k]);
      });
      return most;
    }));
  }

  // Sums of S E over the other side, without a cell's own factor.
  FASTPID_HD void weigh_a() { weighted_sums(exec_, r_, r_.half_a(), it_.s, it_.exp_b, w_.sums_a); }
  FASTPID_HD void weigh_b() { weighted_sums(exec_, r_, r_.half_b(), it_.s, it_.exp_a, w_.sums_b); }

  // The direction to t = 0, and from it the centring and the weight of the second-order terms.
  FASTPID_HD void predict() {
    right_hand_sides(0.0, 0.0, false);
    system_.solve(w_.rhs_a, w_.rhs_b, w_.dir_a, w_.dir_b, 0.0, 0);
    pair_steps(false, 0.0);
    const Real primal = smaller(Real(1.0), primal_length(w_.ds));
    const Real dual = smaller(Real(1.0), dual_length(w_.dh));
    const Real after = exec_.sum(r_.pairs(), [&](std::ptrdiff_t p) {
      const Real product = (it_.s[p] + primal * w_.ds[p]) * (w_.h[p] + dual * w_.dh[p]);
      return select(it_.s[p] > 0.0, product, Real(0.0));
    });
    const Real ratio = after / complement_;
    sigma_ = larger(ratio * ratio * ratio,
                    select(careful_ > 0.0, Real(Tuned::kCarefulSigma), Real(Tuned::kLeastSigma)));
    // t stays in reach of the tolerance and of the residual, which it must not outrun.
    sigma_ = larger(sigma_, smaller(Real(1.0), Tuned::kToleranceShare * tol_ / complement_));
    sigma_ = larger(sigma_, smaller(Real(1.0), Tuned::kResidualShare * residual_ / complement_));
    // The step taken is about (1 - sigma) times the part of the predictor that is feasible.
    const Real share = smaller(primal, dual) * (1.0 - sigma_);
    damp_ = share * share;
  }

  // Returns the residual of the linear system.
  FASTPID_HD Real correct() {
    right_hand_sides(sigma_ * complement_ / live_, damp_, true);
    const Real misfit =
        system_.solve(w_.rhs_a, w_.rhs_b, w_.dir_a, w_.dir_b, enough(), Tuned::kRefinements);
    pair_steps(true, damp_);
    return misfit;
  }

  FASTPID_HD Real enough() const {
    return Tuned::kResidualEnough * larger(Real(tol_), sigma_ * complement_);
  }

  // Simplified Newton steps from where the direction ends, with the factorisation at hand: solving
  // again is cheap beside factorising again, if the system is large. A step that would shorten the
  // reach is not taken. Tables that take many steps are those with cells that differ by orders of
  // magnitude, where the corrections of correct() alone are the more reliable.
  FASTPID_HD void repeat_corrector() {
    const auto reach = [&](const Real* ds, const Real* dh, const Real& largest, Real& primal,
                           Real& dual) {
      primal = smaller(Real(1.0), primal_length(ds));
      dual = smaller(smaller(Real(1.0), dual_length(dh)), Tuned::kReach / largest);
      return smaller(primal, dual);
    };
    Real primal, dual, next_primal, next_dual;
    Real before = reach(w_.ds, w_.dh, largest_, primal, dual);
    Mask active = before >= Tuned::kWorthRepeating;
    for (int n = 0; n < Tuned::kRepeats && any(active); ++n) {
      residuals_at_end(primal, dual);
      system_.solve(w_.rhs_a, w_.rhs_b, w_.next_a, w_.next_b, enough(), Tuned::kRefinements);
      const Real largest = next_steps(primal, dual);
      const Real after = reach(w_.next_s, w_.next_h, largest, next_primal, next_dual);
      active = active & (after >= Tuned::kLeastReach * before);
      if (!any(active)) return;
      const auto take = [&](std::ptrdiff_t count, const Real* next, Real* step) {
        exec_.for_each(count,
                       [&](std::ptrdiff_t i) { step[i] = select(active, next[i], step[i]); });
      };
      take(r_.pairs(), w_.next_s, w_.ds);
      take(r_.pairs(), w_.next_h, w_.dh);
      take(r_.a.count * target(), w_.next_a, w_.dir_a);
      take(r_.b.count * target(), w_.next_b, w_.dir_b);
      largest_ = select(active, largest, largest_);
      primal = next_primal;
      dual = next_dual;
      before = after;
      active = active & (before >= Tuned::kWorthRepeating);
    }
  }

  // The right-hand sides that are left at the end of a direction cut to `primal` and `dual`, in the
  // linear system of its start.
  FASTPID_HD void residuals_at_end(const Real& primal, const Real& dual) {
    const auto factors = [&](const BasicSide<Real>& side, const Real* dir, const Real* start,
                             Real* end) {
      exec_.for_each(side.count, [&](int i) {
        for (int z = 0; z < target(); ++z) end[i * target() + z] = 0.0;
        side.row(i, [&](int, int z) {
          const std::ptrdiff_t c = i * target() + z;
          end[c] = start[c] * exp(dual * dir[c]);
        });
      });
    };
    factors(r_.a, w_.dir_a, it_.exp_a, w_.end_a);
    factors(r_.b, w_.dir_b, it_.exp_b, w_.end_b);
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) {
      w_.next_s[p] = select(it_.s[p] > 0.0, it_.s[p] + primal * w_.ds[p], Real(0.0));
    });
    weighted_sums(exec_, r_, r_.half_a(), w_.next_s, w_.end_b, w_.sums_a);
    weighted_sums(exec_, r_, r_.half_b(), w_.next_s, w_.end_a, w_.sums_b);
    pair_sums(exec_, r_, w_.end_a, w_.end_b, w_.t);
    const Real centre = sigma_ * complement_ / live_;
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) {
      if (skip(it_.s[p])) {
        w_.rc[p] = w_.bend[p] = w_.push[p] = 0.0;
        return;
      }
      const Mask live = it_.s[p] > 0.0;
      const Real h = w_.h[p] + dual * w_.dh[p];
      w_.bend[p] = select(live, 1.0 - h - w_.t[p], Real(0.0));
      w_.rc[p] = select(live, centre - w_.next_s[p] * h, Real(0.0));
      w_.push[p] = (w_.rc[p] - it_.s[p] * w_.bend[p]) * inverse(p);
    });
    const auto push = [&](std::ptrdiff_t p, const Real&) { return w_.push[p]; };
    system_.gather_a(w_.dir_a, w_.dir_b, w_.rhs_a, push);
    system_.gather_b(w_.dir_a, w_.dir_b, w_.rhs_b, push);
    const auto one = [&](const BasicSide<Real>& side, const Real* end, const Real* sums,
                         Real* rhs) {
      each_cell(exec_, side, [&](int k, std::ptrdiff_t c) {
        rhs[c] = select(side.mass[k] > 0.0, side.mass[k] - end[c] * sums[c] - rhs[c], Real(0.0));
      });
    };
    one(r_.a, w_.end_a, w_.sums_a, w_.rhs_a);
    one(r_.b, w_.end_b, w_.sums_b, w_.rhs_b);
  }

  // The cut direction plus the correction in next_a and next_b, into next_*. Returns the largest
  // |d log E| of the sum.
  FASTPID_HD Real next_steps(const Real& primal, const Real& dual) {
    system_.dots(w_.next_a, w_.next_b, w_.t);
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) {
      if (skip(it_.s[p])) return;
      const Real dh = w_.bend[p] - w_.t[p];
      w_.next_s[p] = primal * w_.ds[p] + (w_.rc[p] - it_.s[p] * dh) * inverse(p);
      w_.next_h[p] = dual * w_.dh[p] + dh;
    });
    const auto add = [&](std::ptrdiff_t count, const Real* dir, Real* next) {
      exec_.for_each(count, [&](std::ptrdiff_t c) { next[c] += dual * dir[c]; });
    };
    add(r_.a.count * target(), w_.dir_a, w_.next_a);
    add(r_.b.count * target(), w_.dir_b, w_.next_b);
    return exec_.max(r_.a.count, [&](std::ptrdiff_t i) {
      Real largest = 1e-300;
      for (int j = 0; j < n_; ++j) {
        if (skip(it_.s[i * n_ + j])) continue;
        r_.b.row(j, [&](int, int z) {
          const std::ptrdiff_t ca = i * target() + z, cb = j * target() + z;
          const Real size = fabs(w_.next_a[ca] + w_.next_b[cb]);
          const Mask live = (it_.s[i * n_ + j] > 0.0) & (it_.exp_a[ca] * it_.exp_b[cb] > 0.0);
          largest = larger(largest, select(live, size, Real(0.0)));
        });
      }
      return largest;
    });
  }

  FASTPID_HD void advance(const Mask& which) {
    const Real t = complement_ / live_;
    const Mask central = careful_ > 0.0;
    const Real tau = select(central, Real(Tuned::kLeastTau),
                            clamp(1.0 - Tuned::kTauPerT * t, Tuned::kLeastTau, Tuned::kMostTau));
    Real step_s = smaller(Real(1.0), tau * primal_length(w_.ds));
    Real step_h = smaller(smaller(Real(1.0), tau * dual_length(w_.dh)), Tuned::kReach / largest_);
    // A short step is the sign of products S h far from one another: the next few stay central.
    careful_ = select(smaller(step_s, step_h) < Tuned::kShort,
                      larger(careful_, Real(Tuned::kCarefulSteps)),
                      select(central, careful_ - 1.0, Real(0.0)));
    step_s = select(which, step_s, Real(0.0));
    step_h = select(which, step_h, Real(0.0));
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) {
      if (skip(it_.s[p])) return;
      const Mask live = it_.s[p] > 0.0;
      it_.s[p] = select(live, it_.s[p] + step_s * w_.ds[p], it_.s[p]);
      w_.h[p] = select(live, w_.h[p] + step_h * w_.dh[p], w_.h[p]);
    });
    move(r_.a, step_h, w_.dir_a, it_.log_a, it_.exp_a);
    move(r_.b, step_h, w_.dir_b, it_.log_b, it_.exp_b);
  }
  FASTPID_HD void move(const BasicSide<Real>& side, const Real& length, const Real* dir, Real* logs,
                       Real* exponential) {
    exec_.for_each(side.count, [&](int i) {
      side.row(i, [&](int k, int z) {
        logs[k] += length * dir[i * target() + z];
        exponential[i * target() + z] = select(side.mass[k] > 0.0, exp(logs[k]), Real(0.0));
      });
    });
  }

  // rhs = marginal - sum E (push + damp (ds d + S d^2 / 2)), d and ds being the predictor's.
  FASTPID_HD void right_hand_sides(const Real& centre, const Real& damp, bool corrector) {
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) {
      const Real s = it_.s[p], h = w_.h[p];
      if (skip(s)) {
        w_.rc[p] = w_.push[p] = 0.0;
        return;
      }
      const Mask live = s > 0.0;
      Real rc = centre - s * h;
      if (corrector) rc -= damp * (w_.ds[p] * w_.dh[p] - s * w_.bend[p]);
      w_.rc[p] = select(live, rc, Real(0.0));
      w_.push[p] = select(live, s + (rc + s * slack_residual(p)) * inverse(p), Real(0.0));
    });
    const auto gather = [&](auto&& term) {
      system_.gather_a(w_.dir_a, w_.dir_b, w_.rhs_a, term);
      system_.gather_b(w_.dir_a, w_.dir_b, w_.rhs_b, term);
    };
    if (corrector) {
      gather([&](std::ptrdiff_t p, const Real& step) {
        const Real d = clamp(step, -Tuned::kBend, Tuned::kBend);
        return multiply_add(damp * d, multiply_add(0.5 * it_.s[p], d, w_.ds[p]), w_.push[p]);
      });
    } else {
      gather([&](std::ptrdiff_t p, const Real&) { return w_.push[p]; });
    }
    const auto one = [&](const BasicSide<Real>& side, Real* rhs) {
      each_cell(exec_, side, [&](int k, std::ptrdiff_t c) { rhs[c] = side.mass[k] - rhs[c]; });
    };
    one(r_.a, w_.rhs_a);
    one(r_.b, w_.rhs_b);
  }

  // ds and dh of the direction. A predictor also leaves its second-order term in bend, which the
  // corrector adds to its dh; a corrector also measures its largest |d log E|.
  FASTPID_HD void pair_steps(bool corrector, const Real& damp) {
    const auto finish = [&](std::ptrdiff_t p, const Real& dot) {
      const Real s = it_.s[p];
      const Real dh = -slack_residual(p) - dot;
      w_.ds[p] = (w_.rc[p] - s * dh) * inverse(p);
      w_.dh[p] = dh;
      if (corrector) w_.dh[p] -= damp * w_.bend[p];
    };
    largest_ = exec_.max(r_.a.count, [&](std::ptrdiff_t i) {
      const Real* u = it_.exp_a + i * target();
      const Real* xa = w_.dir_a + i * target();
      Real largest = 1e-300;
      for (int j = 0; j < n_; ++j) {
        const std::ptrdiff_t p = i * n_ + j;
        if (skip(it_.s[p])) continue;
        const Real* v = it_.exp_b + j * target();
        const Real* xb = w_.dir_b + j * target();
        Real dot = 0.0;
        if (corrector) {
          r_.b.row(j, [&](int, int z) {
            const Real e = u[z] * v[z], d = xa[z] + xb[z];
            dot = multiply_add(e, d, dot);
            largest = larger(largest, select(e > 0.0, fabs(d), Real(0.0)));
          });
        } else {
          Real bend = 0.0;
          r_.b.row(j, [&](int, int z) {
            const Real e = u[z] * v[z], d = xa[z] + xb[z];
            const Real c = clamp(d, -Tuned::kBend, Tuned::kBend);
            dot = multiply_add(e, d, dot);
            bend = multiply_add(e, c * c, bend);
          });
          w_.bend[p] = 0.5 * bend;
        }
        finish(p, dot);
      }
      return largest;
    });
  }

  // 1 / h at the start of the step.
  FASTPID_HD const Real& inverse(std::ptrdiff_t p) const { return w_.system.inverse[p]; }

  // h + sum_z E - 1, taken as zero where it is rounding: dS gets S / h times this, and S / h may be
  // 1e10, which would turn the last digit of a sum into a residual of the marginals.
  FASTPID_HD Real slack_residual(std::ptrdiff_t p) const {
    const Real residual = w_.h[p] + w_.t[p] - 1.0;
    return select(fabs(residual) > Tuned::kSlackRounding, residual, Real(0.0));
  }

  // The largest steps that keep the live entries of S and of h non-negative.
  FASTPID_HD Real primal_length(const Real* ds) const {
    return exec_.min(r_.pairs(), [&](std::ptrdiff_t p) {
      return select((it_.s[p] > 0.0) & (ds[p] < 0.0), -it_.s[p] / ds[p], Real(HUGE_VAL));
    });
  }
  FASTPID_HD Real dual_length(const Real* dh) const {
    const Real most = exec_.max(r_.pairs(), [&](std::ptrdiff_t p) {
      return select(it_.s[p] > 0.0, -dh[p] * inverse(p), Real(0.0));
    });
    return select(most > 0.0, 1.0 / most, Real(HUGE_VAL));
  }

  FASTPID_HD std::ptrdiff_t target() const { return r_.a.target; }

  const Exec& exec_;
  const BasicReduced<Real>& r_;
  const BasicInteriorWork<Real>& w_;
  const BasicCertificateWork<Real>& c_;
  const BasicIterate<Real>& it_;
  const double tol_;
  const std::ptrdiff_t n_;
  CondensedSystem<Exec, Real> system_;
  Real live_ = 0.0;        // pairs with a common target symbol
  Real complement_ = 0.0;  // sum S h
  Real residual_ = 0.0;    // sum |a - sum_y S E| + sum |b - sum_x S E|
  Real beyond_ = 0.0;      // largest error of a marginal beyond Tuned::kFar of itself
  Real sigma_ = 0.0;       // centring of the step at hand
  Real damp_ = 0.0;        // weight of its second-order terms
  Real careful_;           // steps to come that stay central
  Real least_merit_ = HUGE_VAL;
  Real in_vain_ = 0.0;  // steps since there was progress
  Mask finite_ = true;
  int steps_ = 0;
  Real largest_ = 0.0;  // largest |d log E| of the last direction
};

}  // namespace fastpid
