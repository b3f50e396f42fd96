// Exact reductions before any solve, and the way back.
//
// * Symbols of probability zero leave the problem, and so do cells of probability zero: a potential
//   exists only where its marginal is positive.
// * Symbols of a source with the same posterior p(z | x) merge: the union information depends on a
//   source only through its Blackwell class.
//
// Both are applied up to a tolerance far below the accuracy asked for (`negligible` mass in a cell,
// `same` difference of posteriors), because a cell of 1e-40 or two posteriors that differ in the
// last digit change nothing but the condition number. The certificate of the answer is evaluated on
// the table as it came, so whatever this loses is inside the gap that is reported.
#pragma once

#include "numerics.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

// The storage of one Side, writable, and where each original symbol went.
struct SideWork {
  int* ptr = nullptr;
  int* idx = nullptr;
  double* mass = nullptr;
  int* group = nullptr;     // original symbol -> row of the side, -1 if it left
  double* share = nullptr;  // its share of that row's mass
  double* total = nullptr;  // mass of each original symbol that is kept
  int* leader = nullptr;    // row of the side -> the first original symbol in it
  int* extent = nullptr;    // of the side: its rows, its entries, its target symbols

  FASTPID_HD static SideWork take(Arena& arena, int symbols, int target) {
    SideWork w;
    w.ptr = arena.take<int>(symbols + 1);
    w.idx = arena.take<int>(static_cast<std::ptrdiff_t>(symbols) * target);
    w.mass = arena.take<double>(static_cast<std::ptrdiff_t>(symbols) * target);
    w.group = arena.take<int>(symbols);
    w.share = arena.take<double>(symbols);
    w.total = arena.take<double>(symbols);
    w.leader = arena.take<int>(symbols);
    w.extent = arena.take<int>(3);
    return w;
  }

  FASTPID_HD Side side() const {
    Side side;
    side.count = extent[0];
    side.size = extent[1];
    side.target = extent[2];
    side.ptr = ptr;
    side.idx = idx;
    side.mass = mass;
    return side;
  }
};

// The reductions of one table. `full` is the problem as it came (zero cells aside), in the order
// (X, Y) or, if reduced.swapped, (Y, X); `reduced` is what the solvers see.
struct Presolved {
  Reduced full;
  Reduced reduced;
  SideWork full_a, full_b;
  SideWork a, b;
  int* symbol = nullptr;  // target symbol -> reduced target symbol, -1 if it left

  FASTPID_HD static Presolved take(Arena& arena, Shape s) {
    Presolved p;
    p.full_a = SideWork::take(arena, s.nx, s.nz);
    p.full_b = SideWork::take(arena, s.ny, s.nz);
    p.a = SideWork::take(arena, s.nx, s.nz);
    p.b = SideWork::take(arena, s.ny, s.nz);
    p.symbol = arena.take<int>(s.nz);
    return p;
  }
};

// Fills `w` with the rows of `marginal` (symbols x target, dense), for w.side() to show. Rows whose
// posteriors differ nowhere by more than `same` are added up (never, if it is negative); then cells
// below `negligible` are left out, as are target symbols with symbol[z] < 0. In this order: of two
// symbols with the same posterior the lighter one may have negligible cells where the other does
// not, and side by side they would be all but dependent.
FASTPID_STAGE inline void compress(const double* marginal, int symbols, int target,
                                   const int* symbol, int reduced_target, double negligible,
                                   double same, SideWork& w) {
  int rows = 0;
  for (int i = 0; i < symbols; ++i) {
    const double* row = marginal + static_cast<std::ptrdiff_t>(i) * target;
    double total = 0.0;
    bool light = true;
    for (int z = 0; z < target; ++z) {
      if (symbol[z] < 0) continue;
      total += row[z];
      light = light && !(row[z] > negligible);
    }
    w.total[i] = total;
    w.group[i] = -1;
    w.share[i] = 0.0;
    if (total <= 0.0) continue;
    for (int g = 0; g < rows && w.group[i] < 0 && same >= 0.0; ++g) {
      const double* other = marginal + static_cast<std::ptrdiff_t>(w.leader[g]) * target;
      const double other_total = w.total[w.leader[g]];
      bool equal = true;
      for (int z = 0; z < target && equal; ++z) {
        equal = symbol[z] < 0 || std::fabs(row[z] / total - other[z] / other_total) <= same;
      }
      if (equal) w.group[i] = g;
    }
    if (w.group[i] < 0 && !light) {
      w.leader[rows] = i;
      w.group[i] = rows++;
    }
  }
  // The sums of merged rows, dense; and of their totals, kept with the leader.
  for (std::ptrdiff_t c = 0; c < static_cast<std::ptrdiff_t>(rows) * target; ++c) w.mass[c] = 0.0;
  for (int i = 0; i < symbols; ++i) {
    const int g = w.group[i];
    if (g < 0) continue;
    const double* row = marginal + static_cast<std::ptrdiff_t>(i) * target;
    double* sums = w.mass + static_cast<std::ptrdiff_t>(g) * target;
    for (int z = 0; z < target; ++z) sums[z] += row[z];
    w.share[w.leader[g]] += w.total[i];
  }
  for (int i = symbols - 1; i >= 0; --i) {  // a leader is the first of its group
    if (w.group[i] >= 0) w.share[i] = w.total[i] / w.share[w.leader[w.group[i]]];
  }
  // Compressed in place: an entry moves to the front or stays.
  int size = 0;
  for (int g = 0; g < rows; ++g) {
    const double* sums = w.mass + static_cast<std::ptrdiff_t>(g) * target;
    w.ptr[g] = size;
    for (int z = 0; z < target; ++z) {
      if (symbol[z] < 0 || !(sums[z] > negligible)) continue;
      w.idx[size] = symbol[z];
      w.mass[size++] = sums[z];
    }
  }
  w.ptr[rows] = size;
  w.extent[0] = rows;
  w.extent[1] = size;
  w.extent[2] = reduced_target;
}

// What the reductions may leave out for answers with a gap of `tol` nats.
struct Tolerances {
  double negligible = 0.0;
  double same = 0.0;

  FASTPID_HD static Tolerances of(double tol, Shape s) {
    // What is left out gets kFloor for a potential, so it costs the bound at most tol / 20 in all.
    using Tuned = tuning::Presolve;
    Tolerances t;
    const double cells = static_cast<double>(s.nx + s.ny) * s.nz;
    t.negligible =
        larger(smaller(Tuned::kShare * tol / cells, Tuned::kMostNegligible), Tuned::kNothing);
    t.same = clamp(Tuned::kShare * tol, Tuned::kLeastSame, Tuned::kMostSame);
    return t;
  }
};

// How many target symbols have mass.
template <class Exec>
FASTPID_HD int target_symbols(const Exec& exec, const Marginals& m) {
  return static_cast<int>(exec.sum(m.shape.nz, [&](std::ptrdiff_t z) {
    for (std::ptrdiff_t x = 0; x < m.shape.nx; ++x) {
      if (m.xz[x * m.shape.nz + z] > 0.0) return 1.0;
    }
    return 0.0;
  }));
}

template <class Exec>
FASTPID_STAGE void presolve(const Exec& exec, const Marginals& m, Tolerances tolerances,
                            Presolved& p) {
  const Shape s = m.shape;
  exec.once([&] {
    // The full problem; the order of the sides is settled by the reduced one below.
    for (int z = 0; z < s.nz; ++z) p.symbol[z] = z;
    compress(m.xz, s.nx, s.nz, p.symbol, s.nz, 0.0, -1.0, p.full_a);
    compress(m.yz, s.ny, s.nz, p.symbol, s.nz, 0.0, -1.0, p.full_b);

    // A target symbol stays if both sources keep a cell of it.
    int target = 0;
    const auto any = [&](const double* marginal, int symbols, int z) {
      for (int i = 0; i < symbols; ++i) {
        if (marginal[static_cast<std::ptrdiff_t>(i) * s.nz + z] > tolerances.negligible)
          return true;
      }
      return false;
    };
    for (int z = 0; z < s.nz; ++z) {
      p.symbol[z] = any(m.xz, s.nx, z) && any(m.yz, s.ny, z) ? target++ : -1;
    }
    const auto reduce = [&](const double* marginal, int symbols, SideWork& w) {
      compress(marginal, symbols, s.nz, p.symbol, target, tolerances.negligible, tolerances.same,
               w);
    };
    reduce(m.xz, s.nx, p.a);
    reduce(m.yz, s.ny, p.b);
  });
  p.full = Reduced{p.full_a.side(), p.full_b.side(), false};
  p.reduced = Reduced{p.a.side(), p.b.side(), false};
  if (p.reduced.a.size < p.reduced.b.size) {
    p.full = Reduced{p.full.b, p.full.a, true};
    p.reduced = Reduced{p.reduced.b, p.reduced.a, true};
    const SideWork a = p.a, full_a = p.full_a;
    p.a = p.b;
    p.b = a;
    p.full_a = p.full_b;
    p.full_b = full_a;
  }
}

// peak[z] = the largest potential of target symbol z, -inf if it has none.
template <class Exec>
FASTPID_HD void target_peaks(const Exec& exec, const Side& side, const double* log,
                             const double* shift, double* peak) {
  exec.for_each(side.target, [&](int z) { peak[z] = -HUGE_VAL; });
  exec.once([&] {
    for (int i = 0; i < side.count; ++i) {
      side.row(i,
               [&](int k, int z) { peak[z] = larger(peak[z], log[k] - (shift ? shift[k] : 0.0)); });
    }
  });
}

// One side of the way back: potentials of the reduced rows, shifted by gauge[z], onto the full
// ones.
template <class Exec>
FASTPID_STAGE void expand_side(const Exec& exec, const Side& reduced, const SideWork& reduced_work,
                               const double* reduced_log, const Side& full,
                               const SideWork& full_work, const int* symbol,
                               const double* peak_self, const double* peak_other, double* log,
                               double* exponentials) {
  exec.for_each(full.count, [&](int i) {
    const int g = reduced_work.group[full_work.leader[i]];
    const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(i) * full.target;
    for (int z = 0; z < full.target; ++z) exponentials[start + z] = 0.0;
    int next = g < 0 ? 0 : reduced.begin(g);
    const int end = g < 0 ? 0 : reduced.end(g);
    full.row(i, [&](int k, int z) {
      const int r = symbol[z];
      while (next < end && reduced.idx[next] < r) ++next;
      if (r < 0) {
        log[k] = kFloor;
      } else {
        const double middle = 0.5 * (peak_self[r] + peak_other[r]);
        log[k] = next < end && reduced.idx[next] == r
                     ? reduced_log[next] + 0.5 * (peak_other[r] - peak_self[r])
                     : middle + kFloor;
      }
      exponentials[start + z] = std::exp(log[k]);
    });
  });
}

// The iterate `from` of the reduced problem as an iterate `to` of the full one, in the gauge in
// which both sources' potentials of a target symbol have the same maximum; without S, unless
// `primal`. `peaks` has 2 nz numbers.
template <class Exec>
FASTPID_HD void expand(const Exec& exec, const Presolved& p, const Iterate& from, double* peaks,
                       bool primal, const Iterate& to) {
  double* peak_a = peaks;
  double* peak_b = peaks + p.reduced.a.target;
  target_peaks(exec, p.reduced.a, from.log_a, nullptr, peak_a);
  target_peaks(exec, p.reduced.b, from.log_b, nullptr, peak_b);
  expand_side(exec, p.reduced.a, p.a, from.log_a, p.full.a, p.full_a, p.symbol, peak_a, peak_b,
              to.log_a, to.exp_a);
  expand_side(exec, p.reduced.b, p.b, from.log_b, p.full.b, p.full_b, p.symbol, peak_b, peak_a,
              to.log_b, to.exp_b);
  if (!primal) return;
  exec.for_each(p.full.a.count, [&](int i) {
    const int x = p.full_a.leader[i];
    for (int j = 0; j < p.full.b.count; ++j) {
      const int y = p.full_b.leader[j];
      const int g = p.a.group[x], h = p.b.group[y];
      to.s[static_cast<std::ptrdiff_t>(i) * p.full.b.count + j] =
          g < 0 || h < 0 ? 0.0
                         : from.s[static_cast<std::ptrdiff_t>(g) * p.reduced.b.count + h] *
                               p.a.share[x] * p.b.share[y];
    }
  });
}

}  // namespace fastpid
