// The strategy: which stage runs on a table, when it stops, and the one way in which all end.
#pragma once

#include <type_traits>

#include "binary_target.hpp"
#include "certificate.hpp"
#include "interior_point.hpp"
#include "iteration.hpp"
#include "marginals.hpp"
#include "mirror_descent.hpp"
#include "options.hpp"
#include "presolve.hpp"
#include "proxy.hpp"
#include "strategy.hpp"
#include "views.hpp"

namespace fastpid {

// The bracket of F, and how it was found.
struct Answer {
  Bounds bounds;
  Method method = Method::automatic;
  Status status = Status::stalled;
  int iterations = 0;
};

constexpr int kNewtonSteps = 100;
constexpr int kGradientSteps = 5000;
constexpr double kSharedDescent = 2e5;

// The inner solve aims a little below tol, for what the reductions leave out.
constexpr double kInnerShare = 0.95;

// What a task keeps beside the reductions; the full problem's iterate only if they changed it.
struct TaskWork {
  Iterate it, full;
  CertificateWork certificate;
  ProxyWork proxy;
  BinaryWork binary;
  double* peaks = nullptr;

  FASTPID_HD static TaskWork take(Arena& arena, const Reduced& reduced, const Reduced& full,
                                  bool whole, int target) {
    TaskWork w;
    w.it = Iterate::take(arena, reduced);
    if (!whole) w.full = Iterate::take(arena, full);
    w.certificate = CertificateWork::take(arena, full);
    w.proxy = ProxyWork::take(arena, reduced);
    w.binary = BinaryWork::take(arena, reduced);
    w.peaks = arena.take<double>(2 * static_cast<std::ptrdiff_t>(target));
    return w;
  }
};

// One union problem on its way to an answer: begin(), then, unless that answered, iterate() or
// somebody else's iterations and conclude(). `room(bytes)` returns workspace that lives as long as
// the task does.
template <class Exec>
class Task {
 public:
  template <class Room>
  FASTPID_HD Task(const Exec& exec, const Marginals& m, const Options& options, Room&& room)
      : exec_(exec), m_(m), options_(options) {
    Arena count;
    Presolved::take(count, m.shape);
    Arena arena(room(count.used()));
    p_ = Presolved::take(arena, m.shape);
    answer_.method = options.method;
  }

  // Presolves, and answers where there is a closed form (or should have been one).
  template <class Room>
  FASTPID_HD bool begin(Room&& room) {
    const bool closed_form =
        options_.method == Method::automatic || options_.method == Method::exact;
    const bool binary = closed_form && !options_.coupling;
    Tolerances tolerances = Tolerances::of(options_.tol, m_.shape);
    // The binary closed form has no condition number to protect.
    if (binary && target_symbols(exec_, m_) <= 2) {
      tolerances = Tolerances::of(1e-14, m_.shape);
      tolerances.same = -1.0;
    }
    presolve(exec_, m_, tolerances, p_);
    lay_out(room);
    if (binary && p_.reduced.a.target <= 2) {
      solve_binary();
      return true;
    }
    if (closed_form && forced(exec_, p_.reduced, w_.proxy, w_.it)) {
      finish(Method::exact, nullptr);
      return true;
    }
    if (options_.method == Method::exact && !(options_.coupling && p_.reduced.a.target <= 2)) {
      answer_.status = Status::not_exact;
      return true;
    }
    return false;
  }

  // Solves what begin() left. `stop()` says that the user wants out.
  template <class Room, class Stop>
  FASTPID_HD void iterate(Room&& room, Stop&& stop) {
    const Reduced& r = p_.reduced;
    if (options_.method != Method::newton) {
      proxy(exec_, r, w_.proxy, w_.it);
      const Bounds now = certify(exec_, r, w_.it, kEnoughShare * options_.tol, w_.certificate);
      const bool enough = now.gap() <= kInnerShare * options_.tol;
      if (enough || options_.method == Method::proxy) {
        conclude(options_.method == Method::gradient && enough ? Method::gradient : Method::proxy,
                 now, Outcome::bracketed, 0);
        return;
      }
    }
    if (options_.method != Method::newton && descend(room, stop)) return;
    proxy(exec_, r, w_.proxy, w_.it);  // the same start, whether or not the gradient came first
    IterationOptions iteration;
    iteration.tol = kInnerShare * options_.tol;
    iteration.max_iter = newton_steps();
    Arena count;
    InteriorWork::take(count, r);
    Arena arena(room(count.used()));
    const InteriorWork work = InteriorWork::take(arena, r);
    const auto result = InteriorPoint<Exec>(exec_, r, work, w_.it, iteration).run(stop);
    conclude(Method::newton, result.bounds, static_cast<Outcome>(static_cast<int>(result.outcome)),
             static_cast<int>(result.iterations));
  }

  FASTPID_HD int newton_steps() const {
    return options_.max_iter > 0 ? options_.max_iter : kNewtonSteps;
  }

  // Takes the result of an iterative method on reduced(): bounds, and the iterate that they belong
  // to in iterate().
  FASTPID_HD void conclude(Method method, const Bounds& bounds, Outcome outcome, int iterations) {
    answer_.iterations = iterations;
    answer_.status = outcome == Outcome::max_iterations ? Status::max_iterations
                     : outcome == Outcome::interrupted  ? Status::interrupted
                     : outcome == Outcome::bracketed    ? Status::bracket
                                                        : Status::stalled;
    finish(method, &bounds);
  }

  // Whether the reductions changed nothing: bounds of the reduced problem are those of the full.
  FASTPID_HD bool whole() const {
    const Reduced &r = p_.reduced, &full = p_.full;
    return r.a.size == full.a.size && r.b.size == full.b.size && r.a.count == full.a.count &&
           r.b.count == full.b.count && r.a.target == full.a.target;
  }

  // Whether conclude() needs the iterate, and not only its bounds.
  FASTPID_HD bool needs_iterate() const { return options_.solution || !whole(); }

  FASTPID_HD const Options& options() const { return options_; }
  FASTPID_HD const Reduced& reduced() const { return p_.reduced; }
  FASTPID_HD const Iterate& iterate() const { return w_.it; }
  FASTPID_HD const Answer& answer() const { return answer_; }

  // With options.solution, once answered: the solution on presolved().full. Its potentials less the
  // certificate's shifts are dual feasible; its S times the certificate's factors is dominated by
  // the marginals (not in the binary closed form, which has no S).
  FASTPID_HD const Presolved& presolved() const { return p_; }
  FASTPID_HD const Iterate& solution() const { return whole() ? w_.it : w_.full; }
  FASTPID_HD const CertificateWork& certificate() const { return w_.certificate; }

 private:
  template <class Room>
  FASTPID_HD void lay_out(Room&& room) {
    Arena count;
    TaskWork::take(count, p_.reduced, p_.full, whole(), m_.shape.nz);
    Arena arena(room(count.used()));
    w_ = TaskWork::take(arena, p_.reduced, p_.full, whole(), m_.shape.nz);
  }

  // Mirror descent; false if the interior point is to take over.
  template <class Room, class Stop>
  FASTPID_HD bool descend(Room&& room, Stop&& stop) {
    const Reduced& r = p_.reduced;
    IterationOptions iteration;
    iteration.tol = kInnerShare * options_.tol;
    iteration.max_iter = options_.max_iter > 0 ? options_.max_iter : kGradientSteps;
    const bool alone = options_.method == Method::gradient;
    if (!alone) iteration.worthwhile = worthwhile_gradient_steps(r);
    Arena count;
    MirrorWork::take(count, r);
    Arena arena(room(count.used()));
    const MirrorWork work = MirrorWork::take(arena, r);
    Bounds bounds;
    int iterations = 0;
    const auto run = [&](const auto& exec) {
      using Alone = std::decay_t<decltype(exec)>;
      return MirrorDescent<Alone>(exec, r, work, w_.it, iteration).run(bounds, iterations, stop);
    };
    // Steps of some microseconds are too short to be shared.
    const bool share = static_cast<double>(r.pairs()) * r.a.target >= kSharedDescent;
    const Outcome outcome = share ? run(exec_) : run(exec_.brief());
    const bool gave_up = outcome == Outcome::stalled || outcome == Outcome::max_iterations;
    if (gave_up && !alone && r.b.size <= kNewtonOrder) return false;
    conclude(Method::gradient, bounds, outcome, iterations);
    return true;
  }

  FASTPID_STAGE void solve_binary() {
    const Reduced& r = p_.reduced;
    // The join is a coupling of the reduced marginals, which p's dominate.
    answer_.bounds.upper = binary_target(exec_, r, w_.binary, w_.it.log_a, w_.it.log_b);
    exponentials(exec_, r.a, w_.it.log_a, w_.it.exp_a);
    exponentials(exec_, r.b, w_.it.log_b, w_.it.exp_b);
    reach_full(false);
    answer_.bounds.lower = feasible_bound(exec_, p_.full, solution(), w_.certificate);
    answer_.method = Method::exact;
    settle();
  }

  // The answer from the iterate, whose bounds on the reduced problem may be known.
  FASTPID_STAGE void finish(Method method, const Bounds* known) {
    answer_.method = method;
    if (needs_iterate() || !known) {
      reach_full(true);
      answer_.bounds =
          certify(exec_, p_.full, solution(), kEnoughShare * options_.tol, w_.certificate);
    }
    if (known && whole()) answer_.bounds = *known;
    settle();
  }

  // Takes the iterate to the full problem; its potentials alone, unless `primal`.
  FASTPID_HD void reach_full(bool primal) {
    if (whole()) return;
    const Reduced& r = p_.reduced;
    // Repaired before it is expanded: how much a symbol gives way in a repair depends on its mass,
    // and symbols that were merged have less of it each.
    if (r.a.count < p_.full.a.count || r.b.count < p_.full.b.count) {
      lower_bound(exec_, r, w_.it, kSlackShare * kEnoughShare * options_.tol, w_.certificate);
      apply_shifts(exec_, r, w_.certificate, primal, w_.it);
    }
    expand(exec_, p_, w_.it, w_.peaks, primal, w_.full);
  }

  FASTPID_HD void settle() {
    if (answer_.status != Status::interrupted && answer_.bounds.gap() <= options_.tol) {
      answer_.status = Status::converged;
    }
  }

  const Exec& exec_;
  const Marginals m_;
  const Options options_;
  Presolved p_;
  Answer answer_;
  TaskWork w_;
};

}  // namespace fastpid
