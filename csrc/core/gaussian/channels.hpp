// Two Gaussian channels of one white target, reduced to what matters.
//
// However many rows H_x has, only R of its factorisation H_x = Q R does (Q' n_x is white, too, and
// the rest of n_x says nothing): at most d rows. And with R_0' R_0 = I + H_x' H_x + H_y' H_y,
// everything is written in the coordinates R_0 z: with [I; H_x; H_y] R_0^-1 = [N_0; A; B], whose
// columns are orthonormal, and N = N_0' N_0,
//
//     I_union = log det R_0 + min over ||Theta|| < 1 of 1/2 log det M,
//     M = N + [A; B]' K^-1 [A; B],   K = [I, Theta; Theta', I],
//
// where M is at least I / 2 for every Theta and has a determinant of at most one at the optimum, so
// that it is well conditioned whatever the channels are.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "../arena.hpp"
#include "loops.hpp"

namespace fastpid::gaussian {

// R of h (rows x d), at most d rows of it, and the reflections that lead there, in h transposed.
struct Triangle {
  int rows = 0;  // of h
  int d = 0;
  int rank = 0;           // rows of r
  bool reduced = false;   // else r is h itself
  double* r = nullptr;    // rank x d
  double* h_t = nullptr;  // d x rows
  double* diag = nullptr;
  double* tau = nullptr;

  static Triangle take(Arena& arena, int rows, int d) {
    Triangle t;
    t.r = arena.take<double>(std::ptrdiff_t{std::min(rows, d)} * d);
    t.h_t = arena.take<double>(std::ptrdiff_t{d} * rows);
    t.diag = arena.take<double>(d);
    t.tau = arena.take<double>(d);
    return t;
  }

  void fill(const double* h, int h_rows, int columns) {
    rows = h_rows;
    d = columns;
    rank = std::min(rows, d);
    reduced = rows > d;
    if (!reduced) {
      std::copy(h, h + std::ptrdiff_t{rows} * d, r);
      return;
    }
    for (int j = 0; j < d; ++j) {
      for (int i = 0; i < rows; ++i) h_t[j * rows + i] = h[i * d + j];
    }
    triangularise(h_t, d, rows, diag, tau);
    for (int i = 0; i < d; ++i) {
      for (int j = 0; j < d; ++j) {
        r[i * d + j] = j < i ? 0.0 : j == i ? diag[i] : h_t[j * rows + i];
      }
    }
  }
};

// log det R, R' R = I + H' H for the rows of h; `stack` has room for d x (d + rows), and keeps Q.
inline double log_det(const double* h, int rows, int d, double* stack, double* diag, double* tau) {
  const int width = d + rows;
  for (int j = 0; j < d; ++j) {
    double* row = stack + std::ptrdiff_t{j} * width;
    std::fill(row, row + d, 0.0);
    row[j] = 1.0;
    for (int i = 0; i < rows; ++i) row[d + i] = h[i * d + j];
  }
  triangularise(stack, d, width, diag, tau);
  double sum = 0.0;
  for (int j = 0; j < d; ++j) sum += std::log(std::fabs(diag[j]));
  return sum;
}

// The reduced problem: n (d x d), a (rx x d), b (ry x d); rx <= ry.
struct Pair {
  int rx = 0;
  int ry = 0;
  int d = 0;
  const double* n = nullptr;
  const double* a = nullptr;
  const double* b = nullptr;
};

}  // namespace fastpid::gaussian
