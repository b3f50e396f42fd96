// Batches of covariances on the CPU, spread over threads. Knows nothing of Python.
#pragma once

#include <cstddef>

#include "../core/gaussian/solution.hpp"
#include "batch.hpp"

namespace fastpid::cpu {

// Decomposes `count` covariances of X, Y and Z, C-contiguous, m + n + d rows each. `solutions` are
// null if only bounds are wanted, and otherwise where those of all go, one after the other. Returns
// false if interrupted.
bool solve_gaussian(const double* cov, std::ptrdiff_t count, gaussian::Sizes sizes,
                    const BatchOptions& options, const Results& results,
                    const gaussian::SolutionParts& solutions);

}  // namespace fastpid::cpu
