// What is reported of a table: from the bounds on F to the bracket of the union information
// I_union = H(Z) + F.
#pragma once

#include <initializer_list>

#include "decompose.hpp"
#include "marginals.hpp"
#include "numerics.hpp"
#include "results.hpp"

namespace fastpid {

// The bounds, and the inequalities max(I(X;Z), I(Y;Z)) <= I_union <= min(I(X;Z) + I(Y;Z),
// I(X,Y;Z)); these alone where the bounds contradict them, or one another, by more than rounding.
FASTPID_HD inline Bounds bracket(const Bounds& f, const KnownTerms& known, double rounding) {
  Bounds out;
  const double least = larger(known.mi_x, known.mi_y);
  const double most = smaller(known.mi_x + known.mi_y, known.mi_xy);  // the first, if that is NaN
  out.lower = larger(known.h_z + f.lower, least);
  out.upper = smaller(known.h_z + f.upper, most);
  if (!out.consistent(rounding)) {
    out.lower = least;
    out.upper = most;
  }
  // Rounding may cross bounds that meet; both stay inside the inequalities, which hold exactly.
  if (out.lower > out.upper) {
    const double lower = larger(out.upper, least);
    out.upper = smaller(out.lower, most);
    out.lower = smaller(lower, out.upper);
  }
  return out;
}

// `rounding` is by how much it alone may let the bounds cross.
FASTPID_HD inline void write_answer(const Results& results, std::ptrdiff_t i, double rounding,
                                    const KnownTerms& known, const Answer& answer, double tol) {
  const Bounds bounds = bracket(answer.bounds, known, rounding);
  Status status = answer.status;
  if (status != Status::not_exact && status != Status::interrupted) {
    if (bounds.gap() <= tol) {
      status = Status::converged;
    } else if (status == Status::converged) {  // by bounds that were dropped
      status = Status::stalled;
    }
  }
  results.mi_x[i] = known.mi_x;
  results.mi_y[i] = known.mi_y;
  results.mi_xy[i] = known.mi_xy;
  results.lower[i] = bounds.lower;
  results.upper[i] = bounds.upper;
  results.iterations[i] = answer.iterations;
  results.status[i] = static_cast<int>(status);
  results.method[i] = static_cast<int>(answer.method);
}

// For what is no table of probabilities, or no covariance.
FASTPID_HD inline void write_invalid(const Results& results, std::ptrdiff_t i, Method method) {
  for (double* out : {results.mi_x, results.mi_y, results.mi_xy, results.lower, results.upper}) {
    out[i] = NAN;
  }
  results.iterations[i] = 0;
  results.status[i] = static_cast<int>(Status::invalid);
  results.method[i] = static_cast<int>(method);
}

}  // namespace fastpid
