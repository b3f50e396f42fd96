// A two-sided bound on F from whatever iterate there is.
//
// Upper. Any q >= 0 whose marginals lie nowhere above the given ones can be completed, by the
// product of what they miss given z; F's objective is subadditive and never positive, so the
// completed one is below that of q. With q = s E,
//     sum q log(q / q(x)) = sum over sources and cells of q_i log factor_i - sum_t s_t T_t log T_t.
// Sweeps of iterative proportional fitting take the marginals close to their targets first: mass
// that is rescaled costs second order, mass that is cut first.
//
// Lower. Potentials become feasible by subtracting, source by source, the logarithm of the largest
// constraint value that a symbol meets. The first source's symbols are also raised to where they
// touch one, which only helps.
#pragma once

#include "../certificate.hpp"
#include "problem.hpp"

namespace fastpid::many {

template <class Real>
struct BasicCertificateWork {
  BasicMarginalWork<Real> sums;
  Real* t = nullptr;       // tuples: sum_z E
  Real* factor = nullptr;  // the cells: the factors of the dominated coupling
  Real* of_q = nullptr;
  Real* logs = nullptr;
  Real* shift = nullptr;  // the symbols of all sources, which lower_bound() sets

  FASTPID_HD static BasicCertificateWork take(Arena& arena, const BasicProblem<Real>& p) {
    BasicCertificateWork w;
    w.sums = BasicMarginalWork<Real>::take(arena, p);
    w.t = arena.take<Real>(p.tuples());
    for (Real** a : {&w.factor, &w.of_q, &w.logs}) *a = arena.take<Real>(p.cells());
    w.shift = arena.take<Real>(p.cells() / p.target());
    return w;
  }
};
using CertificateWork = BasicCertificateWork<double>;

// At most `sweeps` of them, to a residual of `enough`; problems of a pack that are not `wanted` get
// none.
template <class Exec, class Real>
FASTPID_STAGE Real upper_bound(const Exec& exec, const BasicProblem<Real>& p,
                               const BasicIterate<Real>& it, double enough,
                               const BasicCertificateWork<Real>& w, int sweeps,
                               MaskOf<Real> wanted) {
  const MarginalSums<Exec, Real> sums(exec, p, w.sums);
  for (std::ptrdiff_t c = 0; c < p.cells(); ++c) w.factor[c] = it.factor[c];
  const auto rescaled = [&](std::ptrdiff_t c) {
    // Where the zeros of s leave the fitting without a limit, factors must not run to infinity.
    return smaller(w.factor[c] * (p.cap[c] / w.of_q[c]), Real(tuning::Certificate::kLargestFactor));
  };
  MaskOf<Real> active = wanted;
  for (int sweep = 0; sweep < sweeps && any(active); ++sweep) {
    Real off = 0.0;
    sums.sweep(it.s, w.factor, w.of_q, [&](std::ptrdiff_t from, std::ptrdiff_t to) {
      for (std::ptrdiff_t c = from; c < to; ++c) {
        off += fabs(p.cap[c] - w.of_q[c]);
        w.factor[c] = select(active & (w.of_q[c] > 0.0), rescaled(c), w.factor[c]);
      }
    });
    active = active & (off > enough);
  }
  sums.sweep(it.s, w.factor, w.of_q, [&](std::ptrdiff_t from, std::ptrdiff_t to) {
    for (std::ptrdiff_t c = from; c < to; ++c) {
      w.factor[c] = select((w.of_q[c] > 0.0) & (w.of_q[c] > p.cap[c]), rescaled(c), w.factor[c]);
    }
  });
  sums.all(it.s, w.factor, w.of_q);
  sums.tuple_sums(w.factor, w.t);
  exec.log_each(p.cells(), w.factor, w.logs);
  Real value = 0.0;
  for (std::ptrdiff_t c = 0; c < p.cells(); ++c) {
    value += select(w.of_q[c] > 0.0, w.of_q[c] * w.logs[c], Real(0.0));
  }
  for (std::ptrdiff_t t = 0; t < p.tuples(); ++t) {
    if (skip(it.s[t])) continue;
    value -= select(it.s[t] > 0.0, it.s[t] * xlogx(w.t[t]), Real(0.0));
  }
  return bound_or(value, HUGE_VAL);
}

// Cells with mass whose potentials the iterate does not have are none of the problem; see reduce().
// Where potentials are so large that a factor which underflowed could matter in a product of M, or
// products overflow, there is no bound.
template <class Exec, class Real>
FASTPID_STAGE Real lower_bound(const Exec& exec, const BasicProblem<Real>& p,
                               const BasicIterate<Real>& it, const BasicCertificateWork<Real>& w) {
  const Sources& s = p.sources;
  const std::ptrdiff_t tuples = p.tuples();
  const MarginalSums<Exec, Real> sums(exec, p, w.sums);
  sums.read_head(it.factor);
  sums.tuple_sums(it.factor, w.t);
  // Tuples are blocks: `after` of them behind one another share the symbols up to source i.
  std::ptrdiff_t after = tuples, symbol = 0;
  using Certificate = tuning::Certificate;
  const double largest =
      Certificate::kLargestPotential * smaller(1.0, 2.0 / static_cast<double>(s.count - 1));
  Real value = 0.0;
  for (int i = 0; i < s.count; ++i) {
    const std::ptrdiff_t n = s.symbols[i], around = after;
    after /= n;
    for (std::ptrdiff_t x = 0; x < n; ++x, ++symbol) {
      const auto each = [&](auto&& f) {
        for (std::ptrdiff_t block = x * after; block < tuples; block += around) {
          for (std::ptrdiff_t t = block; t < block + after; ++t) f(w.t[t]);
        }
      };
      Real most = 0.0;
      each([&](const Real& t) { most = larger(most, t); });
      most = select(most > 0.0, most, Real(1.0));
      const Real inverse = 1.0 / most;
      if (i + 1 < s.count) each([&](Real& t) { t *= inverse; });
      const Real move = w.shift[symbol] = log(most);
      const std::ptrdiff_t row = s.first[i] + x * s.target;
      for (std::ptrdiff_t c = row; c < row + s.target; ++c) {
        const Real term = p.mass[c] * (it.log[c] - move);
        const Real sound = select(it.log[c] <= largest, term,
                                  Real(-HUGE_VAL));  // NaN is not
        value += select(p.mass[c] > 0.0, sound, Real(0.0));
      }
    }
  }
  return bound_or(value, -HUGE_VAL);
}

template <class Exec, class Real>
FASTPID_HD BasicBounds<Real> certify(const Exec& exec, const BasicProblem<Real>& p,
                                     const BasicIterate<Real>& it, double enough,
                                     const BasicCertificateWork<Real>& w, int sweeps,
                                     MaskOf<Real> wanted = true) {
  BasicBounds<Real> bounds;
  bounds.upper = upper_bound(exec, p, it, enough, w, sweeps, wanted);
  bounds.lower = lower_bound(exec, p, it, w);
  return bounds;
}

}  // namespace fastpid::many
