// One step of a loss that is made of the atoms of a table averaged over steps: the average, its
// solution and the gradient, of which the crossings from and to Python cost as much as they do.
#pragma once

#include "../core/gradient.hpp"
#include "../core/warm_start.hpp"
#include "batch.hpp"

namespace fastpid::cpu {

// What a step finds and the next one begins with, in one array: the sums of the tables so far (nx,
// ny, nz), the solution of the normalised one and its marginals, terms and codes as in Results.
template <class Number>
struct LossState {
  Number *sums, *lam, *mu, *s, *xz, *yz, *terms, *codes;

  LossState(Shape shape, Number* at) {
    const auto take = [&](Number*& part, std::ptrdiff_t size) {
      part = at;
      at += size;
    };
    take(sums, shape.cells());
    take(lam, shape.xz());
    take(mu, shape.yz());
    take(s, shape.xy());
    take(xz, shape.xz());
    take(yz, shape.yz());
    take(terms, Results::kTerms);
    take(codes, Results::kCodes);
  }
  static std::ptrdiff_t size(Shape shape) {
    return shape.cells() + 2 * shape.xz() + 2 * shape.yz() + shape.xy() + Results::kTerms +
           Results::kCodes;
  }
};

struct LossStep {
  Shape shape;
  const double* own;     // (nx, ny, nz): the sums of this step's table
  const double* before;  // the LossState that the step before left; null: none
  double decay;          // what its sums count now
  double pays;           // up to this move of the table, as the sum over its cells, it is a start
  GradientWeights weights;
  bool differentiate;
  BatchOptions options;
};

// `state` receives a LossState, and by_own the gradient by the sums of this step's table, divided
// by their sum. Returns false if interrupted.
bool loss_step(const LossStep& step, double* state, double* by_own);

// The value that a LossState holds, in the unit of the weights.
double loss_value(const LossStep& step, const double* state);

}  // namespace fastpid::cpu
