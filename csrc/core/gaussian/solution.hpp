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

// Where a solution goes: Cov(X, Y) of the optimal coupling (m x n), the estimator of Z from X and Y
// (d x (m + n)) and the inverse covariance of its error (d x d).
struct SolutionParts {
  double* coupling = nullptr;
  double* estimator = nullptr;
  double* precision = nullptr;

  void fill(Sizes sizes, double value) const {
    const std::ptrdiff_t m = sizes.m, n = sizes.n, d = sizes.d;
    std::fill(coupling, coupling + m * n, value);
    std::fill(estimator, estimator + d * (m + n), value);
    std::fill(precision, precision + d * d, value);
  }
};

class Solution {
 public:
  // x and y are the channels that the pair is made of, Y first if `swapped`; `stack` and `diag` are
  // R_0' as triangularise() left it.
  template <class Room>
  Solution(Sizes sizes, const Covariance& cov, const Triangle& x, const Triangle& y, bool swapped,
           const Pair& pair, const Point& point, const double* stack, const double* diag,
           Room& room)
      : sizes_(sizes), cov_(cov), x_(x), y_(y), swapped_(swapped), pair_(pair), point_(point) {
    const int rank = pair.d, width = rank + pair.rx + pair.ry;
    const auto numbers = [&](std::ptrdiff_t count) {
      return static_cast<double*>(room(static_cast<std::size_t>(count) * sizeof(double)));
    };
    r_ = numbers(std::ptrdiff_t{rank} * rank);
    for (int i = 0; i < rank; ++i) {
      std::copy(stack + i * width, stack + i * width + i, r_ + i * rank);
      r_[i * rank + i] = diag[i];
    }
    wide_ = numbers(std::max(sizes.m, sizes.n));
    shared_x_ = numbers(sizes.m);
    shared_y_ = numbers(sizes.n);
    target_ = numbers(rank);
    all_ = numbers(sizes.d);
  }

  void write(const SolutionParts& out) {
    out.fill(sizes_, 0.0);
    // By the target alone: S_x S_y'.
    for (int k = 0; k < pair_.d; ++k) {
      const double* signal_x = cov_.x.signal + std::ptrdiff_t{k} * sizes_.m;
      add_product(signal_x, cov_.y.signal + std::ptrdiff_t{k} * sizes_.n, 1.0, out.coupling);
    }
    for (int i = 0; i < pair_.ry; ++i) {
      if (i < pair_.rx) direction(i, false, out.estimator);
      direction(i, true, out.estimator);
      if (i < pair_.rx) add_product(shared_x_, shared_y_, point_.s[i], out.coupling);
    }
    add_precision(out.precision);
    scale_back(out);
  }

 private:
  void add_product(const double* x, const double* y, double factor, double* coupling) const {
    for (int j = 0; j < sizes_.m; ++j) {
      add_multiple(sizes_.n, factor * x[j], y, coupling + std::ptrdiff_t{j} * sizes_.n);
    }
  }

  // Direction i of the first or the second of the pair, as noise of its source, which is left in
  // shared_x_ or shared_y_; and what the estimator makes of it.
  void direction(int i, bool second, double* estimator) {
    const bool is_x = second == swapped_;
    const Triangle& triangle = is_x ? x_ : y_;
    const Block& noise = is_x ? cov_.x.noise : cov_.y.noise;
    const int rank = pair_.d, count = second ? pair_.ry : pair_.rx;
    const double* basis = (second ? point_.b : point_.a) + i * (rank + count) + rank;
    std::fill(wide_, wide_ + noise.rank, 0.0);
    std::copy(basis, basis + count, wide_);
    if (triangle.reduced) {
      double product;
      multiply(triangle.h_t, rank, triangle.rows, triangle.tau, wide_, 1, &product);
    }
    noise.multiply(wide_, is_x ? shared_x_ : shared_y_);
    noise.solve_transposed(wide_);

    const double* l = (second ? point_.l_y : point_.l_x) + i * rank;
    std::copy(l, l + rank, target_);
    solve_lower(point_.m, rank, target_);
    solve_upper(point_.m, rank, rank, target_);
    solve_upper(r_, rank, rank, target_);
    cov_.z.multiply(target_, all_);
    for (int k = 0; k < sizes_.d; ++k) {
      double* row = estimator + std::ptrdiff_t{k} * (sizes_.m + sizes_.n) + (is_x ? 0 : sizes_.m);
      for (int j = 0; j < noise.rank; ++j) row[noise.order[j]] += all_[k] * wide_[j];
    }
  }

  // J' J, J = L' R_0 L_z^-1, L L' = M.
  void add_precision(double* precision) const {
    const int rank = pair_.d;
    for (int i = 0; i < rank; ++i) {
      for (int j = 0; j < rank; ++j) {
        double sum = 0.0;
        for (int k = i; k <= j; ++k) sum += point_.m[k * rank + i] * r_[j * rank + k];
        target_[j] = sum;
      }
      cov_.z.solve_transposed(target_);
      for (int j = 0; j < rank; ++j) {
        double* row = precision + std::ptrdiff_t{cov_.z.order[j]} * sizes_.d;
        for (int k = 0; k < rank; ++k) row[cov_.z.order[k]] += target_[j] * target_[k];
      }
    }
  }

  // From correlations to covariances. Constants keep their zeros.
  void scale_back(const SolutionParts& out) const {
    const int m = sizes_.m, n = sizes_.n, d = sizes_.d, sources = m + n;
    const double *of_x = cov_.deviations, *of_y = of_x + m, *of_z = of_y + n;
    for (int i = 0; i < m; ++i) {
      for (int j = 0; j < n; ++j) out.coupling[std::ptrdiff_t{i} * n + j] *= of_x[i] * of_y[j];
    }
    for (int i = 0; i < d; ++i) {
      for (int j = 0; j < sources; ++j) {
        if (of_x[j] > 0.0) out.estimator[std::ptrdiff_t{i} * sources + j] *= of_z[i] / of_x[j];
      }
      for (int j = 0; j < d; ++j) {
        const double size = of_z[i] * of_z[j];
        if (size > 0.0) out.precision[std::ptrdiff_t{i} * d + j] /= size;
      }
    }
  }

  const Sizes sizes_;
  const Covariance& cov_;
  const Triangle& x_;
  const Triangle& y_;
  const bool swapped_;
  const Pair& pair_;
  const Point& point_;
  double* r_ = nullptr;     // R_0', row-major
  double* wide_ = nullptr;  // a direction among the white noises of a source
  double* shared_x_ = nullptr;
  double* shared_y_ = nullptr;
  double* target_ = nullptr;
  double* all_ = nullptr;  // of the target's variables
};

}  // namespace fastpid::gaussian
