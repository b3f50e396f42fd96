// Scratch of the certificate, and what it leaves behind.
#pragma once

#include "views.hpp"

namespace fastpid {

// The dominated factors exp_a and exp_b of the upper bound, and the shifts (by entry, to be
// subtracted from the potentials) of the lower one.
template <class Real>
struct BasicCertificateWork {
  Real *exp_a = nullptr, *exp_b = nullptr;    // dense
  Real *sums_a = nullptr, *sums_b = nullptr;  // dense
  Real *cut_a = nullptr, *cut_b = nullptr;    // dense: what divides the factors of a cell
  Real *shift_a = nullptr, *shift_b = nullptr;
  Real* t = nullptr;  // pairs: sum_z exp(lam + mu)

  FASTPID_HD static BasicCertificateWork take(Arena& arena, const BasicReduced<Real>& r) {
    BasicCertificateWork w;
    for (Real** p : {&w.exp_a, &w.sums_a, &w.cut_a}) *p = arena.take<Real>(r.a.cells());
    for (Real** p : {&w.exp_b, &w.sums_b, &w.cut_b}) *p = arena.take<Real>(r.b.cells());
    w.shift_a = arena.take<Real>(r.a.size);
    w.shift_b = arena.take<Real>(r.b.size);
    w.t = arena.take<Real>(r.pairs());
    return w;
  }
};
using CertificateWork = BasicCertificateWork<double>;

}  // namespace fastpid
