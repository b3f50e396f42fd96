// The strategy: which stage runs on a table, when it stops, and the one way in which all end.
#pragma once

#include "binary_target.hpp"
#include "certificate.hpp"
#include "interior_point.hpp"
#include "iteration.hpp"
#include "marginals.hpp"
#include "mirror_descent.hpp"
#include "presolve.hpp"
#include "proxy.hpp"
#include "views.hpp"

namespace fastpid {

enum class Method : int { automatic = 0, proxy = 1, gradient = 2, newton = 3, exact = 4 };

// The values of fastpid.Status, and two that Python turns into exceptions.
enum class Status : int {
  converged = 0,
  bracket = 1,
  max_iterations = 2,
  stalled = 3,
  invalid = 4,
  not_exact = 5,
  interrupted = 6,
};

struct Options {
  Method method = Method::automatic;
  double tol = 1e-9;      // nats
  int max_iter = 0;       // 0: the method's own limit
  bool coupling = false;  // the primal solution is wanted, which the binary closed form lacks
};

// The bracket of F, how it was found, and (in `full` and its certificate's shifts) the solution.
struct Answer {
  Bounds bounds;
  Method method = Method::automatic;
  Status status = Status::stalled;
  int iterations = 0;
  Iterate full;
  CertificateWork certificate;
};

constexpr int kNewtonSteps = 100;
constexpr int kGradientSteps = 5000;

// The interior point's dense system has the order nnz(b): beyond this its memory (0.5 GB) and its
// cube of a cost make mirror descent the better choice.
constexpr int kNewtonOrder = 8192;

// The inner solve aims a little below tol, for what the reductions leave out.
constexpr double kInnerShare = 0.95;

FASTPID_HD inline Method choose(const Options& options, const Reduced& r) {
  if (options.method == Method::newton || options.method == Method::gradient) return options.method;
  return r.b.size <= kNewtonOrder ? Method::newton : Method::gradient;
}

// Solves one union problem. `room(bytes)` returns a block of workspace that lives until the answer
// has been read; `stop()` says that the user wants out.
template <class Exec, class Room, class Stop>
Answer solve_union(const Exec& exec, const Marginals& m, const Options& options, Presolved& p,
                   Room&& room, Stop&& stop) {
  const bool closed_form = options.method == Method::automatic || options.method == Method::exact;
  Tolerances tolerances = Tolerances::of(options.tol, m.shape);
  // The binary closed form has no condition number to protect.
  if (closed_form && !options.coupling && target_symbols(exec, m) <= 2) {
    tolerances = Tolerances::of(1e-14, m.shape);
  }
  presolve(exec, m, tolerances, p);
  const Reduced& r = p.reduced;

  struct Plan {
    Iterate reduced, full;
    CertificateWork certificate;
    ProxyWork proxy;
    BinaryWork binary;
    double* peaks;
  };
  const auto lay_out = [&](Arena arena, Plan& plan) {
    plan.reduced = Iterate::take(arena, r);
    plan.full = Iterate::take(arena, p.full);
    plan.certificate = CertificateWork::take(arena, p.full);
    plan.proxy = ProxyWork::take(arena, r);
    plan.binary = BinaryWork::take(arena, r);
    plan.peaks = arena.take<double>(2 * static_cast<std::ptrdiff_t>(m.shape.nz));
    return arena.used();
  };
  Plan plan;
  lay_out(Arena(room(lay_out(Arena(), plan))), plan);

  Answer answer;
  answer.full = plan.full;
  answer.certificate = plan.certificate;
  answer.method = options.method;
  const Iterate& it = plan.reduced;
  const bool merged = r.a.count < p.full.a.count || r.b.count < p.full.b.count;
  const auto finish = [&](bool with_upper) {
    // Repaired before it is expanded: how much a symbol gives way in a repair depends on its mass,
    // and symbols that were merged have less of it each.
    if (merged) {
      lower_bound(exec, r, it, plan.certificate);
      apply_shifts(exec, r, plan.certificate, it);
    }
    expand(exec, p, it, plan.peaks, plan.full);
    answer.bounds.lower = lower_bound(exec, p.full, plan.full, plan.certificate);
    if (with_upper) {
      answer.bounds.upper =
          upper_bound(exec, p.full, plan.full, kEnoughShare * options.tol, plan.certificate);
    }
    if (answer.status == Status::stalled || answer.status == Status::converged) {
      answer.status = answer.bounds.gap() <= options.tol ? Status::converged : Status::stalled;
    }
  };

  if (closed_form && !options.coupling && r.a.target <= 2) {
    // The join is a coupling of the reduced marginals, which p's dominate.
    answer.method = Method::exact;
    const double value = binary_target(exec, r, plan.binary, it.log_a, it.log_b);
    exponentials(exec, r.a, it.log_a, it.exp_a);
    exponentials(exec, r.b, it.log_b, it.exp_b);
    exec.for_each(r.pairs(), [&](std::ptrdiff_t i) { it.s[i] = 0.0; });
    answer.bounds.upper = value;
    finish(false);
    return answer;
  }
  if (closed_form && forced(exec, r, plan.proxy, it)) {
    answer.method = Method::exact;
    finish(true);
    return answer;
  }
  if (options.method == Method::exact && !(options.coupling && r.a.target <= 2)) {
    answer.status = Status::not_exact;
    return answer;
  }
  proxy(exec, r, plan.proxy, it);
  if (options.method != Method::newton) {
    answer.method = options.method == Method::gradient ? Method::gradient : Method::proxy;
    finish(true);
    if (answer.status == Status::converged) return answer;
    answer.status = Status::bracket;
    if (options.method == Method::proxy) return answer;
    proxy(exec, r, plan.proxy, it);  // the same start, whether or not the bracket came first
  }

  answer.method = choose(options, r);
  IterationOptions iteration;
  iteration.tol = kInnerShare * options.tol;
  Bounds bounds;
  Outcome outcome;
  if (answer.method == Method::newton) {
    iteration.max_iter = options.max_iter > 0 ? options.max_iter : kNewtonSteps;
    Arena count;
    InteriorWork::take(count, r);
    Arena arena(room(count.used()));
    const InteriorWork work = InteriorWork::take(arena, r);
    outcome =
        InteriorPoint<Exec>(exec, r, work, it, iteration).run(bounds, answer.iterations, stop);
  } else {
    iteration.max_iter = options.max_iter > 0 ? options.max_iter : kGradientSteps;
    Arena count;
    CertificateWork::take(count, r);
    Arena arena(room(count.used()));
    const CertificateWork work = CertificateWork::take(arena, r);
    outcome =
        MirrorDescent<Exec>(exec, r, work, it, iteration).run(bounds, answer.iterations, stop);
  }
  answer.status = outcome == Outcome::max_iterations ? Status::max_iterations
                  : outcome == Outcome::interrupted  ? Status::interrupted
                                                     : Status::stalled;
  const Bounds proxy_bounds = answer.bounds;
  finish(true);
  answer.bounds.tighten(proxy_bounds);
  if (answer.status != Status::interrupted && answer.bounds.gap() <= options.tol) {
    answer.status = Status::converged;
  }
  return answer;
}

}  // namespace fastpid
