// Batches of covariances on the CPU, spread over threads. Knows nothing of Python.
#pragma once

#include <cstddef>

#include "../core/gaussian/covariance.hpp"
#include "batch.hpp"

namespace fastpid::cpu {

// Where solutions go, of a covariance each: Cov(X, Y) of the optimal coupling (m x n), the
// estimator of Z from X and Y (d x (m + n)) and the inverse covariance of its error (d x d). All
// are null if only bounds are wanted.
struct GaussianSolutions {
  double* coupling = nullptr;
  double* estimator = nullptr;
  double* precision = nullptr;
};

// Decomposes `count` covariances of X, Y and Z, C-contiguous, m + n + d rows each. Returns false if
// interrupted.
bool solve_gaussian(const double* cov, std::ptrdiff_t count, gaussian::Sizes sizes,
                    const BatchOptions& options, const Results& results,
                    const GaussianSolutions& solutions);

}  // namespace fastpid::cpu
