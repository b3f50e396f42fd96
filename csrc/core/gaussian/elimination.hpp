// The noise of one block of variables, factorised; and what other variables share with it.
//
// Of symmetric and triangular matrices the lower triangle counts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "../arena.hpp"
#include "loops.hpp"

namespace fastpid::gaussian {

// A covariance, rows x rows, and from factorise() on its L, the variables in some order: those
// behind the first `rank` have no variance beside these, but for `tiny`.
struct Block {
  int rows = 0;
  int rank = 0;
  double* l = nullptr;
  int* order = nullptr;  // which variable each row is

  static Block take(Arena& arena, int rows) {
    Block b;
    b.rows = rows;
    b.l = arena.take<double>(std::ptrdiff_t{rows} * rows);
    b.order = arena.take<int>(rows);
    return b;
  }

  double* row(int i) const { return l + static_cast<std::ptrdiff_t>(i) * rows; }
  double& at(int i, int j) const { return row(i)[j]; }

  // out (rows, in the order of the variables) <- L v, v as long as the rank.
  void multiply(const double* v, double* out) const {
    for (int i = 0; i < rows; ++i) out[order[i]] = inner(std::min(i + 1, rank), row(i), v);
  }

  // v <- L^-1 v and v <- L'^-1 v, of the variables that count.
  void solve(double* v) const {
    for (int i = 0; i < rank; ++i) v[i] = (v[i] - inner(i, row(i), v)) / at(i, i);
  }
  void solve_transposed(double* v) const { solve_upper(l, rank, rows, v); }

  // Takes the largest pivot first, down to `tiny`. False if what is left then is more than that, as
  // it is for no covariance. `column` has room for one.
  bool factorise(double tiny, double* column) {
    for (int i = 0; i < rows; ++i) order[i] = i;
    for (rank = 0; rank < rows; ++rank) {
      const int k = rank;
      int best = k;
      for (int i = k + 1; i < rows; ++i) {
        if (at(i, i) > at(best, best)) best = i;
      }
      if (!(at(best, best) > tiny)) break;
      if (best != k) {
        swap_rows(k, row(k), row(best));
        for (int i = k + 1; i < best; ++i) std::swap(at(i, k), at(best, i));
        for (int i = best + 1; i < rows; ++i) std::swap(at(i, k), at(i, best));
        std::swap(at(k, k), at(best, best));
        std::swap(order[k], order[best]);
      }
      const double pivot = std::sqrt(at(k, k));
      at(k, k) = pivot;
      for (int i = k + 1; i < rows; ++i) column[i] = at(i, k) /= pivot;
      for (int i = k + 1; i < rows; ++i) {
        add_multiple(i - k, -column[i], column + k + 1, row(i) + k + 1);
      }
    }
    for (int i = rank; i < rows; ++i) {
      for (int j = rank; j <= i; ++j) {
        if (!(std::fabs(at(i, j)) <= tiny)) return false;
      }
    }
    return true;
  }

  // What `count` other variables are of this block, once factorised: shared (rows x count), their
  // covariance with it, becomes out (rank x count), shared = L out, the rows of `shared` being in
  // the order of the variables. False if the square of what they share with a variable that has no
  // variance beside those before it is more than `tiny`. Overwrites `shared`.
  bool regress(double tiny, double* shared, int count, double* out) const {
    for (int i = 0; i < rows; ++i) {
      double* own = shared + static_cast<std::ptrdiff_t>(order[i]) * count;
      for (int k = 0; k < std::min(i, rank); ++k) {
        add_multiple(count, -at(i, k), out + static_cast<std::ptrdiff_t>(k) * count, own);
      }
      if (i < rank) {
        double* to = out + static_cast<std::ptrdiff_t>(i) * count;
        for (int j = 0; j < count; ++j) to[j] = own[j] / at(i, i);
      } else {
        for (int j = 0; j < count; ++j) {
          if (own[j] * own[j] > tiny) return false;
        }
      }
    }
    return true;
  }

  // Takes away what these variables are of others: the rows of out, as regress() gives it.
  void subtract(const double* out, int others) {
    for (int k = 0; k < others; ++k) {
      const double* own = out + static_cast<std::ptrdiff_t>(k) * rows;
      for (int i = 0; i < rows; ++i) add_multiple(i + 1, -own[i], own, row(i));
    }
  }
};

}  // namespace fastpid::gaussian
