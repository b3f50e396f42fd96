// Scalar functions with the conventions of information theory: 0 log 0 = 0, nats throughout.
//
// The solvers are templates over the number type `Real`: double, or a pack of doubles that holds
// the same quantity of several problems (exec/pack.hpp). For packs a comparison gives a mask, and
// select(), any() and all() stand for the branches. The overloads for double are here.
#pragma once

#include <cmath>

#include "macros.hpp"

namespace fastpid {

using std::exp;
using std::fabs;
using std::log;
using std::sqrt;

FASTPID_HD inline double select(bool mask, double yes, double no) { return mask ? yes : no; }
FASTPID_HD inline bool any(bool mask) { return mask; }
FASTPID_HD inline bool all(bool mask) { return mask; }

// Whether x is zero in every lane, where that is worth a branch: zeros of one problem are worth
// leaving out, those that several problems share are too few.
FASTPID_HD inline bool skip(double x) { return x <= 0.0; }

FASTPID_HD inline double xlogx(double x) { return x > 0.0 ? x * std::log(x) : 0.0; }

FASTPID_HD inline double smaller(double x, double y) { return y < x ? y : x; }
FASTPID_HD inline double larger(double x, double y) { return x < y ? y : x; }

// x y + z, rounded once where the machine does so fast. Compilers are told not to join products and
// sums by themselves (-ffp-contract=off): they would join them in one loop and not in another, and
// what a number comes out as would depend on where it is computed.
FASTPID_HD inline double multiply_add(double x, double y, double z) {
#if defined(__FP_FAST_FMA) && !defined(__CUDA_ARCH__)
  return __builtin_fma(x, y, z);
#else
  return x * y + z;
#endif
}

// The two parts of sum min(w, c m): the sum of the w up to c m, and that of the other m.
struct SplitSum {
  double below = 0.0, above = 0.0;
};

template <class Real>
FASTPID_HD Real clamp(const Real& x, double low, double high) {
  return select(x < low, Real(low), select(x > high, Real(high), x));
}

// log(x), and zero where x is: the potential of a cell that a problem in a pack does not have.
template <class Real>
FASTPID_HD Real log_or_zero(const Real& x) {
  return select(x > 0.0, log(x), Real(0.0));
}

// What a comparison of two Reals gives.
template <class Real>
using MaskOf = decltype(Real(0.0) < Real(0.0));

}  // namespace fastpid
