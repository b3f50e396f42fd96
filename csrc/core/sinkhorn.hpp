// Half a Sinkhorn sweep: the factors of one side rescaled to its marginal, factor * sums = mass.
//
// Four uses, four guards: mirror descent takes whatever comes, the certificate stops where the
// marginals are close and may rescale down only, the interior point keeps a factor and its
// logarithm one number, and single precision keeps a copy of its own.
#pragma once

#include "numerics.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

// f(k, c) over the entries k of a side and their places c in a dense array.
template <class Exec, class Real, class F>
FASTPID_HD void each_cell(const Exec& exec, const BasicSide<Real>& side, F&& f) {
  if (side.full()) {
    exec.for_each(side.cells(), [&](std::ptrdiff_t c) { f(c, c); });
  } else {
    exec.for_each(side.count, [&](std::ptrdiff_t i) {
      const std::ptrdiff_t start = i * side.target;
      side.row(static_cast<int>(i), [&](int k, int z) { f(k, start + z); });
    });
  }
}

// The sum of f(k, c).
template <class Exec, class Real, class F>
FASTPID_HD Real sum_cells(const Exec& exec, const BasicSide<Real>& side, F&& f) {
  return exec.sum(side.count, [&](std::ptrdiff_t i) {
    const std::ptrdiff_t start = i * side.target;
    Real sum = 0.0;
    side.row(static_cast<int>(i), [&](int k, int z) { sum += f(k, start + z); });
    return sum;
  });
}

// Where the zeros of S leave Sinkhorn without a limit, factors must not run to infinity.
template <class Real>
FASTPID_HD Real rescaled(const Real& mass, const Real& sum) {
  return smaller(mass / sum, Real(tuning::Certificate::kLargestFactor));
}

template <class Exec, class Real>
FASTPID_HD void rescale(const Exec& exec, const BasicSide<Real>& side, const Real* sums,
                        Real* factors) {
  each_cell(exec, side, [&](std::ptrdiff_t k, std::ptrdiff_t c) {
    factors[c] = select(sums[c] > 0.0, rescaled(side.mass[k], sums[c]), factors[c]);
  });
}

// The problems in `active`. Returns by how much the marginals were off, in total.
template <class Exec, class Real>
FASTPID_HD Real rescale_active(const Exec& exec, const BasicSide<Real>& side, const Real* sums,
                               MaskOf<Real> active, Real* factors) {
  return sum_cells<Exec, Real>(exec, side, [&](std::ptrdiff_t k, std::ptrdiff_t c) {
    const Real off = fabs(side.mass[k] - factors[c] * sums[c]);
    factors[c] = select(active & (sums[c] > 0.0), rescaled(side.mass[k], sums[c]), factors[c]);
    return off;
  });
}

// Nowhere above the marginal.
template <class Exec, class Real>
FASTPID_HD void rescale_down(const Exec& exec, const BasicSide<Real>& side, const Real* sums,
                             Real* factors) {
  each_cell(exec, side, [&](std::ptrdiff_t k, std::ptrdiff_t c) {
    const MaskOf<Real> above = (sums[c] > 0.0) & (factors[c] * sums[c] > side.mass[k]);
    factors[c] = select(above, rescaled(side.mass[k], sums[c]), factors[c]);
  });
}

// Factors and their logarithms, which stay one number: where a factor would leave the range in
// which they can, both stay as they are.
template <class Exec, class Real>
FASTPID_HD void rescale_with_logs(const Exec& exec, const BasicSide<Real>& side, const Real* sums,
                                  MaskOf<Real> which, Real* factors, Real* logs) {
  each_cell(exec, side, [&](std::ptrdiff_t k, std::ptrdiff_t c) {
    const Real scaled = side.mass[k] / sums[c];
    const MaskOf<Real> change = which & (scaled > tuning::InteriorPoint::kLeastFactor) &
                                (scaled < tuning::Certificate::kLargestFactor);
    factors[c] = select(change, scaled, factors[c]);
    logs[k] = select(change, log(factors[c]), logs[k]);
  });
}

// Factors in double precision from sums in single precision, and a copy in that.
template <class Exec>
FASTPID_HD void rescale_single(const Exec& exec, const Side& side, const float* sums,
                               double* factors, float* single) {
  using Tuned = tuning::MirrorDescent;
  exec.for_each(side.count, [&](std::ptrdiff_t i) {
    const float* sum = sums + i * side.target;
    double* factor = factors + i * side.target;
    float* rounded = single + i * side.target;
    const double* mass = side.mass;
    side.row(static_cast<int>(i), [=](int k, int z) {
      const double by = static_cast<double>(sum[z]);
      const double value = smaller(larger(mass[k] / by, Tuned::kLeastSingle), Tuned::kMostSingle);
      factor[z] = by > 0.0 ? value : factor[z];
      rounded[z] = static_cast<float>(factor[z]);
    });
  });
}

// The logarithms, by entry, of dense factors.
template <class Exec, class Real>
FASTPID_HD void logarithms(const Exec& exec, const BasicSide<Real>& side, const Real* factors,
                           Real* logs) {
  each_cell(exec, side, [&](std::ptrdiff_t k, std::ptrdiff_t c) { logs[k] = factors[c]; });
  exec.log_each(side.size, logs, logs);
}

}  // namespace fastpid
