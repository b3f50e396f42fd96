// When an iterative method stops, and how it did.
#pragma once

#include <cmath>

namespace fastpid {

struct IterationOptions {
  double tol = 1e-9;  // nats
  int max_iter = 100;
  double worthwhile = HUGE_VAL;  // gives up (stalled) when more steps than this are to be expected
  bool cautious = false;         // the interior point keeps to its central path all the way
};

// bracketed: bounds without iterations, from the closed-form proxy.
enum class Outcome { converged, max_iterations, stalled, interrupted, bracketed };

}  // namespace fastpid
