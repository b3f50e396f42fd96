// Binary target: the union information of any number of sources in closed form.
//
// As for two sources (../binary_target.hpp), it is what their join in the Blackwell order says, the
// join's curve is the upper concave hull of all the sources' ROC curves, and the potentials add up
// the hull's vertices: one between edges l and r gives log(posterior of l) - log(posterior of r) to
// the symbols that lie before it on its source's curve, and the log posterior of the last edge goes
// to the first source.
//
// The potentials are certified without visiting the tuples. A constraint is log-sum-exp, convex and
// rising, of a point of the Minkowski sum of the M planar sets {(lam_i[x, 0], lam_i[x, 1])}, so the
// largest one is met at a vertex of the sum's upper right hull, which is the M sets' hulls with
// their edges merged by slope: at most as many as there are symbols.
#pragma once

#include "problem.hpp"

namespace fastpid::many {

struct BinaryWork {
  struct Point {
    double at[2];  // cumulated mass of the two target symbols
    int source;    // -1 for both ends
    int rank;      // how many symbols of that source lie before it
  };
  struct Edge {
    double slope, step[2];
  };

  int* order = nullptr;       // symbols of each source, by falling likelihood ratio
  double* ratio = nullptr;    // all symbols
  Point* points = nullptr;    // all symbols and the end
  Point* hull = nullptr;      // the same and the origin
  Edge* edges = nullptr;      // all symbols
  int* chain = nullptr;       // symbols of the largest source
  int* next = nullptr;        // sources
  int* with_mass = nullptr;   // sources
  double* running = nullptr;  // 2 per source

  FASTPID_HD static BinaryWork take(Arena& arena, const Sources& s) {
    BinaryWork w;
    const std::ptrdiff_t all = s.cells() / s.target;
    w.order = arena.take<int>(all);
    w.ratio = arena.take<double>(all);
    w.points = arena.take<Point>(all + 1);
    w.hull = arena.take<Point>(all + 2);
    w.edges = arena.take<Edge>(all);
    w.chain = arena.take<int>(all);
    w.next = arena.take<int>(s.count);
    w.with_mass = arena.take<int>(s.count);
    w.running = arena.take<double>(2 * static_cast<std::ptrdiff_t>(s.count));
    return w;
  }
};

// The value F of marginals whose target has mass in symbols z[0] and z[1] alone. Their potentials
// go to these two cells of every row; rows without mass repeat another one of their source.
template <class Exec>
FASTPID_STAGE double binary_target(const Exec& exec, const Sources& s, const double* a,
                                   const int z[2], const BinaryWork& w, double* potentials) {
  using Point = BinaryWork::Point;
  const auto cell = [&](int i, int x, int side) {
    return s.first[i] + static_cast<std::ptrdiff_t>(x) * s.target + z[side];
  };
  int count = 0, longest = 0;
  for (int i = 0; i < s.count; ++i) {
    const std::ptrdiff_t symbol = s.first[i] / s.target;
    int* order = w.order + symbol;
    double* ratio = w.ratio + symbol;
    int n = 0;
    for (int x = 0; x < s.symbols[i]; ++x) {
      const double m0 = a[cell(i, x, 0)], m1 = a[cell(i, x, 1)];
      if (!(m0 > 0.0 || m1 > 0.0)) continue;
      ratio[x] = m1 / m0;
      order[n++] = x;
    }
    exec.alone().sort(n, order, [&](int x, int y) {
      return ratio[x] > ratio[y] || (ratio[x] == ratio[y] && x < y);
    });
    double at[2] = {0.0, 0.0};
    for (int k = 0; k + 1 < n; ++k) {
      for (int side = 0; side < 2; ++side) at[side] += a[cell(i, order[k], side)];
      w.points[count++] = {{at[0], at[1]}, i, k + 1};
    }
    w.with_mass[i] = n;
    longest = n > longest ? n : longest;
  }
  exec.alone().sort(count, w.points, [](const Point& p, const Point& q) {
    if (p.at[0] != q.at[0]) return p.at[0] < q.at[0];
    if (p.at[1] != q.at[1]) return p.at[1] < q.at[1];
    return p.source != q.source ? p.source < q.source : p.rank < q.rank;
  });
  Point end = {{0.0, 0.0}, -1, 0};
  for (int x = 0; x < s.symbols[0]; ++x) {
    for (int side = 0; side < 2; ++side) end.at[side] += a[cell(0, x, side)];
  }
  w.points[count++] = end;

  // Where curves pass through one point, rounding would leave an edge whose slope is noise, and the
  // potentials would take it for a posterior: one stands for all.
  const double slack = 4.6e-16 * (longest + 1);
  const auto same = [&](const Point& p, const Point& q) {
    return p.source >= 0 && q.source >= 0 && p.source != q.source &&
           std::fabs(p.at[0] - q.at[0]) <= slack * end.at[0] &&
           std::fabs(p.at[1] - q.at[1]) <= slack * end.at[1];
  };
  const auto turn = [](const double* o, const double* p, const double* q) {
    return (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0]);
  };
  int vertices = 0;
  w.hull[vertices++] = {{0.0, 0.0}, -1, 0};
  for (int n = 0; n < count; ++n) {
    if (same(w.points[n], w.hull[vertices - 1])) continue;
    while (vertices >= 2 &&
           turn(w.hull[vertices - 2].at, w.hull[vertices - 1].at, w.points[n].at) >= 0.0) {
      --vertices;
    }
    w.hull[vertices++] = w.points[n];
  }

  // Rounding may leave the end a little before the vertices it should lie behind.
  const auto length = [&](int edge, int side) {
    return larger(0.0, w.hull[edge].at[side] - w.hull[edge - 1].at[side]);
  };
  const auto posterior = [&](int edge, int side) {
    const double e = length(edge, side);
    return e > 0.0 ? larger(std::log(e / (length(edge, 0) + length(edge, 1))), kFloor) : kFloor;
  };
  double value = 0.0;
  for (int edge = 1; edge < vertices; ++edge) {
    for (int side = 0; side < 2; ++side) value += length(edge, side) * posterior(edge, side);
  }
  for (int i = 0; i < s.count; ++i) {
    w.next[i] = w.with_mass[i];
    for (int side = 0; side < 2; ++side) {
      w.running[2 * i + side] = i == 0 ? posterior(vertices - 1, side) : 0.0;
    }
  }
  // Source i's symbols from `rank` on that have no potential yet get the running one.
  const auto settle = [&](int i, int rank) {
    const int* order = w.order + s.first[i] / s.target;
    while (w.next[i] > rank) {
      const int x = order[--w.next[i]];
      for (int side = 0; side < 2; ++side) potentials[cell(i, x, side)] = w.running[2 * i + side];
    }
  };
  for (int v = vertices - 2; v > 0; --v) {
    const int i = w.hull[v].source;
    settle(i, w.hull[v].rank);
    for (int side = 0; side < 2; ++side) {
      w.running[2 * i + side] += posterior(v, side) - posterior(v + 1, side);
    }
  }
  for (int i = 0; i < s.count; ++i) {
    settle(i, 0);
    for (int x = 0; x < s.symbols[i]; ++x) {
      if (a[cell(i, x, 0)] > 0.0 || a[cell(i, x, 1)] > 0.0) continue;
      for (int side = 0; side < 2; ++side) potentials[cell(i, x, side)] = w.running[2 * i + side];
    }
  }
  return value;
}

// log of the largest sum_z exp(sum_i potentials_i[x_i, z]) over all tuples and the two target
// symbols.
template <class Exec>
FASTPID_STAGE double largest_constraint(const Exec& exec, const Sources& s,
                                        const double* potentials, const int z[2],
                                        const BinaryWork& w) {
  double at[2] = {0.0, 0.0};
  int count = 0;
  for (int i = 0; i < s.count; ++i) {
    const auto value = [&](int x, int side) {
      return potentials[s.first[i] + static_cast<std::ptrdiff_t>(x) * s.target + z[side]];
    };
    int* order = w.order + s.first[i] / s.target;
    for (int x = 0; x < s.symbols[i]; ++x) order[x] = x;
    exec.alone().sort(s.symbols[i], order, [&](int x, int y) {
      if (value(x, 0) != value(y, 0)) return value(x, 0) < value(y, 0);
      return value(x, 1) != value(y, 1) ? value(x, 1) > value(y, 1) : x < y;
    });
    int vertices = 0;
    for (int n = 0; n < s.symbols[i]; ++n) {
      const int x = order[n];
      const auto dominated = [&] {
        const int p = w.chain[vertices - 1];
        if (value(p, 1) <= value(x, 1)) return true;
        if (vertices < 2) return false;
        const int o = w.chain[vertices - 2];
        return (value(p, 0) - value(o, 0)) * (value(x, 1) - value(o, 1)) >=
               (value(p, 1) - value(o, 1)) * (value(x, 0) - value(o, 0));
      };
      while (vertices > 0 && dominated()) --vertices;
      w.chain[vertices++] = x;
    }
    for (int side = 0; side < 2; ++side) at[side] += value(w.chain[0], side);
    for (int n = 1; n < vertices; ++n) {
      const int p = w.chain[n - 1], q = w.chain[n];
      const double right = value(q, 0) - value(p, 0), down = value(q, 1) - value(p, 1);
      if (right > 0.0) w.edges[count++] = {down / right, {right, down}};
    }
  }
  using Edge = BinaryWork::Edge;
  exec.alone().sort(count, w.edges, [](const Edge& e, const Edge& f) { return e.slope > f.slope; });
  const auto constraint = [&] {
    const double most = larger(at[0], at[1]), least = smaller(at[0], at[1]);
    return most + std::log1p(std::exp(least - most));
  };
  double largest = constraint();
  for (int n = 0; n < count; ++n) {
    for (int side = 0; side < 2; ++side) at[side] += w.edges[n].step[side];
    largest = larger(largest, constraint());
  }
  return largest;
}

}  // namespace fastpid::many
