// One step of a loss that is made of the atoms of a table averaged over steps: the average, its
// solution and the gradient, of which the crossings from and to Python cost as much as they do.
#pragma once

#include "../core/gradient.hpp"
#include "../core/warm_start.hpp"
#include "batch.hpp"

namespace fastpid::cpu {

struct LossStep {
  Shape shape;
  const double* own;     // (nx, ny, nz): the sums of this step's table
  const double* before;  // those that the step before left; null: none
  double decay;          // what they count now
  Start start;           // the solution that it left
  double pays;           // up to this move of the table, as the sum over its cells
  GradientWeights weights;
  bool differentiate;
};

struct LossStepOut {
  double* sums;  // (nx, ny, nz), of which the normalised table is solved
  Results results;
  double *xz, *yz;
  Potentials<double> potentials;
  double* s;
  double* by_own;  // the gradient by the sums of this step's table, divided by their sum
};

// Returns false if interrupted.
bool loss_step(const LossStep& step, const BatchOptions& options, const LossStepOut& out);

}  // namespace fastpid::cpu
