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

struct CertificateWork {
  double* e = nullptr;       // tuples x target
  double* sum = nullptr;     // tuples
  double* factor = nullptr;  // the cells
  double* of_q = nullptr;
  double* shift = nullptr;  // the symbols of all sources, which lower_bound() sets

  static CertificateWork take(Arena& arena, const Problem& p) {
    CertificateWork w;
    w.e = arena.take<double>(p.tuples() * p.target());
    w.sum = arena.take<double>(p.tuples());
    w.factor = arena.take<double>(p.cells());
    w.of_q = arena.take<double>(p.cells());
    w.shift = arena.take<double>(p.cells() / p.target());
    return w;
  }
};

// The marginals of s E, and E and its sums.
inline void weigh(const Problem& p, const double* s, const double* factor, double* e, double* sum,
                  double* of_q) {
  const int target = p.target();
  products(p, factor, e, sum);
  marginals(p, of_q, [&](std::ptrdiff_t t, int z) { return s[t] * e[t * target + z]; });
}

// factor_i *= bound / of_q for the cells of source i, and only downwards if `down`.
inline double rescale(const Problem& p, int i, const double* bound, const double* of_q, bool down,
                      double* factor) {
  double off = 0.0;
  for (std::ptrdiff_t c = p.sources.first[i]; c < p.sources.first[i + 1]; ++c) {
    off += std::fabs(bound[c] - of_q[c]);
    if (!(of_q[c] > 0.0) || (down && of_q[c] <= bound[c])) continue;
    factor[c] *= bound[c] / of_q[c];
  }
  return off;
}

inline double upper_bound(const Problem& p, const Iterate& it, double enough, int sweeps,
                          const CertificateWork& w) {
  const auto again = [&] { weigh(p, it.s, w.factor, w.e, w.sum, w.of_q); };
  for (std::ptrdiff_t c = 0; c < p.cells(); ++c) w.factor[c] = it.factor[c];
  const int sources = p.sources.count;
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    double off = 0.0;
    for (int i = 0; i < sources; ++i) {
      again();
      off += rescale(p, i, p.cap, w.of_q, false, w.factor);
    }
    if (!(off > enough)) break;
  }
  for (int i = 0; i < sources; ++i) {
    again();
    rescale(p, i, p.cap, w.of_q, true, w.factor);
  }
  again();
  double value = 0.0;
  for (std::ptrdiff_t c = 0; c < p.cells(); ++c) {
    if (w.of_q[c] > 0.0) value += w.of_q[c] * std::log(w.factor[c]);
  }
  for (std::ptrdiff_t t = 0; t < p.tuples(); ++t) {
    if (it.s[t] > 0.0) value -= it.s[t] * xlogx(w.sum[t]);
  }
  return std::fabs(value) < HUGE_VAL ? value : HUGE_VAL;
}

// Cells with mass whose potentials the iterate does not have are none of the problem; see reduce().
inline double lower_bound(const Problem& p, const Iterate& it, const CertificateWork& w) {
  const Sources& s = p.sources;
  const std::ptrdiff_t tuples = p.tuples();
  products(p, it.factor, w.e, w.sum);
  // Tuples are blocks: `after` of them behind one another share the symbols up to source i.
  std::ptrdiff_t after = tuples, symbol = 0;
  double value = 0.0;
  for (int i = 0; i < s.count; ++i) {
    const std::ptrdiff_t n = s.symbols[i], around = after;
    after /= n;
    for (std::ptrdiff_t x = 0; x < n; ++x, ++symbol) {
      double most = 0.0;
      for (std::ptrdiff_t block = x * after; block < tuples; block += around) {
        for (std::ptrdiff_t t = block; t < block + after; ++t) most = larger(most, w.sum[t]);
      }
      if (!(most > 0.0)) most = 1.0;
      const double inverse = 1.0 / most;
      for (std::ptrdiff_t block = x * after; block < tuples; block += around) {
        for (std::ptrdiff_t t = block; t < block + after; ++t) w.sum[t] *= inverse;
      }
      const double move = w.shift[symbol] = std::log(most);
      const std::ptrdiff_t row = s.first[i] + x * s.target;
      for (std::ptrdiff_t c = row; c < row + s.target; ++c) {
        if (!(p.mass[c] > 0.0)) continue;
        // Factors whose products may overflow prove nothing.
        if (!(it.log[c] <= tuning::Certificate::kLargestPotential)) return -HUGE_VAL;
        value += p.mass[c] * (it.log[c] - move);
      }
    }
  }
  return std::fabs(value) < HUGE_VAL ? value : -HUGE_VAL;
}

inline Bounds certify(const Problem& p, const Iterate& it, double enough, int sweeps,
                      const CertificateWork& w) {
  Bounds bounds;
  bounds.upper = upper_bound(p, it, enough, sweeps, w);
  bounds.lower = lower_bound(p, it, w);
  return bounds;
}

}  // namespace fastpid::many
