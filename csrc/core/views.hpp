// Views of a problem. Nothing here owns memory. The views that solvers work on are templates over
// the number type; their plain names are of doubles.
#pragma once

#include <cstddef>
#include <type_traits>

#include "arena.hpp"
#include "macros.hpp"

namespace fastpid {

// Numbers of symbols of X, Y and the target Z.
struct Shape {
  int nx = 0;
  int ny = 0;
  int nz = 0;

  // Cells of the pairwise marginals, pairs of source symbols, cells of the table.
  FASTPID_HD std::ptrdiff_t xz() const { return static_cast<std::ptrdiff_t>(nx) * nz; }
  FASTPID_HD std::ptrdiff_t yz() const { return static_cast<std::ptrdiff_t>(ny) * nz; }
  FASTPID_HD std::ptrdiff_t xy() const { return static_cast<std::ptrdiff_t>(nx) * ny; }
  FASTPID_HD std::ptrdiff_t cells() const { return xy() * nz; }
};

// The pairwise marginals of a table, dense and row-major: xz[x * nz + z] = p(x, z), yz likewise.
struct Marginals {
  Shape shape;
  const double* xz = nullptr;
  const double* yz = nullptr;
};

// What is given of a table, or of each of a batch: p (nx, ny, nz) itself or, where that is null,
// the pairwise marginals, which are all that the union information depends on.
struct Given {
  Shape shape;
  const double* p = nullptr;
  const double* xz = nullptr;
  const double* yz = nullptr;

  // Table i of a batch.
  FASTPID_HD Given at(std::ptrdiff_t i) const {
    if (p) return {shape, p + i * shape.cells(), nullptr, nullptr};
    return {shape, nullptr, xz + i * shape.xz(), yz + i * shape.yz()};
  }
};

// Problems in a pack share one support, and that is dense.
template <class Real>
constexpr bool kDense = !std::is_same_v<Real, double>;

// One source's half of the reduced problem: the support of its marginal with the target in
// compressed rows. Entry k of row i, ptr[i] <= k < ptr[i + 1], is symbol idx[k] of the target. In
// packs rows are full, and mass is zero where a problem has no cell.
template <class Real>
struct BasicSide {
  int count = 0;   // symbols of the source
  int size = 0;    // entries, nnz of the marginal
  int target = 0;  // symbols of the target
  const int* ptr = nullptr;
  const int* idx = nullptr;
  const Real* mass = nullptr;

  FASTPID_HD int begin(int i) const {
    if constexpr (kDense<Real>) return i * target;
    return ptr[i];
  }
  FASTPID_HD int end(int i) const { return begin(i + 1); }

  // Of the dense arrays over its cells, count x target.
  FASTPID_HD std::ptrdiff_t cells() const { return static_cast<std::ptrdiff_t>(count) * target; }
  // Whether entries and cells are the same.
  FASTPID_HD bool full() const { return kDense<Real> || size == cells(); }
  FASTPID_HD int width(int i) const { return end(i) - begin(i); }

  // f(k, z) over the entries of row i. A full row is told apart so that its loop is contiguous.
  template <class F>
  FASTPID_HD void row(int i, F&& f) const {
    const int first = begin(i), n = width(i);
    if (kDense<Real> || n == target) {
      for (int z = 0; z < target; ++z) f(first + z, z);
    } else {
      for (int k = first; k < first + n; ++k) f(k, idx[k]);
    }
  }

  // f(k, l, z) over the symbols z that row i shares with row j of `other`; k and l are its entries.
  template <class F>
  FASTPID_HD void shared(int i, const BasicSide& other, int j, F&& f) const {
    int l = other.begin(j);
    if constexpr (kDense<Real>) {
      row(i, [&](int k, int z) { f(k, l + z, z); });
    } else {
      row(i, [&](int k, int z) {
        while (l < other.end(j) && other.idx[l] < z) ++l;
        if (l < other.end(j) && other.idx[l] == z) f(k, l, z);
      });
    }
  }
};
using Side = BasicSide<double>;

// One side and the other as what loops over both see: pair (i, j), i being a symbol of `self`, is
// entry i * stride_self + j * stride_other of a pair array, whose rows belong to a.
template <class Real>
struct BasicHalf {
  const BasicSide<Real>& self;
  const BasicSide<Real>& other;
  std::ptrdiff_t stride_self, stride_other;
  bool of_rows;  // self is a

  FASTPID_HD std::ptrdiff_t pair(std::ptrdiff_t i, std::ptrdiff_t j) const {
    return i * stride_self + j * stride_other;
  }
};

// min over q of sum q log(q / q(x, y)) given the two marginals, after the exact reductions. The
// side with more entries is `a`, the one that the interior point eliminates; `swapped` says that it
// is Y's. Pair arrays are a.count x b.count, row-major.
template <class Real>
struct BasicReduced {
  BasicSide<Real> a;
  BasicSide<Real> b;
  bool swapped = false;

  FASTPID_HD std::ptrdiff_t pairs() const { return static_cast<std::ptrdiff_t>(a.count) * b.count; }
  FASTPID_HD BasicHalf<Real> half_a() const { return {a, b, b.count, 1, true}; }
  FASTPID_HD BasicHalf<Real> half_b() const { return {b, a, 1, b.count, false}; }
};
using Reduced = BasicReduced<double>;

// A primal-dual iterate on a reduced problem: q = S exp(lam + mu). The potentials log_a and log_b
// lie on the entries of the two sides; exp_a and exp_b are their exponentials to rounding (zero
// where they underflow), dense (count x target), zero off the support. The certificate relies on
// it.
template <class Real>
struct BasicIterate {
  Real* s = nullptr;
  Real* log_a = nullptr;
  Real* log_b = nullptr;
  Real* exp_a = nullptr;
  Real* exp_b = nullptr;

  FASTPID_HD static BasicIterate take(Arena& arena, const BasicReduced<Real>& r) {
    BasicIterate it;
    it.s = arena.take<Real>(r.pairs());
    it.log_a = arena.take<Real>(r.a.size);
    it.log_b = arena.take<Real>(r.b.size);
    it.exp_a = arena.take<Real>(r.a.cells());
    it.exp_b = arena.take<Real>(r.b.cells());
    return it;
  }
};
using Iterate = BasicIterate<double>;

}  // namespace fastpid
