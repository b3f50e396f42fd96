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
#include "system.hpp"

namespace fastpid::many {

struct InteriorWork {
  SystemWork system;
  // By the tuple: slack, its inverse, sum_z E, the two steps, the complementarity's right-hand
  // side, what is pushed into the marginals, sum_z E d^2 / 2.
  double *h = nullptr, *inverse = nullptr, *t = nullptr, *ds = nullptr, *dh = nullptr;
  double *rc = nullptr, *push = nullptr, *bend = nullptr;
  double *e = nullptr, *d = nullptr;  // tuples x target: E, and the step of its logarithm
  double *rhs = nullptr, *left = nullptr, *dir = nullptr, *fix = nullptr, *of_q = nullptr;
  double *image = nullptr, *best = nullptr;

  static InteriorWork take(Arena& arena, const Problem& p) {
    InteriorWork w;
    w.system = SystemWork::take(arena, p);
    for (double** a : {&w.h, &w.inverse, &w.t, &w.ds, &w.dh, &w.rc, &w.push, &w.bend}) {
      *a = arena.take<double>(p.tuples());
    }
    for (double** a : {&w.e, &w.d}) *a = arena.take<double>(p.tuples() * p.target());
    for (double** a : {&w.rhs, &w.left, &w.dir, &w.fix, &w.of_q, &w.image, &w.best}) {
      *a = arena.take<double>(p.cells());
    }
    return w;
  }
};

template <class Exec>
class InteriorPoint {
 public:
  using Tuned = tuning::InteriorPoint;

  InteriorPoint(const Exec& exec, const Problem& p, const InteriorWork& w, const Iterate& it,
                double tol)
      : p_(p),
        w_(w),
        it_(it),
        tol_(tol),
        tuples_(p.tuples()),
        target_(p.target()),
        system_(exec, p, w.system) {}

  // From the proxy, its first source's rows shifted to be strictly feasible.
  void start() {
    products(p_, it_.factor, w_.e, w_.t);
    const std::ptrdiff_t after = tuples_ / p_.sources.symbols[0];
    for (std::ptrdiff_t x = 0; x < p_.sources.symbols[0]; ++x) {
      double most = 0.0;
      for (std::ptrdiff_t t = x * after; t < (x + 1) * after; ++t) most = larger(most, w_.t[t]);
      const double shift = std::log(most) + Tuned::kMargin, scale = std::exp(shift);
      for (std::ptrdiff_t c = x * target_; c < (x + 1) * target_; ++c) {
        it_.log[c] -= shift;
        it_.factor[c] /= scale;
      }
      for (std::ptrdiff_t t = x * after; t < (x + 1) * after; ++t) {
        w_.h[t] = 1.0 - w_.t[t] / scale;
        it_.s[t] = w_.t[t] > 0.0 ? it_.s[t] * scale : 0.0;
        live_ += it_.s[t] > 0.0;
      }
    }
    measure();
  }

  // What judges an iterate: the complement, about the gap, and the error of the marginals.
  double complement() const { return complement_; }
  double merit() const { return complement_ + residual_; }

  // False where no regularisation gives a usable direction.
  bool step() {
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) w_.inverse[t] = 1.0 / w_.h[t];
    for (double regularisation = Tuned::kLeastRegularisation;
         regularisation < Tuned::kMostRegularisation; regularisation *= Tuned::kRaise) {
      if (!system_.factorise(it_.s, w_.e, w_.inverse, regularisation)) continue;
      predict();
      if (correct() <= Tuned::kUsableShare * merit()) {
        advance();
        return true;
      }
    }
    return false;
  }

  // Sets E, its sums and what a step is judged by, after sweeps of iterative proportional fitting
  // if some marginal is off by much of itself.
  void measure() {
    complement_ = 0.0;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) complement_ += it_.s[t] * w_.h[t];
    bool far = compare_marginals();
    for (int n = 0; n < Tuned::kSweeps && far && complement_ > Tuned::kSweepAbove * tol_; ++n) {
      for (int i = 0; i < p_.sources.count; ++i) {
        for (std::ptrdiff_t c = p_.sources.first[i]; c < p_.sources.first[i + 1]; ++c) {
          const double factor = it_.factor[c] * (p_.mass[c] / w_.of_q[c]);
          if (!(w_.of_q[c] > 0.0 && factor > Tuned::kLeastFactor && factor < HUGE_VAL)) continue;
          it_.log[c] = std::log(factor);
          it_.factor[c] = factor;
        }
        if (i + 1 < p_.sources.count) weigh(p_, it_.s, it_.factor, w_.e, w_.t, w_.of_q);
      }
      far = compare_marginals();
    }
  }

 private:
  bool compare_marginals() {
    weigh(p_, it_.s, it_.factor, w_.e, w_.t, w_.of_q);
    residual_ = 0.0;
    bool far = false;
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      const double off = std::fabs(p_.mass[c] - w_.of_q[c]);
      residual_ += off;
      far = far || off > Tuned::kFar * p_.mass[c];
    }
    return far;
  }

  // The direction to tau = 0, and from it the centring and the weight of the second-order terms.
  void predict() {
    right_hand_sides(0.0, 0.0, false);
    system_.solve(w_.rhs, w_.dir);
    steps_of_tuples(false, 0.0);
    const double primal = smaller(1.0, primal_length());
    const double dual = smaller(1.0, dual_length());
    double after = 0.0;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      if (it_.s[t] > 0.0) after += (it_.s[t] + primal * w_.ds[t]) * (w_.h[t] + dual * w_.dh[t]);
    }
    const double ratio = after / complement_;
    const bool careful = careful_ > 0.0;
    sigma_ = larger(ratio * ratio * ratio, careful ? Tuned::kCarefulSigma : Tuned::kLeastSigma);
    sigma_ = larger(sigma_, smaller(1.0, Tuned::kToleranceShare * tol_ / complement_));
    sigma_ = larger(sigma_, smaller(1.0, Tuned::kResidualShare * residual_ / complement_));
    const double share = smaller(primal, dual) * (1.0 - sigma_);
    damp_ = share * share;
  }

  // Returns the residual of the linear system, after conjugate gradients with the factorisation as
  // their preconditioner. W_t has E_t E_t' S_t / h_t beside S_t, and S_t / h_t may be 1e10: its
  // rounding spoils the few directions that only tuples of little mass hold up.
  double correct() {
    right_hand_sides(sigma_ * complement_ / live_, damp_, true);
    const std::ptrdiff_t n = p_.cells();
    system_.solve(w_.rhs, w_.dir);
    apply(w_.dir, w_.image);
    for (std::ptrdiff_t c = 0; c < n; ++c) w_.left[c] = w_.rhs[c] - w_.image[c];
    const auto norm = [&] {
      double sum = 0.0;
      for (std::ptrdiff_t c = 0; c < n; ++c) sum += std::fabs(w_.left[c]);
      return sum;
    };
    const auto dot = [&](const double* x, const double* y) {
      double sum = 0.0;
      for (std::ptrdiff_t c = 0; c < n; ++c) sum += x[c] * y[c];
      return sum;
    };
    const double enough = Tuned::kResidualEnough * larger(tol_, sigma_ * complement_);
    double misfit = norm(), before = 0.0;
    double least = misfit;
    const auto keep = [&] {
      for (std::ptrdiff_t c = 0; c < n; ++c) w_.best[c] = w_.dir[c];
    };
    keep();
    double* p = w_.of_q;
    for (int k = 0; k < Tuned::kRefinements && misfit > enough; ++k) {
      system_.solve(w_.left, w_.fix);
      const double product = dot(w_.left, w_.fix);
      const double turn = k == 0 ? 0.0 : product / before;
      before = product;
      for (std::ptrdiff_t c = 0; c < n; ++c) p[c] = w_.fix[c] + (k == 0 ? 0.0 : turn * p[c]);
      apply(p, w_.image);
      const double curvature = dot(p, w_.image);
      if (!(product > 0.0 && curvature > 0.0)) break;
      const double length = product / curvature;
      for (std::ptrdiff_t c = 0; c < n; ++c) {
        w_.dir[c] += length * p[c];
        w_.left[c] -= length * w_.image[c];
      }
      misfit = norm();
      if (misfit < least) {
        least = misfit;
        keep();
      } else if (!(misfit <= Tuned::kRunaway * least)) {
        break;
      }
    }
    for (std::ptrdiff_t c = 0; c < n; ++c) w_.dir[c] = w_.best[c];
    steps_of_tuples(true, damp_);
    return least;
  }

  // out = the system times a direction.
  void apply(const double* direction, double* out) {
    steps_of_logarithms(direction);
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      double dot = 0.0;
      for (int z = 0; z < target_; ++z) dot += w_.e[t * target_ + z] * w_.d[t * target_ + z];
      w_.push[t] = dot * w_.inverse[t];
    }
    marginals(p_, out, [&](std::ptrdiff_t t, int z) {
      const std::ptrdiff_t c = t * target_ + z;
      return it_.s[t] * w_.e[c] * (w_.d[c] + w_.push[t]);
    });
  }

  // d[t, z] = sum_i direction_i[t_i, z].
  void steps_of_logarithms(const double* direction) {
    const Sources& s = p_.sources;
    Odometer at(s);
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      double* d = w_.d + t * target_;
      for (int z = 0; z < target_; ++z) {
        double sum = 0.0;
        for (int i = 0; i < s.count; ++i) sum += direction[at.row(i) + z];
        d[z] = sum;
      }
      if (t + 1 < tuples_) at.next();
    }
  }

  // rhs = marginal - sum E (push + damp (ds d + S d^2 / 2)), d and ds being the predictor's.
  void right_hand_sides(double centre, double damp, bool corrector) {
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      const double s = it_.s[t];
      w_.rc[t] = w_.push[t] = 0.0;
      if (!(s > 0.0)) continue;
      double rc = centre - s * w_.h[t];
      if (corrector) rc -= damp * (w_.ds[t] * w_.dh[t] - s * w_.bend[t]);
      w_.rc[t] = rc;
      w_.push[t] = s + (rc + s * slack_residual(t)) * w_.inverse[t];
    }
    marginals(p_, w_.rhs, [&](std::ptrdiff_t t, int z) {
      const std::ptrdiff_t c = t * target_ + z;
      if (!corrector) return w_.e[c] * w_.push[t];
      const double d = clamp(w_.d[c], -Tuned::kBend, Tuned::kBend);
      return w_.e[c] * (w_.push[t] + damp * d * (w_.ds[t] + 0.5 * it_.s[t] * d));
    });
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      w_.rhs[c] = p_.mass[c] > 0.0 ? p_.mass[c] - w_.rhs[c] : 0.0;
    }
  }

  // ds and dh of the direction. A predictor also leaves its second-order term in bend, which the
  // corrector adds to its dh; the largest |d log E| is measured by the way.
  void steps_of_tuples(bool corrector, double damp) {
    steps_of_logarithms(w_.dir);
    largest_ = 1e-300;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      if (!(it_.s[t] > 0.0)) {
        w_.ds[t] = w_.dh[t] = w_.bend[t] = 0.0;
        continue;
      }
      double dot = 0.0, bend = 0.0;
      for (int z = 0; z < target_; ++z) {
        const double e = w_.e[t * target_ + z], d = w_.d[t * target_ + z];
        const double c = clamp(d, -Tuned::kBend, Tuned::kBend);
        dot += e * d;
        bend += e * c * c;
        if (e > 0.0) largest_ = larger(largest_, std::fabs(d));
      }
      const double dh = -slack_residual(t) - dot;
      w_.ds[t] = (w_.rc[t] - it_.s[t] * dh) * w_.inverse[t];
      w_.dh[t] = corrector ? dh - damp * w_.bend[t] : dh;
      if (!corrector) w_.bend[t] = 0.5 * bend;
    }
  }

  void advance() {
    const double tau = complement_ / live_;
    const bool central = careful_ > 0.0;
    const double share =
        central ? Tuned::kLeastTau
                : clamp(1.0 - Tuned::kTauPerT * tau, Tuned::kLeastTau, Tuned::kMostTau);
    const double step_s = smaller(1.0, share * primal_length());
    const double step_h = smaller(smaller(1.0, share * dual_length()), Tuned::kReach / largest_);
    if (smaller(step_s, step_h) < Tuned::kShort) {
      careful_ = larger(careful_, Tuned::kCarefulSteps);
    } else if (central) {
      careful_ -= 1.0;
    }
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      if (!(it_.s[t] > 0.0)) continue;
      it_.s[t] += step_s * w_.ds[t];
      w_.h[t] += step_h * w_.dh[t];
    }
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      if (!(p_.mass[c] > 0.0)) continue;
      it_.log[c] += step_h * w_.dir[c];
      it_.factor[c] = std::exp(it_.log[c]);
    }
    measure();
  }

  // h + sum_z E - 1, taken as zero where it is the rounding of a sum.
  double slack_residual(std::ptrdiff_t t) const {
    const double residual = w_.h[t] + w_.t[t] - 1.0;
    return std::fabs(residual) > Tuned::kSlackRounding ? residual : 0.0;
  }

  // The largest steps that keep S and h non-negative.
  double primal_length() const {
    double least = HUGE_VAL;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      if (it_.s[t] > 0.0 && w_.ds[t] < 0.0) least = smaller(least, -it_.s[t] / w_.ds[t]);
    }
    return least;
  }
  double dual_length() const {
    double least = HUGE_VAL;
    for (std::ptrdiff_t t = 0; t < tuples_; ++t) {
      if (it_.s[t] > 0.0 && w_.dh[t] < 0.0) least = smaller(least, -w_.h[t] / w_.dh[t]);
    }
    return least;
  }

  const Problem& p_;
  const InteriorWork& w_;
  const Iterate& it_;
  const double tol_;
  const std::ptrdiff_t tuples_;
  const int target_;
  System<Exec> system_;
  double live_ = 0.0;        // tuples with a common target symbol
  double complement_ = 0.0;  // sum S h
  double residual_ = 0.0;    // sum |a - marginal of S E|
  double sigma_ = 0.0;       // centring of the step at hand
  double damp_ = 0.0;        // weight of its second-order terms
  double careful_ = 0.0;     // steps to come that stay central
  double largest_ = 0.0;     // largest |d log E| of the last direction
};

}  // namespace fastpid::many
