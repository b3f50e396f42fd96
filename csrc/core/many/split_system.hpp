// The linear system of a Newton step (system.hpp) where its own rounding is in the way.
//
// Where all sources have nearly the same channel, tuples of next to no mass hold up directions in
// which the potentials of one source rise and those of another fall. Their curvature is about tau,
// while the rank-one part S E E' / h of a tuple with a small slack may be 1e10: what cancels when
// sources are eliminated is lost in its digits. Here that part is kept out of the matrix, and
//
//     v_t = S_t / h_t E_t . d_t     becomes an unknown:     E_t . d_t - h_t / S_t v_t = g_t,
//
// for these stiff tuples. What is eliminated then, source after source, has curvatures of the size
// of masses alone. The v of a symbol of the first source go right after its potentials; they add to
// what remains of the others what those take away. Slower, for problems that the other fails on.
#pragma once

#include "system.hpp"

namespace fastpid::many {

template <class Real>
struct BasicSplitWork {
  int* tuple = nullptr;     // the stiff ones
  Real* inverse = nullptr;  // by the tuple: 1 / h, zero where it is stiff
  Real* column = nullptr;   // order x stiff: what couples v to the other sources
  Real* inner = nullptr;    // stiff x target: L^-1 E_t
  Real* blocks = nullptr;   // of the stiff of each symbol of the first source: Cholesky factors
  Real* weight = nullptr;   // stiff: h / S
  Real *v = nullptr, *fix = nullptr, *best = nullptr;       // stiff
  Real *given = nullptr, *left = nullptr, *half = nullptr;  // stiff
  std::ptrdiff_t most = 0, most_together = 0;

  FASTPID_HD static BasicSplitWork take(Arena& arena, const BasicProblem<Real>& p) {
    const std::ptrdiff_t tuples = p.tuples(), first = p.sources.first[1];
    const std::ptrdiff_t order = BasicSystemWork<Real>::support(p, first, p.cells());
    BasicSplitWork w;
    // An optimum has no more tuples of positive mass than there are cells, as a rule.
    w.most = kDense<Real> || tuples < 2 * p.cells() ? tuples : 2 * p.cells();
    w.most_together = tuples / p.sources.symbols[0];
    w.tuple = arena.take<int>(w.most);
    w.inverse = arena.take<Real>(tuples);
    w.column = arena.take<Real>(order * w.most);
    w.inner = arena.take<Real>(w.most * p.target());
    w.blocks = arena.take<Real>(w.most * w.most_together);
    for (Real** a : {&w.weight, &w.v, &w.fix, &w.best, &w.given, &w.left, &w.half}) {
      *a = arena.take<Real>(w.most);
    }
    return w;
  }
};

template <class Exec, class Real, int kTarget>
class SplitSystem : public System<Exec, Real, kTarget> {
  using Base = System<Exec, Real, kTarget>;

 public:
  using Mask = MaskOf<Real>;
  using Whole = Base;

  FASTPID_HD SplitSystem(const Exec& exec, const BasicProblem<Real>& p,
                         const BasicSystemWork<Real>& w, const BasicSplitWork<Real>& split)
      : Base(exec, p, w), split_(split) {}

  // As System::factorise(), with the slacks h.
  FASTPID_STAGE Mask factorise(const Real* s, const Real* e, const Real* h,
                               const Real& regularisation) {
    const std::ptrdiff_t tuples = p_.tuples(), n = w_.order;
    s_ = s;
    count_ = 0;
    const double least = stiff_from(s, h);
    for (std::ptrdiff_t t = 0; t < tuples; ++t) {
      const Mask stiff = is_stiff(s[t], h[t], least);
      split_.inverse[t] = select(stiff, Real(0.0), 1.0 / h[t]);
      if (!any(stiff)) continue;
      split_.weight[count_] = select(stiff, h[t] / s[t], Real(1.0));
      split_.given[count_] = select(stiff, Real(1.0), Real(0.0));  // whose tuple it is
      split_.tuple[count_++] = static_cast<int>(t);
    }
    Mask definite = Base::reduce(s, e, split_.inverse, regularisation);
    if (!any(definite)) return definite;
    Real* schur = w_.schur;
    each_group([&](int x, int width, std::ptrdiff_t row, std::ptrdiff_t from, std::ptrdiff_t to) {
      for (std::ptrdiff_t k = from; k < to; ++k) enter(k, x, width, row, e);
      const std::ptrdiff_t size = to - from;
      Real* c = block(from);
      for (std::ptrdiff_t k = 0; k < size; ++k) {
        for (std::ptrdiff_t i = k; i < size; ++i) {
          Real sum = i == k ? split_.weight[from + k] : Real(0.0);
          for (int z = 0; z < width; ++z) {
            sum = multiply_add(inner(from + i)[z], inner(from + k)[z], sum);
          }
          c[k * size + i] = sum;
        }
      }
      for (std::ptrdiff_t k = 0; k < size; ++k) {
        Real* own = column(from + k);
        for (std::ptrdiff_t j = 0; j < k; ++j) {
          const Real by = -c[j * size + k];
          for (std::ptrdiff_t i = k; i < size; ++i) {
            c[k * size + i] = multiply_add(c[j * size + i], by, c[k * size + i]);
          }
          const Real* before = column(from + j);
          for (std::ptrdiff_t i = 0; i < n; ++i) own[i] = multiply_add(before[i], by, own[i]);
        }
        const Mask positive = c[k * size + k] > 0.0;
        definite = definite & positive;
        const Real inverse = 1.0 / sqrt(select(positive, c[k * size + k], Real(1.0)));
        for (std::ptrdiff_t i = k + 1; i < size; ++i) c[k * size + i] *= inverse;
        c[k * size + k] = inverse;
        for (std::ptrdiff_t i = 0; i < n; ++i) own[i] *= inverse;
        for (std::ptrdiff_t j = 0; j < n; ++j) {
          const Real by = own[j];
          for (std::ptrdiff_t i = j; i < n; ++i) {
            schur[j * n + i] = multiply_add(own[i], by, schur[j * n + i]);
          }
        }
      }
    });
    return definite & Base::factorise_rest();
  }

  // Solves for `direction`, zero off the support, and `v`; `given` is g of the stiff tuples.
  FASTPID_STAGE void solve(const Real* rhs, const Real* given, Real* direction, Real* v) const {
    const std::ptrdiff_t n = w_.order;
    Base::forward_first(rhs);
    Real *first = w_.packed + n, *rest = w_.packed;
    each_group([&](int, int width, std::ptrdiff_t row, std::ptrdiff_t from, std::ptrdiff_t to) {
      const std::ptrdiff_t size = to - from;
      const Real* c = block(from);
      for (std::ptrdiff_t k = 0; k < size; ++k) {
        Real sum = -given[from + k];
        for (int z = 0; z < width; ++z) {
          sum = multiply_add(inner(from + k)[z], first[row + z], sum);
        }
        for (std::ptrdiff_t j = 0; j < k; ++j) sum -= c[j * size + k] * split_.half[from + j];
        split_.half[from + k] = sum * c[k * size + k];
        const Real by = -split_.half[from + k];
        const Real* own = column(from + k);
        for (std::ptrdiff_t i = 0; i < n; ++i) rest[i] = multiply_add(own[i], by, rest[i]);
      }
    });
    Base::solve_rest();
    Base::subtract_rest();
    each_group([&](int, int width, std::ptrdiff_t row, std::ptrdiff_t from, std::ptrdiff_t to) {
      const std::ptrdiff_t size = to - from;
      const Real* c = block(from);
      for (std::ptrdiff_t k = size - 1; k >= 0; --k) {
        Real sum = split_.half[from + k];
        const Real* own = column(from + k);
        for (std::ptrdiff_t i = 0; i < n; ++i) sum = multiply_add(own[i], rest[i], sum);
        for (std::ptrdiff_t i = k + 1; i < size; ++i) sum -= c[k * size + i] * v[from + i];
        v[from + k] = sum * c[k * size + k];
        for (int z = 0; z < width; ++z) first[row + z] -= inner(from + k)[z] * v[from + k];
      }
    });
    Base::backward_first(direction);
  }

  // The stiff tuples, and 1 / h of the others.
  FASTPID_HD std::ptrdiff_t count() const { return count_; }
  FASTPID_HD std::ptrdiff_t tuple(std::ptrdiff_t k) const { return split_.tuple[k]; }
  FASTPID_HD Mask is_stiff(std::ptrdiff_t k) const { return !(split_.inverse[tuple(k)] > 0.0); }

 private:
  using Base::p_, Base::w_, Base::target_;

  // Whether the rank-one part of a tuple is kept out: its slack is small, and its S larger. Those
  // are the tuples that an optimum has; many more have small slacks where sources are equal.
  FASTPID_HD static Mask is_stiff(const Real& s, const Real& h, double least) {
    constexpr double kSmallSlack = 1e-3;
    return (s > least * h) & (h < kSmallSlack);
  }

  // The S / h from which tuples are: one, or where more are than there is room for, early on, the
  // power of ten that leaves the worst.
  FASTPID_HD double stiff_from(const Real* s, const Real* h) const {
    double least = 1.0;
    if constexpr (!kDense<Real>) {  // packs have room for all
      const auto count = [&] {
        std::ptrdiff_t found = 0;
        for (std::ptrdiff_t t = 0; t < p_.tuples(); ++t) found += is_stiff(s[t], h[t], least);
        return found;
      };
      while (count() > split_.most) least *= 10.0;
    }
    return least;
  }

  FASTPID_HD Real* column(std::ptrdiff_t k) const { return split_.column + k * w_.order; }
  FASTPID_HD Real* inner(std::ptrdiff_t k) const { return split_.inner + k * target_; }
  FASTPID_HD Real* block(std::ptrdiff_t from) const {
    return split_.blocks + from * split_.most_together;
  }

  // f(x, cells of symbol x of the first source, how many lie before, its stiff tuples from .. to).
  template <class F>
  FASTPID_HD void each_group(F&& f) const {
    std::ptrdiff_t to = 0;
    Base::each_block([&](int x, int width, std::ptrdiff_t row) {
      const std::ptrdiff_t from = to;
      while (to < count_ && split_.tuple[to] < (x + 1) * split_.most_together) ++to;
      if (to > from) f(x, width, row, from, to);
    });
  }

  // L^-1 E_t, and what is left of E_t at the other sources.
  FASTPID_STAGE void enter(std::ptrdiff_t k, int x, int width, std::ptrdiff_t row, const Real* e) {
    const std::ptrdiff_t n = w_.order, t = split_.tuple[k];
    const Real* of = e + t * target_;
    const Real own = split_.given[k];
    const Sources& sources = p_.sources;
    Real *y = inner(k), *b = column(k);
    const int* place = w_.column + static_cast<std::ptrdiff_t>(x) * target_;
    for (int z = 0; z < target_; ++z) {
      if (place[z] >= 0) y[place[z]] = own * of[z];
    }
    Base::forward(Base::factor(x), width, y);
    for (std::ptrdiff_t i = 0; i < n; ++i) b[i] = 0.0;
    for (int j = 0; j < width; ++j) {
      const Real* panel = w_.panel + (row + j) * n;
      const Real by = -y[j];
      for (std::ptrdiff_t i = 0; i < n; ++i) b[i] = multiply_add(panel[i], by, b[i]);
    }
    std::ptrdiff_t rest = t;
    for (int i = sources.count - 1; i > 0; --i) {
      const std::ptrdiff_t cell = sources.first[i] + rest % sources.symbols[i] * target_;
      rest /= sources.symbols[i];
      for (int z = 0; z < target_; ++z) {
        if (w_.column[cell + z] >= 0) b[w_.column[cell + z]] += own * of[z];
      }
    }
  }

  const BasicSplitWork<Real>& split_;
  const Real* s_ = nullptr;
  std::ptrdiff_t count_ = 0;
};

}  // namespace fastpid::many
