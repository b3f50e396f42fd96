// A start from the solution of another table of the same shape: its potentials and its S.
//
// Potentials are feasible whatever the marginals, and S scaled to other marginals is a coupling of
// those. So the solution of a table certifies the next one with a gap of second order in how far
// they are apart: where tables change little, the certificate is all there is to do. Otherwise
// mirror descent goes on from there, with a little of independent sources in S: pairs that died out
// would not come back.
#pragma once

#include "certificate.hpp"
#include "numerics.hpp"
#include "presolve.hpp"
#include "proxy.hpp"
#include "tuning.hpp"
#include "views.hpp"

namespace fastpid {

// lam (nx, nz), mu (ny, nz) and S (nx, ny) by original symbol, as a solved table leaves them; no
// start if they are null.
struct Start {
  const double *lam = nullptr, *mu = nullptr, *s = nullptr;

  FASTPID_HD explicit operator bool() const { return s != nullptr; }
  // That of table i of a batch.
  FASTPID_HD Start at(Shape shape, std::ptrdiff_t i) const {
    if (s == nullptr) return {};
    return {lam + i * shape.xz(), mu + i * shape.yz(), s + i * shape.xy()};
  }
};

// The S of a solution on p.full, to `out` (nx, ny) by original symbol, zero where a symbol has no
// mass. Where `usable` is false, there is none: zeros.
FASTPID_HD inline void write_masses(Shape shape, const Presolved& p, const double* s, bool usable,
                                    double* out) {
  for (std::ptrdiff_t i = 0; i < shape.xy(); ++i) out[i] = 0.0;
  if (!usable) return;
  const Reduced& full = p.full;
  const std::ptrdiff_t stride_a = full.swapped ? 1 : shape.ny;
  const std::ptrdiff_t stride_b = full.swapped ? shape.ny : 1;
  for (int g = 0; g < full.a.count; ++g) {
    for (int h = 0; h < full.b.count; ++h) {
      out[p.full_a.leader[g] * stride_a + p.full_b.leader[h] * stride_b] =
          s[static_cast<std::ptrdiff_t>(g) * full.b.count + h];
    }
  }
}

// Takes a start to the reduced problem. Returns false, and leaves `it` undefined, where it is none.
template <class Exec>
FASTPID_STAGE bool take_start(const Exec& exec, Shape shape, const Presolved& p, const Start& start,
                              const ProxyWork& w, const Iterate& it) {
  const Reduced& r = p.reduced;
  const bool swapped = r.swapped;
  const auto potentials = [&](const Side& side, const SideWork& work, const double* from,
                              double* logs) {
    exec.for_each(side.count, [&](std::ptrdiff_t g) {
      const double* row = from + static_cast<std::ptrdiff_t>(work.leader[g]) * shape.nz;
      int k = side.begin(static_cast<int>(g));
      const int end = side.end(static_cast<int>(g));
      for (int z = 0; z < shape.nz && k < end; ++z) {
        if (p.symbol[z] == side.idx[k]) logs[k++] = row[z];
      }
    });
  };
  potentials(r.a, p.a, swapped ? start.mu : start.lam, it.log_a);
  potentials(r.b, p.b, swapped ? start.lam : start.mu, it.log_b);
  exponentials(exec, r.a, it.log_a, it.exp_a);
  exponentials(exec, r.b, it.log_b, it.exp_b);
  exec.for_each(r.pairs(), [&](std::ptrdiff_t i) { it.s[i] = 0.0; });
  exec.once([&] {
    const std::ptrdiff_t stride_x = swapped ? 1 : r.b.count, stride_y = swapped ? r.b.count : 1;
    const int* group_x = swapped ? p.b.group : p.a.group;
    const int* group_y = swapped ? p.a.group : p.b.group;
    for (int x = 0; x < shape.nx; ++x) {
      for (int y = 0; y < shape.ny; ++y) {
        if (group_x[x] < 0 || group_y[y] < 0) continue;
        it.s[group_x[x] * stride_x + group_y[y] * stride_y] +=
            start.s[static_cast<std::ptrdiff_t>(x) * shape.ny + y];
      }
    }
  });
  const double mass = exec.sum(r.pairs(), [&](std::ptrdiff_t i) { return it.s[i]; });
  if (!(mass > 0.0 && mass < HUGE_VAL)) return false;
  row_masses(exec, r.a, w.rows_a);
  row_masses(exec, r.b, w.rows_b);
  return true;
}

// Makes S what mirror descent starts from; take_start() has left the masses of the symbols in `w`.
template <class Exec, class Real>
FASTPID_HD void mix_start(const Exec& exec, const BasicReduced<Real>& r,
                          const BasicProxyWork<Real>& w, const BasicIterate<Real>& it) {
  constexpr double kMixed = tuning::WarmStart::kMixed;
  exec.for_each(r.a.count, [&](std::ptrdiff_t i) {
    for (int j = 0; j < r.b.count; ++j) {
      Real& s = it.s[i * r.b.count + j];
      s = (1.0 - kMixed) * s + kMixed * (w.rows_a[i] * w.rows_b[j]);
    }
  });
}

}  // namespace fastpid
