// The execution policy (policy.hpp) of a block of threads that all run the same body: a CUDA block
// (thread_block.cuh), or host threads that stand for one in the tests (csrc/tests/host_team.hpp).
//
// `Machine` has rank() and size() of the calling thread and its block, barrier(), and scratch(), of
// kScratch doubles that the block shares. Outside of the policy's methods all threads do the same
// on values of their own; for_each(), once() and the dense algebra end in a barrier, and reductions
// return the same bits to every thread. These do not depend on the number of threads either: a sum
// is always cut into kPieces, added in their order.
#pragma once

#include <cstddef>
#include <limits>

#include "../core/numerics.hpp"
#include "plain.hpp"
#include "policy.hpp"

namespace fastpid {

template <class Machine>
class Block {
 public:
  static constexpr int kPieces = 64;
  // Reductions take turns with two sets of partial results: when a set is written again, all have
  // passed a barrier since they read it.
  static constexpr int kScratch = 2 * kPieces;

  FASTPID_HD explicit Block(const Machine& machine) : machine_(machine) {}

  FASTPID_HD Plain alone() const { return {}; }
  FASTPID_HD const Block& brief() const { return *this; }
  FASTPID_HD bool stopped() const { return false; }

  template <class F>
  FASTPID_HD void for_each(std::ptrdiff_t n, F&& f) const {
    each(n, f);
    machine_.barrier();
  }

  template <class F>
  FASTPID_HD void once(F&& f) const {
    if (machine_.rank() == 0) f();
    machine_.barrier();
  }

  template <class F>
  FASTPID_HD double sum(std::ptrdiff_t n, F&& f) const {
    return reduce(n, 0.0, f, [](double x, double y) { return x + y; });
  }

  template <class F>
  FASTPID_HD double min(std::ptrdiff_t n, F&& f) const {
    return reduce(n, std::numeric_limits<double>::infinity(), f,
                  [](double x, double y) { return smaller(x, y); });
  }

  template <class F>
  FASTPID_HD double max(std::ptrdiff_t n, F&& f) const {
    return -min(n, [&](std::ptrdiff_t i) { return -f(i); });
  }

  FASTPID_HD double sum_xlogx(std::ptrdiff_t n, const double* v) const {
    return sum(n, [&](std::ptrdiff_t i) { return xlogx(v[i]); });
  }

  template <class T>
  FASTPID_HD void log_each(std::ptrdiff_t n, const T* x, T* out) const {
    for_each(n, [&](std::ptrdiff_t i) {
      const T least = std::numeric_limits<T>::min();
      out[i] = std::log(x[i] > least ? x[i] : least);
    });
  }
  template <class Out>
  FASTPID_HD void exp_each(std::ptrdiff_t n, const double* x, Out* out) const {
    for_each(n, [&](std::ptrdiff_t i) { out[i] = std::exp(static_cast<Out>(x[i])); });
  }

  template <class In>
  FASTPID_HD double sum_squares(std::ptrdiff_t n, const In* w, const In* x) const {
    return sum(n, [&](std::ptrdiff_t i) { return static_cast<double>(w[i] * (x[i] * x[i])); });
  }

  template <class T>
  FASTPID_HD void times(const T* a, const T* b, int m, int k, int n, T* c) const {
    product(
        m, k, n, c, [&](std::ptrdiff_t i, std::ptrdiff_t l) { return a[i * k + l]; },
        [&](std::ptrdiff_t l, std::ptrdiff_t j) { return b[l * n + j]; });
  }
  template <class T>
  FASTPID_HD void transposed_times(const T* a, const T* b, int k, int m, int n, T* c) const {
    product(
        m, k, n, c, [&](std::ptrdiff_t i, std::ptrdiff_t l) { return a[l * m + i]; },
        [&](std::ptrdiff_t l, std::ptrdiff_t j) { return b[l * n + j]; });
  }
  template <class T>
  FASTPID_HD void times_transposed(const T* a, const T* b, int m, int k, int n, T* c) const {
    product(
        m, k, n, c, [&](std::ptrdiff_t i, std::ptrdiff_t l) { return a[i * k + l]; },
        [&](std::ptrdiff_t l, std::ptrdiff_t j) { return b[j * k + l]; });
  }

  // Factors keep the reciprocals of their diagonal there.

  // Column by column.
  FASTPID_HD bool cholesky(double* a, int n, std::ptrdiff_t stride) const {
    for (int j = 0; j < n; ++j) {
      double* column = a + j * stride;
      const double pivot = column[j];
      if (!(pivot > 0.0)) return false;  // every thread read the same
      const double inverse = 1.0 / std::sqrt(pivot);
      const int below = n - j - 1;
      for_each(below, [&](std::ptrdiff_t i) { column[j + 1 + i] *= inverse; });
      if (machine_.rank() == 0) column[j] = inverse;
      const double* l = column + j + 1;
      for_each(static_cast<std::ptrdiff_t>(below) * below, [&](std::ptrdiff_t t) {
        const std::ptrdiff_t row = t % below, col = t / below;
        if (row >= col) a[(j + 1 + col) * stride + j + 1 + row] -= l[row] * l[col];
      });
    }
    return true;
  }

  FASTPID_HD void solve_right(const double* l, int n, std::ptrdiff_t stride, double* b,
                              int rows) const {
    for_each(rows, [&](std::ptrdiff_t i) {
      for (std::ptrdiff_t j = 0; j < n; ++j) {
        double value = b[j * rows + i];
        for (std::ptrdiff_t k = 0; k < j; ++k) value -= b[k * rows + i] * l[k * stride + j];
        b[j * rows + i] = value * l[j * stride + j];
      }
    });
  }

  // What is solved is written back one step later, when nobody reads it.
  FASTPID_HD void solve(const double* l, int n, std::ptrdiff_t stride, double* b) const {
    for (std::ptrdiff_t j = 0; j < n; ++j) {
      const double value = b[j] * l[j * stride + j];
      for_each(n - j - 1,
               [&](std::ptrdiff_t i) { b[j + 1 + i] -= l[j * stride + j + 1 + i] * value; });
      if (machine_.rank() == 0) b[j] = value;
    }
    machine_.barrier();
    for (std::ptrdiff_t j = n - 1; j >= 0; --j) {
      const double value = b[j] * l[j * stride + j];
      for_each(j, [&](std::ptrdiff_t i) { b[i] -= l[i * stride + j] * value; });
      if (machine_.rank() == 0) b[j] = value;
    }
    machine_.barrier();
  }

  FASTPID_HD void downdate(double* c, int n, const double* g, int columns) const {
    for_each(static_cast<std::ptrdiff_t>(n) * n, [&](std::ptrdiff_t t) {
      const std::ptrdiff_t row = t % n, col = t / n;
      if (row < col) return;
      double sum = 0.0;
      for (std::ptrdiff_t k = 0; k < columns; ++k) sum += g[k * n + row] * g[k * n + col];
      c[t] -= sum;
    });
  }

 private:
  template <class F>
  FASTPID_HD void each(std::ptrdiff_t n, F&& f) const {
    for (std::ptrdiff_t i = machine_.rank(); i < n; i += machine_.size()) f(i);
  }

  template <class F, class Join>
  FASTPID_HD double reduce(std::ptrdiff_t n, double start, F&& f, Join&& join) const {
    double* parts = machine_.scratch() + (turn_ ? kPieces : 0);
    turn_ = !turn_;
    const std::ptrdiff_t pieces = n < kPieces ? n : kPieces;
    for_each(pieces, [&](std::ptrdiff_t piece) {
      double value = start;
      for (std::ptrdiff_t i = piece; i < n; i += kPieces) value = join(value, f(i));
      parts[piece] = value;
    });
    double value = start;
    for (std::ptrdiff_t piece = 0; piece < pieces; ++piece) value = join(value, parts[piece]);
    return value;
  }

  template <class T, class A, class B>
  FASTPID_HD void product(std::ptrdiff_t m, int k, std::ptrdiff_t n, T* c, A&& a, B&& b) const {
    for_each(m * n, [&](std::ptrdiff_t t) {
      const std::ptrdiff_t i = t / n, j = t % n;
      T sum = 0;
      for (int l = 0; l < k; ++l) sum += a(i, l) * b(l, j);
      c[t] = sum;
    });
  }

  Machine machine_;
  mutable bool turn_ = false;  // each thread's own, the same in all of them
};

}  // namespace fastpid
