// What the iterative methods have in common: how they are run, when they stop, and how they did.
//
// A method works on an iterate that starts as the proxy, for all problems of a pack at a time:
//
//     start()                   takes the iterate over
//     ready(n, running, last)   which of `running` are worth a certificate after n steps
//     certificate(which)        the bounds that the iterate proves; leaves that iterate in place
//     learn(n, which, gap, b)   is told the gaps that this gave, and the best ones before
//     hopeless()                which problems it gives up
//     step(running)             makes a step; returns which of `running` could
#pragma once

#include <cmath>

#include "certificate.hpp"
#include "proxy.hpp"
#include "views.hpp"

namespace fastpid {

// bracketed: bounds without iterations, from the closed-form proxy.
enum class Outcome { converged, max_iterations, stalled, interrupted, bracketed };

// The best that is certified of each problem so far: bounds, and the iterate that they are of.
template <class Real, class Iterate = BasicIterate<Real>>
struct BasicBest {
  BasicBounds<Real> bounds;
  Iterate iterate;
};

// How a problem was answered: bounds, and a Method, an Outcome and steps, in numbers.
template <class Real>
struct BasicFound {
  BasicBounds<Real> bounds;
  Real method = 0.0;
  Real outcome = static_cast<double>(Outcome::bracketed);
  Real iterations = 0.0;
};

// How a method ended: an Outcome of each problem, by its number, and the steps that it took.
template <class Real>
struct BasicEnd {
  Real outcome = 0.0;
  Real iterations = 0.0;
  MaskOf<Real> improved = false;  // whether the best is its own

  FASTPID_HD MaskOf<Real> is(Outcome which) const {
    const double number = static_cast<double>(which);
    return (outcome >= number) & (outcome <= number);
  }
};

// Runs a method on the problems in `open` until each has a gap of `tol`, has made max_iter steps,
// or is given up; `stop()` is asked once a step. Iterates closer than any before go to `best`.
template <class Exec, class Real, class Problem, class Iterate, class Method, class Stop>
FASTPID_HD BasicEnd<Real> run_method(const Exec& exec, const Problem& r, const Iterate& it,
                                     Method&& method, double tol, int max_iter, MaskOf<Real> open,
                                     BasicBest<Real, Iterate>& best, Stop&& stop) {
  using Mask = MaskOf<Real>;
  BasicEnd<Real> end;
  Real least = HUGE_VAL;  // gap of this run
  Mask running = open;
  const auto look = [&](int n, const Mask& which) {
    const BasicBounds<Real> now = method.certificate(which);
    method.learn(n, which, now.gap(), least);
    least = select(which & (now.gap() < least), now.gap(), least);
    const Mask better = which & (now.gap() < best.bounds.gap());
    best.bounds.lower = select(better, now.lower, best.bounds.lower);
    best.bounds.upper = select(better, now.upper, best.bounds.upper);
    end.improved = end.improved | better;
    if (any(better)) copy_iterate(exec, r, it, best.iterate, better);
  };
  method.start();
  for (int n = 0;; ++n) {
    const auto finish = [&](const Mask& which, Outcome outcome) {
      const Mask now = which & running;
      end.outcome = select(now, Real(static_cast<double>(outcome)), end.outcome);
      end.iterations = select(now, Real(static_cast<double>(n)), end.iterations);
      running = running & !now;
    };
    const bool last = n == max_iter;
    const Mask wanted = running & method.ready(n, running, last);
    if (any(wanted)) {
      look(n, wanted);
      finish(least <= tol, Outcome::converged);
    }
    if (last) finish(true, Outcome::max_iterations);
    if (any(running) && stop()) finish(true, Outcome::interrupted);
    finish(method.hopeless(), Outcome::stalled);
    if (!any(running)) return end;
    const Mask stuck = running & !method.step(running);
    if (exec.stopped()) finish(true, Outcome::interrupted);
    if (any(stuck & running)) {
      if (any(stuck & !wanted)) look(n, stuck & !wanted);
      finish(least <= tol, Outcome::converged);
      finish(stuck, Outcome::stalled);
      if (!any(running)) return end;
    }
  }
}

}  // namespace fastpid
