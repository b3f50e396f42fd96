// The dense linear algebra of one thread, of sizes where a call costs nothing: plain functions, so
// that the library behind them is compiled in one place (dense.cpp).
#pragma once

#include <cstddef>

namespace fastpid::dense {

// Row-major products, of double and of float: c = a b, a' b and a b', a being m x k (k x m in the
// second, its rows `stride_a` apart), c m x n.
template <class T>
void times(const T* a, const T* b, std::ptrdiff_t m, std::ptrdiff_t k, std::ptrdiff_t n, T* c);
template <class T>
void transposed_times(const T* a, std::ptrdiff_t stride_a, const T* b, std::ptrdiff_t k,
                      std::ptrdiff_t m, std::ptrdiff_t n, T* c);
template <class T>
void times_transposed(const T* a, const T* b, std::ptrdiff_t m, std::ptrdiff_t k, std::ptrdiff_t n,
                      T* c);

// The matrices that follow are column-major, their columns a stride apart; only lower triangles of
// symmetric and triangular ones are read or written.

// a <- L of a = L L^T; false if a is not numerically positive definite.
bool cholesky(double* a, std::ptrdiff_t n, std::ptrdiff_t stride);

// b <- b L^-T for a panel b of `rows` x n.
void solve_right(const double* l, std::ptrdiff_t n, std::ptrdiff_t stride, double* b,
                 std::ptrdiff_t rows, std::ptrdiff_t stride_b);

// b <- (L L^T)^-1 b.
void solve(const double* l, std::ptrdiff_t n, std::ptrdiff_t stride, double* b);

// c <- c - g g^T for a panel g of n x `columns`.
void downdate(double* c, std::ptrdiff_t n, std::ptrdiff_t stride, const double* g,
              std::ptrdiff_t columns, std::ptrdiff_t stride_g);

// c <- c - g h^T for all of c, rows x n; g is rows x `columns` and h n x `columns`.
void subtract_product(double* c, std::ptrdiff_t rows, std::ptrdiff_t n, std::ptrdiff_t stride,
                      const double* g, const double* h, std::ptrdiff_t columns,
                      std::ptrdiff_t stride_g);

// Name and version of the library.
const char* library();

}  // namespace fastpid::dense
