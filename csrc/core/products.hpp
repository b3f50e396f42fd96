// The three products of a sweep: T = sum_z u v over the pairs, and the sums of S v and of S u over
// the cells. They are matrix products, and done as such where the support is not too sparse.
#pragma once

#include "numerics.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

template <class Real>
FASTPID_HD bool multiply_densely(const BasicReduced<Real>& r) {
  if (kDense<Real>) return true;
  const double cells = static_cast<double>(r.pairs()) * r.a.target;
  return cells >= tuning::Products::kSmall &&
         r.b.size >= tuning::Products::kSparse * static_cast<double>(r.b.cells());
}

// Whether a step takes so long that it is worth a thought.
template <class Real>
FASTPID_HD bool is_large(const BasicReduced<Real>& r) {
  return !kDense<Real> && multiply_densely(r) &&
         static_cast<double>(r.pairs()) * r.a.target >= tuning::Products::kLarge;
}

// T[i, j] = sum_z exp_a[i, z] exp_b[j, z].
template <class Real>
FASTPID_HD Real pair_sum(const BasicReduced<Real>& r, const Real* exp_a, const Real* exp_b,
                         std::ptrdiff_t i, int j) {
  const Real* u = exp_a + i * r.a.target;
  const Real* v = exp_b + static_cast<std::ptrdiff_t>(j) * r.b.target;
  Real sum = 0.0;
  r.b.row(j, [&](int, int z) { sum = multiply_add(u[z], v[z], sum); });
  return sum;
}

template <class Exec, class Real>
FASTPID_STAGE void pair_sums(const Exec& exec, const BasicReduced<Real>& r, const Real* exp_a,
                             const Real* exp_b, Real* t) {
  if (multiply_densely(r)) {
    exec.times_transposed(exp_a, exp_b, r.a.count, r.a.target, r.b.count, t);
    return;
  }
  exec.for_each(r.a.count, [&](int i) {
    for (int j = 0; j < r.b.count; ++j) {
      t[static_cast<std::ptrdiff_t>(i) * r.b.count + j] = pair_sum(r, exp_a, exp_b, i, j);
    }
  });
}

// sums[i, z] = sum_j S[i, j] exp_other[j, z] on the support of one side; its product with that
// side's own factor is the marginal of S exp(lam + mu). Off the support sums is left undefined.
template <class Exec, class Real>
FASTPID_STAGE void weighted_sums(const Exec& exec, const BasicReduced<Real>& r,
                                 const BasicHalf<Real>& half, const Real* s, const Real* exp_other,
                                 Real* sums) {
  if (multiply_densely(r)) {
    if (half.of_rows) {
      exec.times(s, exp_other, r.a.count, r.b.count, r.a.target, sums);
    } else {
      exec.transposed_times(s, exp_other, r.a.count, r.b.count, r.a.target, sums);
    }
    return;
  }
  const BasicSide<Real>&self = half.self, &other = half.other;
  exec.for_each(self.count, [&](int i) {
    Real* sum = sums + static_cast<std::ptrdiff_t>(i) * self.target;
    self.row(i, [&](int, int z) { sum[z] = 0.0; });
    for (int j = 0; j < other.count; ++j) {
      const Real weight = s[half.pair(i, j)];
      if (skip(weight)) continue;
      const Real* v = exp_other + static_cast<std::ptrdiff_t>(j) * other.target;
      self.row(i, [&](int, int z) { sum[z] = multiply_add(weight, v[z], sum[z]); });
    }
  });
}

}  // namespace fastpid
