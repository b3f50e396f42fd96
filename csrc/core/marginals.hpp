// The two ways into a problem, each of which checks what it reads: one pass over a table, to its
// pairwise marginals and the terms that need all of it; or those marginals as they are.
#pragma once

#include <limits>

#include "numerics.hpp"
#include "views.hpp"

namespace fastpid {

// What is known about a table once it has been read; nats.
struct KnownTerms {
  double h_z = 0.0;        // H(Z)
  double mi_x = 0.0;       // I(X; Z)
  double mi_y = 0.0;       // I(Y; Z)
  double mi_xy = 0.0;      // I(X, Y; Z); NaN, which bounds nothing, where marginals were given
  double log_total = 0.0;  // of what was divided by
};

// Sums over a table that its pairwise marginals do not hold: NaN where those were given.
struct TableSums {
  double cells = NAN;      // sum p log p over the cells
  double pairs = NAN;      // the same over p(x, y)
  double log_total = 0.0;  // of what was divided by
};

// Rows of x are read in slabs that keep partial sums of their own, so that several threads can read
// at once. Their number depends on the shape alone, and with it every rounding.
FASTPID_HD inline int slabs_of(Shape s) {
  constexpr std::ptrdiff_t kSlabCells = 262144;
  constexpr std::ptrdiff_t kMostSlabs = 8;
  const std::ptrdiff_t most = kMostSlabs < s.nx ? kMostSlabs : s.nx;
  const std::ptrdiff_t wanted = s.cells() / kSlabCells;
  return static_cast<int>(wanted < 1 ? 1 : (wanted < most ? wanted : most));
}

// Cells of a row of x that are read together: few enough to stay in the first cache.
constexpr int kReadCells = 2048;
// Whole (y, .) rows of that many cells, at least one.
FASTPID_HD inline int rows_at_once(Shape s) {
  const int rows = s.nz < kReadCells ? kReadCells / s.nz : 1;
  return rows < s.ny ? rows : s.ny;
}
// Rows of few cells are added this many at a time, so that the additions are contiguous.
constexpr int kRowsAtOnce = 16;

struct MarginalWork {
  int slabs = 1;
  double* yz = nullptr;      // slabs x ny x nz, if there is more than one slab
  double* sums = nullptr;    // 4 per slab: mass, cells, pairs, smallest entry
  double* pairs = nullptr;   // slabs x rows_at_once(): p(x, y)
  double* column = nullptr;  // slabs x kRowsAtOnce x nz

  FASTPID_HD static MarginalWork take(Arena& arena, Shape s) { return take(arena, s, slabs_of(s)); }

  FASTPID_HD static MarginalWork take(Arena& arena, Shape s, int slabs) {
    MarginalWork w;
    w.slabs = slabs;
    const std::ptrdiff_t n = slabs;
    w.yz = arena.take<double>(n > 1 ? n * s.ny * s.nz : 0);
    w.sums = arena.take<double>(4 * n);
    w.pairs = arena.take<double>(n * rows_at_once(s));
    w.column = arena.take<double>(n * kRowsAtOnce * s.nz);
    return w;
  }
};

// out[i] = sum over z of v[i * nz + z].
template <class Exec>
FASTPID_HD void sum_rows(const Exec& exec, const double* v, int rows, int nz, double* out) {
  if (nz == 2) {
    for (int i = 0; i < rows; ++i) out[i] = v[2 * i] + v[2 * i + 1];
  } else if (nz == 3) {
    for (int i = 0; i < rows; ++i) out[i] = v[3 * i] + v[3 * i + 1] + v[3 * i + 2];
  } else if (nz < 16) {
    for (int i = 0; i < rows; ++i) {
      double sum = 0.0;
      for (int z = 0; z < nz; ++z) sum += v[i * nz + z];
      out[i] = sum;
    }
  } else {
    for (int i = 0; i < rows; ++i) out[i] = exec.total(nz, v + static_cast<std::ptrdiff_t>(i) * nz);
  }
}

// Whether a total is that of a distribution or, under `normalize`, can be divided by: dividing must
// neither overflow nor lose digits to subnormal numbers. NaN compares as unusable.
FASTPID_HD inline bool usable(double mass, bool normalize, double tolerance) {
  return normalize ? mass >= 1e-250 && mass <= 1e250
                   : mass >= 1.0 - tolerance && mass <= 1.0 + tolerance;
}

// Reads p (nx, ny, nz) once, row-major, and accumulates xz, yz (both scaled by the total when
// `normalize`). Returns false, leaving the outputs undefined, unless every entry is finite and
// non-negative and the total is within `mass_tolerance` of one (or merely positive, under
// `normalize`).
template <class Exec>
FASTPID_STAGE bool marginalize(const Exec& exec, Shape s, const double* p, bool normalize,
                               double mass_tolerance, double* xz, double* yz, const MarginalWork& w,
                               TableSums& out) {
  const std::ptrdiff_t plane = s.yz();
  const int n = w.slabs;
  const int step = rows_at_once(s);
  const int at_once = s.nz < kRowsAtOnce && s.ny >= kRowsAtOnce ? kRowsAtOnce : 1;
  const auto read = [&](int slab) {
    const auto& alone = exec.alone();
    double* mine = n > 1 ? w.yz + slab * plane : yz;
    double* pairs = w.pairs + static_cast<std::ptrdiff_t>(slab) * step;
    double* column = w.column + static_cast<std::ptrdiff_t>(slab) * kRowsAtOnce * s.nz;
    double mass = 0.0, cells_log = 0.0, pairs_log = 0.0, least = 0.0;
    for (std::ptrdiff_t k = 0; k < plane; ++k) mine[k] = 0.0;
    const int first = static_cast<int>(static_cast<std::ptrdiff_t>(s.nx) * slab / n);
    const int end = static_cast<int>(static_cast<std::ptrdiff_t>(s.nx) * (slab + 1) / n);
    for (int x = first; x < end; ++x) {
      for (int k = 0; k < at_once * s.nz; ++k) column[k] = 0.0;
      for (int y = 0; y < s.ny; y += step) {
        const int rows = s.ny - y < step ? s.ny - y : step;
        const int cells = rows * s.nz;
        const double* v = p + x * plane + static_cast<std::ptrdiff_t>(y) * s.nz;
        double* column_y = mine + static_cast<std::ptrdiff_t>(y) * s.nz;
        for (int k = 0; k < cells; ++k) column_y[k] += v[k];
        const int together = at_once * s.nz;
        int k = 0;
        for (; k + together <= cells; k += together) {
          for (int i = 0; i < together; ++i) column[i] += v[k + i];
        }
        for (int i = 0; k + i < cells; ++i) column[i] += v[k + i];
        sum_rows(alone, v, rows, s.nz, pairs);
        mass += alone.total(rows, pairs);
        pairs_log += alone.sum_xlogx(rows, pairs);
        cells_log += alone.sum_xlogx(cells, v);
        least = smaller(least, alone.least(cells, v));
      }
      double* row = xz + static_cast<std::ptrdiff_t>(x) * s.nz;
      for (int z = 0; z < s.nz; ++z) {
        double sum = 0.0;
        for (int i = 0; i < at_once; ++i) sum += column[i * s.nz + z];
        row[z] = sum;
      }
    }
    double* sums = w.sums + 4 * static_cast<std::ptrdiff_t>(slab);
    sums[0] = mass;
    sums[1] = cells_log;
    sums[2] = pairs_log;
    sums[3] = least;
  };
  exec.for_each(n, read);
  const auto of_slabs = [&](int which) {
    double sum = 0.0;
    for (int slab = 0; slab < n; ++slab) sum += w.sums[4 * slab + which];
    return sum;
  };
  const double mass = of_slabs(0);
  out.cells = of_slabs(1);
  out.pairs = of_slabs(2);
  if (!usable(mass, normalize, mass_tolerance) || of_slabs(3) < 0.0) return false;
  if (n > 1) {
    exec.for_each(plane, [&](std::ptrdiff_t k) {
      double sum = 0.0;
      for (int slab = 0; slab < n; ++slab) sum += w.yz[slab * plane + k];
      yz[k] = sum;
    });
  }
  if (normalize) {
    const double scale = 1.0 / mass;
    exec.for_each(s.xz(), [&](std::ptrdiff_t i) { xz[i] *= scale; });
    exec.for_each(plane, [&](std::ptrdiff_t i) { yz[i] *= scale; });
    const double shift = std::log(mass);
    out.log_total = shift;
    out.cells = out.cells * scale - shift;
    out.pairs = out.pairs * scale - shift;
  }
  return true;
}

// The sum of column z of a marginal.
FASTPID_HD inline double column_sum(const double* v, int rows, int nz, std::ptrdiff_t z) {
  double sum = 0.0;
  for (int i = 0; i < rows; ++i) sum += v[static_cast<std::ptrdiff_t>(i) * nz + z];
  return sum;
}

// One marginal as it came, to `out`, divided by its total under `normalize`; false, as
// marginalize(), if it holds no distribution.
template <class Exec>
FASTPID_HD bool read_marginal(const Exec& exec, std::ptrdiff_t cells, const double* given,
                              bool normalize, double mass_tolerance, double* out) {
  const double mass = exec.sum(cells, [&](std::ptrdiff_t c) { return given[c]; });
  const double least = exec.min(cells, [&](std::ptrdiff_t c) { return given[c]; });
  if (!usable(mass, normalize, mass_tolerance) || least < 0.0) return false;
  const double scale = normalize ? 1.0 / mass : 1.0;
  exec.for_each(cells, [&](std::ptrdiff_t c) { out[c] = given[c] * scale; });
  return true;
}

// Reads the two marginals where they are given. Returns false, leaving the outputs undefined,
// unless each holds a distribution as marginalize() wants it and their p(z) differ nowhere by more
// than `mass_tolerance`.
//
// There is a distribution with both marginals, and a certificate means something, only if their
// p(z) are the same. Sums of one table differ by rounding, and stay as they are. Larger
// differences, of single precision for example, are taken out: both marginals get the geometric
// mean of the two p(z), so that neither source is preferred and a symbol that one of them does not
// have at all leaves the other.
template <class Exec>
FASTPID_STAGE bool read_marginals(const Exec& exec, const Given& given, bool normalize,
                                  double mass_tolerance, double* xz, double* yz) {
  const Shape s = given.shape;
  if (!read_marginal(exec, s.xz(), given.xz, normalize, mass_tolerance, xz) ||
      !read_marginal(exec, s.yz(), given.yz, normalize, mass_tolerance, yz)) {
    return false;
  }
  const double most = exec.max(s.nz, [&](std::ptrdiff_t z) {
    return std::fabs(column_sum(xz, s.nx, s.nz, z) - column_sum(yz, s.ny, s.nz, z));
  });
  if (most > mass_tolerance) return false;
  // Two sums of nx ny terms, row by row, err by nx + ny roundings each.
  const double rounding =
      2.0 * std::numeric_limits<double>::epsilon() * (static_cast<double>(s.nx) + s.ny);
  exec.for_each(s.nz, [&](std::ptrdiff_t z) {
    const double by_x = column_sum(xz, s.nx, s.nz, z), by_y = column_sum(yz, s.ny, s.nz, z);
    if (std::fabs(by_x - by_y) <= rounding * larger(by_x, by_y)) return;
    const auto rescale = [&](double* v, int rows, double from, double to) {
      const double scale = from > 0.0 ? std::sqrt(to) / std::sqrt(from) : 0.0;
      for (int i = 0; i < rows; ++i) v[static_cast<std::ptrdiff_t>(i) * s.nz + z] *= scale;
    };
    rescale(xz, s.nx, by_x, by_y);
    rescale(yz, s.ny, by_y, by_x);
  });
  return true;
}

// sum v log v over the entries of a marginal, and over its row sums.
template <class Exec>
FASTPID_HD void entropies(const Exec& exec, int rows, int nz, const double* v, double& cells,
                          double& sums) {
  cells = exec.sum_xlogx(static_cast<std::ptrdiff_t>(rows) * nz, v);
  sums = exec.sum(rows, [&](int i) {
    double row = 0.0;
    for (int z = 0; z < nz; ++z) row += v[static_cast<std::ptrdiff_t>(i) * nz + z];
    return xlogx(row);
  });
}

// I(X; Z), I(Y; Z), H(Z) from the marginals, and I(X, Y; Z) from the sums of marginalize(). The
// total is that of the marginals as well, so that whoever gives them gets what the table would.
template <class Exec>
FASTPID_HD KnownTerms known_terms(const Exec& exec, const Marginals& m, const TableSums& sums) {
  const Shape s = m.shape;
  double xz, x, yz, y;
  entropies(exec, s.nx, s.nz, m.xz, xz, x);
  entropies(exec, s.ny, s.nz, m.yz, yz, y);
  // With a total M a little off one, M log M makes every information M times that of the
  // normalised table, so that the inequalities between them hold as they are.
  const auto p_z = [&](std::ptrdiff_t z) { return column_sum(m.xz, s.nx, s.nz, z); };
  KnownTerms out;
  out.log_total = sums.log_total;
  out.h_z =
      xlogx(exec.sum(s.nz, p_z)) - exec.sum(s.nz, [&](std::ptrdiff_t z) { return xlogx(p_z(z)); });
  // Rounding may push a zero information below zero, and I(X,Y;Z) below I(X;Z).
  out.mi_x = larger(0.0, xz - x + out.h_z);
  out.mi_y = larger(0.0, yz - y + out.h_z);
  const double mi_xy = sums.cells - sums.pairs + out.h_z;
  out.mi_xy = mi_xy < larger(out.mi_x, out.mi_y) ? larger(out.mi_x, out.mi_y) : mi_xy;
  return out;
}

}  // namespace fastpid
