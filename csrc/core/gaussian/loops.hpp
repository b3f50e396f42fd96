// Dense algebra of a few rows: plain loops over row-major matrices, for one thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace fastpid::gaussian {

// In eight parts, which fill vector registers and need not wait for one another.
inline double inner(int n, const double* x, const double* y) {
  constexpr int kParts = 8;
  double rest = 0.0;
  int i = 0;
  if (n >= kParts) {
    double parts[kParts] = {};
    for (; i + kParts <= n; i += kParts) {
      for (int k = 0; k < kParts; ++k) parts[k] += x[i + k] * y[i + k];
    }
    rest = ((parts[0] + parts[1]) + (parts[2] + parts[3])) +
           ((parts[4] + parts[5]) + (parts[6] + parts[7]));
  }
  for (; i < n; ++i) rest += x[i] * y[i];
  return rest;
}

inline double norm(int n, const double* x) { return std::sqrt(inner(n, x, x)); }

// y <- y + a x.
inline void add_multiple(int n, double a, const double* x, double* y) {
  for (int i = 0; i < n; ++i) y[i] += a * x[i];
}

inline void scale(int n, double a, double* x) {
  for (int i = 0; i < n; ++i) x[i] *= a;
}

inline void rotate(int n, double c, double s, double* x, double* y) {
  for (int i = 0; i < n; ++i) {
    const double u = x[i];
    x[i] = c * u - s * y[i];
    y[i] = s * u + c * y[i];
  }
}

inline void swap_rows(int n, double* x, double* y) { std::swap_ranges(x, x + n, y); }

// The lower triangle of a, n x n, becomes L of a = L L'; false if a is not positive definite.
inline bool cholesky(double* a, int n) {
  for (int i = 0; i < n; ++i) {
    double* row = a + i * n;
    for (int j = 0; j < i; ++j) row[j] = (row[j] - inner(j, row, a + j * n)) / a[j * n + j];
    const double pivot = row[i] - inner(i, row, row);
    if (!(pivot > 0.0)) return false;
    row[i] = std::sqrt(pivot);
  }
  return true;
}

// x <- L^-1 x.
inline void solve_lower(const double* l, int n, double* x) {
  for (int i = 0; i < n; ++i) x[i] = (x[i] - inner(i, l + i * n, x)) / l[i * n + i];
}

// x <- L'^-1 x, the rows of L being a stride apart.
inline void solve_upper(const double* l, int n, int stride, double* x) {
  for (int i = n - 1; i >= 0; --i) {
    x[i] /= l[i * stride + i];
    add_multiple(i, -x[i], l + i * stride, x);
  }
}

// y, m x n with m <= n, becomes L of y = L Q', Q orthogonal: the product of the reflections
// I - tau[k] v v', k ascending, v standing in row k from column k on and L's diagonal in diag.
inline void triangularise(double* y, int m, int n, double* diag, double* tau) {
  for (int k = 0; k < m; ++k) {
    double* v = y + k * n + k;
    const double size = norm(n - k, v);
    diag[k] = v[0] > 0.0 ? -size : size;
    tau[k] = size > 0.0 ? 1.0 / (size * (size + std::fabs(v[0]))) : 0.0;
    v[0] -= diag[k];
    for (int i = k + 1; i < m; ++i) {
      double* row = y + i * n + k;
      add_multiple(n - k, -tau[k] * inner(n - k, row, v), v, row);
    }
  }
}

// Applies the k-th of these reflections to the n rows of b, `width` long; w has room for a row.
inline void reflect(const double* y, int n, const double* tau, int k, double* b, int width,
                    double* w) {
  const double* v = y + k * n;
  std::fill(w, w + width, 0.0);
  for (int i = k; i < n; ++i) add_multiple(width, v[i], b + i * width, w);
  for (int i = k; i < n; ++i) add_multiple(width, -tau[k] * v[i], w, b + i * width);
}

// b <- Q' b.
inline void multiply_transposed(const double* y, int m, int n, const double* tau, double* b,
                                int width, double* w) {
  for (int k = 0; k < m; ++k) reflect(y, n, tau, k, b, width, w);
}

// b <- Q b.
inline void multiply(const double* y, int m, int n, const double* tau, double* b, int width,
                     double* w) {
  for (int k = m - 1; k >= 0; --k) reflect(y, n, tau, k, b, width, w);
}

// Rotates the m rows of y, n long and none longer than some one, until they are orthogonal, the
// longest first, up to what rounding adds to numbers of that size; a's rows, `width` long, are
// rotated with them (one-sided Jacobi). a may be null.
inline void orthogonalise(double* y, int m, int n, double* a, int width) {
  constexpr double kRelative = 1e-30, kAbsolute = 1e-33;
  constexpr int kSweeps = 40;
  bool moved = m > 1;
  for (int sweep = 0; moved && sweep < kSweeps; ++sweep) {
    moved = false;
    for (int p = 0; p < m; ++p) {
      for (int q = p + 1; q < m; ++q) {
        double *u = y + p * n, *v = y + q * n;
        const double uu = inner(n, u, u), vv = inner(n, v, v), uv = inner(n, u, v);
        const double longest = std::max(uu, vv);
        if (uv * uv <= std::max(kRelative * uu * vv, kAbsolute * longest)) {
          if (uu >= vv) continue;
          swap_rows(n, u, v);
          if (a != nullptr) swap_rows(width, a + p * width, a + q * width);
          continue;
        }
        moved = true;
        const double zeta = (vv - uu) / (2.0 * uv);
        const double t =
            (zeta < 0.0 ? -1.0 : 1.0) / (std::fabs(zeta) + std::sqrt(1.0 + zeta * zeta));
        const double c = 1.0 / std::sqrt(1.0 + t * t);
        rotate(n, c, c * t, u, v);
        if (a != nullptr) rotate(width, c, c * t, a + p * width, a + q * width);
      }
    }
  }
}

}  // namespace fastpid::gaussian
