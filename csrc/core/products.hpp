// The three products of a sweep: T = sum_z u v over the pairs, and the sums of S v and of S u over
// the cells. They are matrix products, and done as such where the support is not too sparse.
#pragma once

#include <type_traits>

#include "numerics.hpp"
#include "views.hpp"

namespace fastpid {

// A dense product costs less than the loops over a support unless that is sparser than this; below
// kSmallProduct multiplications the loops cost less than the call.
constexpr double kSparse = 0.15;
constexpr double kSmallProduct = 1000.0;

template <class Real>
FASTPID_HD bool multiply_densely(const BasicReduced<Real>& r) {
  if constexpr (std::is_same_v<Real, double>) {
    const double cells = static_cast<double>(r.pairs()) * r.a.target;
    const double full_b = static_cast<double>(r.b.count) * r.b.target;
    return cells >= kSmallProduct && r.b.size >= kSparse * full_b;
  }
  return false;
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
  if constexpr (std::is_same_v<Real, double>) {
    if (multiply_densely(r)) {
      exec.times_transposed(exp_a, exp_b, r.a.count, r.a.target, r.b.count, t);
      return;
    }
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
FASTPID_STAGE void weighted_sums(const Exec& exec, const BasicReduced<Real>& r, bool of_a,
                                 const Real* s, const Real* exp_other, Real* sums) {
  if constexpr (std::is_same_v<Real, double>) {
    if (multiply_densely(r)) {
      if (of_a) {
        exec.times(s, exp_other, r.a.count, r.b.count, r.a.target, sums);
      } else {
        exec.transposed_times(s, exp_other, r.a.count, r.b.count, r.a.target, sums);
      }
      return;
    }
  }
  const BasicSide<Real>& self = of_a ? r.a : r.b;
  const BasicSide<Real>& other = of_a ? r.b : r.a;
  const std::ptrdiff_t stride_self = of_a ? r.b.count : 1, stride_other = of_a ? 1 : r.b.count;
  exec.for_each(self.count, [&](int i) {
    Real* sum = sums + static_cast<std::ptrdiff_t>(i) * self.target;
    self.row(i, [&](int, int z) { sum[z] = 0.0; });
    for (int j = 0; j < other.count; ++j) {
      const Real weight = s[i * stride_self + j * stride_other];
      if (skip(weight)) continue;
      const Real* v = exp_other + static_cast<std::ptrdiff_t>(j) * other.target;
      self.row(i, [&](int, int z) { sum[z] = multiply_add(weight, v[z], sum[z]); });
    }
  });
}

}  // namespace fastpid
