// Random tables, the same on every platform for the same seed.
#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "../core/views.hpp"

namespace fastpid::testing {

using Rng = std::mt19937_64;

// In (0, 1).
inline double uniform(Rng& rng) { return (static_cast<double>(rng() >> 11) + 0.5) * 0x1p-53; }

inline double uniform(Rng& rng, double low, double high) {
  return low + (high - low) * uniform(rng);
}

inline int below(Rng& rng, int n) {
  return static_cast<int>(rng() % static_cast<std::uint64_t>(n));
}

struct Table {
  Shape shape;
  std::vector<double> p;

  explicit Table(Shape s) : shape(s), p(static_cast<std::size_t>(s.nx) * s.ny * s.nz) {}

  double& at(int x, int y, int z) {
    return p[(static_cast<std::size_t>(x) * shape.ny + y) * shape.nz + z];
  }
  double at(int x, int y, int z) const { return const_cast<Table&>(*this).at(x, y, z); }

  Table& normalize() {
    double sum = 0.0;
    for (const double value : p) sum += value;
    for (double& value : p) value /= sum;
    return *this;
  }
};

// Every cell positive, of comparable size.
inline Table dense(Rng& rng, Shape s) {
  Table t(s);
  for (double& value : t.p) value = -std::log(uniform(rng));
  return t.normalize();
}

// Cells over many orders of magnitude: u^(1 / alpha) is what a Dirichlet looks like near zero.
inline Table spiky(Rng& rng, Shape s, double alpha) {
  Table t(s);
  for (double& value : t.p) value = -std::log(uniform(rng)) * std::pow(uniform(rng), 1.0 / alpha);
  return t.normalize();
}

// Relative frequencies of `samples` draws: many cells and some symbols are empty.
inline Table empirical(Rng& rng, Shape s, int samples) {
  Table t(s);
  for (int n = 0; n < samples; ++n) {
    t.p[static_cast<std::size_t>(below(rng, static_cast<int>(t.p.size())))] += 1.0;
  }
  return t.normalize();
}

// Z a random function of (X, Y), but for `noise`.
inline Table near_deterministic(Rng& rng, Shape s, double noise) {
  Table t(s);
  for (int x = 0; x < s.nx; ++x) {
    for (int y = 0; y < s.ny; ++y) {
      const double mass = uniform(rng);
      const int kept = below(rng, s.nz);
      for (int z = 0; z < s.nz; ++z) {
        t.at(x, y, z) = mass * (z == kept ? 1.0 : noise * uniform(rng));
      }
    }
  }
  return t.normalize();
}

// A random subset of cells with comparable mass, and `noise` everywhere.
inline Table noisy(Rng& rng, Shape s, double noise) {
  Table t(s);
  t.at(0, 0, 0) = 1.0;
  for (double& value : t.p) {
    if (uniform(rng) < 0.3) value += uniform(rng);
    value += noise * uniform(rng);
  }
  return t.normalize();
}

// One table of each family.
inline std::vector<Table> families(Rng& rng, Shape s) {
  const int cells = s.nx * s.ny * s.nz;
  return {dense(rng, s),
          spiky(rng, s, 1.0),
          spiky(rng, s, 0.2),
          spiky(rng, s, 0.05),
          empirical(rng, s, 1 + cells / 8),
          empirical(rng, s, 3 * cells),
          near_deterministic(rng, s, 0.0),
          near_deterministic(rng, s, 1e-3),
          near_deterministic(rng, s, 1e-9),
          noisy(rng, s, 1e-12),
          noisy(rng, s, 1e-6)};
}

inline const std::vector<Shape>& small_shapes() {
  static const std::vector<Shape> shapes = {{2, 2, 2}, {1, 4, 3}, {5, 1, 3}, {3, 3, 1},
                                            {2, 6, 3}, {6, 2, 4}, {4, 5, 6}};
  return shapes;
}

}  // namespace fastpid::testing
