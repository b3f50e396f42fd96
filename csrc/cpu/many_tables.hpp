// Batches of tables of several sources, decomposed: the union information of sets of sources, all
// in one call. Knows nothing of Python.
#pragma once

#include <cstdint>
#include <vector>

#include "batch.hpp"

namespace fastpid::cpu {

// `count` tables, C-contiguous, of symbols[0] x .. x target cells; and sets of sources, each in
// rising order, the smaller sets first and that of all sources last.
struct ManyTables {
  std::ptrdiff_t count = 0;
  int target = 0;
  std::vector<int> symbols;
  std::vector<std::vector<int>> subsets;
  const double* p = nullptr;
};

// What the kernel of two sources finds of a set of two: results, and the pairwise marginals.
struct PairResults {
  Results results;
  double *xz, *yz;
};

// Where the answers go, nats. Those of tables that are no distributions are NaN, and invalid.
struct ManyResults {
  double* joint = nullptr;  // count: I(all; Z)
  // Subsets x count.
  double *lower = nullptr, *upper = nullptr;
  std::int32_t *iterations = nullptr, *status = nullptr, *method = nullptr;
  std::vector<PairResults> pairs;  // of the sets of two, in their order
};

// Returns false if interrupted.
bool decompose_many(const ManyTables& tables, const BatchOptions& options,
                    const ManyResults& results);

}  // namespace fastpid::cpu
