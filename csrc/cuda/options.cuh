// What the face says of a solve, in the core's words.
#pragma once

#include "../core/options.hpp"
#include "fastpid_cuda.h"

namespace fastpid::cuda {

inline Options solve_options(const fastpid_cuda_options& options) {
  Options solve;
  solve.method = static_cast<Method>(options.method);
  solve.tol = options.tol;
  solve.max_iter = options.max_iter;
  return solve;
}

}  // namespace fastpid::cuda
