// The execution policy (policy.hpp) of one CPU thread: plain loops, and a library (dense.hpp) for
// the dense algebra of doubles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "../core/numerics.hpp"
#include "dense.hpp"
#include "policy.hpp"
#include "tiles.hpp"
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
    if constexpr (sizeof(Real) <= sizeof(double)) {
      map_vectors(n, plain(x), plain(out), [](Vector v) { return logarithm(v); });
    } else {
      for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = log(x[i]);
    }
  }
  template <class In, class Out>
  void exp_each(std::ptrdiff_t n, const In* x, Out* out) const {
    if constexpr (sizeof(In) <= sizeof(double)) {
      map_vectors(n, plain(x), plain(out), [](Vector v) { return exponential(v); });
    } else {
      for (std::ptrdiff_t i = 0; i < n; ++i) out[i] = exp(x[i]);
    }
  }

  template <class In>
  auto sum_squares(std::ptrdiff_t n, const In* w, const In* x) const {
    if constexpr (std::is_class_v<In>) {
      return sum(n, [&](std::ptrdiff_t i) { return w[i] * (x[i] * x[i]); });
    } else {
      return fastpid::sum_squares(n, w, x);
    }
  }

  double largest_sum(std::ptrdiff_t n, double u0, const double* v0, double u1,
                     const double* v1) const {
    if (n < kLanes) return max(n, [&](std::ptrdiff_t j) { return u0 * v0[j] + u1 * v1[j]; });
    return largest_of_vectors(
        n, [&](std::ptrdiff_t j) { return u0 * load(v0 + j) + u1 * load(v1 + j); });
  }

  SplitSum split_at_level(std::ptrdiff_t n, const double* u, const double* v, const double* a,
                          const double* b, double c) const {
    return fastpid::split_at_level(n, u, v, a, b, c);
  }

  template <class T>
  void times(const T* a, const T* b, int m, int k, int n, T* c) const {
    if constexpr (std::is_class_v<T>) {
      tiles::product(plain(a), k, 1, plain(b), n, 1, m, k, n, plain(c));
    } else {
      dense::times(a, b, m, k, n, c);
    }
  }
  template <class T>
  void transposed_times(const T* a, const T* b, int k, int m, int n, T* c) const {
    if constexpr (std::is_class_v<T>) {
      tiles::product(plain(a), 1, m, plain(b), n, 1, m, k, n, plain(c));
    } else {
      dense::transposed_times(a, m, b, k, m, n, c);
    }
  }
  template <class T>
  void times_transposed(const T* a, const T* b, int m, int k, int n, T* c) const {
    if constexpr (std::is_class_v<T>) {
      tiles::product(plain(a), k, 1, plain(b), 1, k, m, k, n, plain(c));
    } else {
      dense::times_transposed(a, b, m, k, n, c);
    }
  }

  bool cholesky(double* a, int n, std::ptrdiff_t stride) const {
    return n <= kSmall ? tiles::cholesky(a, n, stride) : dense::cholesky(a, n, stride);
  }
  template <class Real>
  MaskOf<Real> cholesky(Real* a, int n, std::ptrdiff_t stride) const {
    return tiles::cholesky(plain(a), n, stride);
  }

  void solve_right(const double* l, int n, std::ptrdiff_t stride, double* b, int rows) const {
    if (n <= kSmall) {
      tiles::solve_right(l, n, stride, b, rows);
    } else {
      dense::solve_right(l, n, stride, b, rows, rows);
    }
  }
  template <class Real>
  void solve_right(const Real* l, int n, std::ptrdiff_t stride, Real* b, int rows) const {
    tiles::solve_right(plain(l), n, stride, plain(b), rows);
  }

  void solve(const double* l, int n, std::ptrdiff_t stride, double* b) const {
    if (n <= kSmall) {
      tiles::solve(l, n, stride, b);
    } else {
      dense::solve(l, n, stride, b);
    }
  }
  template <class Real>
  void solve(const Real* l, int n, std::ptrdiff_t stride, Real* b) const {
    tiles::solve(plain(l), n, stride, plain(b));
  }

  void downdate(double* c, int n, const double* g, int columns) const {
    dense::downdate(c, n, n, g, columns, n);
  }
  template <class Real>
  void downdate(Real* c, int n, const Real* g, int columns) const {
    tiles::downdate(plain(c), n, n, plain(g), columns, n);
  }

 protected:
  // Numbers of one problem are doubles to the loops that fill registers with them.
  template <class Real>
  static auto plain(Real* x) {
    if constexpr (std::is_class_v<Real> && sizeof(Real) == sizeof(double)) {
      using Plain = std::conditional_t<std::is_const_v<Real>, const double, double>;
      return reinterpret_cast<Plain*>(x);
    } else {
      return x;
    }
  }

  // Up to this order, tiles beat the library.
  static constexpr int kSmall = 32;
};
static_assert(kIsPolicy<Serial>);

}  // namespace fastpid
