// Batches of union problems of several sources, spread over threads. Knows nothing of Python.
#pragma once

#include <cstdint>
#include <vector>

#include "batch.hpp"

namespace fastpid::cpu {

// Marginals of `count` problems, those of source i being (count, symbols[i], target), C-contiguous,
// valid, and with one p(z) a problem.
struct UnionProblems {
  std::ptrdiff_t count = 0;
  int target = 0;
  std::vector<int> symbols;
  std::vector<const double*> marginals;
};

// Where their answers go, one entry a problem; nats.
struct UnionResults {
  double* mi = nullptr;  // sources x count
  double* lower = nullptr;
  double* upper = nullptr;
  std::int32_t* iterations = nullptr;
  std::int32_t* status = nullptr;
  std::int32_t* method = nullptr;
  std::vector<double*> potentials;  // of the marginals' shapes, or none
  double* coupling = nullptr;       // count x tuples x target, or null
};

// Returns false if interrupted.
bool union_information(const UnionProblems& problems, const BatchOptions& options,
                       const UnionResults& results);

}  // namespace fastpid::cpu
