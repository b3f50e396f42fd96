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
// Between two Newton steps a few Sinkhorn sweeps (each factor rescaled to its marginal) restore the
// marginals in relative terms. Newton alone does so in absolute terms, and stalls on tables in
// which cells of 1e-9 stand beside cells of 0.1.
#pragma once

#include "certificate.hpp"
#include "condensed_system.hpp"
#include "iteration.hpp"
#include "numerics.hpp"
#include "views.hpp"

namespace fastpid {

struct InteriorWork {
  Iterate best;
  CertificateWork certificate;
  CondensedWork system;
  // Over the pairs: slack, sum_z E, the two steps, right-hand sides, sum_z E d^2 / 2.
  double *h = nullptr, *t = nullptr, *ds = nullptr, *dh = nullptr;
  double *rc = nullptr, *push = nullptr, *bend = nullptr;
  // Over the cells of a and of b, dense (count x target), zero off the support.
  double *rhs_a = nullptr, *dir_a = nullptr, *sums_a = nullptr;
  double *rhs_b = nullptr, *dir_b = nullptr, *sums_b = nullptr;

  FASTPID_HD static InteriorWork take(Arena& arena, const Reduced& r) {
    const std::ptrdiff_t pairs = r.pairs();
    const std::ptrdiff_t dense_a = static_cast<std::ptrdiff_t>(r.a.count) * r.a.target;
    const std::ptrdiff_t dense_b = static_cast<std::ptrdiff_t>(r.b.count) * r.b.target;
    InteriorWork w;
    w.best = Iterate::take(arena, r);
    w.certificate = CertificateWork::take(arena, r);
    w.system = CondensedWork::take(arena, r);
    for (double** p : {&w.h, &w.t, &w.ds, &w.dh, &w.rc, &w.push, &w.bend}) {
      *p = arena.take<double>(pairs);
    }
    for (double** p : {&w.rhs_a, &w.dir_a, &w.sums_a}) *p = arena.take<double>(dense_a);
    for (double** p : {&w.rhs_b, &w.dir_b, &w.sums_b}) *p = arena.take<double>(dense_b);
    return w;
  }
};

template <class Exec>
class InteriorPoint {
 public:
  FASTPID_HD InteriorPoint(const Exec& exec, const Reduced& r, const InteriorWork& w,
                           const Iterate& it, const IterationOptions& options)
      : exec_(exec),
        r_(r),
        w_(w),
        it_(it),
        options_(options),
        n_(r.b.count),
        system_(exec, r, w.system, it, w.h) {}

  // Starts from the proxy in `it`, and leaves the iterate with the smallest certified gap there.
  // `stop()` is asked once a step.
  template <class Stop>
  FASTPID_HD Outcome run(Bounds& bounds, int& iterations, Stop&& stop) {
    start();
    double best_gap = HUGE_VAL;
    int since_best = 0;
    Outcome outcome = Outcome::max_iterations;
    for (iterations = 0;; ++iterations) {
      measure();
      const bool finite = complement_ + residual_ < HUGE_VAL;
      const bool last = iterations == options_.max_iter;
      // The gap is about the complement: far from tol the certificate is not worth its cost.
      if (finite && (last || complement_ <= kPlausible * options_.tol)) {
        const Bounds now = certify(exec_, r_, it_, kEnoughShare * options_.tol, w_.certificate);
        if (now.gap() < best_gap) {
          if (now.gap() < 0.9 * best_gap) since_best = 0;
          best_gap = now.gap();
          bounds = now;
          save();
        }
        if (now.gap() <= options_.tol) {
          outcome = Outcome::converged;
          break;
        }
      }
      if (last) break;
      if (stop()) {
        outcome = Outcome::interrupted;
        break;
      }
      if (!finite || ++since_best > kPatience || !step()) {
        outcome = Outcome::stalled;
        break;
      }
    }
    if (best_gap < HUGE_VAL) {
      restore();
    } else {
      bounds = certify(exec_, r_, it_, kEnoughShare * options_.tol, w_.certificate);
    }
    return outcome;
  }

 private:
  static constexpr double kPlausible = 3.0;
  static constexpr int kPatience = 40;

  // The proxy with its rows shifted to be strictly feasible; its marginals stay exact.
  FASTPID_HD void start() {
    constexpr double kMargin = 0.02;
    pair_sums(exec_, r_, it_.exp_a, it_.exp_b, w_.t);
    exec_.for_each(r_.a.count, [&](int i) {
      double most = 0.0;
      for (int j = 0; j < n_; ++j) most = larger(most, w_.t[i * n_ + j]);
      const double shift = std::log(most) + kMargin;
      const double scale = std::exp(shift);
      r_.a.row(i, [&](int k, int z) {
        it_.log_a[k] -= shift;
        it_.exp_a[i * target() + z] /= scale;
      });
      for (int j = 0; j < n_; ++j) {
        const std::ptrdiff_t p = i * n_ + j;
        w_.h[p] = 1.0 - w_.t[p] / scale;
        it_.s[p] = w_.t[p] > 0.0 ? it_.s[p] * scale : 0.0;
      }
    });
    live_ = exec_.sum(r_.pairs(), [&](std::ptrdiff_t p) { return it_.s[p] > 0.0 ? 1.0 : 0.0; });
  }

  // Sets what a step is judged by, after Sinkhorn sweeps (each side's factor rescaled to its
  // marginal) if some marginal is off by much of itself.
  FASTPID_HD void measure() {
    complement_ = exec_.sum(r_.pairs(), [&](std::ptrdiff_t p) { return it_.s[p] * w_.h[p]; });
    compare_marginals();
    if (complement_ > kSweepAbove * options_.tol) {
      for (int n = 0; n < kSweeps && furthest_ > kFar; ++n) {
        rescale(r_.a, w_.sums_a, it_.log_a, it_.exp_a);
        weigh_side(false);
        rescale(r_.b, w_.sums_b, it_.log_b, it_.exp_b);
        compare_marginals();
      }
    }
    pair_sums(exec_, r_, it_.exp_a, it_.exp_b, w_.t);
  }
  static constexpr double kSweepAbove = 10.0;
  static constexpr int kSweeps = 4;
  static constexpr double kFar = 0.1;

  // The marginals of S E against a and b: their distance, and the largest relative one.
  FASTPID_HD void compare_marginals() {
    residual_ = 0.0;
    furthest_ = 0.0;
    for (const bool of_a : {true, false}) {
      weigh_side(of_a);
      const Side& self = of_a ? r_.a : r_.b;
      const double* exponential = of_a ? it_.exp_a : it_.exp_b;
      const double* sums = of_a ? w_.sums_a : w_.sums_b;
      const auto off = [&](int k, std::ptrdiff_t c) {
        return std::fabs(self.mass[k] - exponential[c] * sums[c]);
      };
      residual_ += exec_.sum(self.count, [&](std::ptrdiff_t i) {
        double sum = 0.0;
        self.row(static_cast<int>(i), [&](int k, int z) { sum += off(k, i * target() + z); });
        return sum;
      });
      furthest_ = larger(furthest_, exec_.max(self.count, [&](std::ptrdiff_t i) {
        double most = 0.0;
        self.row(static_cast<int>(i), [&](int k, int z) {
          most = larger(most, off(k, i * target() + z) / self.mass[k]);
        });
        return most;
      }));
    }
  }

  // Row sums of S E without their own factor, to tmp.
  FASTPID_HD void weigh_side(bool of_a) {
    weighted_sums(exec_, of_a ? r_.a : r_.b, of_a ? r_.b : r_.a, it_.s, of_a ? n_ : 1,
                  of_a ? 1 : n_, of_a ? it_.exp_b : it_.exp_a, of_a ? w_.sums_a : w_.sums_b);
  }

  FASTPID_HD void rescale(const Side& side, const double* sums, double* log, double* exponential) {
    exec_.for_each(side.count, [&](int i) {
      side.row(i, [&](int k, int z) {
        const double sum = sums[i * target() + z];
        if (!(sum > 0.0)) return;
        exponential[i * target() + z] = side.mass[k] / sum;
        log[k] = std::log(side.mass[k] / sum);
      });
    });
  }

  // One predictor-corrector step; false if no regularisation gives a usable direction. The first
  // one is the rounding of the matrix itself.
  FASTPID_HD bool step() {
    for (double regularisation = 2e-15; regularisation < 1e-5; regularisation *= 1e3) {
      if (!system_.factorise(regularisation)) continue;
      predict();
      correct();
      // A residual of the linear system far beyond what there is to gain marks a useless direction.
      if (system_.size(w_.rhs_a, w_.rhs_b) <= 1e3 * (complement_ + residual_)) {
        advance();
        return true;
      }
    }
    return false;
  }

  // The direction to t = 0, and from it the centring and the weight of the second-order terms.
  FASTPID_HD void predict() {
    right_hand_sides(0.0, 0.0);
    system_.solve(w_.rhs_a, w_.rhs_b, w_.dir_a, w_.dir_b, 0.0, 0);
    pair_steps(false, 0.0);
    const double primal = smaller(1.0, step_length(it_.s, w_.ds));
    const double dual = smaller(1.0, step_length(w_.h, w_.dh));
    const double after = exec_.sum(r_.pairs(), [&](std::ptrdiff_t p) {
      return it_.s[p] > 0.0 ? (it_.s[p] + primal * w_.ds[p]) * (w_.h[p] + dual * w_.dh[p]) : 0.0;
    });
    const double ratio = after / complement_;
    sigma_ = larger(ratio * ratio * ratio, careful_ > 0 ? kCarefulSigma : 1e-6);
    // t stays in reach of the tolerance and of the residual, which it must not outrun.
    sigma_ = larger(sigma_, smaller(1.0, 0.1 * options_.tol / complement_));
    sigma_ = larger(sigma_, smaller(1.0, kResidualShare * residual_ / complement_));
    // The step taken is about (1 - sigma) times the part of the predictor that is feasible.
    const double share = smaller(primal, dual) * (1.0 - sigma_);
    damp_ = share * share;
  }

  FASTPID_HD void correct() {
    right_hand_sides(sigma_ * complement_ / live_, damp_);
    system_.solve(w_.rhs_a, w_.rhs_b, w_.dir_a, w_.dir_b,
                  0.05 * larger(options_.tol, sigma_ * complement_), kRefinements);
    pair_steps(true, damp_);
  }

  FASTPID_HD void advance() {
    const double t = complement_ / live_;
    const double tau = careful_ > 0 ? 0.9 : clamp(1.0 - 10.0 * t, 0.9, 0.999);
    const double step_s = smaller(1.0, tau * step_length(it_.s, w_.ds));
    const double step_h = smaller(smaller(1.0, tau * step_length(w_.h, w_.dh)), kReach / largest_);
    // A short step is the sign of products S h far from one another: the next few stay central.
    careful_ = smaller(step_s, step_h) < kShort ? kCarefulSteps : (careful_ > 0 ? careful_ - 1 : 0);
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) {
      if (it_.s[p] <= 0.0) return;
      it_.s[p] += step_s * w_.ds[p];
      w_.h[p] += step_h * w_.dh[p];
    });
    move(r_.a, step_h, w_.dir_a, it_.log_a, it_.exp_a);
    move(r_.b, step_h, w_.dir_b, it_.log_b, it_.exp_b);
  }
  static constexpr int kRefinements = 12;
  static constexpr double kReach = 3.0;  // of one step, in log E
  static constexpr double kBend = 1.0;   // |d| beyond which the second-order terms mean nothing
  static constexpr double kResidualShare = 0.02;
  static constexpr double kShort = 0.1;
  static constexpr int kCarefulSteps = 5;
  static constexpr double kCarefulSigma = 0.2;

  FASTPID_HD void move(const Side& side, double length, const double* dir, double* log,
                       double* exponential) {
    exec_.for_each(side.count, [&](int i) {
      side.row(i, [&](int k, int z) {
        log[k] += length * dir[i * target() + z];
        exponential[i * target() + z] = std::exp(log[k]);
      });
    });
  }

  // rhs = marginal - sum E (push + damp (ds d + S d^2 / 2)), d and ds being the predictor's.
  FASTPID_HD void right_hand_sides(double centre, double damp) {
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) {
      const double s = it_.s[p], h = w_.h[p];
      if (s <= 0.0) {
        w_.rc[p] = w_.push[p] = 0.0;
        return;
      }
      w_.rc[p] = centre - s * h;
      if (damp > 0.0) w_.rc[p] -= damp * (w_.ds[p] * w_.dh[p] - s * w_.bend[p]);
      w_.push[p] = s + (w_.rc[p] + s * slack_residual(p)) / h;
    });
    const auto one = [&](const Side& self, bool of_a, double* rhs) {
      if (damp > 0.0) {
        system_.gather(of_a, w_.dir_a, w_.dir_b, rhs, [&](std::ptrdiff_t p, double d) {
          d = clamp(d, -kBend, kBend);
          return w_.push[p] + damp * d * (w_.ds[p] + 0.5 * it_.s[p] * d);
        });
      } else {
        system_.gather(of_a, w_.dir_a, w_.dir_b, rhs,
                       [&](std::ptrdiff_t p, double) { return w_.push[p]; });
      }
      exec_.for_each(self.count, [&](int i) {
        self.row(
            i, [&](int k, int z) { rhs[i * target() + z] = self.mass[k] - rhs[i * target() + z]; });
      });
    };
    one(r_.a, true, w_.rhs_a);
    one(r_.b, false, w_.rhs_b);
  }

  // ds and dh of the direction. A predictor also leaves its second-order term in bend, which the
  // corrector adds to its dh; a corrector also measures its largest |d log E|.
  FASTPID_HD void pair_steps(bool corrector, double damp) {
    const auto finish = [&](std::ptrdiff_t p, double dot) {
      const double s = it_.s[p], h = w_.h[p];
      const double dh = -slack_residual(p) - dot;
      w_.ds[p] = (w_.rc[p] - s * dh) / h;
      w_.dh[p] = corrector ? dh - damp * w_.bend[p] : dh;
    };
    largest_ = exec_.max(r_.a.count, [&](std::ptrdiff_t i) {
      const double* u = it_.exp_a + i * target();
      const double* xa = w_.dir_a + i * target();
      double largest = 1e-300;
      for (int j = 0; j < n_; ++j) {
        const std::ptrdiff_t p = i * n_ + j;
        if (it_.s[p] <= 0.0) continue;
        const double* v = it_.exp_b + j * target();
        const double* xb = w_.dir_b + j * target();
        double dot = 0.0, bend = 0.0, most = 0.0;
        r_.b.row(j, [&](int, int z) {
          const double e = u[z] * v[z], d = xa[z] + xb[z];
          const double c = clamp(d, -kBend, kBend);
          dot += e * d;
          bend += 0.5 * e * c * c;
          most = larger(most, e > 0.0 ? std::fabs(d) : 0.0);
        });
        if (!corrector) w_.bend[p] = bend;
        largest = larger(largest, most);
        finish(p, dot);
      }
      return largest;
    });
  }

  // h + sum_z E - 1, taken as zero where it is rounding: dS gets S / h times this, and S / h may be
  // 1e10, which would turn the last digit of a sum into a residual of the marginals.
  FASTPID_HD double slack_residual(std::ptrdiff_t p) const {
    const double residual = w_.h[p] + w_.t[p] - 1.0;
    return std::fabs(residual) > 1e-15 ? residual : 0.0;
  }

  // The largest step that keeps the live entries of `value` non-negative.
  FASTPID_HD double step_length(const double* value, const double* change) const {
    return exec_.min(r_.pairs(), [&](std::ptrdiff_t p) {
      return it_.s[p] > 0.0 && change[p] < 0.0 ? -value[p] / change[p] : HUGE_VAL;
    });
  }

  FASTPID_HD void save() const { copy(it_, w_.best); }
  FASTPID_HD void restore() const { copy(w_.best, it_); }

  FASTPID_HD void copy(const Iterate& from, const Iterate& to) const {
    const auto all = [&](std::ptrdiff_t n, const double* source, double* sink) {
      exec_.for_each(n, [&](std::ptrdiff_t i) { sink[i] = source[i]; });
    };
    all(r_.pairs(), from.s, to.s);
    all(r_.a.size, from.log_a, to.log_a);
    all(r_.b.size, from.log_b, to.log_b);
    all(r_.a.count * target(), from.exp_a, to.exp_a);
    all(r_.b.count * target(), from.exp_b, to.exp_b);
  }

  FASTPID_HD std::ptrdiff_t target() const { return r_.a.target; }

  const Exec& exec_;
  const Reduced& r_;
  const InteriorWork& w_;
  const Iterate& it_;
  const IterationOptions& options_;
  const std::ptrdiff_t n_;
  CondensedSystem<Exec> system_;
  double live_ = 0.0;        // pairs with a common target symbol
  double complement_ = 0.0;  // sum S h
  double residual_ = 0.0;    // sum |a - sum_y S E| + sum |b - sum_x S E|
  double furthest_ = 0.0;    // largest relative error of a marginal
  double sigma_ = 0.0;       // centring of the step at hand
  double damp_ = 0.0;        // weight of its second-order terms
  int careful_ = 0;          // steps to come that stay central
  double largest_ = 0.0;     // largest |d log E| of the last direction
};

}  // namespace fastpid
