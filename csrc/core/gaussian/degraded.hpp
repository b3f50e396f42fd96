// Channels one of which is a degraded version of the other, in closed form.
//
// If H_y = Theta' H_x with ||Theta|| <= 1, then Y given Z is X, weakened and with more noise: under
// this Theta Y says nothing beyond X, and the union information is I(X; Z). Whether there is such a
// Theta is a matter of one system of equations, and M tells whether it did.
#pragma once

#include <cmath>
#include <cstddef>

#include "objective.hpp"

namespace fastpid::gaussian {

struct DegradedWork {
  double* strong = nullptr;  // ry x d
  double* weak = nullptr;    // d x ry
  double* diag = nullptr;    // ry
  double* tau = nullptr;
  double* row = nullptr;

  static DegradedWork take(Arena& arena, int ry, int d) {
    DegradedWork w;
    w.strong = arena.take<double>(std::ptrdiff_t{ry} * d);
    w.weak = arena.take<double>(std::ptrdiff_t{d} * ry);
    w.diag = arena.take<double>(ry);
    w.tau = arena.take<double>(ry);
    w.row = arena.take<double>(ry);
    return w;
  }
};

// C of weak = C' strong, strong being p x d with p <= d, weak q x d: the first p rows of w.weak, q
// long. False if there is none, or none of norm one.
inline bool divide(const double* strong, int p, const double* weak, int q, int d,
                   const DegradedWork& w) {
  constexpr double kResidual = 1e-12, kRank = 1e-12;
  std::copy(strong, strong + p * d, w.strong);
  triangularise(w.strong, p, d, w.diag, w.tau);
  for (int i = 0; i < d; ++i) {
    for (int j = 0; j < q; ++j) w.weak[i * q + j] = weak[j * d + i];
  }
  multiply_transposed(w.strong, p, d, w.tau, w.weak, q, w.row);
  // strong' = Q L': L' C must be the first rows of Q' weak', and the others must vanish.
  double rest = 0.0, largest = 0.0;
  for (int i = p; i < d; ++i) rest += inner(q, w.weak + i * q, w.weak + i * q);
  if (rest > kResidual) return false;
  for (int i = 0; i < p; ++i) largest = std::fmax(largest, std::fabs(w.diag[i]));
  double size = 0.0;
  for (int i = p - 1; i >= 0; --i) {
    if (!(std::fabs(w.diag[i]) > kRank * largest)) return false;
    double* row = w.weak + i * q;
    for (int k = i + 1; k < p; ++k) add_multiple(q, -w.strong[k * d + i], w.weak + k * q, row);
    scale(q, 1.0 / w.diag[i], row);
    size += inner(q, row, row);
  }
  return size <= std::min(p, q) + 0.5;
}

// Takes `point` to the Theta by which the second channel is a degraded first (or, if `reverse`, the
// first a degraded second), held `margin` inside the ball. False if there is none.
inline bool degrade(const Pair& pair, const Bench& bench, const DegradedWork& w, bool reverse,
                    double margin, Point& point) {
  constexpr double kOutside = 1e-10;
  const int rx = pair.rx, ry = pair.ry;
  if (reverse ? !divide(pair.b, ry, pair.a, rx, pair.d, w)
              : !divide(pair.a, rx, pair.b, ry, pair.d, w)) {
    return false;
  }
  for (int i = 0; i < rx; ++i) {
    for (int j = 0; j < ry; ++j) {
      bench.theta[i * ry + j] = reverse ? w.weak[j * rx + i] : w.weak[i * ry + j];
    }
  }
  start(pair, point);
  turn(pair, bench, point);
  if (!(point.s[0] <= 1.0 + kOutside)) return false;
  for (int i = 0; i < rx; ++i) point.s[i] = std::fmin(point.s[i], 1.0 - margin);
  return evaluate(pair, bench, point);
}

}  // namespace fastpid::gaussian
