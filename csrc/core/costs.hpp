// Which iterative method answers soonest: a model of what each costs on a problem (tuning.hpp has
// its numbers, docs/methods.md explains it). The decision depends on the problem and its tolerance,
// never on a clock.
#pragma once

#include "interior_point.hpp"
#include "products.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

// Above all a dense matrix of the order nnz(b), and one of the order width(i) for every symbol i of
// a.
template <class Real>
FASTPID_HD double newton_bytes(const BasicReduced<Real>& r) {
  Arena count;
  BasicInteriorWork<Real>::take(count, r);
  return static_cast<double>(count.used());
}

template <class Real>
FASTPID_HD tuning::Costs costs_of() {
  return kDense<Real> ? tuning::kCostsInLanes : tuning::kCostsAlone;
}

// Cells that both sides support, roughly.
template <class Real>
FASTPID_HD double common_cells(const BasicReduced<Real>& r) {
  return static_cast<double>(r.a.size) * r.b.size / r.a.target;
}

template <class Real>
FASTPID_HD double newton_step_cost(const BasicReduced<Real>& r) {
  const tuning::Costs costs = costs_of<Real>();
  const double order = r.b.size;
  const double dense = order * order * (0.5 * r.a.size + order / 6.0);
  return costs.newton_step + costs.flop * dense + costs.newton_cell * common_cells(r);
}

template <class Real>
FASTPID_HD double gradient_step_cost(const BasicReduced<Real>& r) {
  const tuning::Costs costs = costs_of<Real>();
  const double pairs = static_cast<double>(r.pairs());
  const double products = multiply_densely(r) ? costs.dense_cell * pairs * r.a.target
                                              : costs.sparse_cell * common_cells(r);
  return costs.gradient_step + products + costs.pair * pairs;
}

// The number of gradient steps that the interior point is worth, from a proxy with a gap of `gap`
// to `tol`. Mirror descent goes first, and gives way once it is bound to take so many more;
// infinite where the interior point is out of the question.
template <class Real>
FASTPID_HD Real worthwhile_gradient_steps(const BasicReduced<Real>& r, const Real& gap,
                                          double tol) {
  using Tuned = tuning::Steps;
  if (newton_bytes(r) > tuning::Strategy::kNewtonBytes) return HUGE_VAL;
  const double target = r.a.target;
  const double shape = static_cast<double>(r.pairs()) / (target * target);
  const Real steps = (Tuned::kNewtonFirst + Tuned::kNewtonPerLog * log(larger(gap / tol, 1.0))) *
                     std::pow(larger(shape, 1.0), Tuned::kNewtonShape);
  return steps * (newton_step_cost(r) / gradient_step_cost(r));
}

// The number of gradient steps that have to be worthwhile for mirror descent to be tried.
FASTPID_HD inline double least_worthwhile(double tol) {
  using Tuned = tuning::Steps;
  return Tuned::kGradient * std::pow(tol, -Tuned::kGradientPower) / tuning::Strategy::kMargin;
}

}  // namespace fastpid
