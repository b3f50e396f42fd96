// Problems of several sources, and their solution by one thread of the CPU.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "../core/many/union_information.hpp"

namespace fastpid::many::testing {

inline std::vector<double> random_table(const std::vector<int>& symbols, int nz, double shape,
                                        unsigned seed) {
  std::size_t cells = static_cast<std::size_t>(nz);
  for (const int k : symbols) cells *= static_cast<std::size_t>(k);
  std::mt19937 rng(seed);
  std::gamma_distribution<double> draw(shape);
  std::vector<double> p(cells);
  for (double& v : p) v = draw(rng);
  return p;
}

// The marginals of a table of several sources.
struct Given {
  std::vector<int> symbols;
  int target;
  std::vector<std::ptrdiff_t> first{0};
  std::vector<double> a;

  // Cells drawn from a gamma distribution of this shape.
  Given(const std::vector<int>& n, int nz, double shape, unsigned seed)
      : Given(n, nz, random_table(n, nz, shape, seed)) {}

  // Of a table, which need not add up to one.
  Given(const std::vector<int>& n, int nz, const std::vector<double>& p) : symbols(n), target(nz) {
    double total = 0.0;
    for (const double v : p) total += v;
    for (const int k : symbols) first.push_back(first.back() + static_cast<std::ptrdiff_t>(k) * nz);
    a.assign(static_cast<std::size_t>(first.back()), 0.0);
    for (std::size_t c = 0; c < p.size(); ++c) {
      const std::size_t z = c % static_cast<std::size_t>(nz);
      std::size_t rest = c / static_cast<std::size_t>(nz);
      for (std::size_t i = symbols.size(); i-- > 0;) {
        const std::size_t x = rest % static_cast<std::size_t>(symbols[i]);
        rest /= static_cast<std::size_t>(symbols[i]);
        a[static_cast<std::size_t>(first[i]) + x * static_cast<std::size_t>(nz) + z] +=
            p[c] / total;
      }
    }
  }

  many::Sources sources() const {
    return {static_cast<int>(symbols.size()), target, symbols.data(), first.data()};
  }
};

struct Solved {
  many::Answer answer;
  std::vector<double> mi, potentials;
};

// The coupling, tuples x target, is formed where it is asked for, after an iterative method.
Solved solve(const Given& given, Method method, double tol,
             std::vector<double>* coupling = nullptr);

// The largest sum_z exp(sum_i potentials_i) by visiting every tuple.
inline double largest_by_tuples(const Given& given, const std::vector<double>& potentials) {
  const many::Sources sources = given.sources();
  many::Odometer at(sources);
  double most = 0.0;
  const auto tuples = static_cast<std::ptrdiff_t>(sources.tuples());
  for (std::ptrdiff_t t = 0; t < tuples; ++t) {
    double sum = 0.0;
    for (int z = 0; z < given.target; ++z) {
      double log = 0.0;
      for (int i = 0; i < sources.count; ++i) {
        log += potentials[static_cast<std::size_t>(at.row(i) + z)];
      }
      sum += std::exp(log);
    }
    if (std::isnan(sum)) return sum;
    most = std::max(most, sum);
    if (t + 1 < tuples) at.next();
  }
  return most;
}

// Sources after the first become the first one, each mass off by `error` of itself.
inline void make_nearly_equal(Given& given, double error, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> draw;
  const std::ptrdiff_t size = given.first[1], target = given.target;
  for (std::size_t source = 1; source < given.symbols.size(); ++source) {
    std::vector<double> moved(static_cast<std::size_t>(target)), before = moved;
    double* own = given.a.data() + given.first[source];
    for (std::ptrdiff_t c = 0; c < size; ++c) {
      const double mass = given.a[static_cast<std::size_t>(c)];
      own[c] = mass * (1.0 + error * draw(rng));
      moved[static_cast<std::size_t>(c % target)] += own[c];
      before[static_cast<std::size_t>(c % target)] += mass;
    }
    for (std::ptrdiff_t c = 0; c < size; ++c) {
      const auto z = static_cast<std::size_t>(c % target);
      own[c] *= before[z] / moved[z];
    }
  }
}

}  // namespace fastpid::many::testing
