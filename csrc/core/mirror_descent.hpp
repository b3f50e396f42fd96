// Mirror descent (KL-projected gradient) on the union information.
//
// f is 1-smooth relative to the entropy and its gradient is log(q / q[x,y,.]), so the exponentiated
// gradient step of length one followed by the Bregman projection onto Delta_P is: for every z scale
// the matrix S[x,y] = q[x,y,.] to the marginals a[:,z], b[:,z] by factors u[x,z], v[y,z]
// (Sinkhorn), then S <- S sum_z u v. This is the alternating minimisation of Banerjee, Rauh and
// Montufar (2018); lam = log u and mu = log v are its dual iterates. One Sinkhorn pass per step is
// enough: the factors are kept from step to step. S <- S (sum_z u v)^(3/2) over-relaxes the step;
// should a bound get worse for it, the plain step is taken from there on.
//
// O(m n K) multiply-adds a step, O(m n + (m + n) K) memory, a sublinear rate: the method for loose
// tolerances and for tables that are too large for the interior point.
#pragma once

#include "certificate.hpp"
#include "iteration.hpp"
#include "numerics.hpp"
#include "views.hpp"

namespace fastpid {

template <class Exec>
class MirrorDescent {
 public:
  FASTPID_HD MirrorDescent(const Exec& exec, const Reduced& r, const CertificateWork& w,
                           const Iterate& it, const IterationOptions& options)
      : exec_(exec), r_(r), w_(w), it_(it), options_(options) {}

  // Starts from the proxy in `it`. `stop()` is asked before every certificate.
  template <class Stop>
  FASTPID_HD Outcome run(Bounds& bounds, int& iterations, Stop&& stop) {
    bool relaxed = true;
    double upper = HUGE_VAL;
    int next = 8;
    for (iterations = 1;; ++iterations) {
      project();
      if (iterations == next || iterations == options_.max_iter) {
        next += next / 4;
        logarithms();
        const Bounds now = certify(exec_, r_, it_, kEnoughShare * options_.tol, w_);
        bounds.tighten(now);
        if (bounds.gap() <= options_.tol) return Outcome::converged;
        if (iterations == options_.max_iter) return Outcome::max_iterations;
        if (stop()) return Outcome::interrupted;
        relaxed = relaxed && now.upper <= upper + 1e-15;
        upper = now.upper;
      }
      pair_sums(exec_, r_, it_.exp_a, it_.exp_b, w_.t);
      exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) {
        const double t = w_.t[p];
        it_.s[p] *= relaxed ? t * std::sqrt(t) : t;
      });
    }
  }

 private:
  FASTPID_HD void project() {
    weighted_sums(exec_, r_, true, it_.s, it_.exp_b, w_.sums_a);
    rescale(r_.a, w_.sums_a, it_.exp_a);
    weighted_sums(exec_, r_, false, it_.s, it_.exp_a, w_.sums_b);
    rescale(r_.b, w_.sums_b, it_.exp_b);
  }

  FASTPID_HD void rescale(const Side& side, const double* sums, double* factors) {
    exec_.for_each(side.count, [&](std::ptrdiff_t i) {
      side.row(i, [&](int k, int z) {
        const double sum = sums[i * side.target + z];
        if (sum > 0.0) factors[i * side.target + z] = side.mass[k] / sum;
      });
    });
  }

  FASTPID_HD void logarithms() {
    const auto of = [&](const Side& side, const double* factors, double* log) {
      exec_.for_each(side.count, [&](std::ptrdiff_t i) {
        side.row(i, [&](int k, int z) { log[k] = std::log(factors[i * side.target + z]); });
      });
    };
    of(r_.a, it_.exp_a, it_.log_a);
    of(r_.b, it_.exp_b, it_.log_b);
  }

  const Exec& exec_;
  const Reduced& r_;
  const CertificateWork& w_;
  const Iterate& it_;
  const IterationOptions& options_;
};

}  // namespace fastpid
