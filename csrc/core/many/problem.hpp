// The union problem of M sources, as it is given and as it is solved.
//
//     F = min over q of sum q log(q / q(x_1 .. x_M))   with the marginals a_i[x_i, z] of each
//     source
//       = max sum_i <a_i, lam_i>   with   sum_z exp(sum_i lam_i[x_i, z]) <= 1 for every tuple x,
//
// and the union information is H(Z) + F: the problem of two sources with a sum of M potentials in
// the place of two. Nothing here owns memory.
#pragma once

#include <cstddef>
#include <type_traits>

#include "../arena.hpp"
#include "../numerics.hpp"
#include "../tuning.hpp"

namespace fastpid::many {

// Where the cells of M sources stand, one source after the other: cell (x, z) of source i is
// first[i] + x * target + z.
struct Sources {
  int count = 0;
  int target = 0;
  const int* symbols = nullptr;
  const std::ptrdiff_t* first = nullptr;  // count + 1 entries, the last one all cells

  FASTPID_HD std::ptrdiff_t cells() const { return first[count]; }
  // Infinite where a table of them would not fit any memory.
  FASTPID_HD double tuples() const {
    double product = 1.0;
    for (int i = 0; i < count; ++i) product *= symbols[i];
    return product;
  }
};

// How many symbols the target has, which the compiler is told where there are few: loops over so
// few numbers cost more than what they do.
template <int kFixed>
struct TargetSize {
  FASTPID_HD explicit constexpr TargetSize(int) {}
  FASTPID_HD constexpr operator int() const { return kFixed; }
};
template <>
struct TargetSize<0> {
  FASTPID_HD explicit constexpr TargetSize(int size) : size_(size) {}
  FASTPID_HD constexpr operator int() const { return size_; }

 private:
  int size_;
};

// f(std::integral_constant<int, n>()), n being the TargetSize of a target. The device compiler
// takes everything once.
template <class F>
FASTPID_HD void with_target_size(int target, F&& f) {
#if !defined(__CUDACC__)
  if (target == 3) return f(std::integral_constant<int, 3>());
  if (target == 4) return f(std::integral_constant<int, 4>());
  if (target == 5) return f(std::integral_constant<int, 5>());
#endif
  static_cast<void>(target);
  f(std::integral_constant<int, 0>());
}

// What is left of a problem after the exact reductions. Both arrays are zero off the support. In a
// pack (exec/pack.hpp) they belong to several problems of these symbols.
template <class Real>
struct BasicProblem {
  Sources sources;
  const Real* mass = nullptr;  // the marginals
  const Real* cap = nullptr;   // what a coupling's may be at most, see reduce()

  FASTPID_HD int target() const { return sources.target; }
  FASTPID_HD std::ptrdiff_t cells() const { return sources.cells(); }
  FASTPID_HD std::ptrdiff_t tuples() const { return static_cast<std::ptrdiff_t>(sources.tuples()); }

  // Tuples are pairs of a head, the symbols of all sources but the last, and one of that.
  FASTPID_HD std::ptrdiff_t last() const { return sources.symbols[sources.count - 1]; }
  FASTPID_HD std::ptrdiff_t heads() const { return tuples() / last(); }
  // The cells of the last source.
  FASTPID_HD std::ptrdiff_t tail() const { return sources.first[sources.count - 1]; }
};
using Problem = BasicProblem<double>;

// A primal-dual iterate: q = s exp(lam_1 + .. + lam_M), s by the tuple, `log` and its exponentials
// `factor` by the cell, the latter zero off the support.
template <class Real>
struct BasicIterate {
  Real* s = nullptr;
  Real* log = nullptr;
  Real* factor = nullptr;

  FASTPID_HD static BasicIterate take(Arena& arena, const BasicProblem<Real>& p) {
    BasicIterate it;
    it.s = arena.take<Real>(p.tuples());
    it.log = arena.take<Real>(p.cells());
    it.factor = arena.take<Real>(p.cells());
    return it;
  }
};
using Iterate = BasicIterate<double>;

template <class Exec, class Real>
FASTPID_STAGE void copy_iterate(const Exec& exec, const BasicProblem<Real>& p,
                                const BasicIterate<Real>& from, const BasicIterate<Real>& to,
                                const MaskOf<Real>& which = true) {
  const auto copy = [&](std::ptrdiff_t n, const Real* source, Real* out) {
    exec.for_each(n, [&](std::ptrdiff_t i) { out[i] = select(which, source[i], out[i]); });
  };
  copy(p.tuples(), from.s, to.s);
  copy(p.cells(), from.log, to.log);
  copy(p.cells(), from.factor, to.factor);
}

// The tuples of some sources one after the other, the last one's symbol changing fastest.
class Odometer {
 public:
  static constexpr int kMostSources = 32;

  FASTPID_HD explicit Odometer(const Sources& sources) : Odometer(sources, sources.count) {}
  // Of the first `count` of them.
  FASTPID_HD Odometer(const Sources& sources, int count) : sources_(sources), count_(count) {
    for (int i = 0; i < count; ++i) {
      digit_[i] = 0;
      row_[i] = sources.first[i];
    }
  }

  FASTPID_HD int symbol(int i) const { return digit_[i]; }
  // The first cell of source i's symbol.
  FASTPID_HD std::ptrdiff_t row(int i) const { return row_[i]; }

  // Goes to the next tuple; returns the first source whose symbol changed.
  FASTPID_HD int next() {
    int i = count_ - 1;
    for (; i > 0 && digit_[i] + 1 == sources_.symbols[i]; --i) {
      digit_[i] = 0;
      row_[i] = sources_.first[i];
    }
    ++digit_[i];
    row_[i] += sources_.target;
    return i;
  }

 private:
  const Sources& sources_;
  const int count_;
  int digit_[kMostSources];
  std::ptrdiff_t row_[kMostSources];
};

// out[t, z] = prod_i factor_i[t_i, z] for the tuples t of the first `count` sources, one or more.
// Built up source by source, from the back so that every row is read before it is overwritten.
template <class Real, int kTarget>
FASTPID_STAGE void products(const Sources& s, int count, const Real* factor, Real* out,
                            TargetSize<kTarget> target) {
  std::ptrdiff_t rows = s.symbols[0];
  for (std::ptrdiff_t c = 0; c < rows * target; ++c) out[c] = factor[c];
  for (int i = 1; i < count; ++i) {
    const std::ptrdiff_t n = s.symbols[i];
    for (std::ptrdiff_t row = rows - 1; row >= 0; --row) {
      const Real* left = out + row * target;
      for (std::ptrdiff_t x = n - 1; x >= 0; --x) {
        const Real* right = factor + s.first[i] + x * target;
        Real* to = out + (row * n + x) * target;
        for (int z = 0; z < target; ++z) to[z] = left[z] * right[z];
      }
    }
    rows *= n;
  }
}

// f(h, at) for every head h, `at` being at its symbols.
template <class Real, class F>
FASTPID_HD void each_head(const BasicProblem<Real>& p, F&& f) {
  const std::ptrdiff_t heads = p.heads();
  Odometer at(p.sources, p.sources.count - 1);
  for (std::ptrdiff_t h = 0; h < heads; ++h) {
    f(h, at);
    if (h + 1 < heads) at.next();
  }
}

// out[i, x, z] = sum over the heads with h_i = x of value(h, z), for every source but the last.
template <class Real, class F>
FASTPID_HD void head_marginals(const BasicProblem<Real>& p, Real* out, F&& value) {
  const int target = p.target(), sources = p.sources.count - 1;
  for (std::ptrdiff_t c = 0; c < p.tail(); ++c) out[c] = 0.0;
  each_head(p, [&](std::ptrdiff_t h, const Odometer& at) {
    for (int z = 0; z < target; ++z) {
      const Real v = value(h, z);
      for (int i = 0; i < sources; ++i) out[at.row(i) + z] += v;
    }
  });
}

// What the marginals of q = s E are made of: products of matrices over the heads, never an array of
// tuples times target symbols.
template <class Real>
struct BasicMarginalWork {
  Real* head = nullptr;  // heads x target: the products of their factors
  Real* sums = nullptr;  // heads x target: sum over the last source of s factor

  FASTPID_HD static BasicMarginalWork take(Arena& arena, const BasicProblem<Real>& p) {
    BasicMarginalWork w;
    w.head = arena.take<Real>(p.heads() * p.target());
    w.sums = arena.take<Real>(p.heads() * p.target());
    return w;
  }
};

template <class Exec, class Real>
class MarginalSums {
 public:
  FASTPID_HD MarginalSums(const Exec& exec, const BasicProblem<Real>& p,
                          const BasicMarginalWork<Real>& w)
      : exec_(exec), p_(p), w_(w) {}

  // The factors of the heads; and, from them, T[t] = sum_z E[t, z].
  FASTPID_STAGE void read_head(const Real* factor) const {
    if (p_.sources.count > 1) {
      products(p_.sources, p_.sources.count - 1, factor, w_.head, TargetSize<0>(p_.target()));
    } else {
      for (int z = 0; z < p_.target(); ++z) w_.head[z] = 1.0;
    }
  }
  FASTPID_STAGE void tuple_sums(const Real* factor, Real* t) const {
    exec_.times_transposed(w_.head, factor + p_.tail(), size(p_.heads()), p_.target(),
                           size(p_.last()), t);
  }
  // Those of the last source, times s.
  FASTPID_STAGE void read_last(const Real* s, const Real* factor) const {
    exec_.times(s, factor + p_.tail(), size(p_.heads()), size(p_.last()), p_.target(), w_.sums);
  }
  // The marginals of all sources but the last, after both; and of the last one, after the first.
  FASTPID_STAGE void of_heads(Real* of_q) const {
    head_marginals(p_, of_q, [&](std::ptrdiff_t h, int z) {
      const std::ptrdiff_t c = h * p_.target() + z;
      return w_.head[c] * w_.sums[c];
    });
  }
  FASTPID_STAGE void of_last(const Real* s, const Real* factor, Real* of_q) const {
    exec_.transposed_times(s, w_.head, size(p_.heads()), size(p_.last()), p_.target(),
                           of_q + p_.tail());
    for (std::ptrdiff_t c = p_.tail(); c < p_.cells(); ++c) of_q[c] *= factor[c];
  }

  // f(from, to) of the cells of each source whose marginals are up to date, one source after the
  // other: a sweep of iterative proportional fitting if f rescales the factors, which it may.
  template <class F>
  FASTPID_HD void sweep(const Real* s, const Real* factor, Real* of_q, F&& f) const {
    read_last(s, factor);
    for (int i = 0; i < p_.sources.count; ++i) {
      read_head(factor);
      if (i + 1 < p_.sources.count) {
        of_heads(of_q);
      } else {
        of_last(s, factor, of_q);
      }
      f(p_.sources.first[i], p_.sources.first[i + 1]);
    }
  }

  // All of them, with the factors of the heads.
  FASTPID_HD void all(const Real* s, const Real* factor, Real* of_q) const {
    read_head(factor);
    read_last(s, factor);
    of_heads(of_q);
    of_last(s, factor, of_q);
  }

 private:
  FASTPID_HD static int size(std::ptrdiff_t n) { return static_cast<int>(n); }

  const Exec& exec_;
  const BasicProblem<Real>& p_;
  const BasicMarginalWork<Real>& w_;
};

}  // namespace fastpid::many
