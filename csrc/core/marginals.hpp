// One pass over a table: its marginals, its check, and the informations that need all of it.
#pragma once

#include "numerics.hpp"
#include "views.hpp"

namespace fastpid {

// What is known about a table once it has been read; nats.
struct Informations {
  double h_z = 0.0;    // H(Z)
  double mi_x = 0.0;   // I(X; Z)
  double mi_y = 0.0;   // I(Y; Z)
  double mi_xy = 0.0;  // I(X, Y; Z)
};

// Sums over a table that its pairwise marginals do not hold.
struct TableSums {
  double mass = 0.0;
  double cells = 0.0;  // sum p log p over the cells
  double pairs = 0.0;  // the same over p(x, y)
};

// Reads p (nx, ny, nz) once, row-major, and accumulates xz, yz (both scaled by the total when
// `normalize`). Returns false, leaving the outputs undefined, unless every entry is finite and
// non-negative and the total is within `mass_tolerance` of one (or merely positive, under
// `normalize`). row_work holds 3 nx numbers.
template <class Exec>
FASTPID_HD bool marginalize(const Exec& exec, Shape s, const double* p, bool normalize,
                            double mass_tolerance, double* xz, double* yz, double* row_work,
                            TableSums& out) {
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(s.ny) * s.nz;
  // Rows of x are owned by one index each; row_work keeps their partial sums apart.
  double* total = row_work;
  double* cell = row_work + s.nx;
  double* pair = row_work + 2 * static_cast<std::ptrdiff_t>(s.nx);
  exec.for_each(s.nx, [&](int x) {
    double* row = xz + static_cast<std::ptrdiff_t>(x) * s.nz;
    for (int z = 0; z < s.nz; ++z) row[z] = 0.0;
    const double* px = p + x * plane;
    double sum = 0.0, cells = 0.0, pairs = 0.0;
    bool good = true;
    for (int y = 0; y < s.ny; ++y) {
      double both = 0.0;
      for (int z = 0; z < s.nz; ++z) {
        const double value = px[static_cast<std::ptrdiff_t>(y) * s.nz + z];
        good = good && value >= 0.0;  // false for NaN, too
        row[z] += value;
        both += value;
        cells += xlogx(value);
      }
      sum += both;
      pairs += xlogx(both);
    }
    total[x] = good ? sum : -1.0;
    cell[x] = cells;
    pair[x] = pairs;
  });
  if (exec.min(s.nx, [&](int x) { return total[x]; }) < 0.0) return false;
  const double mass = exec.sum(s.nx, [&](int x) { return total[x]; });
  out.mass = mass;
  out.cells = exec.sum(s.nx, [&](int x) { return cell[x]; });
  out.pairs = exec.sum(s.nx, [&](int x) { return pair[x]; });
  // Dividing must neither overflow nor lose digits to subnormal numbers.
  const bool usable = normalize ? mass >= 1e-250 && mass <= 1e250
                                : mass >= 1.0 - mass_tolerance && mass <= 1.0 + mass_tolerance;
  if (!usable) return false;
  exec.for_each(s.ny, [&](int y) {
    double* row = yz + static_cast<std::ptrdiff_t>(y) * s.nz;
    for (int z = 0; z < s.nz; ++z) row[z] = 0.0;
    for (int x = 0; x < s.nx; ++x) {
      const double* cells = p + x * plane + static_cast<std::ptrdiff_t>(y) * s.nz;
      for (int z = 0; z < s.nz; ++z) row[z] += cells[z];
    }
  });
  if (normalize) {
    const double scale = 1.0 / mass;
    exec.for_each(s.nx * s.nz, [&](int i) { xz[i] *= scale; });
    exec.for_each(s.ny * s.nz, [&](int i) { yz[i] *= scale; });
    const double shift = std::log(mass);
    out.mass = 1.0;
    out.cells = out.cells * scale - shift;
    out.pairs = out.pairs * scale - shift;
  }
  return true;
}

// sum v log v over the entries of a marginal, and over its row sums.
template <class Exec>
FASTPID_HD void entropies(const Exec& exec, int rows, int nz, const double* v, double& cells,
                          double& sums) {
  cells = exec.sum(rows * nz, [&](int i) { return xlogx(v[i]); });
  sums = exec.sum(rows, [&](int i) {
    double row = 0.0;
    for (int z = 0; z < nz; ++z) row += v[static_cast<std::ptrdiff_t>(i) * nz + z];
    return xlogx(row);
  });
}

// I(X; Z), I(Y; Z), H(Z) from the marginals, and I(X, Y; Z) from the sums of marginalize().
template <class Exec>
FASTPID_HD Informations informations(const Exec& exec, const Marginals& m, const TableSums& sums) {
  const Shape s = m.shape;
  const double mass = sums.mass;
  double xz, x, yz, y;
  entropies(exec, s.nx, s.nz, m.xz, xz, x);
  entropies(exec, s.ny, s.nz, m.yz, yz, y);
  // With a total M a little off one, M log M makes every information M times that of the
  // normalised table, so that the inequalities between them hold as they are.
  Informations out;
  out.h_z = xlogx(mass) - exec.sum(s.nz, [&](int z) {
    double column = 0.0;
    for (int i = 0; i < s.nx; ++i) column += m.xz[static_cast<std::ptrdiff_t>(i) * s.nz + z];
    return xlogx(column);
  });
  // Rounding may push a zero information below zero, and I(X,Y;Z) below I(X;Z).
  out.mi_x = larger(0.0, xz - x + out.h_z);
  out.mi_y = larger(0.0, yz - y + out.h_z);
  out.mi_xy = larger(larger(out.mi_x, out.mi_y), sums.cells - sums.pairs + out.h_z);
  return out;
}

}  // namespace fastpid
