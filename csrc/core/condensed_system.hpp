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
#include "views.hpp"

namespace fastpid {

struct CondensedWork {
  double* dot = nullptr;  // pairs: (E . x) / h
  // Over the cells of a and of b, dense (count x target), zero off the support.
  double *fix_a = nullptr, *tmp_a = nullptr, *p_a = nullptr, *q_a = nullptr;
  double *fix_b = nullptr, *tmp_b = nullptr, *p_b = nullptr, *q_b = nullptr;
  double* blocks = nullptr;  // Cholesky factors of the a side, one block after the other
  std::ptrdiff_t* block_at = nullptr;
  double* schur = nullptr;     // nnz(b)^2
  double* panel = nullptr;     // nnz(b) x panel_width, column-major
  double* packed = nullptr;    // max(target, nnz(b))
  double* diagonal = nullptr;  // nnz(b)

  // Entries of the a side that enter the Schur complement together: wide enough for a matrix
  // product, and at least one row.
  FASTPID_HD static int panel_width(const Reduced& r) {
    constexpr int kWidth = 128;
    return r.a.target > kWidth ? r.a.target : kWidth;
  }

  FASTPID_HD static CondensedWork take(Arena& arena, const Reduced& r) {
    const std::ptrdiff_t nb = r.b.size;
    const std::ptrdiff_t dense_a = static_cast<std::ptrdiff_t>(r.a.count) * r.a.target;
    const std::ptrdiff_t dense_b = static_cast<std::ptrdiff_t>(r.b.count) * r.b.target;
    CondensedWork w;
    w.dot = arena.take<double>(r.pairs());
    for (double** p : {&w.fix_a, &w.tmp_a, &w.p_a, &w.q_a}) *p = arena.take<double>(dense_a);
    for (double** p : {&w.fix_b, &w.tmp_b, &w.p_b, &w.q_b}) *p = arena.take<double>(dense_b);
    w.block_at = arena.take<std::ptrdiff_t>(r.a.count);
    std::ptrdiff_t blocks = 0;
    for (int i = 0; i < r.a.count; ++i) {
      blocks += static_cast<std::ptrdiff_t>(r.a.width(i)) * r.a.width(i);
    }
    w.blocks = arena.take<double>(blocks);
    w.schur = arena.take<double>(nb * nb);
    w.panel = arena.take<double>(panel_width(r) * nb);
    w.diagonal = arena.take<double>(nb);
    w.packed = arena.take<double>(nb > r.a.target ? nb : r.a.target);
    return w;
  }
};

// The system at an iterate and its slacks h, which it reads anew whenever it is factorised or
// applied.
template <class Exec>
class CondensedSystem {
 public:
  FASTPID_HD CondensedSystem(const Exec& exec, const Reduced& r, const CondensedWork& w,
                             const Iterate& it, const double* h)
      : exec_(exec), r_(r), w_(w), it_(it), h_(h), n_(r.b.count) {}

  // False if the matrix, its diagonal raised by a share `regularisation`, is not positive definite.
  FASTPID_HD bool factorise(double regularisation) {
    const std::ptrdiff_t nb = r_.b.size;
    exec_.for_each(nb * nb, [&](std::ptrdiff_t i) { w_.schur[i] = 0.0; });
    exec_.for_each(n_, [&](int j) {
      double* block = w_.schur + r_.b.begin(j) * (nb + 1);
      for (int i = 0; i < r_.a.count; ++i) {
        const double s = it_.s[i * n_ + j];
        if (s <= 0.0) continue;
        add_pair(r_.b, j, it_.exp_a + i * target(), it_.exp_b + j * target(), s, h_[i * n_ + j],
                 w_.tmp_b + j * target(), block, nb);
      }
    });
    // The gauge of each target symbol: w w^T / sum w with w the diagonal, whose solution has sum w
    // dmu = 0. Weighting by the diagonal keeps the digits of its small entries.
    exec_.for_each(target(), [&](std::ptrdiff_t z) { w_.packed[z] = 0.0; });
    exec_.once([&] {
      for (std::ptrdiff_t k = 0; k < nb; ++k) {
        w_.diagonal[k] = w_.schur[k * (nb + 1)];
        w_.packed[r_.b.idx[k]] += w_.diagonal[k];
        w_.schur[k * (nb + 1)] *= 1.0 + regularisation;
      }
    });
    exec_.for_each(n_, [&](std::ptrdiff_t j) {
      for (int l = static_cast<int>(j); l < n_; ++l) {
        int next = r_.b.begin(l);
        r_.b.row(static_cast<int>(j), [&](int k, int z) {
          while (next < r_.b.end(l) && r_.b.idx[next] < z) ++next;
          if (next < r_.b.end(l) && r_.b.idx[next] == z) {
            w_.schur[next + k * nb] += w_.diagonal[k] * (w_.diagonal[next] / w_.packed[z]);
          }
        });
      }
    });

    const int capacity = CondensedWork::panel_width(r_);
    std::ptrdiff_t at = 0;
    int filled = 0;
    for (int i = 0; i < r_.a.count; ++i) {
      const int width = r_.a.width(i);
      if (filled + width > capacity) {
        exec_.downdate(w_.schur, static_cast<int>(nb), w_.panel, filled);
        filled = 0;
      }
      double* block = w_.blocks + at;
      w_.block_at[i] = at;
      at += static_cast<std::ptrdiff_t>(width) * width;
      exec_.for_each(static_cast<std::ptrdiff_t>(width) * width,
                     [&](std::ptrdiff_t k) { block[k] = 0.0; });
      exec_.once([&] {
        for (int j = 0; j < n_; ++j) {
          const double s = it_.s[i * n_ + j];
          if (s <= 0.0) continue;
          add_pair(r_.a, i, it_.exp_a + i * target(), it_.exp_b + j * target(), s, h_[i * n_ + j],
                   w_.tmp_a + i * target(), block, width);
        }
      });
      if (!exec_.cholesky(block, width, width)) return false;
      off_diagonal(i, w_.panel + filled * nb);
      exec_.solve_right(block, width, width, w_.panel + filled * nb, static_cast<int>(nb));
      filled += width;
    }
    exec_.downdate(w_.schur, static_cast<int>(nb), w_.panel, filled);
    return exec_.cholesky(w_.schur, static_cast<int>(nb), nb);
  }

  // dir = W^-1 rhs by conjugate gradients, preconditioned with the factorisation: one step, as a
  // rule. Where the optimum is nearly degenerate the rounding and the regularisation of the
  // factorisation are larger than the smallest eigenvalues, and a few more steps recover them. They
  // end at a residual of `enough`; the residual is left in rhs (not if max_steps is zero).
  FASTPID_HD void solve(double* rhs_a, double* rhs_b, double* dir_a, double* dir_b, double enough,
                        int max_steps) {
    copy_cells(rhs_a, rhs_b, dir_a, dir_b);
    back_solve(dir_a, dir_b);
    if (max_steps == 0) return;
    apply(dir_a, dir_b, w_.q_a, w_.q_b);
    add_cells(-1.0, w_.q_a, w_.q_b, rhs_a, rhs_b);
    double rho = 0.0;
    for (int n = 0; n < max_steps; ++n) {
      if (size(rhs_a, rhs_b) <= enough) return;
      copy_cells(rhs_a, rhs_b, w_.q_a, w_.q_b);
      back_solve(w_.q_a, w_.q_b);
      const double next = dot(rhs_a, rhs_b, w_.q_a, w_.q_b);
      if (!(next > 0.0)) return;
      if (n > 0) add_cells(next / rho, w_.p_a, w_.p_b, w_.q_a, w_.q_b);
      copy_cells(w_.q_a, w_.q_b, w_.p_a, w_.p_b);
      rho = next;
      apply(w_.p_a, w_.p_b, w_.q_a, w_.q_b);
      const double curvature = dot(w_.p_a, w_.p_b, w_.q_a, w_.q_b);
      if (!(curvature > 0.0)) return;
      add_cells(rho / curvature, w_.p_a, w_.p_b, dir_a, dir_b);
      add_cells(-rho / curvature, w_.q_a, w_.q_b, rhs_a, rhs_b);
    }
  }

  // out[i, z] = sum_j E term(pair, x_a[., z] + x_b[., z]) on the support of one side, zero off it.
  template <class Term>
  FASTPID_HD void gather(bool of_a, const double* x_a, const double* x_b, double* out,
                         Term&& term) const {
    const Side& self = of_a ? r_.a : r_.b;
    const Side& other = of_a ? r_.b : r_.a;
    const double* x_self = of_a ? x_a : x_b;
    const double* x_other = of_a ? x_b : x_a;
    const double* exp_self = of_a ? it_.exp_a : it_.exp_b;
    const double* exp_other = of_a ? it_.exp_b : it_.exp_a;
    const std::ptrdiff_t stride_self = of_a ? n_ : 1, stride_other = of_a ? 1 : n_;
    exec_.for_each(self.count, [&](int i) {
      double* sum = out + i * target();
      const double* xs = x_self + i * target();
      for (int z = 0; z < target(); ++z) sum[z] = 0.0;
      for (int j = 0; j < other.count; ++j) {
        const std::ptrdiff_t p = i * stride_self + j * stride_other;
        if (it_.s[p] <= 0.0) continue;
        const double* v = exp_other + j * target();
        const double* xo = x_other + j * target();
        self.row(i, [&](int, int z) { sum[z] += v[z] * term(p, xs[z] + xo[z]); });
      }
      self.row(i, [&](int, int z) { sum[z] *= exp_self[i * target() + z]; });
    });
  }

  // sum |x| over the cells.
  FASTPID_HD double size(const double* x_a, const double* x_b) const {
    return exec_.sum(cells_a(), [&](std::ptrdiff_t k) { return std::fabs(x_a[k]); }) +
           exec_.sum(cells_b(), [&](std::ptrdiff_t k) { return std::fabs(x_b[k]); });
  }

 private:
  // y = W x for the parts asked for (null: not wanted).
  FASTPID_HD void apply(const double* x_a, const double* x_b, double* y_a, double* y_b) const {
    exec_.for_each(r_.a.count, [&](std::ptrdiff_t i) {
      const double* u = it_.exp_a + i * target();
      const double* xa = x_a + i * target();
      for (int j = 0; j < n_; ++j) {
        const std::ptrdiff_t p = i * n_ + j;
        if (it_.s[p] <= 0.0) continue;
        const double* v = it_.exp_b + j * target();
        const double* xb = x_b + j * target();
        double sum = 0.0;
        r_.b.row(j, [&](int, int z) { sum += u[z] * v[z] * (xa[z] + xb[z]); });
        w_.dot[p] = sum / h_[p];
      }
    });
    const auto term = [&](std::ptrdiff_t p, double d) { return it_.s[p] * (d + w_.dot[p]); };
    if (y_a) gather(true, x_a, x_b, y_a, term);
    if (y_b) gather(false, x_a, x_b, y_b, term);
  }

  // Adds S (diag E + E E^T / h) of one pair, restricted to the support of row i of `self`, to the
  // lower triangle of the column-major `block`. `e` has room for the row.
  FASTPID_HD void add_pair(const Side& self, int i, const double* u, const double* v, double s,
                           double h, double* e, double* block, std::ptrdiff_t stride) const {
    const int first = self.begin(i), width = self.width(i);
    self.row(i, [&](int k, int z) { e[k - first] = u[z] * v[z]; });
    for (int c = 0; c < width; ++c) {
      if (e[c] == 0.0) continue;
      double* column = block + c * stride;
      const double factor = s / h * e[c];
      for (int d = c; d < width; ++d) column[d] += factor * e[d];
      column[c] += s * e[c];
    }
  }

  // W[i, j] transposed, for every j: one column of the panel per entry of a's row i.
  FASTPID_HD void off_diagonal(int i, double* panel) const {
    const std::ptrdiff_t nb = r_.b.size;
    const double* u = it_.exp_a + i * target();
    const int first = r_.a.begin(i);
    exec_.for_each(n_, [&](std::ptrdiff_t row) {
      const int j = static_cast<int>(row), start = r_.b.begin(j), width = r_.b.width(j);
      const double s = it_.s[i * n_ + j];
      const double factor = s > 0.0 ? s / h_[i * n_ + j] : 0.0;
      const double* v = it_.exp_b + j * target();
      double* e = w_.tmp_b + j * target();
      r_.b.row(j, [&](int k, int z) { e[k - start] = u[z] * v[z]; });
      r_.a.row(i, [&](int l, int z) {
        double* column = panel + (l - first) * nb + start;
        const double weight = factor * u[z] * v[z];
        for (int k = 0; k < width; ++k) column[k] = weight * e[k];
      });
      int l = first;
      r_.b.row(j, [&](int k, int z) {
        while (l < r_.a.end(i) && r_.a.idx[l] < z) ++l;
        if (l < r_.a.end(i) && r_.a.idx[l] == z) panel[(l - first) * nb + k] += s * e[k - start];
      });
    });
  }

  // x <- (regularised W)^-1 x.
  FASTPID_HD void back_solve(double* x_a, double* x_b) const {
    exec_.for_each(r_.a.count * target(), [&](std::ptrdiff_t k) { w_.fix_a[k] = 0.0; });
    solve_blocks(x_a, w_.fix_a);
    exec_.for_each(r_.b.count * target(), [&](std::ptrdiff_t k) { w_.fix_b[k] = 0.0; });
    apply(w_.fix_a, w_.fix_b, nullptr, w_.tmp_b);
    const auto each_b = [&](auto&& f) {
      exec_.for_each(n_,
                     [&](int j) { r_.b.row(j, [&](int k, int z) { f(k, j * target() + z); }); });
    };
    each_b([&](int k, std::ptrdiff_t c) { w_.packed[k] = x_b[c] - w_.tmp_b[c]; });
    exec_.solve(w_.schur, r_.b.size, r_.b.size, w_.packed);
    each_b([&](int k, std::ptrdiff_t c) { x_b[c] = w_.packed[k]; });
    exec_.for_each(r_.a.count * target(), [&](std::ptrdiff_t k) { w_.fix_a[k] = 0.0; });
    apply(w_.fix_a, x_b, w_.tmp_a, nullptr);
    exec_.for_each(r_.a.count * target(),
                   [&](std::ptrdiff_t k) { w_.tmp_a[k] = x_a[k] - w_.tmp_a[k]; });
    solve_blocks(w_.tmp_a, x_a);
  }

  FASTPID_HD void solve_blocks(const double* in, double* out) const {
    for (int i = 0; i < r_.a.count; ++i) {
      const int first = r_.a.begin(i), width = r_.a.width(i);
      const double* row = in + i * target();
      exec_.once([&] { r_.a.row(i, [&](int k, int z) { w_.packed[k - first] = row[z]; }); });
      exec_.solve(w_.blocks + w_.block_at[i], width, width, w_.packed);
      exec_.once([&] {
        r_.a.row(i, [&](int k, int z) { out[i * target() + z] = w_.packed[k - first]; });
      });
    }
  }

  FASTPID_HD std::ptrdiff_t cells_a() const { return r_.a.count * target(); }
  FASTPID_HD std::ptrdiff_t cells_b() const { return r_.b.count * target(); }

  FASTPID_HD void copy_cells(const double* from_a, const double* from_b, double* to_a,
                             double* to_b) const {
    exec_.for_each(cells_a(), [&](std::ptrdiff_t k) { to_a[k] = from_a[k]; });
    exec_.for_each(cells_b(), [&](std::ptrdiff_t k) { to_b[k] = from_b[k]; });
  }

  FASTPID_HD void add_cells(double factor, const double* x_a, const double* x_b, double* y_a,
                            double* y_b) const {
    exec_.for_each(cells_a(), [&](std::ptrdiff_t k) { y_a[k] += factor * x_a[k]; });
    exec_.for_each(cells_b(), [&](std::ptrdiff_t k) { y_b[k] += factor * x_b[k]; });
  }

  FASTPID_HD double dot(const double* x_a, const double* x_b, const double* y_a,
                        const double* y_b) const {
    return exec_.sum(cells_a(), [&](std::ptrdiff_t k) { return x_a[k] * y_a[k]; }) +
           exec_.sum(cells_b(), [&](std::ptrdiff_t k) { return x_b[k] * y_b[k]; });
  }

  FASTPID_HD std::ptrdiff_t target() const { return r_.a.target; }

  const Exec& exec_;
  const Reduced& r_;
  const CondensedWork& w_;
  const Iterate& it_;
  const double* h_;
  const std::ptrdiff_t n_;
};

}  // namespace fastpid
