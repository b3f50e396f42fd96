// How potentials are made feasible: pairs with T = sum_z u v > 1 have terms u v divided by
// something on the side whose cell has less mass, at a cost of min(a, b) times the logarithm of
// that.
#pragma once

#include "certificate_work.hpp"
#include "numerics.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

enum class Cuts { alike, levels };  // cut_cells(), cut_to_levels()

// The masses of the cells, dense, to sums_a and sums_b.
template <class Exec, class Real>
FASTPID_HD void spread_masses(const Exec& exec, const BasicReduced<Real>& r,
                              const BasicCertificateWork<Real>& w) {
  const auto spread = [&](const BasicSide<Real>& side, Real* mass) {
    exec.for_each(side.count, [&](std::ptrdiff_t i) {
      Real* row = mass + i * side.target;
      for (int z = 0; z < side.target; ++z) row[z] = 0.0;
      side.row(static_cast<int>(i), [&](int k, int z) { row[z] = side.mass[k]; });
    });
  };
  spread(r.a, w.sums_a);
  spread(r.b, w.sums_b);
}

// Divides all terms of a violated pair alike. Quick, and exact where a cell is in one such pair.
//
// Leaves in cut_a and cut_b what the factors of each cell are to be divided by, so that no pair sum
// exceeds 1 + slack. t holds the pair sums.
template <class Exec, class Real>
FASTPID_STAGE void cut_cells(const Exec& exec, const BasicReduced<Real>& r,
                             const BasicCertificateWork<Real>& w, double slack,
                             MaskOf<Real> infeasible) {
  using Mask = MaskOf<Real>;
  const std::ptrdiff_t target = r.a.target;
  spread_masses(exec, r, w);
  // Of two cells of the same mass, a's is the lighter.
  const auto cut_side = [&](const BasicHalf<Real>& half, const Real* masses,
                            const Real* other_masses, bool of_equals, Real* cut) {
    exec.for_each(half.self.count, [&](std::ptrdiff_t i) {
      Real* own = cut + i * target;
      for (int z = 0; z < target; ++z) own[z] = 1.0;
      for (std::ptrdiff_t j = 0; j < half.other.count; ++j) {
        const Real t = w.t[half.pair(i, j)];
        const Mask over = infeasible & (t > 1.0 + slack);
        if (!any(over)) continue;
        const Real* mass = masses + i * target;
        const Real* other = other_masses + j * target;
        for (int z = 0; z < target; ++z) {
          const Mask lighter = (mass[z] < other[z]) | (Mask(of_equals) & (mass[z] <= other[z]));
          own[z] = select(over & lighter, larger(own[z], t), own[z]);
        }
      }
    });
  };
  cut_side(r.half_a(), w.sums_a, w.sums_b, true, w.cut_a);
  cut_side(r.half_b(), w.sums_b, w.sums_a, false, w.cut_b);
}

// Divides a violated pair's terms w by as much as is cheapest for it, sum_z m log(divisor) with m =
// min(a, b) under sum_z w / divisor = 1: to one level per mass, w <- min(w, c m), where Newton's
// method finds c from below in a few rounds, the sum being concave in c. Row by row of a, whose
// lighter cells are cut, and then of b, each pair with the factors as they have been cut before,
// which spares cells that are in many violated pairs. Several times the work of cut_cells(). Peaked
// posteriors gain, and mirror descent needs a third of the steps on them; where all terms are
// alike, cut_cells() does better.
//
// Leaves divisors in cut_a and cut_b, as cut_cells() does.
template <class Exec>
FASTPID_STAGE void cut_to_levels(const Exec& exec, const Reduced& r, const Iterate& it,
                                 const CertificateWork& w, double slack) {
  const int target = r.a.target;
  spread_masses(exec, r, w);
  // Until the end, cut_a and cut_b hold the factors as cut so far.
  exec.for_each(r.a.cells(), [&](std::ptrdiff_t c) { w.cut_a[c] = it.exp_a[c]; });
  exec.for_each(r.b.cells(), [&](std::ptrdiff_t c) { w.cut_b[c] = it.exp_b[c]; });
  const auto cut_side = [&](const BasicHalf<double>& half, const double* masses,
                            const double* other_masses, bool of_equals, double* factors,
                            const double* other_factors) {
    exec.for_each(half.self.count, [&](std::ptrdiff_t i) {
      double* u = factors + i * target;
      const double* a = masses + i * target;
      for (std::ptrdiff_t j = 0; j < half.other.count; ++j) {
        if (!(w.t[half.pair(i, j)] > 1.0 + slack)) continue;  // cuts only lower it
        const double* v = other_factors + j * target;
        const double* b = other_masses + j * target;
        const auto split = [&](double level) {
          return exec.alone().split_at_level(target, u, v, a, b, level);
        };
        if (!(split(HUGE_VAL).below > 1.0)) continue;
        double level = 0.0;
        for (int round = 0; round < tuning::Certificate::kLevelRounds; ++round) {
          const SplitSum sums = split(level);
          const double next = (1.0 - sums.below) / sums.above;
          if (!(next > level)) break;
          level = next;
        }
        for (int z = 0; z < target; ++z) {
          const bool lighter = (a[z] < b[z]) | (of_equals & (a[z] <= b[z]));
          const double most = level * smaller(a[z], b[z]), cut = most / v[z];
          u[z] = (lighter & (u[z] * v[z] > most)) ? cut : u[z];
        }
      }
    });
  };
  cut_side(r.half_a(), w.sums_a, w.sums_b, true, w.cut_a, w.cut_b);
  cut_side(r.half_b(), w.sums_b, w.sums_a, false, w.cut_b, w.cut_a);
  const auto divisors = [&](std::ptrdiff_t cells, const double* factors, double* cut) {
    exec.for_each(cells,
                  [&](std::ptrdiff_t c) { cut[c] = cut[c] > 0.0 ? factors[c] / cut[c] : 1.0; });
  };
  divisors(r.a.cells(), it.exp_a, w.cut_a);
  divisors(r.b.cells(), it.exp_b, w.cut_b);
}

}  // namespace fastpid
