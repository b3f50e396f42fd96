// The closed-form proxy: the coupling that makes X and Y independent given Z,
//
//     q0[x,y,z] = a[x,z] b[y,z] / p(z) = S0 exp(lam0 + mu0),
//     S0 = p(x) p(y),  lam0 = log p(z|x),  mu0 = log p(z|y) - log p(z).
//
// It has the marginals asked for, so it bounds the union information from above; its factors,
// repaired by the certificate, bound it from below. Every iterative method starts from it.
#pragma once

#include "numerics.hpp"
#include "views.hpp"

namespace fastpid {

// Mass of each row of a side, and of each target symbol.
template <class Exec, class Real>
FASTPID_HD void row_masses(const Exec& exec, const BasicSide<Real>& side, Real* rows) {
  exec.for_each(side.count, [&](int i) {
    Real sum = 0.0;
    for (int k = side.begin(i); k < side.end(i); ++k) sum += side.mass[k];
    rows[i] = sum;
  });
}

template <class Real>
FASTPID_HD void target_masses(const BasicSide<Real>& side, Real* target) {
  for (int z = 0; z < side.target; ++z) target[z] = 0.0;
  for (int i = 0; i < side.count; ++i) {
    side.row(i, [&](int k, int z) { target[z] += side.mass[k]; });
  }
}

template <class Real>
struct BasicProxyWork {
  Real* rows_a = nullptr;
  Real* rows_b = nullptr;
  Real* target = nullptr;
  int* owners = nullptr;  // 2 * target

  FASTPID_HD static BasicProxyWork take(Arena& arena, const BasicReduced<Real>& r) {
    BasicProxyWork w;
    w.rows_a = arena.take<Real>(r.a.count);
    w.rows_b = arena.take<Real>(r.b.count);
    w.target = arena.take<Real>(r.a.target);
    w.owners = arena.take<int>(2 * static_cast<std::ptrdiff_t>(r.a.target));
    return w;
  }
};
using ProxyWork = BasicProxyWork<double>;

// Copies an iterate, of the problems of a pack that are in `which`.
template <class Exec, class Real>
FASTPID_HD void copy_iterate(const Exec& exec, const BasicReduced<Real>& r,
                             const BasicIterate<Real>& from, const BasicIterate<Real>& to,
                             MaskOf<Real> which = true) {
  const auto all = [&](std::ptrdiff_t n, const Real* source, Real* sink) {
    exec.for_each(n, [&](std::ptrdiff_t i) { sink[i] = select(which, source[i], sink[i]); });
  };
  all(r.pairs(), from.s, to.s);
  all(r.a.size, from.log_a, to.log_a);
  all(r.b.size, from.log_b, to.log_b);
  all(r.a.cells(), from.exp_a, to.exp_a);
  all(r.b.cells(), from.exp_b, to.exp_b);
}

template <class Exec, class Real>
FASTPID_STAGE void proxy(const Exec& exec, const BasicReduced<Real>& r,
                         const BasicProxyWork<Real>& w, const BasicIterate<Real>& it) {
  row_masses(exec, r.a, w.rows_a);
  row_masses(exec, r.b, w.rows_b);
  exec.once([&] { target_masses(r.a, w.target); });
  const auto factor = [&](const BasicSide<Real>& side, const Real* rows, bool over_target,
                          Real* logs, Real* exponential) {
    exec.for_each(side.count, [&](int i) {
      const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(i) * side.target;
      for (int z = 0; z < side.target; ++z) exponential[start + z] = 0.0;
      side.row(i, [&](int k, int z) {
        Real value = side.mass[k] / rows[i];
        if (over_target) value /= w.target[z];
        exponential[start + z] = value;
        logs[k] = log_or_zero(value);
      });
    });
  };
  factor(r.a, w.rows_a, false, it.log_a, it.exp_a);
  factor(r.b, w.rows_b, true, it.log_b, it.exp_b);
  exec.for_each(r.a.count, [&](int i) {
    for (int j = 0; j < r.b.count; ++j) {
      it.s[static_cast<std::ptrdiff_t>(i) * r.b.count + j] = w.rows_a[i] * w.rows_b[j];
    }
  });
}

// If every target symbol has one symbol of X or one of Y (the COPY gate, say), q0 is all that
// Delta_P holds: q0[x,y,z] is the mass of the cell on the side that has several symbols at z. Then
// S = q0(x, y), and the factor of that cell alone, q0(z | x, y), attains lam + mu = log q0(z | x,
// y). Writes this solution to `it` and returns true; returns false, `it` untouched, otherwise.
template <class Exec>
FASTPID_STAGE bool forced(const Exec& exec, const Reduced& r, const ProxyWork& w,
                          const Iterate& it) {
  constexpr int kNone = -1, kSeveral = -2;
  const int target = r.a.target;
  int* owner_a = w.owners;
  int* owner_b = w.owners + target;
  const auto find_owners = [&](const Side& side, int* owner) {
    for (int z = 0; z < target; ++z) owner[z] = kNone;
    for (int i = 0; i < side.count; ++i) {
      side.row(i, [&](int, int z) { owner[z] = owner[z] == kNone ? i : kSeveral; });
    }
  };
  exec.once([&] {
    find_owners(r.a, owner_a);
    find_owners(r.b, owner_b);
  });
  const double most = exec.max(
      target, [&](int z) { return owner_a[z] == kSeveral && owner_b[z] == kSeveral ? 1.0 : 0.0; });
  if (most > 0.0) return false;
  // Whose cells carry the posterior of z: b's if a has a single symbol there, a's otherwise.
  const auto pair_of_a = [&](int i, int z) {
    return it.s + static_cast<std::ptrdiff_t>(i) * r.b.count + owner_b[z];
  };
  const auto pair_of_b = [&](int j, int z) {
    return it.s + static_cast<std::ptrdiff_t>(owner_a[z]) * r.b.count + j;
  };
  exec.for_each(r.pairs(), [&](std::ptrdiff_t i) { it.s[i] = 0.0; });
  exec.for_each(r.a.cells(), [&](std::ptrdiff_t k) { it.exp_a[k] = 0.0; });
  exec.for_each(r.b.cells(), [&](std::ptrdiff_t k) { it.exp_b[k] = 0.0; });
  exec.once([&] {
    for (int i = 0; i < r.a.count; ++i) {
      r.a.row(i, [&](int k, int z) {
        if (owner_a[z] == kSeveral) *pair_of_a(i, z) += r.a.mass[k];
      });
    }
    for (int j = 0; j < r.b.count; ++j) {
      r.b.row(j, [&](int k, int z) {
        if (owner_a[z] != kSeveral) *pair_of_b(j, z) += r.b.mass[k];
      });
    }
  });
  exec.for_each(r.a.count, [&](int i) {
    r.a.row(i, [&](int k, int z) {
      const double value = owner_a[z] == kSeveral ? r.a.mass[k] / *pair_of_a(i, z) : 1.0;
      it.exp_a[static_cast<std::ptrdiff_t>(i) * target + z] = value;
      it.log_a[k] = std::log(value);
    });
  });
  exec.for_each(r.b.count, [&](int j) {
    r.b.row(j, [&](int k, int z) {
      const double value = owner_a[z] != kSeveral ? r.b.mass[k] / *pair_of_b(j, z) : 1.0;
      it.exp_b[static_cast<std::ptrdiff_t>(j) * target + z] = value;
      it.log_b[k] = std::log(value);
    });
  });
  return true;
}

}  // namespace fastpid
