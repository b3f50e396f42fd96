// The linear system of a Newton step of M sources,
//
//     sum over t with t_i = x of W_t d_t = r_i[x, .],   d_t = sum_i d_i[t_i, .],
//     W_t = S_t (diag E_t + E_t E_t' / h_t),
//
// whose block (i, x), (j, x') is the sum of W_t over the tuples with both symbols. The first source
// has blocks on its diagonal alone and is eliminated symbol by symbol; what remains of the others
// is dense. Adding a constant to the potentials of a target symbol of one source and taking it from
// the first changes nothing: each other source has one null direction a target symbol, which is
// closed by w w' / sum w, w being the diagonal at its cells: that keeps the digits of small
// entries. The right-hand sides are orthogonal to those directions, so this picks one solution and
// changes none.
#pragma once

#include "problem.hpp"

namespace fastpid::many {

template <class Real>
struct BasicSystemWork {
  int* column = nullptr;     // of each cell among the first source's row or the others; -1: none
  Real* first = nullptr;     // Cholesky factors of the first source's blocks
  Real* panel = nullptr;     // order x (cells of the first source), column-major
  Real* schur = nullptr;     // order x order, column-major, its lower triangle
  Real* diagonal = nullptr;  // its diagonal, before it is raised
  Real* block = nullptr;     // a column of W_t
  Real* head = nullptr;      // target x target: the sum of W_t over the last source
  Real* packed = nullptr;    // the right-hand side of all cells of the support
  std::ptrdiff_t order = 0, rows = 0;

  // Packs work on all cells: what one problem does not have, another may.
  FASTPID_HD static bool has(const BasicProblem<Real>& p, std::ptrdiff_t c) {
    if constexpr (kDense<Real>) {
      return true;
    } else {
      return p.mass[c] > 0.0;
    }
  }
  FASTPID_HD static std::ptrdiff_t support(const BasicProblem<Real>& p, std::ptrdiff_t from,
                                           std::ptrdiff_t to) {
    std::ptrdiff_t n = 0;
    for (std::ptrdiff_t c = from; c < to; ++c) n += has(p, c);
    return n;
  }

  FASTPID_HD static BasicSystemWork take(Arena& arena, const BasicProblem<Real>& p) {
    const std::ptrdiff_t target = p.target(), first = p.sources.first[1];
    BasicSystemWork w;
    w.rows = support(p, 0, first);
    w.order = support(p, first, p.cells());
    w.column = arena.take<int>(p.cells());
    w.first = arena.take<Real>(p.sources.symbols[0] * target * target);
    w.panel = arena.take<Real>(w.order * w.rows);
    w.schur = arena.take<Real>(w.order * w.order);
    w.diagonal = arena.take<Real>(w.order);
    w.block = arena.take<Real>(target);
    w.head = arena.take<Real>(target * target);
    w.packed = arena.take<Real>(w.order + w.rows);
    return w;
  }
};

template <class Exec, class Real, int kTarget>
class System {
 public:
  using Mask = MaskOf<Real>;

  FASTPID_HD System(const Exec& exec, const BasicProblem<Real>& p, const BasicSystemWork<Real>& w)
      : exec_(exec), p_(p), w_(w), target_(p.target()) {
    const Sources& s = p.sources;
    int next = 0;
    const auto place = [&](std::ptrdiff_t c) {
      w_.column[c] = BasicSystemWork<Real>::has(p, c) ? next++ : -1;
    };
    for (std::ptrdiff_t c = 0; c < s.first[1]; ++c) {
      if (c % target_ == 0) next = 0;
      place(c);
    }
    next = 0;
    for (std::ptrdiff_t c = s.first[1]; c < p.cells(); ++c) place(c);
  }

  // From s, e and the inverse slacks by the tuple; the diagonal is raised by a share
  // `regularisation`. False if the matrix is not positive definite.
  FASTPID_HD Mask factorise(const Real* s, const Real* e, const Real* inverse,
                            const Real& regularisation) {
    const Mask definite = reduce(s, e, inverse, regularisation);
    return any(definite) ? definite & factorise_rest() : definite;
  }

  // Solves for `direction` by the cell, zero off the support.
  FASTPID_HD void solve(const Real* rhs, Real* direction) const {
    forward_first(rhs);
    solve_rest();
    subtract_rest();
    backward_first(direction);
  }

 protected:
  // Assembles the system and eliminates the first source.
  FASTPID_STAGE Mask reduce(const Real* s, const Real* e, const Real* inverse,
                            const Real& regularisation) {
    const std::ptrdiff_t n = w_.order;
    for (std::ptrdiff_t k = 0; k < n * w_.rows; ++k) w_.panel[k] = 0.0;
    for (std::ptrdiff_t k = 0; k < n * n; ++k) w_.schur[k] = 0.0;
    const std::ptrdiff_t square = static_cast<std::ptrdiff_t>(target_) * target_;
    for (std::ptrdiff_t k = 0; k < p_.sources.symbols[0] * square; ++k) w_.first[k] = 0.0;
    assemble(s, e, inverse);
    raise_diagonals(1.0 + regularisation);
    close_null_directions();
    const Mask definite = eliminate();
    if (any(definite) && n > 0) {
      exec_.downdate(w_.schur, static_cast<int>(n), w_.panel, static_cast<int>(w_.rows));
    }
    return definite;
  }
  FASTPID_STAGE Mask factorise_rest() {
    const auto n = static_cast<int>(w_.order);
    return n > 0 ? exec_.cholesky(w_.schur, n, n) : Mask(true);
  }

  // The parts of a solve, on the right-hand side in w_.packed: that of the first source, behind
  // that of the others.
  FASTPID_STAGE void forward_first(const Real* rhs) const {
    const std::ptrdiff_t n = w_.order, head = p_.sources.first[1];
    Real *first = w_.packed + n, *rest = w_.packed;
    std::ptrdiff_t at = 0;
    for (std::ptrdiff_t c = 0; c < head; ++c) {
      if (w_.column[c] >= 0) first[at++] = rhs[c];
    }
    for (std::ptrdiff_t c = head; c < p_.cells(); ++c) {
      if (w_.column[c] >= 0) rest[w_.column[c]] = rhs[c];
    }
    each_block(
        [&](int x, int width, std::ptrdiff_t row) { forward(factor(x), width, first + row); });
    for (std::ptrdiff_t k = 0; k < w_.rows; ++k) {
      const Real* column = w_.panel + k * n;
      const Real by = -first[k];
      for (std::ptrdiff_t i = 0; i < n; ++i) rest[i] = multiply_add(column[i], by, rest[i]);
    }
  }
  FASTPID_STAGE void solve_rest() const {
    if (w_.order > 0) exec_.solve(w_.schur, static_cast<int>(w_.order), w_.order, w_.packed);
  }
  FASTPID_STAGE void subtract_rest() const {
    const std::ptrdiff_t n = w_.order;
    Real *first = w_.packed + n, *rest = w_.packed;
    for (std::ptrdiff_t k = 0; k < w_.rows; ++k) {
      const Real* column = w_.panel + k * n;
      Real sum = 0.0;
      for (std::ptrdiff_t i = 0; i < n; ++i) sum = multiply_add(column[i], rest[i], sum);
      first[k] -= sum;
    }
  }
  FASTPID_STAGE void backward_first(Real* direction) const {
    Real *first = w_.packed + w_.order, *rest = w_.packed;
    each_block(
        [&](int x, int width, std::ptrdiff_t row) { backward(factor(x), width, first + row); });
    const std::ptrdiff_t head = p_.sources.first[1];
    std::ptrdiff_t at = 0;
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      direction[c] = w_.column[c] < 0 ? Real(0.0) : c < head ? first[at++] : rest[w_.column[c]];
    }
  }

  FASTPID_HD Real* factor(int x) const {
    return w_.first + static_cast<std::ptrdiff_t>(x) * target_ * target_;
  }

  // f(x, cells of symbol x of the first source, how many lie before).
  template <class F>
  FASTPID_HD void each_block(F&& f) const {
    std::ptrdiff_t row = 0;
    for (int x = 0; x < p_.sources.symbols[0]; ++x) {
      const int width = first_width(x);
      f(x, width, row);
      row += width;
    }
  }
  FASTPID_HD int first_width(int x) const {
    if constexpr (kDense<Real>) return target_;
    int width = 0;
    for (int z = 0; z < target_; ++z) {
      width += w_.column[static_cast<std::ptrdiff_t>(x) * target_ + z] >= 0;
    }
    return width;
  }

  FASTPID_STAGE void forward(const Real* l, int width, Real* v) const {
    for (int k = 0; k < width; ++k) {
      v[k] *= l[k * target_ + k];
      for (int i = k + 1; i < width; ++i) v[i] -= l[k * target_ + i] * v[k];
    }
  }
  FASTPID_STAGE void backward(const Real* l, int width, Real* v) const {
    for (int k = width - 1; k >= 0; --k) {
      for (int i = k + 1; i < width; ++i) v[k] -= l[k * target_ + i] * v[i];
      v[k] *= l[k * target_ + k];
    }
  }

 private:
  // Blocks of two sources of the head get the sum of W_t over the last source at once.
  FASTPID_STAGE void assemble(const Real* s, const Real* e, const Real* inverse) {
    const std::ptrdiff_t n = w_.order, last = p_.last();
    const int sources = p_.sources.count;
    std::ptrdiff_t row = 0;  // the panel's columns before those of the first source's symbol
    int symbol = 0;
    each_head(p_, [&](std::ptrdiff_t h, const Odometer& at) {
      if (at.symbol(0) != symbol) {
        row += first_width(symbol);
        symbol = at.symbol(0);
      }
      for (int k = 0; k < target_ * target_; ++k) w_.head[k] = 0.0;
      for (std::ptrdiff_t x = 0; x < last; ++x) {
        const std::ptrdiff_t t = h * last + x;
        if (skip(s[t])) continue;
        const Real* of = e + t * target_;
        const std::ptrdiff_t cell = p_.tail() + x * target_;
        for (int z = 0; z < target_; ++z) {
          // A cell off the support has E = 0, and adds nothing.
          if (skip(of[z])) continue;
          const Real diagonal = s[t] * of[z], scale = diagonal * inverse[t];
          for (int y = 0; y < target_; ++y) w_.block[y] = scale * of[y];
          w_.block[z] += diagonal;
          Real* sum = w_.head + z * target_;
          for (int y = 0; y < target_; ++y) sum[y] += w_.block[y];
          add(w_.block, of, cell, 0, w_.panel + (row + w_.column[at.row(0) + z]) * n);
          for (int i = 1; i + 1 < sources; ++i) add(w_.block, of, cell, 0, column(at.row(i) + z));
          add(w_.block, of, cell, z, column(cell + z));
        }
      }
      for (int z = 0; z < target_; ++z) {
        const Real* sum = w_.head + z * target_;
        if (skip(sum[z])) continue;
        const int k = w_.column[at.row(0) + z];
        add(sum, sum, at.row(0), z, factor(at.symbol(0)) + k * target_);
        for (int i = 1; i + 1 < sources; ++i) {
          add(sum, sum, at.row(i), 0, w_.panel + (row + k) * n);
          add(sum, sum, at.row(i), z, column(at.row(i) + z));
          for (int j = i + 1; j + 1 < sources; ++j) {
            add(sum, sum, at.row(j), 0, column(at.row(i) + z));
          }
        }
      }
    });
  }

  FASTPID_HD Real* column(std::ptrdiff_t cell) const {
    return w_.schur + w_.column[cell] * w_.order;
  }

  // Adds block[from ..] to the entries of a column that belong to the cells of `row`; those that
  // `of` has no mass in are not there.
  FASTPID_STAGE void add(const Real* block, const Real* of, std::ptrdiff_t row, int from,
                         Real* column) const {
    const int* index = w_.column + row;
    const int first = index[from], last = index[target_ - 1];
    if (kDense<Real> || (first >= 0 && last - first == target_ - 1 - from)) {
      for (int y = from; y < target_; ++y) column[first + y - from] += block[y];
      return;
    }
    for (int y = from; y < target_; ++y) {
      if (!skip(of[y])) column[index[y]] += block[y];
    }
  }

  // The diagonal of a cell that a problem in a pack does not have decouples it.
  FASTPID_HD void raise_diagonals(const Real& by) {
    each_block([&](int x, int width, std::ptrdiff_t row) {
      for (int k = 0; k < width; ++k) {
        Real& diagonal = factor(x)[k * target_ + k];
        diagonal = or_one(row + k, diagonal * by);
      }
    });
    for (std::ptrdiff_t k = 0; k < w_.order; ++k) {
      Real& diagonal = w_.schur[k * (w_.order + 1)];
      w_.diagonal[k] = diagonal;
      diagonal = or_one(p_.sources.first[1] + k, diagonal * by);
    }
  }
  FASTPID_HD Real or_one(std::ptrdiff_t cell, const Real& diagonal) const {
    if constexpr (kDense<Real>) return select(p_.mass[cell] > 0.0, diagonal, Real(1.0));
    return diagonal;
  }

  FASTPID_HD void close_null_directions() {
    const Sources& s = p_.sources;
    for (int i = 1; i < s.count; ++i) {
      for (int z = 0; z < target_; ++z) {
        const auto cells = [&](std::ptrdiff_t from, auto&& f) {
          for (std::ptrdiff_t c = from; c < s.first[i + 1]; c += target_) {
            if (w_.column[c] >= 0) f(c, w_.column[c]);
          }
        };
        Real sum = 0.0;
        cells(s.first[i] + z, [&](std::ptrdiff_t, int k) { sum += w_.diagonal[k]; });
        const Real inverse = select(sum > 0.0, 1.0 / sum, Real(0.0));
        cells(s.first[i] + z, [&](std::ptrdiff_t c, int k) {
          const Real weight = w_.diagonal[k] * inverse;
          cells(c, [&](std::ptrdiff_t, int next) {
            Real& entry = w_.schur[next + k * w_.order];
            entry = multiply_add(w_.diagonal[next], weight, entry);
          });
        });
      }
    }
  }

  // The first source's blocks become their Cholesky factors, with reciprocals on the diagonal, and
  // the panel B becomes B L^-T. Blocks are a target wide: the library's calls would cost more.
  FASTPID_STAGE Mask eliminate() {
    Mask definite = true;
    const std::ptrdiff_t n = w_.order;
    each_block([&](int x, int width, std::ptrdiff_t row) {
      Real* l = factor(x);
      Real* panel = w_.panel + row * n;
      for (int k = 0; k < width; ++k) {
        Real* column = l + k * target_;
        Real* b = panel + k * n;
        for (int j = 0; j < k; ++j) {
          const Real* before = l + j * target_;
          const Real by = -before[k];
          for (int i = k; i < width; ++i) column[i] = multiply_add(before[i], by, column[i]);
          const Real* c = panel + j * n;
          for (std::ptrdiff_t i = 0; i < n; ++i) b[i] = multiply_add(c[i], by, b[i]);
        }
        const Mask positive = column[k] > 0.0;
        definite = definite & positive;
        const Real inverse = 1.0 / sqrt(select(positive, column[k], Real(1.0)));
        for (int i = k + 1; i < width; ++i) column[i] *= inverse;
        column[k] = inverse;
        for (std::ptrdiff_t i = 0; i < n; ++i) b[i] *= inverse;
      }
    });
    return definite;
  }

 protected:
  const Exec& exec_;
  const BasicProblem<Real>& p_;
  const BasicSystemWork<Real>& w_;
  const TargetSize<kTarget> target_;
};

}  // namespace fastpid::many
