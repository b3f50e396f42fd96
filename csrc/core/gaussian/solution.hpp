// The solution of a union problem, in the coordinates of the covariance that it came from.
//
// In the white coordinates of the reduced channels the optimal coupling has Theta = sum s_i u_i
// v_i', the best estimator of R_0 z is M^-1 [l_x; l_y]', and its error has the inverse covariance
// M.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "channels.hpp"
#include "covariance.hpp"
#include "objective.hpp"

namespace fastpid::gaussian {

struct Solution {
  const Covariance& cov;
  const Triangle& x;
  const Triangle& y;
  const Pair& pair;
  const Point& point;
  bool swapped;  // the first of the pair is Y

  // `stack` and `diag` are R_0' as triangularise() left it.
  template <class Room>
  void write(Sizes sizes, const double* stack, const double* diag, Room& room, double* coupling,
             double* estimator, double* precision) const {
    const int m = sizes.m, n = sizes.n, d = sizes.d, rank = pair.d, sources = m + n;
    const auto numbers = [&](std::ptrdiff_t count) {
      return static_cast<double*>(room(static_cast<std::size_t>(count) * sizeof(double)));
    };
    double* r = numbers(std::ptrdiff_t{rank} * rank);  // R_0', row-major
    for (int i = 0; i < rank; ++i) {
      std::copy(stack + i * (rank + pair.rx + pair.ry), stack + i * (rank + pair.rx + pair.ry) + i,
                r + i * rank);
      r[i * rank + i] = diag[i];
    }
    double* wide = numbers(std::max(sources, d));  // a direction of a source, and its length
    double* shared_x = numbers(m);
    double* shared_y = numbers(n);
    double* target = numbers(rank);
    double* all = numbers(d);
    double* reflected = numbers(1);

    std::fill(coupling, coupling + std::ptrdiff_t{m} * n, 0.0);
    for (int k = 0; k < rank; ++k) {
      const double* signal_x = cov.x.signal + std::ptrdiff_t{k} * m;
      const double* signal_y = cov.y.signal + std::ptrdiff_t{k} * n;
      for (int i = 0; i < m; ++i) {
        add_multiple(n, signal_x[i], signal_y, coupling + std::ptrdiff_t{i} * n);
      }
    }
    std::fill(estimator, estimator + std::ptrdiff_t{d} * sources, 0.0);
    for (int i = 0; i < pair.ry; ++i) {
      for (const bool second : {false, true}) {
        if (!second && i >= pair.rx) continue;
        const bool is_x = second == swapped;
        const Triangle& triangle = is_x ? x : y;
        const Block& noise = is_x ? cov.x.noise : cov.y.noise;
        const int count = second ? pair.ry : pair.rx;
        const double* basis = (second ? point.b : point.a) + i * (rank + count) + rank;
        // Direction i among the white noises of the source.
        std::fill(wide, wide + noise.rank, 0.0);
        std::copy(basis, basis + count, wide);
        if (triangle.reduced) {
          multiply(triangle.h_t, rank, triangle.rows, triangle.tau, wide, 1, reflected);
        }
        noise.multiply(wide, is_x ? shared_x : shared_y);
        noise.solve_transposed(wide);
        // The estimator's column for it.
        const double* l = (second ? point.l_y : point.l_x) + i * rank;
        std::copy(l, l + rank, target);
        solve_lower(point.m, rank, target);
        solve_upper(point.m, rank, rank, target);
        solve_upper(r, rank, rank, target);
        cov.z.multiply(target, all);
        for (int k = 0; k < d; ++k) {
          double* row = estimator + std::ptrdiff_t{k} * sources + (is_x ? 0 : m);
          for (int j = 0; j < noise.rank; ++j) row[noise.order[j]] += all[k] * wide[j];
        }
      }
      if (i >= pair.rx) continue;
      for (int j = 0; j < m; ++j) {
        add_multiple(n, point.s[i] * shared_x[j], shared_y, coupling + std::ptrdiff_t{j} * n);
      }
    }

    // J' J, J = L' R_0 L_z^-1, L L' = M.
    std::fill(precision, precision + std::ptrdiff_t{d} * d, 0.0);
    for (int i = 0; i < rank; ++i) {
      for (int j = 0; j < rank; ++j) {
        double sum = 0.0;
        for (int k = i; k <= j; ++k) sum += point.m[k * rank + i] * r[j * rank + k];
        target[j] = sum;
      }
      cov.z.solve_transposed(target);
      for (int j = 0; j < rank; ++j) {
        for (int k = 0; k < rank; ++k) {
          precision[std::ptrdiff_t{cov.z.order[j]} * d + cov.z.order[k]] += target[j] * target[k];
        }
      }
    }

    const double* deviation_z = cov.deviations + sources;
    for (int i = 0; i < m; ++i) {
      for (int j = 0; j < n; ++j) {
        coupling[std::ptrdiff_t{i} * n + j] *= cov.deviations[i] * cov.deviations[m + j];
      }
    }
    for (int i = 0; i < d; ++i) {
      double* row = estimator + std::ptrdiff_t{i} * sources;
      for (int j = 0; j < sources; ++j) {
        if (cov.deviations[j] > 0.0) row[j] *= deviation_z[i] / cov.deviations[j];
      }
      for (int j = 0; j < d; ++j) {
        const double size = deviation_z[i] * deviation_z[j];
        if (size > 0.0) precision[std::ptrdiff_t{i} * d + j] /= size;
      }
    }
  }
};

}  // namespace fastpid::gaussian
