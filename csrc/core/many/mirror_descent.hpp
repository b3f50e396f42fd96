// Mirror descent of M sources: where the tuples are too many for the interior point's system.
//
// The method of two sources (../mirror_descent.hpp, which derives it): s <- s T with Nesterov's
// momentum in log s, then a sweep of iterative proportional fitting over the M factors. A step is
// three products of matrices, of heads by the last source, a logarithm and an exponential a tuple.
#pragma once

#include "certificate.hpp"

namespace fastpid::many {

template <class Real>
struct BasicMirrorWork {
  Real *log_s = nullptr, *last = nullptr;  // y_k and w_{k-1}, over the tuples

  FASTPID_HD static BasicMirrorWork take(Arena& arena, const BasicProblem<Real>& p) {
    BasicMirrorWork w;
    w.log_s = arena.take<Real>(p.tuples());
    w.last = arena.take<Real>(p.tuples());
    return w;
  }
};

// An iterative method in the sense of ../iteration.hpp. The certificate's arrays are its scratch.
template <class Exec, class Real>
class MirrorDescent {
 public:
  using Mask = MaskOf<Real>;
  using Tuned = tuning::MirrorDescent;

  // Where there is an alternative, gives a problem up once it is to be expected to take
  // `worthwhile` more steps, or has taken as many.
  FASTPID_HD MirrorDescent(const Exec& exec, const BasicProblem<Real>& p,
                           const BasicMirrorWork<Real>& w, const BasicCertificateWork<Real>& c,
                           const BasicIterate<Real>& it, double tol, double worthwhile)
      : exec_(exec),
        p_(p),
        w_(w),
        c_(c),
        it_(it),
        tol_(tol),
        worthwhile_(worthwhile),
        sums_(exec, p, c.sums) {}

  FASTPID_HD void start() {
    exec_.log_each(p_.tuples(), it_.s, w_.log_s);
    exec_.for_each(p_.tuples(), [&](std::ptrdiff_t t) { w_.last[t] = w_.log_s[t]; });
  }

  FASTPID_HD Mask ready(int n, const Mask& running, bool last) const {
    return running & (Mask(last) | (next_ <= static_cast<double>(n)));
  }

  FASTPID_HD BasicBounds<Real> certificate(const Mask& which) {
    exec_.log_each(p_.cells(), it_.factor, it_.log);  // very low where a factor underflows
    using Certificate = tuning::Certificate;
    return certify(exec_, p_, it_, Certificate::kEnoughShare * tol_, c_,
                   Certificate::kDescentSweeps, which);
  }

  // The next certificate comes a little before it should succeed.
  FASTPID_HD void learn(int n, const Mask& which, const Real& gap_now, const Real& before) {
    const Real steps = static_cast<double>(n), gap = smaller(gap_now, before);
    const Real found = log(before / gap) / log(steps / looked_);
    const Real power = select(found >= 1.0, smaller(found, Real(Tuned::kMostPower)), Real(1.0));
    const auto to_go = [&](const Real& by) { return exp(log(gap / tol_) / by); };
    const Real ahead = clamp(Tuned::kAhead * to_go(power) - 1.0, Tuned::kSoonest, Tuned::kLatest);
    const Real more = (to_go(larger(power, Real(Tuned::kUsualPower))) - 1.0) * steps;
    const Mask vain = (more > worthwhile_) | (steps > worthwhile_);
    given_up_ = given_up_ | (which & (before < HUGE_VAL) & vain & Mask(worthwhile_ < HUGE_VAL));
    next_ = select(which, steps + 1.0 + steps * ahead, next_);
    looked_ = select(which, steps, looked_);
  }

  FASTPID_HD Mask hopeless() const { return given_up_; }

  FASTPID_STAGE Mask step(const Mask& running) {
    sums_.read_head(it_.factor);
    sums_.tuple_sums(it_.factor, c_.t);
    exec_.log_each(p_.tuples(), c_.t, c_.t);
    const Real residual = exec_.sum_squares(p_.tuples(), it_.s, c_.t);
    since_restart_ = select(residual > residual_, Real(1.0), since_restart_ + 1.0);
    residual_ = residual;
    const Real momentum = (since_restart_ - 1.0) / (since_restart_ + 3.0);
    const Real least = Tuned::kLeastLog;
    exec_.for_each(p_.tuples(), [&](std::ptrdiff_t t) {
      const Real plain = larger(w_.log_s[t] + c_.t[t], least);
      const Real ahead = larger(plain + momentum * (plain - w_.last[t]), least);
      w_.log_s[t] = smaller(ahead, Real(0.0));
      w_.last[t] = plain;
    });
    exec_.exp_each(p_.tuples(), w_.log_s, it_.s);
    sums_.sweep(it_.s, it_.factor, c_.of_q, [&](std::ptrdiff_t from, std::ptrdiff_t to) {
      for (std::ptrdiff_t c = from; c < to; ++c) {
        const Real scaled = smaller(it_.factor[c] * (p_.mass[c] / c_.of_q[c]),
                                    Real(tuning::Certificate::kLargestFactor));
        it_.factor[c] = select(c_.of_q[c] > 0.0, scaled, it_.factor[c]);
      }
    });
    return running;
  }

 private:
  const Exec& exec_;
  const BasicProblem<Real>& p_;
  const BasicMirrorWork<Real>& w_;
  const BasicCertificateWork<Real>& c_;
  const BasicIterate<Real>& it_;
  const double tol_, worthwhile_;
  const MarginalSums<Exec, Real> sums_;
  Real residual_ = HUGE_VAL;  // sum s (log T)^2
  Real since_restart_ = 0.0;
  Real next_ = Tuned::kFirstCertificate;
  Real looked_ = 1.0;  // steps at the last certificate
  Mask given_up_ = false;
};

}  // namespace fastpid::many
