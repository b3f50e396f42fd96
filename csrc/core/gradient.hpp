// The vector-Jacobian product of a decomposition: the gradient by p[x, y, z] of
//
//     w_x I(X;Z) + w_y I(Y;Z) + w_xy I(X,Y;Z) + w_u I_union.
//
// With M the total of p, every information here is 1-homogeneous in p (M log M terms make it so),
// and H(Z) = M log M - sum p(z) log p(z) has the derivative h[z] = log M - log p(z). The others are
// H(Z) plus maxima of functions linear in p, by duality (Gibbs' inequality for the first three):
//
//     I(X;Z)   = H(Z) + max sum p(x,z) k[x,z]      over  logsumexp_z k[x,.] <= 0,
//     I(X,Y;Z) = H(Z) + max sum p(x,y,z) k[x,y,z]  over  logsumexp_z k[x,y,.] <= 0,
//     I_union  = H(Z) + max sum p(x,y,z) (lam[x,z] + mu[y,z])  over  logsumexp_z(lam + mu) <= 0,
//
// and by Danskin's theorem the derivative of a maximum is the integrand at its maximiser: log
// p(z|x), log p(z|x,y), lam + mu. No iteration is unrolled. Potentials with a gap e give a
// subgradient of the maximum up to e: the plane that they span lies below it, and within e at p.
//
// Where p is zero. A cell without mass beside cells with mass has the derivative minus infinity: a
// log posterior counts as kFloor there, as it does wherever it is less. What has no mass at all -
// a symbol, a pair of symbols - has no posterior; it is taken to be p(z), which is as good a
// maximiser as any. A target symbol without mass gets zeros.
//
// normalize. What is decomposed is p / M; by homogeneity the gradient is (g - sum p g / M) / M,
// with g the gradient at p / M.
#pragma once

#include "numerics.hpp"
#include "presolve.hpp"
#include "views.hpp"

namespace fastpid {

struct GradientWeights {
  double x = 0.0, y = 0.0, xy = 0.0, union_information = 0.0;

  FASTPID_HD bool zero() const {
    return x == 0.0 && y == 0.0 && xy == 0.0 && union_information == 0.0;
  }
};

struct GradientWork {
  double *of_x = nullptr, *of_y = nullptr;  // what depends on (x, z) and on (y, z) alone
  double* h = nullptr;                      // log M - log p(z)
  double* seen = nullptr;                   // p(z)

  FASTPID_HD static GradientWork take(Arena& arena, Shape s) {
    GradientWork w;
    w.of_x = arena.take<double>(s.xz());
    w.of_y = arena.take<double>(s.yz());
    for (double** p : {&w.h, &w.seen}) *p = arena.take<double>(s.nz);
    return w;
  }
};

// p (nx, ny, nz), its marginals xz and yz (of p / M under `normalize`), and its potentials, as
// decompose gives them; the gradient goes to `out`, of p's shape.
template <class Exec>
FASTPID_HD void gradient(const Exec& exec, Shape s, const double* p, bool normalize,
                         const double* xz, const double* yz, const double* lam, const double* mu,
                         const GradientWeights& weights, const GradientWork& w, double* out) {
  const std::ptrdiff_t nz = s.nz;
  const std::ptrdiff_t pairs = s.xy();
  if (weights.zero()) {  // tables that are not probabilities among them: nothing else is read
    exec.for_each(pairs * nz, [&](std::ptrdiff_t c) { out[c] = 0.0; });
    return;
  }
  exec.for_each(nz, [&](std::ptrdiff_t z) {
    double sum = 0.0;
    for (std::ptrdiff_t x = 0; x < s.nx; ++x) sum += xz[x * nz + z];
    w.seen[z] = sum;
  });
  const double log_mass = std::log(exec.sum(nz, [&](std::ptrdiff_t z) { return w.seen[z]; }));
  exec.for_each(nz, [&](std::ptrdiff_t z) {
    w.h[z] = w.seen[z] > 0.0 ? log_mass - std::log(w.seen[z]) : 0.0;
  });
  const auto of_source = [&](int symbols, const double* marginal, const double* potential,
                             double weight, bool once, double* of) {
    exec.for_each(symbols, [&](std::ptrdiff_t i) {
      const double* row = marginal + i * nz;
      double sum = 0.0;
      for (std::ptrdiff_t z = 0; z < nz; ++z) sum += row[z];
      const double log_sum = sum > 0.0 ? std::log(sum) : 0.0;
      for (std::ptrdiff_t z = 0; z < nz; ++z) {
        double value = weights.union_information * (potential[i * nz + z] + (once ? w.h[z] : 0.0));
        if (weight != 0.0 && sum > 0.0) {
          const double posterior =
              row[z] > 0.0 ? larger(std::log(row[z]) - log_sum, kFloor) : kFloor;
          value += weight * (posterior + w.h[z]);
        }
        of[i * nz + z] = w.seen[z] > 0.0 ? value : 0.0;
      }
    });
  };
  of_source(s.nx, xz, lam, weights.x, true, w.of_x);
  of_source(s.ny, yz, mu, weights.y, false, w.of_y);

  const bool cells = weights.xy != 0.0;
  if (cells) exec.log_each(pairs * nz, p, out);
  exec.for_each(pairs, [&](std::ptrdiff_t pair) {
    const double* of_x = w.of_x + pair / s.ny * nz;
    const double* of_y = w.of_y + pair % s.ny * nz;
    double* g = out + pair * nz;
    double sum = 0.0;
    for (std::ptrdiff_t z = 0; cells && z < nz; ++z) sum += p[pair * nz + z];
    if (sum > 0.0) {
      const double log_sum = std::log(sum);
      for (std::ptrdiff_t z = 0; z < nz; ++z) {
        const double value = weights.xy * (larger(g[z] - log_sum, kFloor) + w.h[z]);
        g[z] = of_x[z] + of_y[z] + (w.seen[z] > 0.0 ? value : 0.0);
      }
    } else {
      for (std::ptrdiff_t z = 0; z < nz; ++z) g[z] = of_x[z] + of_y[z];
    }
  });
  if (!normalize) return;
  const auto total = [&](auto&& term) {
    return exec.sum(pairs, [&](std::ptrdiff_t pair) {
      double sum = 0.0;
      for (std::ptrdiff_t c = pair * nz; c < (pair + 1) * nz; ++c) sum += term(c);
      return sum;
    });
  };
  const double mass = total([&](std::ptrdiff_t c) { return p[c]; });
  const double mean = total([&](std::ptrdiff_t c) { return p[c] / mass * out[c]; });
  exec.for_each(pairs * nz, [&](std::ptrdiff_t c) { out[c] = (out[c] - mean) / mass; });
}

}  // namespace fastpid
