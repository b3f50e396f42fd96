// The linear system of a Newton step of M sources,
//
//     sum over t with t_i = x of W_t d_t = r_i[x, .],   d_t = sum_i d_i[t_i, .],
//     W_t = S_t (diag E_t + E_t E_t' / h_t),
//
// whose block (i, x), (j, x') is the sum of W_t over the tuples with both symbols. The first source
// has blocks on its diagonal alone and is eliminated symbol by symbol; what remains of the others
// is dense. Adding a constant to the potentials of a target symbol of one source and taking it from
// the first changes nothing: each other source has one null direction a target symbol, which is
// closed by the weights of its cells, m m' / p(z), added to the system. The right-hand sides are
// orthogonal to those directions, so this picks one solution and changes none.
#pragma once

#include "problem.hpp"

namespace fastpid::many {

struct SystemWork {
  int* column = nullptr;     // of each cell among the first source's row or the others; -1: none
  double* first = nullptr;   // Cholesky factors of the first source's blocks
  double* panel = nullptr;   // order x (cells of the first source), column-major
  double* schur = nullptr;   // order x order, column-major, its lower triangle
  double* block = nullptr;   // target
  double* packed = nullptr;  // the right-hand side of all cells of the support
  std::ptrdiff_t order = 0, rows = 0;

  static std::ptrdiff_t support(const Problem& p, std::ptrdiff_t from, std::ptrdiff_t to) {
    std::ptrdiff_t n = 0;
    for (std::ptrdiff_t c = from; c < to; ++c) n += p.mass[c] > 0.0;
    return n;
  }

  static SystemWork take(Arena& arena, const Problem& p) {
    const std::ptrdiff_t target = p.target(), head = p.sources.first[1];
    SystemWork w;
    w.rows = support(p, 0, head);
    w.order = support(p, head, p.cells());
    w.column = arena.take<int>(p.cells());
    w.first = arena.take<double>(p.sources.symbols[0] * target * target);
    w.panel = arena.take<double>(w.order * w.rows);
    w.schur = arena.take<double>(w.order * w.order);
    w.block = arena.take<double>(target);
    w.packed = arena.take<double>(w.order + w.rows);
    return w;
  }
};

template <class Exec>
class System {
 public:
  System(const Exec& exec, const Problem& p, const SystemWork& w)
      : exec_(exec), p_(p), w_(w), target_(p.target()) {
    const Sources& s = p.sources;
    int next = 0;
    for (int x = 0; x < s.symbols[0]; ++x) {
      next = 0;
      for (int z = 0; z < target_; ++z) {
        const std::ptrdiff_t c = static_cast<std::ptrdiff_t>(x) * target_ + z;
        w_.column[c] = p.mass[c] > 0.0 ? next++ : -1;
      }
    }
    next = 0;
    for (std::ptrdiff_t c = s.first[1]; c < p.cells(); ++c) {
      w_.column[c] = p.mass[c] > 0.0 ? next++ : -1;
    }
  }

  // From s, e and the inverse slacks by the tuple; the diagonal is raised by a share
  // `regularisation`. False if the matrix is not positive definite.
  bool factorise(const double* s, const double* e, const double* inverse, double regularisation) {
    const std::ptrdiff_t n = w_.order;
    for (std::ptrdiff_t k = 0; k < n * w_.rows; ++k) w_.panel[k] = 0.0;
    for (std::ptrdiff_t k = 0; k < n * n; ++k) w_.schur[k] = 0.0;
    const std::ptrdiff_t square = static_cast<std::ptrdiff_t>(target_) * target_;
    for (std::ptrdiff_t k = 0; k < p_.sources.symbols[0] * square; ++k) w_.first[k] = 0.0;
    assemble(s, e, inverse);
    close_null_directions();
    raise_diagonals(1.0 + regularisation);
    if (!eliminate()) return false;
    if (n == 0) return true;
    exec_.downdate(w_.schur, static_cast<int>(n), w_.panel, static_cast<int>(w_.rows));
    return exec_.cholesky(w_.schur, static_cast<int>(n), n);
  }

  // Solves for `direction` by the cell, zero off the support.
  void solve(const double* rhs, double* direction) const {
    const Sources& s = p_.sources;
    const std::ptrdiff_t n = w_.order, head = s.first[1];
    double* first = w_.packed + n;
    double* rest = w_.packed;
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
      const double* column = w_.panel + k * n;
      for (std::ptrdiff_t i = 0; i < n; ++i) rest[i] -= column[i] * first[k];
    }
    if (n > 0) exec_.solve(w_.schur, static_cast<int>(n), n, rest);
    for (std::ptrdiff_t k = 0; k < w_.rows; ++k) {
      const double* column = w_.panel + k * n;
      double sum = 0.0;
      for (std::ptrdiff_t i = 0; i < n; ++i) sum += column[i] * rest[i];
      first[k] -= sum;
    }
    each_block(
        [&](int x, int width, std::ptrdiff_t row) { backward(factor(x), width, first + row); });
    at = 0;
    for (std::ptrdiff_t c = 0; c < p_.cells(); ++c) {
      direction[c] = w_.column[c] < 0 ? 0.0 : c < head ? first[at++] : rest[w_.column[c]];
    }
  }

 private:
  double* factor(int x) const {
    return w_.first + static_cast<std::ptrdiff_t>(x) * target_ * target_;
  }

  // f(x, cells of symbol x of the first source, how many lie before).
  template <class F>
  void each_block(F&& f) const {
    std::ptrdiff_t row = 0;
    for (int x = 0; x < p_.sources.symbols[0]; ++x) {
      int width = 0;
      for (int z = 0; z < target_; ++z) {
        width += w_.column[static_cast<std::ptrdiff_t>(x) * target_ + z] >= 0;
      }
      f(x, width, row);
      row += width;
    }
  }

  void assemble(const double* s, const double* e, const double* inverse) {
    const Sources& sources = p_.sources;
    const std::ptrdiff_t n = w_.order, tuples = p_.tuples();
    Odometer at(sources);
    std::ptrdiff_t row = 0;  // the panel's columns before those of the first source's symbol
    int width = first_width(0);
    for (std::ptrdiff_t t = 0; t < tuples; ++t) {
      if (s[t] > 0.0) {
        const double* of = e + t * target_;
        for (int z = 0; z < target_; ++z) {
          // Column z of W_t. A cell off the support has E = 0, and adds nothing.
          if (!(of[z] > 0.0)) continue;
          const double diagonal = s[t] * of[z], scale = diagonal * inverse[t];
          for (int y = 0; y < target_; ++y) w_.block[y] = scale * of[y];
          w_.block[z] += diagonal;
          add(at, z, row, n, of);
        }
      }
      if (t + 1 < tuples && at.next() == 0) {
        row += width;
        width = first_width(at.symbol(0));
      }
    }
  }

  int first_width(int x) const {
    int width = 0;
    for (int z = 0; z < target_; ++z) {
      width += w_.column[static_cast<std::ptrdiff_t>(x) * target_ + z] >= 0;
    }
    return width;
  }

  // Adds column z of W_t to every block of the tuple, of the dense part its lower triangle.
  void add(const Odometer& at, int z, std::ptrdiff_t row, std::ptrdiff_t n, const double* of) {
    const int sources = p_.sources.count;
    double* block = factor(at.symbol(0));
    const int k = w_.column[at.row(0) + z];
    for (int y = z; y < target_; ++y) {
      if (of[y] > 0.0) block[k * target_ + w_.column[at.row(0) + y]] += w_.block[y];
    }
    double* panel = w_.panel + (row + k) * n;
    for (int j = 1; j < sources; ++j) add_column(at.row(j), 0, of, panel);
    for (int i = 1; i < sources; ++i) {
      double* column = w_.schur + w_.column[at.row(i) + z] * n;
      add_column(at.row(i), z, of, column);
      for (int j = i + 1; j < sources; ++j) add_column(at.row(j), 0, of, column);
    }
  }
  void add_column(std::ptrdiff_t row, int from, const double* of, double* column) const {
    const int* index = w_.column + row;
    const int first = index[from], last = index[target_ - 1];
    if (first >= 0 && last - first == target_ - 1 - from) {
      for (int y = from; y < target_; ++y) column[first + y - from] += w_.block[y];
      return;
    }
    for (int y = from; y < target_; ++y) {
      if (of[y] > 0.0) column[index[y]] += w_.block[y];
    }
  }

  void close_null_directions() {
    const Sources& s = p_.sources;
    const std::ptrdiff_t n = w_.order;
    for (int z = 0; z < target_; ++z) {
      double p_z = 0.0;
      for (std::ptrdiff_t c = z; c < s.first[1]; c += target_) p_z += p_.mass[c];
      for (int i = 1; i < s.count; ++i) {
        for (std::ptrdiff_t c = s.first[i] + z; c < s.first[i + 1]; c += target_) {
          if (w_.column[c] < 0) continue;
          double* column = w_.schur + w_.column[c] * n;
          for (std::ptrdiff_t d = c; d < s.first[i + 1]; d += target_) {
            if (w_.column[d] >= 0) column[w_.column[d]] += p_.mass[c] * p_.mass[d] / p_z;
          }
        }
      }
    }
  }

  void raise_diagonals(double by) {
    each_block([&](int x, int width, std::ptrdiff_t) {
      for (int k = 0; k < width; ++k) factor(x)[k * target_ + k] *= by;
    });
    for (std::ptrdiff_t k = 0; k < w_.order; ++k) w_.schur[k * w_.order + k] *= by;
  }

  // The first source's blocks become their Cholesky factors, with reciprocals on the diagonal, and
  // the panel B becomes B L^-T. Blocks are a target wide: the library's calls would cost more.
  bool eliminate() {
    bool definite = true;
    const std::ptrdiff_t n = w_.order;
    each_block([&](int x, int width, std::ptrdiff_t row) {
      double* l = factor(x);
      double* panel = w_.panel + row * n;
      for (int k = 0; k < width; ++k) {
        double* column = l + k * target_;
        double* b = panel + k * n;
        for (int j = 0; j < k; ++j) {
          const double* before = l + j * target_;
          const double by = before[k];
          for (int i = k; i < width; ++i) column[i] -= by * before[i];
          const double* c = panel + j * n;
          for (std::ptrdiff_t i = 0; i < n; ++i) b[i] -= by * c[i];
        }
        definite = definite && column[k] > 0.0;
        const double inverse = 1.0 / std::sqrt(definite ? column[k] : 1.0);
        for (int i = k + 1; i < width; ++i) column[i] *= inverse;
        column[k] = inverse;
        for (std::ptrdiff_t i = 0; i < n; ++i) b[i] *= inverse;
      }
    });
    return definite;
  }

  void forward(const double* l, int width, double* v) const {
    for (int k = 0; k < width; ++k) {
      v[k] *= l[k * target_ + k];
      for (int i = k + 1; i < width; ++i) v[i] -= l[k * target_ + i] * v[k];
    }
  }
  void backward(const double* l, int width, double* v) const {
    for (int k = width - 1; k >= 0; --k) {
      for (int i = k + 1; i < width; ++i) v[k] -= l[k * target_ + i] * v[i];
      v[k] *= l[k * target_ + k];
    }
  }

  const Exec& exec_;
  const Problem& p_;
  const SystemWork& w_;
  const int target_;
};

}  // namespace fastpid::many
