// Binary target: the union information in closed form.
//
// For two target symbols the Blackwell order of experiments is a lattice (Bertschinger and Rauh
// 2014), and the union information is what the join J of X and Y says about Z. Draw each source as
// its ROC curve: its symbols by decreasing likelihood ratio p(., 1) / p(., 0), both coordinates
// cumulated. The join's curve is the upper concave hull of the two; every edge e of the hull is a
// symbol of J, and F = sum over edges and z of e_z log(e_z / (e_0 + e_1)).
//   Any coupling of X and Y is above both sources, hence above their join; drawing X and Y
// independently given J is a coupling that attains it, by data processing.
//
// Potentials. A vertex of the hull between edges l and r contributes log(posterior of l) -
// log(posterior of r) to the derivative of F by either coordinate, the common end point the log
// posterior of the last edge. A vertex on X's curve is the sum of the symbols of X before it, so
// lam[x, .] adds up the vertices of X behind x's segment, and mu likewise; the end point goes to X.
#pragma once

#include "numerics.hpp"
#include "presolve.hpp"
#include "views.hpp"

namespace fastpid {

struct BinaryWork {
  struct Point {
    double at[2];  // cumulated mass of the two target symbols
    int side;      // 0 for a, 1 for b, kEnd for the common end point
    int rank;      // how many symbols of that side lie before it
  };
  static constexpr int kEnd = 2;

  int* order_a = nullptr;
  int* order_b = nullptr;
  double* cells_a = nullptr;  // 2 per symbol
  double* cells_b = nullptr;
  double* ratio = nullptr;  // likelihood ratios of the symbols of one side
  Point* hull = nullptr;
  Point* points = nullptr;
  double* value = nullptr;  // F
  int* vertices = nullptr;  // of the hull, the origin and the end point among them

  FASTPID_HD static BinaryWork take(Arena& arena, const Reduced& r) {
    BinaryWork w;
    const int all = r.a.count + r.b.count + 2;
    w.order_a = arena.take<int>(r.a.count);
    w.order_b = arena.take<int>(r.b.count);
    w.cells_a = arena.take<double>(2 * static_cast<std::ptrdiff_t>(r.a.count));
    w.cells_b = arena.take<double>(2 * static_cast<std::ptrdiff_t>(r.b.count));
    w.ratio = arena.take<double>(r.a.count > r.b.count ? r.a.count : r.b.count);
    w.hull = arena.take<Point>(all);
    w.points = arena.take<Point>(all);
    w.value = arena.take<double>(1);
    w.vertices = arena.take<int>(1);
    return w;
  }
};

// Twice the signed area of o, p, q; positive if q lies to the left of the line from o to p.
FASTPID_HD inline double turn(const double* o, const double* p, const double* q) {
  return (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0]);
}

// The symbols of a side by decreasing likelihood ratio, and its curve's inner vertices. The ratios
// are rounded once and then compared: cross products, rounded at every comparison, would order
// symbols of all but equal ratios in circles. Infinite ones are equal, as are those that overflow.
template <class Exec>
FASTPID_HD int roc_curve(const Exec& alone, const Side& side, int label, double* cells,
                         double* ratio, int* order, BinaryWork::Point* points) {
  for (int i = 0; i < side.count; ++i) {
    order[i] = i;
    cells[2 * i] = cells[2 * i + 1] = 0.0;
    side.row(i, [&](int k, int z) { cells[2 * i + z] = side.mass[k]; });
    ratio[i] = cells[2 * i + 1] / cells[2 * i];
  }
  alone.sort(side.count, order,
             [&](int i, int j) { return ratio[i] > ratio[j] || (ratio[i] == ratio[j] && i < j); });
  double at[2] = {0.0, 0.0};
  for (int n = 0; n + 1 < side.count; ++n) {
    at[0] += cells[2 * order[n]];
    at[1] += cells[2 * order[n] + 1];
    points[n] = {{at[0], at[1]}, label, n + 1};
  }
  return side.count - 1;
}

// F of the reduced problem (its target binary); the potentials go to log_a and log_b.
template <class Exec>
FASTPID_STAGE double binary_target(const Exec& exec, const Reduced& r, const BinaryWork& w,
                                   double* log_a, double* log_b) {
  using Point = BinaryWork::Point;
  exec.once([&] {
    const auto& alone = exec.alone();
    double value = 0.0;
    int count = roc_curve(alone, r.a, 0, w.cells_a, w.ratio, w.order_a, w.points);
    count += roc_curve(alone, r.b, 1, w.cells_b, w.ratio, w.order_b, w.points + count);
    // Points that coincide are told apart by their side, so that every sort gives one order.
    alone.sort(count, w.points, [](const Point& p, const Point& q) {
      if (p.at[0] != q.at[0]) return p.at[0] < q.at[0];
      if (p.at[1] != q.at[1]) return p.at[1] < q.at[1];
      return p.side != q.side ? p.side < q.side : p.rank < q.rank;
    });
    Point end = {{0.0, 0.0}, BinaryWork::kEnd, 0};
    for (int k = 0; k < r.a.size; ++k) end.at[r.a.idx[k]] += r.a.mass[k];
    w.points[count++] = end;

    // Where both curves pass through one point, rounding would leave an edge between the two whose
    // slope is noise, and the potentials would take it for a posterior: one stands for both.
    const auto same = [&](const Point& p, const Point& q) {
      const double slack = 2.3e-16 * count;
      return p.side + q.side == 1 && std::fabs(p.at[0] - q.at[0]) <= slack * end.at[0] &&
             std::fabs(p.at[1] - q.at[1]) <= slack * end.at[1];
    };
    // Andrew's monotone chain from the origin; collinear points are left out.
    int vertices = 0;
    w.hull[vertices++] = {{0.0, 0.0}, BinaryWork::kEnd, 0};
    for (int n = 0; n < count; ++n) {
      if (same(w.points[n], w.hull[vertices - 1])) continue;
      while (vertices >= 2 &&
             turn(w.hull[vertices - 2].at, w.hull[vertices - 1].at, w.points[n].at) >= 0.0) {
        --vertices;
      }
      w.hull[vertices++] = w.points[n];
    }

    // Rounding may leave the end point a little before the vertices it should lie behind.
    const auto length = [&](int edge, int z) {
      return larger(0.0, w.hull[edge].at[z] - w.hull[edge - 1].at[z]);
    };
    const auto posterior = [&](int edge, int z) {
      const double e = length(edge, z);
      // The floor cancels in every sum over a cell that has mass.
      return e > 0.0 ? larger(std::log(e / (length(edge, 0) + length(edge, 1))), kFloor) : kFloor;
    };
    for (int edge = 1; edge < vertices; ++edge) {
      for (int z = 0; z < 2; ++z) value += length(edge, z) * posterior(edge, z);
    }
    // Behind a symbol's last vertex nothing is added but the end point's share.
    const auto potentials = [&](const Side& side, int label, const int* order, double* log) {
      double sum[2] = {0.0, 0.0};
      if (label == 0) {
        for (int z = 0; z < 2; ++z) sum[z] = posterior(vertices - 1, z);
      }
      int vertex = vertices - 2;
      for (int n = side.count - 1; n >= 0; --n) {
        for (; vertex > 0 && (w.hull[vertex].side != label || w.hull[vertex].rank > n); --vertex) {
          if (w.hull[vertex].side != label) continue;
          for (int z = 0; z < 2; ++z) sum[z] += posterior(vertex, z) - posterior(vertex + 1, z);
        }
        side.row(order[n], [&](int k, int z) { log[k] = sum[z]; });
      }
    };
    potentials(r.a, 0, w.order_a, log_a);
    potentials(r.b, 1, w.order_b, log_b);
    *w.value = value;
    *w.vertices = vertices;
  });
  return *w.value;
}

}  // namespace fastpid
