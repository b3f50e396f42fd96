// The noise of one block of variables, factorised; and what other blocks share with it.
//
// Matrices here are column-major, of symmetric and triangular ones the lower triangle counts.
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

  double& at(int i, int j) const { return l[static_cast<std::ptrdiff_t>(j) * rows + i]; }

  // `backup` has room for l.
  template <class Exec>
  void factorise(const Exec& exec, double tiny, double* backup) {
    // Where no pivot is anywhere near `tiny` their order does not matter, and a library is faster.
    constexpr double kClear = 1e-8;
    const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(rows) * rows;
    for (int i = 0; i < rows; ++i) order[i] = i;
    rank = rows;
    if (rows == 0) return;
    std::copy(l, l + size, backup);
    bool clear = exec.cholesky(l, rows, rows);
    for (int i = 0; i < rows && clear; ++i) clear = at(i, i) * at(i, i) > kClear;
    if (clear) return;
    std::copy(backup, backup + size, l);
    eliminate(tiny);
  }

 private:
  // The largest pivot first, down to `tiny`; what is left then stays where it is.
  void eliminate(double tiny) {
    for (rank = 0; rank < rows; ++rank) {
      const int k = rank;
      int best = k;
      for (int i = k + 1; i < rows; ++i) {
        if (at(i, i) > at(best, best)) best = i;
      }
      if (!(at(best, best) > tiny)) return;
      if (best != k) {
        for (int j = 0; j < k; ++j) std::swap(at(k, j), at(best, j));
        for (int i = k + 1; i < best; ++i) std::swap(at(i, k), at(best, i));
        for (int i = best + 1; i < rows; ++i) std::swap(at(i, k), at(i, best));
        std::swap(at(k, k), at(best, best));
        std::swap(order[k], order[best]);
      }
      at(k, k) = std::sqrt(at(k, k));
      scale(rows - k - 1, 1.0 / at(k, k), &at(k, k) + 1);
      for (int j = k + 1; j < rows; ++j) {
        add_multiple(rows - j, -at(j, k), &at(j, k), &at(j, j));
      }
    }
  }
};

// What `count` other variables are of a factorised block: shared (count x rows), their covariance
// with it, becomes out (count x rank) with shared = out L'. False if they share something with a
// variable that has no variance beside those before it, which no covariance does.
template <class Exec>
bool regress(const Exec& exec, const Block& block, double tiny, const double* shared, int count,
             double* out) {
  for (int j = 0; j < block.rank; ++j) {
    const double* from = shared + std::ptrdiff_t{block.order[j]} * count;
    std::copy(from, from + count, out + std::ptrdiff_t{j} * count);
  }
  if (count == 0 || block.rank == 0) return true;
  exec.solve_right(block.l, block.rank, block.rows, out, count);
  for (int j = block.rank; j < block.rows; ++j) {
    const double* from = shared + std::ptrdiff_t{block.order[j]} * count;
    for (int i = 0; i < count; ++i) {
      double left = from[i];
      for (int k = 0; k < block.rank; ++k) {
        left -= block.at(j, k) * out[std::ptrdiff_t{k} * count + i];
      }
      if (left * left > tiny) return false;
    }
  }
  return true;
}

}  // namespace fastpid::gaussian
