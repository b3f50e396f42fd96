#include "loss_step.hpp"

#include <cmath>
#include <vector>
#include <cstdlib>

#include "single_descent.hpp"

namespace fastpid::cpu {
namespace {

double sum(std::ptrdiff_t n, const double* v) {
  double total = 0.0;
  for (std::ptrdiff_t i = 0; i < n; ++i) total += v[i];
  return total;
}

}  // namespace

bool loss_step(const LossStep& step, const BatchOptions& options, const LossStepOut& out) {
  const Shape shape = step.shape;
  const std::ptrdiff_t cells = shape.cells();
  for (std::ptrdiff_t i = 0; i < cells; ++i) {
    out.sums[i] = step.own[i] + (step.before ? step.decay * step.before[i] : 0.0);
  }
  std::vector<double> table(static_cast<std::size_t>(cells));
  const double scale = 1.0 / sum(cells, out.sums);
  for (std::ptrdiff_t i = 0; i < cells; ++i)
    table[static_cast<std::size_t>(i)] = out.sums[i] * scale;
  Start start;
  if (step.before && step.start) {
    const double scale_before = 1.0 / sum(cells, step.before);
    double move = 0.0;
    for (std::ptrdiff_t i = 0; i < cells; ++i) {
      move += std::fabs(table[static_cast<std::size_t>(i)] - step.before[i] * scale_before);
    }
    if (move <= step.pays) start = step.start;
  }
  const Given given{shape, table.data()};
  static const int how = std::getenv("LOSS_MODE") ? std::atoi(std::getenv("LOSS_MODE")) : 1;
  static double last = 0;
  const bool solved = !start && how > 0 && solve_in_single(given, options, out.results, out.xz, out.yz,
                                                out.potentials, out.s, how > 1 ? 0.9 * last : 0.0);
  if (!solved && !solve_tables(given, 1, options, out.results, out.xz, out.yz, out.potentials,
                               start, out.s)) {
    return false;
  }
  last = out.results.iterations[0];
  if (!step.differentiate || out.results.status[0] == static_cast<int>(Status::invalid))
    return true;
  const double weights[] = {step.weights.x, step.weights.y, step.weights.xy,
                            step.weights.union_information};
  if (!gradient(given, out.xz, out.yz, {out.potentials.lam, out.potentials.mu}, weights, 1, options,
                {out.by_own})) {
    return false;
  }
  // By sums that are divided by their sum, of which what is along themselves changes nothing.
  const double per_mass = 1.0 / sum(cells, step.own);
  double mean = 0.0;
  for (std::ptrdiff_t i = 0; i < cells; ++i) mean += out.by_own[i] * step.own[i] * per_mass;
  for (std::ptrdiff_t i = 0; i < cells; ++i) out.by_own[i] = (out.by_own[i] - mean) * per_mass;
  return true;
}

}  // namespace fastpid::cpu
