// The exact reductions of ../presolve.hpp, source by source, and the way back.
//
// * Symbols and cells of next to no mass leave, and target symbols that some source has none of.
// * Symbols of a source with the same posterior merge, up to `same`. A coupling of the merged ones
//   is a coupling of the given ones, each taking its share, if the marginals of the merged ones lie
//   below `cap`: the least over a group's symbols of their mass divided by their share.
// * A source that is left with one symbol says nothing, and leaves. Its symbols take their shares
//   of q(z), which the first source's `cap` is lowered for.
//
// The sources are put in order of their cells, the most first: that one the interior point
// eliminates. What the reductions lose is inside the bounds: the lower one is the value of the
// potentials of the given problem, and what a coupling misses costs the upper one nothing.
#pragma once

#include <initializer_list>

#include "../presolve.hpp"
#include "problem.hpp"

namespace fastpid::many {

struct Reduction {
  Problem problem;
  int* target = nullptr;    // given target symbol -> reduced one, -1 if it left
  int kept = 0;             // how many target symbols are left
  int* place = nullptr;     // given source -> its place in the problem, -1 if it left
  int* group = nullptr;     // given symbol, all sources' -> reduced symbol, -1 if it left
  double* share = nullptr;  // its share of that one's mass
  // Storage of the problem, and scratch.
  int *order = nullptr, *symbols = nullptr, *rows = nullptr, *support = nullptr;
  std::ptrdiff_t* first = nullptr;
  double *mass = nullptr, *cap = nullptr, *peak = nullptr, *most = nullptr;
  SideWork side;

  FASTPID_HD static Reduction take(Arena& arena, const Sources& given) {
    Reduction r;
    int most = 0;
    for (int i = 0; i < given.count; ++i) {
      most = given.symbols[i] > most ? given.symbols[i] : most;
    }
    r.target = arena.take<int>(given.target);
    for (int** a : {&r.place, &r.order, &r.symbols, &r.rows, &r.support}) {
      *a = arena.take<int>(given.count);
    }
    r.group = arena.take<int>(given.cells() / given.target);
    r.share = arena.take<double>(given.cells() / given.target);
    r.most = arena.take<double>(2 * static_cast<std::ptrdiff_t>(given.target));
    r.first = arena.take<std::ptrdiff_t>(given.count + 1);
    r.mass = arena.take<double>(given.cells());
    r.cap = arena.take<double>(given.cells());
    r.peak = arena.take<double>((static_cast<std::ptrdiff_t>(given.count) + 1) * given.target);
    r.side = SideWork::take(arena, most, given.target);
    return r;
  }
};

FASTPID_HD inline Tolerances tolerances(double tol, const Sources& given) {
  Tolerances t = Tolerances::of(tol, Shape{1, 0, 1});
  t.negligible = larger(smaller(tuning::Presolve::kShare * tol / static_cast<double>(given.cells()),
                                tuning::Presolve::kMostNegligible),
                        tuning::Presolve::kNothing);
  return t;
}

// Which target symbols are left.
FASTPID_HD inline void keep_targets(const Sources& given, const double* a, double negligible,
                                    Reduction& r) {
  r.kept = 0;
  for (int z = 0; z < given.target; ++z) {
    bool everywhere = true;
    for (int i = 0; i < given.count && everywhere; ++i) {
      everywhere = false;
      for (std::ptrdiff_t c = given.first[i] + z; c < given.first[i + 1]; c += given.target) {
        everywhere = everywhere || a[c] > negligible;
      }
    }
    r.target[z] = everywhere ? r.kept++ : -1;
  }
}

// Compresses source i into r.side.
FASTPID_STAGE inline void compress_source(const Sources& given, const double* a, int i,
                                          Tolerances t, Reduction& r) {
  compress(a + given.first[i], given.symbols[i], given.target, r.target, r.kept, t.negligible,
           t.same, r.side);
}

// cap[g, z] for source i, which r.side holds compressed; it comes in as the masses.
FASTPID_STAGE inline void lower_caps(const Sources& given, const double* a, int i,
                                     const Reduction& r, double* cap) {
  for (int x = 0; x < given.symbols[i]; ++x) {
    const int g = r.side.group[x];
    if (g < 0) continue;
    const double* row = a + given.first[i] + static_cast<std::ptrdiff_t>(x) * given.target;
    for (int z = 0; z < given.target; ++z) {
      if (r.target[z] < 0) continue;
      double& most = cap[static_cast<std::ptrdiff_t>(g) * r.kept + r.target[z]];
      most = smaller(most, row[z] / r.side.share[x]);
    }
  }
}

// The masses of r.side, dense.
FASTPID_STAGE inline void scatter(const Reduction& r, double* mass) {
  const Side side = r.side.side();
  for (std::ptrdiff_t c = 0; c < side.cells(); ++c) mass[c] = 0.0;
  for (int g = 0; g < side.count; ++g) {
    side.row(g, [&](int entry, int z) {
      mass[static_cast<std::ptrdiff_t>(g) * r.kept + z] = side.mass[entry];
    });
  }
}

// Fills r.problem, whose target symbols keep_targets() has chosen.
FASTPID_STAGE inline void reduce(const Sources& given, const double* a, Tolerances t,
                                 Reduction& r) {
  double *most = r.most, *p_z = r.most + r.kept;  // q(z) at most, as a share of p(z)
  for (int z = 0; z < r.kept; ++z) most[z] = 1.0;
  int left = 0;
  for (int i = 0; i < given.count; ++i) {
    compress_source(given, a, i, t, r);
    r.rows[i] = r.side.extent[0];
    r.support[i] = r.side.extent[1];
    r.place[i] = -1;
    const std::ptrdiff_t symbol = given.first[i] / given.target;
    for (int x = 0; x < given.symbols[i]; ++x) {
      r.group[symbol + x] = r.side.group[x];
      r.share[symbol + x] = r.side.share[x];
    }
    // One source stays in any case.
    if (r.rows[i] < 2 && (left > 0 || i + 1 < given.count)) {
      double* cap = r.cap;  // free until sources are placed
      scatter(r, cap);
      lower_caps(given, a, i, r, cap);
      // What it has lost, with its lighter symbols, is none of its cap.
      for (int z = 0; z < r.kept; ++z) p_z[z] = 0.0;
      for (std::ptrdiff_t c = given.first[i]; c < given.first[i + 1]; ++c) {
        const int z = r.target[(c - given.first[i]) % given.target];
        if (z >= 0) p_z[z] += a[c];
      }
      for (int z = 0; z < r.kept; ++z) most[z] = smaller(most[z], cap[z] / p_z[z]);
      continue;
    }
    int at = left++;  // a stable insertion by falling support
    for (; at > 0 && r.support[r.order[at - 1]] < r.support[i]; --at) r.order[at] = r.order[at - 1];
    r.order[at] = i;
  }
  r.first[0] = 0;
  for (int k = 0; k < left; ++k) {
    const int i = r.order[k];
    r.place[i] = k;
    r.symbols[k] = r.rows[i];
    r.first[k + 1] = r.first[k] + static_cast<std::ptrdiff_t>(r.rows[i]) * r.kept;
    compress_source(given, a, i, t, r);
    double *mass = r.mass + r.first[k], *cap = r.cap + r.first[k];
    scatter(r, mass);
    for (std::ptrdiff_t c = 0; c < r.first[k + 1] - r.first[k]; ++c) cap[c] = mass[c];
    lower_caps(given, a, i, r, cap);
  }
  for (std::ptrdiff_t c = 0; c < r.first[1]; ++c) r.cap[c] *= most[c % r.kept];
  r.problem = {{left, r.kept, r.symbols, r.first}, r.mass, r.cap};
}

// q[t, z] of the given tuples from a coupling s E of the reduced ones, E by products(): every
// symbol takes its share. Its marginals lie nowhere above the given ones if those of s E lie below
// the caps.
FASTPID_HD inline void expand_coupling(const Sources& given, const Reduction& r, const double* s,
                                       const double* e, double* q) {
  const Sources& reduced = r.problem.sources;
  const std::ptrdiff_t tuples = static_cast<std::ptrdiff_t>(given.tuples());
  Odometer at(given);
  for (std::ptrdiff_t t = 0; t < tuples; ++t) {
    double share = 1.0;
    std::ptrdiff_t from = 0;
    for (int i = 0; i < given.count; ++i) {
      const std::ptrdiff_t symbol = at.row(i) / given.target;
      const int g = r.group[symbol], k = r.place[i];
      share *= g < 0 ? 0.0 : r.share[symbol];
      if (g < 0 || k < 0) continue;
      std::ptrdiff_t stride = 1;
      for (int j = k + 1; j < reduced.count; ++j) stride *= reduced.symbols[j];
      from += g * stride;
    }
    for (int z = 0; z < given.target; ++z) {
      const int to = r.target[z];
      q[t * given.target + z] =
          to < 0 || share <= 0.0 ? 0.0 : share * s[from] * e[from * r.kept + to];
    }
    if (t + 1 < tuples) at.next();
  }
}

// The potentials of the given problem from those of the reduced one less the shifts of its
// certificate. They are in the gauge in which all sources' potentials of a target symbol have the
// same peak; a cell that has none gets kFloor below it, which leaves every constraint as it is.
// Returns their value, a lower bound on F.
FASTPID_STAGE inline double expand(const Sources& given, const double* a, const Reduction& r,
                                   const Iterate& it, const double* shift, double* potentials) {
  const Sources& s = r.problem.sources;
  double* mean = r.peak + static_cast<std::ptrdiff_t>(s.count) * r.kept;
  const auto value = [&](int k, std::ptrdiff_t c) {
    return it.log[c] - shift[s.first[k] / r.kept + (c - s.first[k]) / r.kept];
  };
  for (int z = 0; z < r.kept; ++z) mean[z] = 0.0;
  for (int k = 0; k < s.count; ++k) {
    double* peak = r.peak + static_cast<std::ptrdiff_t>(k) * r.kept;
    for (int z = 0; z < r.kept; ++z) {
      peak[z] = -HUGE_VAL;
      for (std::ptrdiff_t c = s.first[k] + z; c < s.first[k + 1]; c += r.kept) {
        if (r.mass[c] > 0.0) peak[z] = larger(peak[z], value(k, c));
      }
      mean[z] += peak[z] / given.count;
    }
  }
  double sum = 0.0;
  for (int i = 0; i < given.count; ++i) {
    const int k = r.place[i];
    for (int x = 0; x < given.symbols[i]; ++x) {
      const int g = r.group[given.first[i] / given.target + x];
      for (int z = 0; z < given.target; ++z) {
        const std::ptrdiff_t c = given.first[i] + static_cast<std::ptrdiff_t>(x) * given.target + z;
        const int to = r.target[z];
        if (to < 0) {
          potentials[c] = kFloor / given.count;
        } else if (k < 0) {
          potentials[c] = mean[to];
        } else {
          const std::ptrdiff_t cell = s.first[k] + static_cast<std::ptrdiff_t>(g) * r.kept + to;
          const bool has = g >= 0 && r.mass[cell] > 0.0;
          const double own = r.peak[static_cast<std::ptrdiff_t>(k) * r.kept + to];
          potentials[c] = mean[to] + (has ? value(k, cell) - own : kFloor);
        }
        if (a[c] > 0.0) sum += a[c] * potentials[c];
      }
    }
  }
  return sum;
}

}  // namespace fastpid::many
