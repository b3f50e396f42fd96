// What is asked of a problem, and the numbers and words that Python shares.
#pragma once

namespace fastpid {

enum class Method : int { automatic = 0, proxy = 1, gradient = 2, newton = 3, exact = 4 };

// By their numbers, and so Python's words for them.
constexpr const char* kMethodNames[] = {"auto", "proxy", "gradient", "newton", "exact"};

// The values of fastpid.Status, and three that Python turns into exceptions.
enum class Status : int {
  converged = 0,
  bracket = 1,
  max_iterations = 2,
  stalled = 3,
  invalid = 4,
  not_exact = 5,
  interrupted = 6,
  too_many_tuples = 7,
};

constexpr const char* kStatusNames[] = {"converged", "bracket", "max_iterations", "stalled",
                                        "invalid"};

struct Options {
  Method method = Method::automatic;
  double tol = 1e-9;      // nats
  int max_iter = 0;       // 0: the method's own limit
  bool solution = false;  // potentials are wanted, not only bounds
  bool coupling = false;  // the primal solution is wanted, too
};

}  // namespace fastpid
