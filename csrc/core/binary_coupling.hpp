// Binary target: a coupling that attains the union information of binary_target.hpp.
//
// X and Y are drawn independently given their join J, whose symbols are the edges e of the hull:
//
//     q[x,y,z] = sum_e share[x,e] share[y,e] e_z,     S[x,y] = sum_z q[x,y,z].
//
// A source is a garbling of the join, so its symbols are mixtures of edges: share[x,e] >= 0 sums to
// one over x, and sum_e share[x,e] (e_0, e_1) = (p(x,0), p(x,1)). Such shares are found symbol by
// symbol: each takes of what is left of the edges the interval around its own likelihood ratio of
// which it is the mixture (its shadow: Beiglboeck and Juillet 2016). Of all that it could take this
// leaves the most spread out, which therefore still is above the symbols to come. In practice the
// two nearest edges that are left, one on each side, are mixed until one of them is used up; every
// such mixture uses up an edge or completes a symbol, so that there are few.
#pragma once

#include "binary_target.hpp"
#include "numerics.hpp"
#include "views.hpp"

namespace fastpid {

// The shares of one source: share[k] of edge edge[k] goes to symbol symbol[k].
struct Shares {
  int* edge = nullptr;
  int* symbol = nullptr;
  double* share = nullptr;
  int count = 0;

  FASTPID_HD static Shares take(Arena& arena, int symbols, int edges) {
    // Two for every edge that is used up and for every symbol that is completed.
    const std::ptrdiff_t most = 2 * (static_cast<std::ptrdiff_t>(symbols) + edges);
    Shares s;
    s.edge = arena.take<int>(most);
    s.symbol = arena.take<int>(most);
    s.share = arena.take<double>(most);
    return s;
  }

  FASTPID_HD void add(int e, int i, double value) {
    edge[count] = e;
    symbol[count] = i;
    share[count++] = value;
  }
};

struct BinaryCouplingWork {
  Shares a, b;
  double* left = nullptr;  // what is left of each edge, as a share
  int* before = nullptr;   // the edges with something left, in both directions
  int* after = nullptr;
  int* begin = nullptr;  // of the shares of b, by edge
  int* sorted = nullptr;

  FASTPID_HD static BinaryCouplingWork take(Arena& arena, const Reduced& r) {
    const int edges = r.a.count + r.b.count + 2;
    BinaryCouplingWork w;
    w.a = Shares::take(arena, r.a.count, edges);
    w.b = Shares::take(arena, r.b.count, edges);
    w.left = arena.take<double>(edges);
    w.before = arena.take<int>(edges);
    w.after = arena.take<int>(edges);
    w.begin = arena.take<int>(edges + 1);
    w.sorted = arena.take<int>(2 * (static_cast<std::ptrdiff_t>(r.b.count) + edges));
    return w;
  }
};

// Positive if the likelihood ratio u[1] / u[0] is above v's.
FASTPID_HD inline double ratio_above(const double* u, const double* v) {
  return u[1] * v[0] - v[1] * u[0];
}

// Distributes edges 1 .. edges, which edge(e, mass) tells, among the symbols, both by decreasing
// likelihood ratio.
template <class Edge>
FASTPID_HD void share_edges(int symbols, const double* cells, const int* order, int edges,
                            Edge&& edge, const BinaryCouplingWork& w, Shares& out) {
  const int end = edges + 1;  // and 0: no edge
  for (int e = 0; e <= edges; ++e) w.after[e] = e + 1;
  for (int e = 1; e <= end; ++e) w.before[e] = e - 1;
  w.after[end] = end;
  for (int e = 1; e <= edges; ++e) w.left[e] = 1.0;
  out.count = 0;
  const auto use = [&](int e, int i, double wanted) {
    const double share = smaller(w.left[e], wanted);  // all, also where an empty edge makes it NaN
    out.add(e, i, share);
    w.left[e] = larger(0.0, w.left[e] - share);
  };
  const auto drop = [&](int e) {
    w.after[w.before[e]] = w.after[e];
    w.before[w.after[e]] = w.before[e];
  };
  int low = 0;  // the last edge left whose ratio is not below the symbol's
  for (int n = 0; n < symbols; ++n) {
    const int i = order[n];
    const double* x = cells + 2 * i;
    double next[2], l[2] = {0.0, 0.0}, r[2];
    while (w.after[low] != end) {
      edge(w.after[low], next);
      if (ratio_above(x, next) > 0.0) break;
      low = w.after[low];
    }
    for (double rest = 1.0; rest > 0.0;) {
      const int high = w.after[low];
      if (low == 0 && high == end) return;  // rounding used them up
      // x is of_low l + of_high r. Where l and r all but point the same way, of_low is noise, but
      // then it matters little, as long as the sum has x's mass.
      double of_low = 0.0, of_high = 0.0;
      const double mass = x[0] + x[1];
      if (low != 0) {
        edge(low, l);
        of_low = mass / (l[0] + l[1]);
      }
      if (high != end) {
        edge(high, r);
        const double apart = low != 0 ? ratio_above(l, r) : 0.0;
        of_low = apart > 0.0 ? smaller(of_low, larger(0.0, ratio_above(x, r) / apart)) : 0.0;
        of_high = larger(0.0, mass - of_low * (l[0] + l[1])) / (r[0] + r[1]);
      }
      // Edges lighter than any rounding may leave nothing to take.
      if (!(of_low + of_high > 0.0)) break;
      const double low_lasts = of_low > 0.0 ? w.left[low] / of_low : HUGE_VAL;
      const double high_lasts = of_high > 0.0 ? w.left[high] / of_high : HUGE_VAL;
      const double part = smaller(rest, smaller(low_lasts, high_lasts));
      if (of_low > 0.0) use(low, i, part * of_low);
      if (of_high > 0.0) use(high, i, part * of_high);
      if (part < rest) {
        const bool low_first = low_lasts <= high_lasts;
        drop(low_first ? low : high);
        if (low_first) low = w.before[low];
      }
      rest = part < rest ? rest - part : 0.0;
    }
  }
}

// S of the coupling, after binary_target() for the same problem.
template <class Exec>
FASTPID_STAGE void binary_coupling(const Exec& exec, const Reduced& r, const BinaryWork& hull,
                                   BinaryCouplingWork& w, double* s) {
  exec.for_each(r.pairs(), [&](std::ptrdiff_t p) { s[p] = 0.0; });
  exec.once([&] {
    const int edges = *hull.vertices - 1;
    const auto edge = [&](int e, double* mass) {
      for (int z = 0; z < 2; ++z) {
        mass[z] = larger(0.0, hull.hull[e].at[z] - hull.hull[e - 1].at[z]);
      }
    };
    share_edges(r.a.count, hull.cells_a, hull.order_a, edges, edge, w, w.a);
    share_edges(r.b.count, hull.cells_b, hull.order_b, edges, edge, w, w.b);
    for (int e = 0; e <= edges + 1; ++e) w.begin[e] = 0;
    for (int k = 0; k < w.b.count; ++k) ++w.begin[w.b.edge[k] + 1];
    for (int e = 0; e <= edges; ++e) w.begin[e + 1] += w.begin[e];
    for (int k = 0; k < w.b.count; ++k) w.sorted[w.begin[w.b.edge[k]]++] = k;
    // Now begin[e] is the end of edge e, and begin[e - 1] its beginning.
    for (int k = 0; k < w.a.count; ++k) {
      const int e = w.a.edge[k];
      double mass[2];
      edge(e, mass);
      double* row = s + static_cast<std::ptrdiff_t>(w.a.symbol[k]) * r.b.count;
      const double weight = w.a.share[k] * (mass[0] + mass[1]);
      for (int l = w.begin[e - 1]; l < w.begin[e]; ++l) {
        row[w.b.symbol[w.sorted[l]]] += weight * w.b.share[w.sorted[l]];
      }
    }
  });
}

}  // namespace fastpid
