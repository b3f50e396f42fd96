// The condensed Newton system of the interior point.
//
//     sum_y W d = r_a,   sum_x W d = r_b,   d[x,y,z] = dlam[x,z] + dmu[y,z],
//     W[x,y] = S (diag E + E E^T / h),   E = exp(lam + mu),
//
// is symmetric positive definite up to the gauge lam[:,z] + c, mu[:,z] - c. The a side is
// eliminated block by block (Cholesky of a.count blocks); the Schur complement has the order
// nnz(b). Its null directions get a multiple of their own outer product, which changes the gauge of
// the solution and nothing else. W itself is only ever applied pair by pair.
#pragma once

#include "numerics.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

template <class Real>
struct BasicCondensedWork {
  Real* dot = nullptr;      // pairs: E . x
  Real* inverse = nullptr;  // pairs: 1 / h when the system was factorised
  // Over the cells of a and of b, dense (count x target), zero off the support.
  Real *fix_a = nullptr, *tmp_a = nullptr, *p_a = nullptr, *q_a = nullptr;
  Real *least_a = nullptr, *least_b = nullptr;
  Real *tmp_b = nullptr, *p_b = nullptr, *q_b = nullptr;
  Real* blocks = nullptr;  // Cholesky factors of the a side, one block after the other
  std::ptrdiff_t* block_at = nullptr;
  Real* schur = nullptr;     // nnz(b)^2
  Real* panel = nullptr;     // nnz(b) x panel_width, column-major
  Real* packed = nullptr;    // max(target, nnz(b))
  Real* diagonal = nullptr;  // nnz(b)

  // Entries of the a side that enter the Schur complement together: wide enough for a matrix
  // product, and at least one row. Those of packs are as many times larger, and have to stay in the
  // cache.
  FASTPID_HD static int panel_width(const BasicReduced<Real>& r) {
    constexpr int kWidth = kDense<Real> ? 36 : 256;
    const int target = r.a.target;
    return target > kWidth ? target : kWidth;
  }

  FASTPID_HD static BasicCondensedWork take(Arena& arena, const BasicReduced<Real>& r) {
    const std::ptrdiff_t nb = r.b.size;
    BasicCondensedWork w;
    w.dot = arena.take<Real>(r.pairs());
    w.inverse = arena.take<Real>(r.pairs());
    for (Real** p : {&w.fix_a, &w.tmp_a, &w.p_a, &w.q_a}) *p = arena.take<Real>(r.a.cells());
    for (Real** p : {&w.tmp_b, &w.p_b, &w.q_b}) *p = arena.take<Real>(r.b.cells());
    w.least_a = arena.take<Real>(r.a.cells());
    w.least_b = arena.take<Real>(r.b.cells());
    w.block_at = arena.take<std::ptrdiff_t>(r.a.count);
    std::ptrdiff_t blocks = 0;
    for (int i = 0; i < r.a.count; ++i) {
      blocks += static_cast<std::ptrdiff_t>(r.a.width(i)) * r.a.width(i);
    }
    w.blocks = arena.take<Real>(blocks);
    w.schur = arena.take<Real>(nb * nb);
    w.panel = arena.take<Real>(panel_width(r) * nb);
    w.diagonal = arena.take<Real>(nb);
    w.packed = arena.take<Real>(nb > r.a.target ? nb : static_cast<std::ptrdiff_t>(r.a.target));
    return w;
  }
};
using CondensedWork = BasicCondensedWork<double>;

// The system at an iterate and its slacks h, which it reads anew whenever it is factorised or
// applied.
template <class Exec, class Real>
class CondensedSystem {
 public:
  using Mask = MaskOf<Real>;

  FASTPID_HD CondensedSystem(const Exec& exec, const BasicReduced<Real>& r,
                             const BasicCondensedWork<Real>& w, const BasicIterate<Real>& it,
                             const Real* h)
      : exec_(exec), r_(r), w_(w), it_(it), h_(h), n_(r.b.count) {}

  // False if the matrix, its diagonal raised by a share `regularisation`, is not positive definite.
  FASTPID_STAGE Mask factorise(const Real& regularisation) {
    const std::ptrdiff_t nb = r_.b.size;
    Mask definite = true;
    exec_.for_each(r_.pairs(), [&](std::ptrdiff_t p) { w_.inverse[p] = 1.0 / h_[p]; });
    exec_.for_each(nb, [&](std::ptrdiff_t k) {
      for (std::ptrdiff_t i = k; i < nb; ++i) w_.schur[i + k * nb] = 0.0;
    });
    exec_.for_each(n_, [&](int j) {
      Real* block = w_.schur + r_.b.begin(j) * (nb + 1);
      for (int i = 0; i < r_.a.count; ++i) {
        const Real s = it_.s[i * n_ + j];
        if (skip(s)) continue;
        add_pair(r_.b, j, it_.exp_a + i * target(), it_.exp_b + j * target(), s,
                 w_.inverse[i * n_ + j], w_.tmp_b + j * target(), block, nb);
      }
    });
    // The gauge of each target symbol: w w^T / sum w with w the diagonal, whose solution has sum w
    // dmu = 0. Weighting by the diagonal keeps the digits of its small entries.
    exec_.for_each(target(), [&](std::ptrdiff_t z) { w_.packed[z] = 0.0; });
    exec_.once([&] {
      for (int j = 0; j < n_; ++j) {
        r_.b.row(j, [&](int k, int z) {
          Real& diagonal = w_.schur[k * (nb + 1)];
          w_.diagonal[k] = diagonal;
          w_.packed[z] += diagonal;
          diagonal = or_one(r_.b.mass[k], diagonal * (1.0 + regularisation));
        });
      }
      for (int z = 0; z < target(); ++z) w_.packed[z] = 1.0 / w_.packed[z];
    });
    exec_.for_each(n_, [&](std::ptrdiff_t j) {
      for (int l = static_cast<int>(j); l < n_; ++l) {
        r_.b.shared(static_cast<int>(j), r_.b, l, [&](int k, int next, int z) {
          w_.schur[next + k * nb] += w_.diagonal[k] * (w_.diagonal[next] * w_.packed[z]);
        });
      }
    });

    exec_.once([&] {
      std::ptrdiff_t at = 0;
      for (int i = 0; i < r_.a.count; ++i) {
        w_.block_at[i] = at;
        at += static_cast<std::ptrdiff_t>(r_.a.width(i)) * r_.a.width(i);
      }
    });
    const int capacity = BasicCondensedWork<Real>::panel_width(r_);
    int filled = 0;
    for (int i = 0; i < r_.a.count; ++i) {
      const int width = r_.a.width(i);
      if (filled + width > capacity) {
        exec_.downdate(w_.schur, static_cast<int>(nb), w_.panel, filled);
        filled = 0;
      }
      Real* block = w_.blocks + w_.block_at[i];
      exec_.for_each(static_cast<std::ptrdiff_t>(width) * width,
                     [&](std::ptrdiff_t k) { block[k] = 0.0; });
      exec_.once([&] {
        for (int j = 0; j < n_; ++j) {
          const Real s = it_.s[i * n_ + j];
          if (skip(s)) continue;
          add_pair(r_.a, i, it_.exp_a + i * target(), it_.exp_b + j * target(), s,
                   w_.inverse[i * n_ + j], w_.tmp_a + i * target(), block, width);
        }
        for (int k = 0; k < width; ++k) {
          Real& diagonal = block[static_cast<std::ptrdiff_t>(k) * (width + 1)];
          diagonal = or_one(r_.a.mass[r_.a.begin(i) + k], diagonal * (1.0 + regularisation));
        }
      });
      definite = definite & exec_.cholesky(block, width, width);
      if (!any(definite) || exec_.stopped()) return false;
      off_diagonal(i, w_.panel + filled * nb);
      exec_.solve_right(block, width, width, w_.panel + filled * nb, static_cast<int>(nb));
      filled += width;
    }
    exec_.downdate(w_.schur, static_cast<int>(nb), w_.panel, filled);
    return definite & exec_.cholesky(w_.schur, static_cast<int>(nb), nb);
  }

  // dir = W^-1 rhs by conjugate gradients, preconditioned with the factorisation: one step, as a
  // rule. Where the optimum is nearly degenerate the rounding and the regularisation of the
  // factorisation are larger than the smallest eigenvalues, and a few more steps recover them. They
  // end at a residual of `enough`. Along directions whose curvature is rounding, steps lead
  // anywhere, so that the direction with the least residual is kept; returns that residual. With
  // max_steps zero there is but the preconditioner, and no residual.
  FASTPID_STAGE Real solve(Real* rhs_a, Real* rhs_b, Real* dir_a, Real* dir_b, const Real& enough,
                           int max_steps) {
    copy_cells(rhs_a, rhs_b, dir_a, dir_b);
    back_solve(dir_a, dir_b);
    if (max_steps == 0) return 0.0;
    apply(dir_a, dir_b, w_.q_a, w_.q_b);
    add_cells(-1.0, w_.q_a, w_.q_b, rhs_a, rhs_b);
    Real left = size(rhs_a, rhs_b), least = left, rho = 1.0;
    Mask active = left > enough;
    if (!any(active)) return least;
    copy_cells(dir_a, dir_b, w_.least_a, w_.least_b);
    for (int n = 0; n < max_steps && any(active); ++n) {
      copy_cells(rhs_a, rhs_b, w_.q_a, w_.q_b);
      back_solve(w_.q_a, w_.q_b);
      const Real next = dot(rhs_a, rhs_b, w_.q_a, w_.q_b);
      active = active & (next > 0.0);
      if (!any(active)) break;
      if (n > 0) add_cells(select(active, next / rho, Real(0.0)), w_.p_a, w_.p_b, w_.q_a, w_.q_b);
      copy_cells(w_.q_a, w_.q_b, w_.p_a, w_.p_b);
      rho = select(active, next, Real(1.0));
      apply(w_.p_a, w_.p_b, w_.q_a, w_.q_b);
      const Real curvature = dot(w_.p_a, w_.p_b, w_.q_a, w_.q_b);
      active = active & (curvature > 0.0);
      const Real length = select(active, rho / curvature, Real(0.0));
      add_cells(length, w_.p_a, w_.p_b, dir_a, dir_b);
      add_cells(-length, w_.q_a, w_.q_b, rhs_a, rhs_b);
      left = select(active, size(rhs_a, rhs_b), left);
      const Mask better = active & (left < least);
      least = select(better, left, least);
      keep_cells(better, dir_a, dir_b, w_.least_a, w_.least_b);
      active = active & (left > enough) & (left <= tuning::InteriorPoint::kRunaway * least);
    }
    copy_cells(w_.least_a, w_.least_b, dir_a, dir_b);
    return least;
  }

  // out[i, z] = sum_j E term(pair, x_a[i, z] + x_b[j, z]) on the support of a, zero off it; and
  // the same of b.
  template <class Term>
  FASTPID_HD void gather_a(const Real* x_a, const Real* x_b, Real* out, Term&& term) const {
    gather(r_.half_a(), it_.exp_a, it_.exp_b, x_a, x_b, out, term);
  }
  template <class Term>
  FASTPID_HD void gather_b(const Real* x_a, const Real* x_b, Real* out, Term&& term) const {
    gather(r_.half_b(), it_.exp_b, it_.exp_a, x_b, x_a, out, term);
  }

  // out[i, j] = sum_z E (x_a[i, z] + x_b[j, z]) for the pairs with S > 0.
  FASTPID_HD void dots(const Real* x_a, const Real* x_b, Real* out) const {
    exec_.for_each(r_.a.count, [&](std::ptrdiff_t i) {
      const Real* u = it_.exp_a + i * target();
      const Real* xa = x_a + i * target();
      for (int j = 0; j < n_; ++j) {
        const std::ptrdiff_t p = i * n_ + j;
        if (skip(it_.s[p])) continue;
        const Real* v = it_.exp_b + j * target();
        const Real* xb = x_b + j * target();
        Real sum = 0.0;
        r_.b.row(j, [&](int, int z) { sum = multiply_add(u[z] * v[z], xa[z] + xb[z], sum); });
        out[p] = sum;
      }
    });
  }

  // sum |x| over the cells.
  FASTPID_HD Real size(const Real* x_a, const Real* x_b) const {
    return exec_.sum(r_.a.cells(), [&](std::ptrdiff_t k) { return fabs(x_a[k]); }) +
           exec_.sum(r_.b.cells(), [&](std::ptrdiff_t k) { return fabs(x_b[k]); });
  }

 private:
  template <class Term>
  FASTPID_HD void gather(const BasicHalf<Real>& half, const Real* exp_self, const Real* exp_other,
                         const Real* x_self, const Real* x_other, Real* out, Term&& term) const {
    const BasicSide<Real>&self = half.self, &other = half.other;
    exec_.for_each(self.count, [&](int i) {
      Real* sum = out + i * target();
      const Real* xs = x_self + i * target();
      for (int z = 0; z < target(); ++z) sum[z] = 0.0;
      for (int j = 0; j < other.count; ++j) {
        const std::ptrdiff_t p = half.pair(i, j);
        if (skip(it_.s[p])) continue;
        const Real* v = exp_other + j * target();
        const Real* xo = x_other + j * target();
        self.row(i,
                 [&](int, int z) { sum[z] = multiply_add(v[z], term(p, xs[z] + xo[z]), sum[z]); });
      }
      self.row(i, [&](int, int z) { sum[z] *= exp_self[i * target() + z]; });
    });
  }

  // y = W x.
  FASTPID_HD void apply(const Real* x_a, const Real* x_b, Real* y_a, Real* y_b) const {
    dots(x_a, x_b, w_.dot);
    const auto term = [&](std::ptrdiff_t p, const Real& d) {
      return it_.s[p] * multiply_add(w_.dot[p], w_.inverse[p], d);
    };
    gather_a(x_a, x_b, y_a, term);
    gather_b(x_a, x_b, y_b, term);
  }

  // One side's part of W x for an x that lies on the other.
  FASTPID_HD void couple(const BasicHalf<Real>& half, const Real* exp_self, const Real* exp_other,
                         const Real* x, Real* out) const {
    const BasicSide<Real>&self = half.self, &other = half.other;
    exec_.for_each(self.count, [&](int i) {
      Real* sum = out + i * target();
      const Real* u = exp_self + i * target();
      for (int z = 0; z < target(); ++z) sum[z] = 0.0;
      for (int j = 0; j < other.count; ++j) {
        const std::ptrdiff_t p = half.pair(i, j);
        const Real s = it_.s[p];
        if (skip(s)) continue;
        const Real* v = exp_other + j * target();
        const Real* d = x + j * target();
        Real dot = 0.0;
        other.row(j, [&](int, int z) { dot = multiply_add(u[z] * v[z], d[z], dot); });
        const Real common = s * (dot * w_.inverse[p]);
        self.row(i, [&](int, int z) {
          sum[z] = multiply_add(v[z], multiply_add(s, d[z], common), sum[z]);
        });
      }
      self.row(i, [&](int, int z) { sum[z] *= u[z]; });
    });
  }

  // Adds S (diag E + E E^T / h) of one pair, restricted to the support of row i of `self`, to the
  // lower triangle of the column-major `block`. `e` has room for the row.
  FASTPID_HD void add_pair(const BasicSide<Real>& self, int i, const Real* u, const Real* v,
                           const Real& s, const Real& inverse, Real* e, Real* block,
                           std::ptrdiff_t stride) const {
    const int first = self.begin(i), width = self.width(i);
    self.row(i, [&](int k, int z) { e[k - first] = u[z] * v[z]; });
    for (int c = 0; c < width; ++c) {
      if (skip(e[c])) continue;
      Real* column = block + c * stride;
      const Real factor = s * inverse * e[c];
      for (int d = c; d < width; ++d) column[d] = multiply_add(factor, e[d], column[d]);
      column[c] = multiply_add(s, e[c], column[c]);
    }
  }

  // W[i, j] transposed, for every j: one column of the panel per entry of a's row i.
  FASTPID_HD void off_diagonal(int i, Real* panel) const {
    const std::ptrdiff_t nb = r_.b.size;
    const Real* u = it_.exp_a + i * target();
    const int first = r_.a.begin(i);
    exec_.for_each(n_, [&](std::ptrdiff_t row) {
      const int j = static_cast<int>(row), start = r_.b.begin(j), width = r_.b.width(j);
      const Real s = it_.s[i * n_ + j];
      const Real factor = s * w_.inverse[i * n_ + j];
      const Real* v = it_.exp_b + j * target();
      Real* e = w_.tmp_b + j * target();
      r_.b.row(j, [&](int k, int z) { e[k - start] = u[z] * v[z]; });
      r_.a.row(i, [&](int l, int z) {
        Real* column = panel + (l - first) * nb + start;
        const Real weight = factor * u[z] * v[z];
        for (int k = 0; k < width; ++k) column[k] = weight * e[k];
      });
      r_.b.shared(j, r_.a, i,
                  [&](int k, int l, int) { panel[(l - first) * nb + k] += s * e[k - start]; });
    });
  }

  // x <- (regularised W)^-1 x.
  FASTPID_HD void back_solve(Real* x_a, Real* x_b) const {
    exec_.for_each(r_.a.count * target(), [&](std::ptrdiff_t k) { w_.fix_a[k] = 0.0; });
    solve_blocks(x_a, w_.fix_a);
    couple(r_.half_b(), it_.exp_b, it_.exp_a, w_.fix_a, w_.tmp_b);
    const auto each_b = [&](auto&& f) {
      exec_.for_each(n_,
                     [&](int j) { r_.b.row(j, [&](int k, int z) { f(k, j * target() + z); }); });
    };
    each_b([&](int k, std::ptrdiff_t c) { w_.packed[k] = x_b[c] - w_.tmp_b[c]; });
    exec_.solve(w_.schur, r_.b.size, r_.b.size, w_.packed);
    each_b([&](int k, std::ptrdiff_t c) { x_b[c] = w_.packed[k]; });
    couple(r_.half_a(), it_.exp_a, it_.exp_b, x_b, w_.tmp_a);
    exec_.for_each(r_.a.count * target(),
                   [&](std::ptrdiff_t k) { w_.tmp_a[k] = x_a[k] - w_.tmp_a[k]; });
    solve_blocks(w_.tmp_a, x_a);
  }

  FASTPID_HD void solve_blocks(const Real* in, Real* out) const {
    for (int i = 0; i < r_.a.count; ++i) {
      const int first = r_.a.begin(i), width = r_.a.width(i);
      const Real* row = in + i * target();
      exec_.once([&] { r_.a.row(i, [&](int k, int z) { w_.packed[k - first] = row[z]; }); });
      exec_.solve(w_.blocks + w_.block_at[i], width, width, w_.packed);
      exec_.once([&] {
        r_.a.row(i, [&](int k, int z) { out[i * target() + z] = w_.packed[k - first]; });
      });
    }
  }

  // The diagonal of a cell that a problem in a pack does not have decouples it.
  FASTPID_HD static Real or_one(const Real& mass, const Real& diagonal) {
    return select(mass > 0.0, diagonal, Real(1.0));
  }

  FASTPID_HD void copy_cells(const Real* from_a, const Real* from_b, Real* to_a, Real* to_b) const {
    exec_.for_each(r_.a.cells(), [&](std::ptrdiff_t k) { to_a[k] = from_a[k]; });
    exec_.for_each(r_.b.cells(), [&](std::ptrdiff_t k) { to_b[k] = from_b[k]; });
  }

  FASTPID_HD void keep_cells(const Mask& which, const Real* from_a, const Real* from_b, Real* to_a,
                             Real* to_b) const {
    const auto keep = [&](std::ptrdiff_t count, const Real* from, Real* to) {
      exec_.for_each(count, [&](std::ptrdiff_t k) { to[k] = select(which, from[k], to[k]); });
    };
    keep(r_.a.cells(), from_a, to_a);
    keep(r_.b.cells(), from_b, to_b);
  }

  FASTPID_HD void add_cells(const Real& factor, const Real* x_a, const Real* x_b, Real* y_a,
                            Real* y_b) const {
    exec_.for_each(r_.a.cells(), [&](std::ptrdiff_t k) { y_a[k] += factor * x_a[k]; });
    exec_.for_each(r_.b.cells(), [&](std::ptrdiff_t k) { y_b[k] += factor * x_b[k]; });
  }

  FASTPID_HD Real dot(const Real* x_a, const Real* x_b, const Real* y_a, const Real* y_b) const {
    return exec_.sum(r_.a.cells(), [&](std::ptrdiff_t k) { return x_a[k] * y_a[k]; }) +
           exec_.sum(r_.b.cells(), [&](std::ptrdiff_t k) { return x_b[k] * y_b[k]; });
  }

  FASTPID_HD std::ptrdiff_t target() const { return r_.a.target; }

  const Exec& exec_;
  const BasicReduced<Real>& r_;
  const BasicCondensedWork<Real>& w_;
  const BasicIterate<Real>& it_;
  const Real* h_;
  const std::ptrdiff_t n_;
};

}  // namespace fastpid
