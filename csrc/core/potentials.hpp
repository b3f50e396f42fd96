// The dual solution of a table as its user sees it: lam[x, z] and mu[y, z], dense, feasible, and
// finite where the true potentials are not.
//
// The gauge is the one in which both sources' potentials of a target symbol have the same peak.
// * A cell without mass beside cells with: its true potential may be minus infinity, and it gets
//   kFloor below that peak.
// * A symbol without mass adds nothing to the bound, so any row that keeps the constraints will do.
//   It is taken as one that says nothing: where the other source says nothing either, lam + mu is
//   log p(z). So its row is log p(z) - peak[z], less what makes it feasible.
#pragma once

#include "certificate.hpp"
#include "numerics.hpp"
#include "presolve.hpp"
#include "proxy.hpp"
#include "views.hpp"

namespace fastpid {

struct PotentialWork {
  double *peak_a = nullptr, *peak_b = nullptr;
  double *silent_a = nullptr, *silent_b = nullptr;  // the rows of symbols without mass
  double* base = nullptr;

  FASTPID_HD static PotentialWork take(Arena& arena, Shape s) {
    PotentialWork w;
    for (double** p : {&w.peak_a, &w.peak_b, &w.silent_a, &w.silent_b, &w.base})
      *p = arena.take<double>(s.nz);
    return w;
  }
};

// The rows of one side by original symbol; those of symbols without mass are left undefined.
template <class Exec>
FASTPID_HD void write_rows(const Exec& exec, const Side& side, const SideWork& work,
                           const double* log, const double* shift, const double* peak_self,
                           const double* peak_other, double* potentials) {
  exec.for_each(side.count, [&](std::ptrdiff_t g) {
    const std::ptrdiff_t target = side.target;
    double* row = potentials + work.leader[g] * target;
    for (int z = 0; z < target; ++z) {
      const double peak = 0.5 * (peak_self[z] + peak_other[z]);
      row[z] = (peak > -HUGE_VAL ? peak : 0.0) + kFloor;
    }
    side.row(static_cast<int>(g), [&](int k, int z) {
      row[z] = log[k] - shift[k] + 0.5 * (peak_other[z] - peak_self[z]);
    });
  });
}

// The rows of the `symbols` of a side that have no mass, to `potentials` and to `silent`, from the
// other side's rows, with `silent_other` among them unless it is null.
template <class Exec>
FASTPID_HD void write_silent_rows(const Exec& exec, const SideWork& work, int symbols,
                                  const Side& other, const SideWork& other_work,
                                  const double* other_potentials, const double* silent_other,
                                  const double* base, double* silent, double* potentials) {
  const std::ptrdiff_t target = other.target;
  const auto excess = [&](const double* row) {
    double sum = 0.0;
    for (int z = 0; z < target; ++z) sum += std::exp(base[z] + row[z]);
    return std::log(sum);
  };
  const double seen = exec.max(other.count, [&](std::ptrdiff_t g) {
    return excess(other_potentials + other_work.leader[g] * target);
  });
  const double most = silent_other ? larger(seen, excess(silent_other)) : seen;
  exec.for_each(target, [&](std::ptrdiff_t z) { silent[z] = base[z] - most; });
  exec.for_each(symbols, [&](std::ptrdiff_t i) {
    if (work.group[i] >= 0) return;
    for (int z = 0; z < target; ++z) potentials[i * target + z] = silent[z];
  });
}

// Writes lam (nx, nz) and mu (ny, nz) from a solution on p.full and the shifts of its certificate.
template <class Exec>
FASTPID_STAGE void write_potentials(const Exec& exec, Shape s, const Presolved& p,
                                    const Iterate& it, const CertificateWork& c,
                                    const PotentialWork& w, double* lam, double* mu) {
  const Side &a = p.full.a, &b = p.full.b;
  const bool swapped = p.full.swapped;
  double* of_a = swapped ? mu : lam;
  double* of_b = swapped ? lam : mu;
  target_peaks(exec, a, it.log_a, c.shift_a, w.peak_a);
  target_peaks(exec, b, it.log_b, c.shift_b, w.peak_b);
  write_rows(exec, a, p.full_a, it.log_a, c.shift_a, w.peak_a, w.peak_b, of_a);
  write_rows(exec, b, p.full_b, it.log_b, c.shift_b, w.peak_b, w.peak_a, of_b);
  const int symbols_a = swapped ? s.ny : s.nx, symbols_b = swapped ? s.nx : s.ny;
  const bool silent_a = a.count < symbols_a, silent_b = b.count < symbols_b;
  if (!silent_a && !silent_b) return;
  exec.once([&] {
    target_masses(a, w.base);
    for (int z = 0; z < s.nz; ++z) {
      const double peak = 0.5 * (w.peak_a[z] + w.peak_b[z]);
      w.base[z] = w.base[z] > 0.0 ? std::log(w.base[z]) - peak : kFloor;
    }
  });
  if (silent_a) {
    write_silent_rows(exec, p.full_a, symbols_a, b, p.full_b, of_b, nullptr, w.base, w.silent_a,
                      of_a);
  }
  if (silent_b) {
    write_silent_rows(exec, p.full_b, symbols_b, a, p.full_a, of_a, silent_a ? w.silent_a : nullptr,
                      w.base, w.silent_b, of_b);
  }
}

}  // namespace fastpid
