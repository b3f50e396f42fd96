// Where every solve starts: sources that are independent given the target (../proxy.hpp), for M.
#pragma once

#include "problem.hpp"

namespace fastpid::many {

template <class Real>
struct BasicProxyWork {
  Real* rows = nullptr;    // masses of the symbols of all sources
  Real* target = nullptr;  // and of the target's

  FASTPID_HD static BasicProxyWork take(Arena& arena, const BasicProblem<Real>& p) {
    BasicProxyWork w;
    w.rows = arena.take<Real>(p.cells() / p.target());
    w.target = arena.take<Real>(p.target());
    return w;
  }
};

template <class Real>
FASTPID_STAGE void proxy(const BasicProblem<Real>& p, const BasicProxyWork<Real>& w,
                         const BasicIterate<Real>& it) {
  const Sources& s = p.sources;
  const int target = s.target;
  for (int z = 0; z < target; ++z) {
    w.target[z] = 0.0;
    for (std::ptrdiff_t c = z; c < s.first[1]; c += target) w.target[z] += p.mass[c];
  }
  for (std::ptrdiff_t row = 0; row < p.cells() / target; ++row) {
    w.rows[row] = 0.0;
    for (int z = 0; z < target; ++z) w.rows[row] += p.mass[row * target + z];
  }
  for (std::ptrdiff_t c = 0; c < p.cells(); ++c) {
    const Real posterior = p.mass[c] / w.rows[c / target];
    it.factor[c] = c < s.first[1] ? posterior : posterior / w.target[c % target];
    it.log[c] = log_or_zero(it.factor[c]);
  }
  it.s[0] = 1.0;
  std::ptrdiff_t tuples = 1;
  for (int i = 0; i < s.count; ++i) {
    const std::ptrdiff_t n = s.symbols[i];
    const Real* mass = w.rows + s.first[i] / target;
    for (std::ptrdiff_t t = tuples - 1; t >= 0; --t) {
      const Real left = it.s[t];
      for (std::ptrdiff_t x = n - 1; x >= 0; --x) it.s[t * n + x] = left * mass[x];
    }
    tuples *= n;
  }
}

}  // namespace fastpid::many
