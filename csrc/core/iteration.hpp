// When an iterative method stops, and how it did.
#pragma once

namespace fastpid {

struct IterationOptions {
  double tol = 1e-9;  // nats
  int max_iter = 100;
};

enum class Outcome { converged, max_iterations, stalled, interrupted };

}  // namespace fastpid
