// Mirror descent of M sources: where the tuples are too many for the interior point's system.
//
// The gradient of F's objective is log(q / q(x)), and a step of length one in the geometry of
// relative entropy takes q to the projection of q(x) = s T onto the marginals: s <- s T, then
// iterative proportional fitting of the factors, whose last ones are a good start. Steps are
// extrapolated in log s as Nesterov does, from where the objective was last seen to rise.
#pragma once

#include "certificate.hpp"

namespace fastpid::many {

struct MirrorWork {
  double *e = nullptr, *sum = nullptr, *before = nullptr, *of_q = nullptr;

  static MirrorWork take(Arena& arena, const Problem& p) {
    MirrorWork w;
    w.e = arena.take<double>(p.tuples() * p.target());
    w.sum = arena.take<double>(p.tuples());
    w.before = arena.take<double>(p.tuples());
    w.of_q = arena.take<double>(p.cells());
    return w;
  }
};

class MirrorDescent {
 public:
  MirrorDescent(const Problem& p, const MirrorWork& w, const Iterate& it) : p_(p), w_(w), it_(it) {
    for (std::ptrdiff_t t = 0; t < p.tuples(); ++t) w.before[t] = 0.0;
  }

  void step() {
    weigh(p_, it_.s, it_.factor, w_.e, w_.sum, w_.of_q);
    double value = 0.0;
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      if (w_.of_q[c] > 0.0) value += w_.of_q[c] * it_.log[c];
    }
    for (std::ptrdiff_t t = 0; t < p_.tuples(); ++t) {
      if (it_.s[t] > 0.0) value -= it_.s[t] * xlogx(w_.sum[t]);
    }
    momentum_ = value <= value_ ? momentum_ + 1.0 : 0.0;
    value_ = value;
    const double carry = momentum_ / (momentum_ + 3.0);
    // before[t] is the last change of log s.
    for (std::ptrdiff_t t = 0; t < p_.tuples(); ++t) {
      if (!(it_.s[t] > 0.0)) continue;
      w_.before[t] = carry * w_.before[t] + std::log(w_.sum[t]);
      it_.s[t] = larger(it_.s[t] * std::exp(w_.before[t]), kLeast);
    }
    for (int i = 0; i < p_.sources.count; ++i) {
      weigh(p_, it_.s, it_.factor, w_.e, w_.sum, w_.of_q);
      rescale(p_, i, p_.mass, w_.of_q, false, it_.factor);
    }
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      if (p_.mass[c] > 0.0) it_.log[c] = std::log(it_.factor[c]);
    }
  }

 private:
  // s of a tuple that dies out: small enough for nothing, large enough to come back.
  static constexpr double kLeast = 1e-40;

  const Problem& p_;
  const MirrorWork& w_;
  const Iterate& it_;
  double momentum_ = 0.0;
  double value_ = HUGE_VAL;
};

}  // namespace fastpid::many
