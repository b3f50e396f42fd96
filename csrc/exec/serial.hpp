// The execution policy (policy.hpp) of one CPU thread: plain loops, and a library (dense.hpp) for
// the dense algebra of doubles. The factors of small matrices keep the reciprocals of their
// diagonals.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

#include "../core/numerics.hpp"
#include "dense.hpp"
#include "policy.hpp"
#include "vector.hpp"

namespace fastpid {

class Serial {
 public:
  template <class F>
  void for_each(std::ptrdiff_t n, F&& f) const {
    for (std::ptrdiff_t i = 0; i < n; ++i) f(i);
  }

  template <class F>
  auto sum(std::ptrdiff_t n, F&& f) const {
    decltype(f(n)) total = 0.0;
    for (std::ptrdiff_t i = 0; i < n; ++i) total += f(i);
    return total;
  }

  template <class F>
  auto min(std::ptrdiff_t n, F&& f) const {
    decltype(f(n)) least = std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t i = 0; i < n; ++i) least = smaller(least, f(i));
    return least;
  }

  template <class F>
  auto max(std::ptrdiff_t n, F&& f) const {
    return -min(n, [&](std::ptrdiff_t i) { return -f(i); });
  }

  const Serial& alone() const { return *this; }
  const Serial& brief() const { return *this; }

  bool stopped() const { return false; }

  template <class T, class Less>
  void sort(int n, T* first, Less&& less) const {
    std::sort(first, first + n, less);
  }

  template <class F>
  void once(F&& f) const {
    f();
  }

  // The least of numbers one of which is NaN may be any of them.
  double total(std::ptrdiff_t n, const double* v) const { return fastpid::total(n, v); }
  double sum_xlogx(std::ptrdiff_t n, const double* v) const { return fastpid::sum_xlogx(n, v); }
  double least(std::ptrdiff_t n, const double* v) const {
    if (n < kLanes) return min(n, [&](std::ptrdiff_t i) { return v[i]; });
    return -largest_of_vectors(n, [&](std::ptrdiff_t i) { return -load(v + i); });
  }

  template <class Real>
  void log_each(std::ptrdiff_t n, const Real* x, Real* out) const {
    if constexpr (std::is_floating_point_v<Real>) {
      map_vectors(n, x, out, [](Vector v) { return logarithm(v); });
    } else {
      for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = log(x[i]);
    }
  }
  template <class Out>
  void exp_each(std::ptrdiff_t n, const double* x, Out* out) const {
    map_vectors(n, x, out, [](Vector v) { return exponential(v); });
  }

  template <class In>
  double sum_squares(std::ptrdiff_t n, const In* w, const In* x) const {
    return fastpid::sum_squares(n, w, x);
  }

  double largest_sum(std::ptrdiff_t n, double u0, const double* v0, double u1,
                     const double* v1) const {
    if (n < kLanes) return max(n, [&](std::ptrdiff_t j) { return u0 * v0[j] + u1 * v1[j]; });
    return largest_of_vectors(
        n, [&](std::ptrdiff_t j) { return u0 * load(v0 + j) + u1 * load(v1 + j); });
  }

  template <class T>
  void times(const T* a, const T* b, int m, int k, int n, T* c) const {
    dense::times(a, b, m, k, n, c);
  }
  template <class T>
  void transposed_times(const T* a, const T* b, int k, int m, int n, T* c) const {
    dense::transposed_times(a, m, b, k, m, n, c);
  }
  template <class T>
  void times_transposed(const T* a, const T* b, int m, int k, int n, T* c) const {
    dense::times_transposed(a, b, m, k, n, c);
  }

  bool cholesky(double* a, int n, std::ptrdiff_t stride) const {
    if (n <= kSmall) return cholesky<double>(a, n, stride);
    return dense::cholesky(a, n, stride);
  }

  template <class Real>
  MaskOf<Real> cholesky(Real* a, int n, std::ptrdiff_t stride) const {
    MaskOf<Real> definite = true;
    for (int j = 0; j < n; ++j) {
      Real* column = a + j * stride;
      subtract_products(a, stride, j, a + j, stride, j, n, column);
      const MaskOf<Real> good = column[j] > 0.0;
      definite = definite & good;
      const Real inverse = 1.0 / sqrt(select(good, column[j], Real(1.0)));
      column[j] = inverse;
      for (int i = j + 1; i < n; ++i) column[i] *= inverse;
    }
    return definite;
  }

  void solve_right(const double* l, int n, std::ptrdiff_t stride, double* b, int rows) const {
    if (n > kSmall) {
      dense::solve_right(l, n, stride, b, rows, rows);
    } else {
      solve_few_right(l, n, stride, b, rows);
    }
  }

  template <class Real>
  void solve_right(const Real* l, int n, std::ptrdiff_t stride, Real* b, int rows) const {
    for (int j = 0; j < n; ++j) {
      Real* column = b + static_cast<std::ptrdiff_t>(j) * rows;
      subtract_products(b, rows, j, l + j, stride, 0, rows, column);
      const Real inverse = l[j * stride + j];
      for (int i = 0; i < rows; ++i) column[i] *= inverse;
    }
  }

  void solve(const double* l, int n, std::ptrdiff_t stride, double* b) const {
    if (n <= kSmall) {
      solve<double>(l, n, stride, b);
    } else {
      dense::solve(l, n, stride, b);
    }
  }

  template <class Real>
  void solve(const Real* l, int n, std::ptrdiff_t stride, Real* b) const {
    for (int j = 0; j < n; ++j) {
      b[j] *= l[j * stride + j];
      for (int i = j + 1; i < n; ++i) b[i] -= l[j * stride + i] * b[j];
    }
    for (int j = n - 1; j >= 0; --j) {
      Real sum = b[j];
      for (int i = j + 1; i < n; ++i) sum -= l[j * stride + i] * b[i];
      b[j] = sum * l[j * stride + j];
    }
  }

  void downdate(double* c, int n, const double* g, int columns) const {
    dense::downdate(c, n, n, g, columns, n);
  }

  template <class Real>
  void downdate(Real* c, int n, const Real* g, int columns) const {
    for (int j = 0; j < n; ++j) {
      subtract_products(g, n, columns, g + j, n, j, n, c + static_cast<std::ptrdiff_t>(j) * n);
    }
  }

 protected:
  // Below this, plain loops beat the library's set-up.
  static constexpr int kSmall = 32;

  // The same for few columns: as many rows at a time as there are lanes in a register.
  static void solve_few_right(const double* l, int n, std::ptrdiff_t stride, double* b,
                              std::ptrdiff_t rows) {
    Vector x[kSmall];
    const auto solve_rows = [&](auto&& load_column, auto&& store_column) {
      for (int j = 0; j < n; ++j) {
        Vector value = load_column(j);
        for (int k = 0; k < j; ++k) value -= x[k] * l[k * stride + j];
        x[j] = value * l[j * stride + j];
        store_column(j, x[j]);
      }
    };
    std::ptrdiff_t i = 0;
    for (; i + kLanes <= rows; i += kLanes) {
      solve_rows([&](int j) { return load(b + j * rows + i); },
                 [&](int j, Vector v) { store(v, b + j * rows + i); });
    }
    const std::size_t bytes = static_cast<std::size_t>(rows - i) * sizeof(double);
    if (bytes == 0) return;
    solve_rows(
        [&](int j) {
          Vector v{};
          std::memcpy(&v, b + j * rows + i, bytes);
          return v;
        },
        [&](int j, Vector v) { std::memcpy(b + j * rows + i, &v, bytes); });
  }

  // out[i] -= sum over k < count of x[k * stride_x + i] weights[k * stride_w], first <= i < end.
  template <class Real>
  static void subtract_products(const Real* x, std::ptrdiff_t stride_x, int count,
                                const Real* weights, std::ptrdiff_t stride_w, int first, int end,
                                Real* out) {
    int i = first;
    for (; i + 2 < end; i += 3) {
      Real a = out[i], b = out[i + 1], c = out[i + 2];
      for (int k = 0; k < count; ++k) {
        const Real* column = x + k * stride_x + i;
        const Real weight = weights[k * stride_w];
        a -= column[0] * weight;
        b -= column[1] * weight;
        c -= column[2] * weight;
      }
      out[i] = a;
      out[i + 1] = b;
      out[i + 2] = c;
    }
    for (; i < end; ++i) {
      Real a = out[i];
      for (int k = 0; k < count; ++k) a -= x[k * stride_x + i] * weights[k * stride_w];
      out[i] = a;
    }
  }
};
static_assert(kIsPolicy<Serial>);

}  // namespace fastpid
