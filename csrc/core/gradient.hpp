// The vector-Jacobian product of a decomposition: the gradient by p[x, y, z], or by the two
// pairwise marginals, of
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
// By the marginals a and b. I(X;Z) is a function of a, I(Y;Z) one of b, and F has the derivatives
// lam and mu. They and that of H(Z), which goes to both by halves, are determined but for what one
// may give the other by target symbol: along every change that leaves both with the same p(z),
// which alone makes sense, they add up to the derivative.
//
// normalize. What is decomposed is p / M; by homogeneity the gradient is (g - sum p g / M) / M,
// with g the gradient at p / M; likewise for each marginal, which is divided by its own total.
#pragma once

#include <initializer_list>

#include "marginals.hpp"
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

// What depends on (x, z) alone and on (y, z) alone, to w.of_x and w.of_y, and p(z) and its
// logarithm to w.
template <class Exec>
FASTPID_HD void source_gradients(const Exec& exec, Shape s, const double* xz, const double* yz,
                                 const double* lam, const double* mu,
                                 const GradientWeights& weights, const GradientWork& w) {
  const std::ptrdiff_t nz = s.nz;
  exec.for_each(nz, [&](std::ptrdiff_t z) { w.seen[z] = column_sum(xz, s.nx, s.nz, z); });
  const double log_mass = std::log(exec.sum(nz, [&](std::ptrdiff_t z) { return w.seen[z]; }));
  exec.for_each(nz, [&](std::ptrdiff_t z) {
    w.h[z] = w.seen[z] > 0.0 ? log_mass - std::log(w.seen[z]) : 0.0;
  });
  const auto of_source = [&](int symbols, const double* marginal, const double* potential,
                             double weight, double* of) {
    exec.for_each(symbols, [&](std::ptrdiff_t i) {
      const double* row = marginal + i * nz;
      double sum = 0.0;
      for (std::ptrdiff_t z = 0; z < nz; ++z) sum += row[z];
      const double log_sum = sum > 0.0 ? std::log(sum) : 0.0;
      for (std::ptrdiff_t z = 0; z < nz; ++z) {
        double value = weights.union_information * (potential[i * nz + z] + 0.5 * w.h[z]);
        if (weight != 0.0 && sum > 0.0) {
          const double posterior =
              row[z] > 0.0 ? larger(std::log(row[z]) - log_sum, kFloor) : kFloor;
          value += weight * (posterior + w.h[z]);
        }
        of[i * nz + z] = w.seen[z] > 0.0 ? value : 0.0;
      }
    });
  };
  of_source(s.nx, xz, lam, weights.x, w.of_x);
  of_source(s.ny, yz, mu, weights.y, w.of_y);
}

// The gradient by v (rows, nz) from that by v / M, in place.
template <class Exec>
FASTPID_HD void before_dividing(const Exec& exec, std::ptrdiff_t rows, std::ptrdiff_t nz,
                                const double* v, double* out) {
  const auto total = [&](auto&& term) {
    return exec.sum(rows, [&](std::ptrdiff_t row) {
      double sum = 0.0;
      for (std::ptrdiff_t c = row * nz; c < (row + 1) * nz; ++c) sum += term(c);
      return sum;
    });
  };
  const double mass = total([&](std::ptrdiff_t c) { return v[c]; });
  const double mean = total([&](std::ptrdiff_t c) { return v[c] / mass * out[c]; });
  exec.for_each(rows * nz, [&](std::ptrdiff_t c) { out[c] = (out[c] - mean) / mass; });
}

// Where a gradient goes: by p, or by the marginals where they were given.
struct GradientOut {
  double *p = nullptr, *xz = nullptr, *yz = nullptr;

  // That of table i of a batch.
  FASTPID_HD GradientOut at(Shape s, std::ptrdiff_t i) const {
    if (p) return {p + i * s.cells(), nullptr, nullptr};
    return {nullptr, xz + i * s.xz(), yz + i * s.yz()};
  }
};

// The gradient by p (nx, ny, nz) from what source_gradients() left in w.
template <class Exec>
FASTPID_HD void table_gradient(const Exec& exec, Shape s, const double* p, double weight,
                               const GradientWork& w, double* out) {
  const std::ptrdiff_t nz = s.nz;
  const std::ptrdiff_t pairs = s.xy();
  const bool cells = weight != 0.0;
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
        const double value = weight * (larger(g[z] - log_sum, kFloor) + w.h[z]);
        g[z] = of_x[z] + of_y[z] + (w.seen[z] > 0.0 ? value : 0.0);
      }
    } else {
      for (std::ptrdiff_t z = 0; z < nz; ++z) g[z] = of_x[z] + of_y[z];
    }
  });
}

// From what is given of a table, its marginals xz and yz (divided by the total under `normalize`)
// and its potentials, as decompose gives them. weights.xy is for a table alone: marginals know
// nothing of I(X,Y;Z).
template <class Exec>
FASTPID_HD void gradient(const Exec& exec, const Given& given, bool normalize, const double* xz,
                         const double* yz, const double* lam, const double* mu,
                         const GradientWeights& weights, GradientWork w, const GradientOut& out) {
  const Shape s = given.shape;
  if (weights.zero()) {  // tables that are not probabilities among them: nothing else is read
    const auto clear = [&](std::ptrdiff_t cells, double* of) {
      exec.for_each(cells, [&](std::ptrdiff_t c) { of[c] = 0.0; });
    };
    if (given.p) {
      clear(s.cells(), out.p);
    } else {
      clear(s.xz(), out.xz);
      clear(s.yz(), out.yz);
    }
    return;
  }
  if (given.p) {
    source_gradients(exec, s, xz, yz, lam, mu, weights, w);
    table_gradient(exec, s, given.p, weights.xy, w, out.p);
    if (normalize) before_dividing(exec, s.xy(), s.nz, given.p, out.p);
    return;
  }
  w.of_x = out.xz;
  w.of_y = out.yz;
  source_gradients(exec, s, xz, yz, lam, mu, weights, w);
  if (!normalize) return;
  before_dividing(exec, s.nx, s.nz, given.xz, out.xz);
  before_dividing(exec, s.ny, s.nz, given.yz, out.yz);
}

}  // namespace fastpid
