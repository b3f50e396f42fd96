// Which iterative method answers soonest: a model of what each costs on a problem, in nanoseconds
// of one core, rounded from runs between 8x8x4 and 100x100x10 (docs/methods.md explains it). Only
// ratios matter, and the decision depends on the problem and its tolerance, never on a clock.
#pragma once

#include "interior_point.hpp"
#include "products.hpp"
#include "views.hpp"

namespace fastpid {

// Beyond this the interior point's memory is too much, whatever its time: above all a dense matrix
// of the order nnz(b), and one of the order width(i) for every symbol i of a.
constexpr double kNewtonBytes = 1e9;

FASTPID_HD inline double newton_bytes(const Reduced& r) {
  Arena count;
  InteriorWork::take(count, r);
  return static_cast<double>(count.used());
}

// Cells that both sides support, roughly.
FASTPID_HD inline double common_cells(const Reduced& r) {
  return static_cast<double>(r.a.size) * r.b.size / r.a.target;
}

// The dense algebra runs at the speed of a matrix product; everything else is some hundred passes
// over the cells. The number of steps hardly depends on the problem or on tol.
FASTPID_HD inline double newton_cost(const Reduced& r) {
  constexpr double kSteps = 8.0, kFlop = 0.03, kCell = 150.0;
  const double order = r.b.size;
  const double dense = order * order * (0.5 * r.a.size + order / 6.0);
  return kSteps * (kFlop * dense + kCell * common_cells(r));
}

// A step of mirror descent: three products, and a logarithm and an exponential for each pair.
FASTPID_HD inline double gradient_step_cost(const Reduced& r) {
  constexpr double kDenseCell = 0.2, kSparseCell = 3.0, kPair = 6.0;
  const double pairs = static_cast<double>(r.pairs());
  const double products =
      multiply_densely(r) ? kDenseCell * pairs * r.a.target : kSparseCell * common_cells(r);
  return products + kPair * pairs;
}

// The number of gradient steps that the interior point is worth. Mirror descent goes first, and
// gives way once it is bound to take longer; infinite where the interior point is out of the
// question.
FASTPID_HD inline double worthwhile_gradient_steps(const Reduced& r) {
  if (newton_bytes(r) > kNewtonBytes) return HUGE_VAL;
  constexpr double kMargin = 0.7;  // for certificates, and steps that turn out to be in vain
  return kMargin * newton_cost(r) / gradient_step_cost(r);
}

}  // namespace fastpid
