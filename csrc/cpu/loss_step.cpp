#include "loss_step.hpp"

#include <cmath>
#include <vector>

#include "single_descent.hpp"

namespace fastpid::cpu {
namespace {

// A solve in single precision looks first at this share of the steps that the last one took.
constexpr double kFirstShare = 0.9;

double sum(std::ptrdiff_t n, const double* v) {
  double total = 0.0;
  for (std::ptrdiff_t i = 0; i < n; ++i) total += v[i];
  return total;
}

// How far a table is from the one before, as the sum over its cells.
double move_of(std::ptrdiff_t cells, const double* table, const double* sums_before) {
  const double scale = 1.0 / sum(cells, sums_before);
  double move = 0.0;
  for (std::ptrdiff_t i = 0; i < cells; ++i) move += std::fabs(table[i] - sums_before[i] * scale);
  return move;
}

}  // namespace

double loss_value(const LossStep& step, const double* state) {
  const double* terms = LossState<const double>(step.shape, state).terms;
  return step.weights.x * terms[0] + step.weights.y * terms[1] + step.weights.xy * terms[2] +
         step.weights.union_information * 0.5 * (terms[3] + terms[4]);
}

bool loss_step(const LossStep& step, double* state, double* by_own) {
  const Shape shape = step.shape;
  const std::ptrdiff_t cells = shape.cells();
  const LossState<double> now(shape, state);
  const LossState<const double> before(shape, step.before ? step.before : state);
  for (std::ptrdiff_t i = 0; i < cells; ++i) {
    now.sums[i] = step.own[i] + (step.before ? step.decay * before.sums[i] : 0.0);
  }
  std::vector<double> table(static_cast<std::size_t>(cells));
  const double scale = 1.0 / sum(cells, now.sums);
  for (std::ptrdiff_t i = 0; i < cells; ++i) {
    table[static_cast<std::size_t>(i)] = now.sums[i] * scale;
  }
  std::int32_t codes[Results::kCodes];
  const Results results = Results::rows(now.terms, codes, 1);
  const Given given{shape, table.data()};
  const Potentials<double> potentials{now.lam, now.mu};
  Start start;
  if (step.before && move_of(cells, table.data(), before.sums) <= step.pays) {
    start = {before.lam, before.mu, before.s};
  }
  const double first = step.before ? kFirstShare * before.codes[0] : 0.0;
  const bool solved = !start && solve_in_single(given, step.options, results, now.xz, now.yz,
                                                potentials, now.s, first);
  if (!solved &&
      !solve_tables(given, 1, step.options, results, now.xz, now.yz, potentials, start, now.s)) {
    return false;
  }
  for (int i = 0; i < Results::kCodes; ++i) now.codes[i] = codes[i];
  if (!step.differentiate || codes[1] == static_cast<int>(Status::invalid)) return true;
  const double weights[] = {step.weights.x, step.weights.y, step.weights.xy,
                            step.weights.union_information};
  if (!gradient(given, now.xz, now.yz, {now.lam, now.mu}, weights, 1, step.options, {by_own})) {
    return false;
  }
  // By sums that are divided by their sum, of which what is along themselves changes nothing.
  const double per_mass = 1.0 / sum(cells, step.own);
  double mean = 0.0;
  for (std::ptrdiff_t i = 0; i < cells; ++i) mean += by_own[i] * step.own[i] * per_mass;
  for (std::ptrdiff_t i = 0; i < cells; ++i) by_own[i] = (by_own[i] - mean) * per_mass;
  return true;
}

}  // namespace fastpid::cpu
