// Dense algebra in tiles that stay in registers: of packs, and of matrices of doubles too small for
// the library. Column-major, but for product(); of symmetric and triangular matrices only lower
// triangles count, and what stands above the diagonal may be overwritten. Factors keep the
// reciprocals of their diagonal.
//
// A register holds kLanes numbers: one entry of kLanes problems or, of doubles, kLanes entries of
// one column. Either way an entry meets the same operations in the same order, so that a problem
// gets the same bits alone and in a pack.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "../core/numerics.hpp"
#include "vector.hpp"

namespace fastpid::tiles {

// Rows and columns of a tile: as many as the registers hold besides what is multiplied.
constexpr int kTile = kLanes == 8 ? 4 : 3;

template <class Register, class Real>
Register get(const Real* x) {
  if constexpr (std::is_same_v<Register, Real>) {
    return *x;
  } else {
    return load(x);
  }
}
template <class Register, class Real>
void put(const Register& value, Real* x) {
  if constexpr (std::is_same_v<Register, Real>) {
    *x = value;
  } else {
    store(value, x);
  }
}
template <class Register, class Real>
Register all_of(const Real& x) {
  if constexpr (std::is_same_v<Register, Real>) {
    return x;
  } else {
    return Register{} + x;
  }
}

// An M x N tile of registers: c <- c - g h^T, h being N x count. And then, if `Solve`, c <- c l^-T.
template <class Register, int M, int N, bool Solve, class Real>
void tile(Real* c, std::ptrdiff_t stride, const Real* g, std::ptrdiff_t stride_g, const Real* h,
          std::ptrdiff_t stride_h, int count, const Real* l, std::ptrdiff_t stride_l) {
  constexpr std::ptrdiff_t kRows = sizeof(Register) / sizeof(Real);
  Register sums[N][M];
  FASTPID_UNROLL for (int j = 0; j < N; ++j) {
    FASTPID_UNROLL for (int i = 0; i < M; ++i) {
      sums[j][i] = get<Register>(c + i * kRows + j * stride);
    }
  }
  for (int k = 0; k < count; ++k, g += stride_g, h += stride_h) {
    Register left[M];
    FASTPID_UNROLL for (int i = 0; i < M; ++i) left[i] = -get<Register>(g + i * kRows);
    FASTPID_UNROLL for (int j = 0; j < N; ++j) {
      const Register right = all_of<Register>(h[j]);
      FASTPID_UNROLL for (int i = 0; i < M; ++i) {
        sums[j][i] = multiply_add(left[i], right, sums[j][i]);
      }
    }
  }
  if constexpr (Solve) {
    FASTPID_UNROLL for (int j = 0; j < N; ++j) {
      FASTPID_UNROLL for (int k = 0; k < j; ++k) {
        const Register weight = -all_of<Register>(l[j + k * stride_l]);
        FASTPID_UNROLL for (int i = 0; i < M; ++i) {
          sums[j][i] = multiply_add(sums[k][i], weight, sums[j][i]);
        }
      }
      const Register inverse = all_of<Register>(l[j + j * stride_l]);
      FASTPID_UNROLL for (int i = 0; i < M; ++i) sums[j][i] = sums[j][i] * inverse;
    }
  }
  FASTPID_UNROLL for (int j = 0; j < N; ++j) {
    FASTPID_UNROLL for (int i = 0; i < M; ++i) {
      put<Register>(sums[j][i], c + i * kRows + j * stride);
    }
  }
}

template <int N>
using Number = std::integral_constant<int, N>;

// f(Number<n>()) for 1 <= n <= kTile.
template <class F>
void with_number(int n, F&& f) {
  if constexpr (kTile == 4) {
    if (n == 4) return f(Number<4>());
  }
  if (n == 3) return f(Number<3>());
  if (n == 2) return f(Number<2>());
  f(Number<1>());
}

// f(first, width) for pieces of at most `most` that make up n.
template <class F>
void in_pieces(int n, int most, F&& f) {
  for (int first = 0; first < n; first += most) f(first, std::min(most, n - first));
}

// The same for any number of rows of c and g.
template <int N, bool Solve, class Real>
void columns_of(std::ptrdiff_t rows, Real* c, std::ptrdiff_t stride, const Real* g,
                std::ptrdiff_t stride_g, const Real* h, std::ptrdiff_t stride_h, int count,
                const Real* l = nullptr, std::ptrdiff_t stride_l = 0) {
  std::ptrdiff_t i = 0;
  const auto do_rows = [&](auto zero, auto m) {
    using Register = decltype(zero);
    constexpr int kM = decltype(m)::value;
    tile<Register, kM, N, Solve>(c + i, stride, g + i, stride_g, h, stride_h, count, l, stride_l);
    i += kM * static_cast<int>(sizeof(Register) / sizeof(Real));
  };
  if constexpr (sizeof(Real) < sizeof(Vector)) {
    while (i + 2 * kLanes <= rows) do_rows(Vector{}, Number<2>());
    if (i + kLanes <= rows) do_rows(Vector{}, Number<1>());
  }
  while (i + kTile <= rows) do_rows(Real(0.0), Number<kTile>());
  if (i < rows) with_number(static_cast<int>(rows - i), [&](auto m) { do_rows(Real(0.0), m); });
}

// An M x N tile of registers of a row-major product: c <- a b, or c + a b if `Add`. A register
// holds neighbours of one row of b and of c. Row i of a starts at left + i * row_a, its entries are
// step_a apart; rows of b are step_b apart, its columns column_b.
template <class Register, int M, int N, bool Add, class Real>
void product_tile(const Real* left, std::ptrdiff_t row_a, std::ptrdiff_t step_a, const Real* right,
                  std::ptrdiff_t step_b, std::ptrdiff_t column_b, int count, Real* c,
                  std::ptrdiff_t stride) {
  constexpr std::ptrdiff_t kColumns = sizeof(Register) / sizeof(Real);
  Register sums[M][N];
  FASTPID_UNROLL for (int i = 0; i < M; ++i) {
    FASTPID_UNROLL for (int j = 0; j < N; ++j) {
      sums[i][j] = Add ? get<Register>(c + i * stride + j * kColumns) : all_of<Register>(Real(0.0));
    }
  }
  for (int k = 0; k < count; ++k, left += step_a, right += step_b) {
    Register b[N];
    FASTPID_UNROLL for (int j = 0; j < N; ++j) b[j] =
        get<Register>(right + j * kColumns * column_b);
    FASTPID_UNROLL for (int i = 0; i < M; ++i) {
      const Register a = all_of<Register>(left[i * row_a]);
      FASTPID_UNROLL for (int j = 0; j < N; ++j) sums[i][j] = multiply_add(a, b[j], sums[i][j]);
    }
  }
  FASTPID_UNROLL for (int i = 0; i < M; ++i) {
    FASTPID_UNROLL for (int j = 0; j < N; ++j) {
      put<Register>(sums[i][j], c + i * stride + j * kColumns);
    }
  }
}

// kLanes neighbouring columns of a product of doubles; where those of b do not lie side by side
// they are brought there first.
inline void product_of_strip(const double* a, std::ptrdiff_t row_a, std::ptrdiff_t step_a,
                             const double* b, std::ptrdiff_t step_b, std::ptrdiff_t column_b,
                             int rows, int count, double* c, std::ptrdiff_t stride) {
  const auto tiles_of = [&](const double* left, const double* right, std::ptrdiff_t step, int depth,
                            auto add) {
    in_pieces(rows, kTile, [&](int at, int height) {
      with_number(height, [&](auto m) {
        product_tile<Vector, decltype(m)::value, 1, decltype(add)::value>(
            left + at * row_a, row_a, step_a, right, step, 1, depth, c + at * stride, stride);
      });
    });
  };
  if (column_b == 1) return tiles_of(a, b, step_b, count, std::false_type());
  constexpr int kDepth = 16;
  double strip[kDepth * kLanes];
  in_pieces(count, kDepth, [&](int start, int depth) {
    for (int k = 0; k < depth; ++k) {
      FASTPID_UNROLL for (int lane = 0; lane < kLanes; ++lane) {
        strip[k * kLanes + lane] = b[(start + k) * step_b + lane * column_b];
      }
    }
    const double* left = a + start * step_a;
    if (start == 0) return tiles_of(left, strip, kLanes, depth, std::false_type());
    tiles_of(left, strip, kLanes, depth, std::true_type());
  });
}

// Row-major c = a b, a being rows x count and b count x columns, with strides for both.
template <class Real>
void product(const Real* a, std::ptrdiff_t row_a, std::ptrdiff_t step_a, const Real* b,
             std::ptrdiff_t step_b, std::ptrdiff_t column_b, int rows, int count, int columns,
             Real* c) {
  const auto tiles_of = [&](int i, int height, int j, int width) {
    with_number(height, [&](auto m) {
      with_number(width, [&](auto n) {
        product_tile<Real, decltype(m)::value, decltype(n)::value, false>(
            a + i * row_a, row_a, step_a, b + j * column_b, step_b, column_b, count,
            c + i * columns + j, columns);
      });
    });
  };
  int first = 0;
  if constexpr (sizeof(Real) < sizeof(Vector)) {
    for (; first + kLanes <= columns; first += kLanes) {
      product_of_strip(a, row_a, step_a, b + first * column_b, step_b, column_b, rows, count,
                       c + first, columns);
    }
  }
  in_pieces(rows, kTile, [&](int i, int height) {
    in_pieces(columns - first, kTile,
              [&](int j, int width) { tiles_of(i, height, first + j, width); });
  });
}

// The Cholesky factor of an N x N tile; pivots that are not positive count as one.
template <int N, class Real>
MaskOf<Real> factor_tile(Real* a, std::ptrdiff_t stride) {
  MaskOf<Real> definite = true;
  Real l[N][N];
  FASTPID_UNROLL for (int j = 0; j < N; ++j) {
    FASTPID_UNROLL for (int i = j; i < N; ++i) {
      Real sum = a[i + j * stride];
      FASTPID_UNROLL for (int k = 0; k < j; ++k) sum = multiply_add(-l[k][i], l[k][j], sum);
      l[j][i] = sum;
    }
    const MaskOf<Real> good = l[j][j] > 0.0;
    definite = definite & good;
    const Real inverse = 1.0 / sqrt(select(good, l[j][j], Real(1.0)));
    l[j][j] = inverse;
    FASTPID_UNROLL for (int i = j + 1; i < N; ++i) l[j][i] *= inverse;
    FASTPID_UNROLL for (int i = j; i < N; ++i) a[i + j * stride] = l[j][i];
  }
  return definite;
}

// Columns of a panel that stay in the first cache, beside what they are multiplied with.
constexpr int kPanel = 36;

// c <- c - g g^T, g being n x columns.
template <class Real>
void downdate(Real* c, int n, std::ptrdiff_t stride, const Real* g, int columns,
              std::ptrdiff_t stride_g) {
  in_pieces(columns, kPanel, [&](int first, int count) {
    const Real* panel = g + first * stride_g;
    in_pieces(n, kTile, [&](int at, int width) {
      with_number(width, [&](auto w) {
        columns_of<w, false>(n - at, c + at * (stride + 1), stride, panel + at, stride_g,
                             panel + at, stride_g, count);
      });
    });
  });
}

// a <- L of a = L L^T.
template <class Real>
MaskOf<Real> cholesky(Real* a, int n, std::ptrdiff_t stride) {
  MaskOf<Real> definite = true;
  in_pieces(n, kPanel, [&](int start, int columns) {
    const Real* panel = a + start * stride;
    in_pieces(columns, kTile, [&](int done, int width) {
      const int at = start + done;
      Real* c = a + at * (stride + 1);
      with_number(width, [&](auto w) {
        columns_of<w, false>(w, c, stride, panel + at, stride, panel + at, stride, done);
        definite = definite & factor_tile<w>(c, stride);
        columns_of<w, true>(n - at - w, c + w, stride, panel + at + w, stride, panel + at, stride,
                            done, c, stride);
      });
    });
    const int end = start + columns;
    downdate(a + end * (stride + 1), n - end, stride, panel + end, columns, stride);
  });
  return definite;
}

// b <- b l^-T, b being rows x n.
template <class Real>
void solve_right(const Real* l, int n, std::ptrdiff_t stride, Real* b, std::ptrdiff_t rows) {
  in_pieces(n, kTile, [&](int at, int width) {
    with_number(width, [&](auto w) {
      columns_of<w, true>(rows, b + at * rows, rows, b, rows, l + at, stride, at,
                          l + at * (stride + 1), stride);
    });
  });
}

// The sum of x y over n, in as many chains as a register has lanes.
template <class Real>
Real dot(int n, const Real* x, const Real* y) {
  Real sum = 0.0;
  int i = 0;
  if (n >= kLanes) {
    if constexpr (sizeof(Real) < sizeof(Vector)) {
      Vector chains{};
      for (; i + kLanes <= n; i += kLanes) chains = multiply_add(load(x + i), load(y + i), chains);
      sum = sum_of_lanes(chains);
    } else {
      Real chains[kLanes];
      FASTPID_UNROLL for (Real& chain : chains) chain = 0.0;
      for (; i + kLanes <= n; i += kLanes) {
        FASTPID_UNROLL for (int k = 0; k < kLanes; ++k) {
          chains[k] = multiply_add(x[i + k], y[i + k], chains[k]);
        }
      }
      FASTPID_UNROLL for (const Real& chain : chains) sum += chain;
    }
  }
  for (; i < n; ++i) sum = multiply_add(x[i], y[i], sum);
  return sum;
}

// x <- (l l^T)^-1 x in two steps for an N x N tile.
template <int N, class Real>
void solve_forward(const Real* l, std::ptrdiff_t stride, Real* x) {
  Real y[N];
  FASTPID_UNROLL for (int j = 0; j < N; ++j) {
    y[j] = x[j];
    FASTPID_UNROLL for (int k = 0; k < j; ++k) {
      y[j] = multiply_add(-l[j + k * stride], y[k], y[j]);
    }
    y[j] *= l[j * (stride + 1)];
    x[j] = y[j];
  }
}
template <int N, class Real>
void solve_backward(const Real* l, std::ptrdiff_t stride, Real* x) {
  Real y[N];
  FASTPID_UNROLL for (int j = N - 1; j >= 0; --j) {
    y[j] = x[j];
    FASTPID_UNROLL for (int k = N - 1; k > j; --k) {
      y[j] = multiply_add(-l[k + j * stride], y[k], y[j]);
    }
    y[j] *= l[j * (stride + 1)];
    x[j] = y[j];
  }
}

// b <- (l l^T)^-1 b.
template <class Real>
void solve(const Real* l, int n, std::ptrdiff_t stride, Real* b) {
  in_pieces(n, kTile, [&](int at, int width) {
    const Real* block = l + at * (stride + 1);
    with_number(width, [&](auto w) {
      solve_forward<w>(block, stride, b + at);
      const int rest = n - at - w;
      if (rest > 0) columns_of<1, false>(rest, b + at + w, n, block + w, stride, b + at, 1, w);
    });
  });
  for (int at = (n - 1) / kTile * kTile; at >= 0; at -= kTile) {
    const Real* block = l + at * (stride + 1);
    with_number(std::min(kTile, n - at), [&](auto w) {
      const int end = at + w;
      if (end < n) {
        for (int j = 0; j < w; ++j) b[at + j] -= dot(n - end, block + w + j * stride, b + end);
      }
      solve_backward<w>(block, stride, b + at);
    });
  }
}

}  // namespace fastpid::tiles
