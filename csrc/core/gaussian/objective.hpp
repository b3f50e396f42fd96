// The union problem's objective at a correlation Theta of the two noises, its gradient, and a
// bound.
//
// With Theta = U diag(s) V', U and V orthogonal, K falls apart into pairs (u_i, v_i) of eigenvalues
// 1 + s_i and 1 - s_i. With a = U' A and b = V' B,
//
//     p_i = (a_i + b_i) / 2 (1 + s_i),   q_i = (a_i - b_i) / 2 (1 - s_i),
//     K^-1 [a; b] = [p + q; p - q] = [l_x; l_y],
//     M = N + sum of 2 (1 + s_i) p_i' p_i + 2 (1 - s_i) q_i' q_i,
//
// and b_i' b_i for rows of b beyond those of a. This stays accurate as s_i nears 1, where the two
// channels coincide in a direction and the optimum often lies; inverting K would not. The gradient
// of f = 1/2 log det M by Theta is -P_xy, P = [l_x; l_y] M^-1 [l_x; l_y]'.
//
// f is convex (newton.hpp has its second derivative), so that for every Theta' of norm one at most
// f(Theta') >= f(Theta) + <P_xy, Theta> - <P_xy, Theta'>, which is least at ||P_xy||_*, the sum of
// singular values:
//
//     f(Theta) - gap <= min f <= f(Theta),   gap = ||P_xy||_* - <P_xy, Theta>.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "../arena.hpp"
#include "channels.hpp"
#include "loops.hpp"

namespace fastpid::gaussian {

// An iterate in its own singular basis: rows of a and b are those of U' A, followed by those of U',
// and of V' B, followed by those of V'.
struct Point {
  double* a = nullptr;    // rx x (d + rx)
  double* b = nullptr;    // ry x (d + ry)
  double* s = nullptr;    // rx, descending
  double* m = nullptr;    // M = L L', d x d: L
  double* l_x = nullptr;  // rx x d
  double* l_y = nullptr;  // ry x d
  double* p_xx = nullptr;
  double* p_xy = nullptr;
  double* p_yy = nullptr;
  double f = 0.0;

  static Point take(Arena& arena, int rx, int ry, int d) {
    const auto size = [](int rows, int columns) { return std::ptrdiff_t{rows} * columns; };
    Point p;
    p.a = arena.take<double>(size(rx, d + rx));
    p.b = arena.take<double>(size(ry, d + ry));
    p.s = arena.take<double>(rx);
    p.m = arena.take<double>(size(d, d));
    p.l_x = arena.take<double>(size(rx, d));
    p.l_y = arena.take<double>(size(ry, d));
    p.p_xx = arena.take<double>(size(rx, rx));
    p.p_xy = arena.take<double>(size(rx, ry));
    p.p_yy = arena.take<double>(size(ry, ry));
    return p;
  }
};

// What evaluations work with.
struct Bench {
  double* theta = nullptr;  // rx x ry
  double* rows = nullptr;   // (rx + ry) x d
  double* diag = nullptr;   // rx
  double* tau = nullptr;    // rx
  double* wide = nullptr;   // d + ry

  static Bench take(Arena& arena, int rx, int ry, int d) {
    Bench w;
    w.theta = arena.take<double>(std::ptrdiff_t{rx} * ry);
    w.rows = arena.take<double>(std::ptrdiff_t{rx + ry} * d);
    w.diag = arena.take<double>(rx);
    w.tau = arena.take<double>(rx);
    w.wide = arena.take<double>(d + ry);
    return w;
  }
};

// The point at Theta = 0.
inline void start(const Pair& pair, const Point& out) {
  const auto begin = [&](const double* rows, int count, double* to) {
    const int width = pair.d + count;
    for (int i = 0; i < count; ++i) {
      std::copy(rows + i * pair.d, rows + (i + 1) * pair.d, to + i * width);
      std::fill(to + i * width + pair.d, to + (i + 1) * width, 0.0);
      to[i * width + pair.d + i] = 1.0;
    }
  };
  begin(pair.a, pair.rx, out.a);
  begin(pair.b, pair.ry, out.b);
  std::fill(out.s, out.s + pair.rx, 0.0);
}

// Turns the bases of a point to the singular vectors of w.theta, which is Theta in these bases, and
// overwrites it. Theta's rows are made orthogonal by rotations, which gives U and s; reflections
// then bring them to multiples of unit vectors, which gives all of V, also where s is zero.
inline void turn(const Pair& pair, const Bench& w, const Point& point) {
  const int rx = pair.rx, ry = pair.ry, wide_a = pair.d + rx, wide_b = pair.d + ry;
  orthogonalise(w.theta, rx, ry, point.a, wide_a);
  triangularise(w.theta, rx, ry, w.diag, w.tau);
  multiply_transposed(w.theta, rx, ry, w.tau, point.b, wide_b, w.wide);
  for (int i = 0; i < rx; ++i) {
    point.s[i] = std::fabs(w.diag[i]);
    if (w.diag[i] < 0.0) scale(wide_b, -1.0, point.b + i * wide_b);
  }
}

// f, the gradient and what Newton's method needs, at a point of norm below one; false if M cannot
// be factorised, that is, where numbers have overflowed.
inline bool evaluate(const Pair& pair, const Bench& w, Point& point) {
  const int rx = pair.rx, ry = pair.ry, d = pair.d;
  double* row = w.rows;
  for (int i = 0; i < rx; ++i, row += 2 * d) {
    const double* a = point.a + i * (d + rx);
    const double* b = point.b + i * (d + ry);
    const double plus = 1.0 + point.s[i], minus = 1.0 - point.s[i];
    const double root_p = std::sqrt(2.0 * plus), root_q = std::sqrt(2.0 * minus);
    for (int j = 0; j < d; ++j) {
      const double p = (a[j] + b[j]) / (2.0 * plus), q = (a[j] - b[j]) / (2.0 * minus);
      point.l_x[i * d + j] = p + q;
      point.l_y[i * d + j] = p - q;
      row[j] = root_p * p;
      row[d + j] = root_q * q;
    }
  }
  for (int i = rx; i < ry; ++i, row += d) {
    std::copy(point.b + i * (d + ry), point.b + i * (d + ry) + d, point.l_y + i * d);
    std::copy(point.l_y + i * d, point.l_y + (i + 1) * d, row);
  }
  std::copy(pair.n, pair.n + std::ptrdiff_t{d} * d, point.m);
  for (int r = 0; r < rx + ry; ++r) {
    const double* x = w.rows + r * d;
    for (int i = 0; i < d; ++i) add_multiple(i + 1, x[i], x, point.m + i * d);
  }
  if (!cholesky(point.m, d)) return false;
  point.f = 0.0;
  for (int i = 0; i < d; ++i) point.f += std::log(point.m[i * d + i]);

  double* w_x = w.rows;
  double* w_y = w.rows + rx * d;
  std::copy(point.l_x, point.l_x + rx * d, w_x);
  std::copy(point.l_y, point.l_y + ry * d, w_y);
  for (int i = 0; i < rx + ry; ++i) solve_lower(point.m, d, w.rows + i * d);
  for (int i = 0; i < rx; ++i) {
    for (int k = 0; k <= i; ++k) {
      point.p_xx[i * rx + k] = point.p_xx[k * rx + i] = inner(d, w_x + i * d, w_x + k * d);
    }
    for (int j = 0; j < ry; ++j) point.p_xy[i * ry + j] = inner(d, w_x + i * d, w_y + j * d);
  }
  for (int j = 0; j < ry; ++j) {
    for (int l = 0; l <= j; ++l) {
      point.p_yy[j * ry + l] = point.p_yy[l * ry + j] = inner(d, w_y + j * d, w_y + l * d);
    }
  }
  return std::isfinite(point.f);
}

// ||P_xy||_*, P_xy being that of the point.
inline double nuclear_norm(const Pair& pair, const Bench& w, const Point& point) {
  const int rx = pair.rx, ry = pair.ry;
  std::copy(point.p_xy, point.p_xy + rx * ry, w.theta);
  orthogonalise(w.theta, rx, ry, nullptr, 0);
  double sum = 0.0;
  for (int i = 0; i < rx; ++i) sum += norm(ry, w.theta + i * ry);
  return sum;
}

// How far f may lie above its minimum. What is `enough` is not told from more.
inline double gap(const Pair& pair, const Bench& w, const Point& point, double enough) {
  double trace = 0.0, distance = 0.0;
  for (int i = 0; i < pair.rx; ++i) {
    const double p = point.p_xy[i * pair.ry + i];
    trace += std::fabs(p) - p * point.s[i];
    distance += p * point.s[i];
  }
  // The singular values sum to no less than the diagonal does.
  if (trace > enough) return HUGE_VAL;
  return std::max(nuclear_norm(pair, w, point) - distance, 0.0);
}

}  // namespace fastpid::gaussian
