// Scalar functions with the conventions of information theory: 0 log 0 = 0, nats throughout.
#pragma once

#include <cmath>

#include "macros.hpp"

namespace fastpid {

FASTPID_HD inline double xlogx(double x) { return x > 0.0 ? x * std::log(x) : 0.0; }

// w * l, where l may be -inf as long as w is zero.
FASTPID_HD inline double weigh(double w, double l) { return w > 0.0 ? w * l : 0.0; }

FASTPID_HD inline double clamp(double x, double low, double high) {
  return x < low ? low : (x > high ? high : x);
}

FASTPID_HD inline double smaller(double x, double y) { return y < x ? y : x; }
FASTPID_HD inline double larger(double x, double y) { return x < y ? y : x; }

}  // namespace fastpid
