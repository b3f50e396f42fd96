// One union problem from marginals to an answer: presolve, closed form or strategy, and the one way
// in which all end.
#pragma once

#include "binary_coupling.hpp"
#include "binary_target.hpp"
#include "certificate.hpp"
#include "marginals.hpp"
#include "options.hpp"
#include "presolve.hpp"
#include "proxy.hpp"
#include "strategy.hpp"
#include "tuning.hpp"
#include "views.hpp"
#include "warm_start.hpp"

namespace fastpid {

// The bracket of F, and how it was found.
struct Answer {
  Bounds bounds;
  Method method = Method::automatic;
  Status status = Status::stalled;
  int iterations = 0;
};

// What a task keeps beside the reductions; the full problem's iterate only if they changed it.
struct TaskWork {
  Iterate it, full;
  CertificateWork certificate;
  ProxyWork proxy;
  BinaryWork binary;
  BinaryCouplingWork join;
  double* peaks = nullptr;

  FASTPID_HD static TaskWork take(Arena& arena, const Reduced& reduced, const Reduced& full,
                                  bool whole, int target, bool coupling) {
    TaskWork w;
    w.it = Iterate::take(arena, reduced);
    if (!whole) w.full = Iterate::take(arena, full);
    w.certificate = CertificateWork::take(arena, full);
    w.proxy = ProxyWork::take(arena, reduced);
    w.binary = BinaryWork::take(arena, reduced);
    if (coupling) w.join = BinaryCouplingWork::take(arena, reduced);
    w.peaks = arena.take<double>(2 * static_cast<std::ptrdiff_t>(target));
    return w;
  }
};

// A problem on its way to an answer: begin(), then, unless that answered, iterate() or a strategy
// that is run elsewhere, and conclude(). `room(bytes)` returns workspace that lives as long as the
// task does.
template <class Exec>
class Task {
 public:
  template <class Room>
  FASTPID_HD Task(const Exec& exec, const Marginals& m, const Options& options, Room&& room,
                  const Start& start = {})
      : exec_(exec), m_(m), options_(options), start_(start) {
    p_ = carve<Presolved>(room, m.shape);
    answer_.method = options.method;
  }

  // Presolves, and answers where there is a closed form (or should have been one).
  template <class Room>
  FASTPID_HD bool begin(Room&& room) {
    const bool closed_form =
        options_.method == Method::automatic || options_.method == Method::exact;
    Tolerances tolerances = Tolerances::of(options_.tol, m_.shape);
    // The binary closed form has no condition number to protect, and is one only if the marginals
    // of both sources have the same p(z): nothing may be left out.
    const bool binary = closed_form && target_symbols(exec_, m_) <= 2;
    if (binary) {
      tolerances = Tolerances::of(tuning::Presolve::kBinary, m_.shape);
      tolerances.same = -1.0;
    }
    presolve(exec_, m_, tolerances, p_);
    lay_out(room);
    if (binary) {
      solve_binary();
    } else if (closed_form && forced(exec_, p_.reduced, w_.proxy, w_.it)) {
      finish(Method::exact, nullptr);
    } else if (options_.method == Method::exact) {
      answer_.status = Status::not_exact;
    }
    // A closed form of the reduced problem may miss tol by what the reductions left out.
    return options_.method == Method::exact || answer_.status == Status::converged;
  }

  // Solves what begin() left. `stop()` says that the user wants out.
  template <class Room, class Stop>
  FASTPID_HD void iterate(Room&& room, Stop&& stop) {
    Strategy<Exec, double> strategy(exec_, p_.reduced, w_.proxy, w_.certificate, w_.it, options_,
                                    negligible());
    const bool warm = start_ && take_start(exec_, m_.shape, p_, start_, w_.proxy, w_.it);
    conclude(strategy.run(room, stop, warm));
  }

  // Takes what a strategy found on reduced(), and the iterate behind it in iterate().
  FASTPID_HD void conclude(const BasicFound<double>& found) {
    const auto outcome = static_cast<Outcome>(static_cast<int>(found.outcome));
    answer_.iterations = static_cast<int>(found.iterations);
    answer_.status = outcome == Outcome::max_iterations ? Status::max_iterations
                     : outcome == Outcome::interrupted  ? Status::interrupted
                     : outcome == Outcome::bracketed    ? Status::bracket
                                                        : Status::stalled;
    finish(static_cast<Method>(static_cast<int>(found.method)), &found.bounds);
  }

  // Whether the reductions changed nothing: bounds of the reduced problem are those of the full.
  FASTPID_HD bool whole() const {
    const Reduced &r = p_.reduced, &full = p_.full;
    return r.a.size == full.a.size && r.b.size == full.b.size && r.a.count == full.a.count &&
           r.b.count == full.b.count && r.a.target == full.a.target;
  }

  // A gap within rounding is as good as it gets.
  FASTPID_HD double negligible() const { return rounding(m_.shape); }

  // Whether conclude() needs the iterate, and not only its bounds.
  FASTPID_HD bool needs_iterate() const { return options_.solution || !whole(); }

  FASTPID_HD bool has_start() const { return static_cast<bool>(start_); }
  FASTPID_HD const Options& options() const { return options_; }
  FASTPID_HD const Reduced& reduced() const { return p_.reduced; }
  FASTPID_HD const Iterate& iterate() const { return w_.it; }
  FASTPID_HD const Answer& answer() const { return answer_; }

  // With options.solution, once answered: the solution on presolved().full. Its potentials less the
  // certificate's shifts are dual feasible; its S times the certificate's factors is dominated by
  // the marginals (in the binary closed form only with options.coupling).
  FASTPID_HD const Presolved& presolved() const { return p_; }
  FASTPID_HD const Iterate& solution() const { return whole() ? w_.it : w_.full; }
  FASTPID_HD const CertificateWork& certificate() const { return w_.certificate; }

 private:
  template <class Room>
  FASTPID_HD void lay_out(Room&& room) {
    w_ = carve<TaskWork>(room, p_.reduced, p_.full, whole(), m_.shape.nz, options_.coupling);
  }

  FASTPID_STAGE void solve_binary() {
    const Reduced& r = p_.reduced;
    // The join is a coupling of the reduced marginals, which p's dominate.
    answer_.bounds.upper = binary_target(exec_, r, w_.binary, w_.it.log_a, w_.it.log_b);
    exponentials(exec_, r.a, w_.it.log_a, w_.it.exp_a);
    exponentials(exec_, r.b, w_.it.log_b, w_.it.exp_b);
    if (options_.coupling) {
      binary_coupling(exec_, r, w_.binary, w_.join, w_.it.s);
      upper_of_full(0.0);  // for the factors that it leaves behind
    }
    expand_potentials();
    answer_.bounds.lower = feasible_bound(exec_, p_.full, solution(), w_.certificate);
    answer_.method = Method::exact;
    settle();
  }

  // The answer from the iterate, whose bounds on the reduced problem may be known.
  FASTPID_STAGE void finish(Method method, const Bounds* known) {
    answer_.method = method;
    if (needs_iterate() || !known) {
      // Known bounds of the same problem leave no use for the upper one but a coupling's factors.
      if (!known || !whole() || options_.coupling) answer_.bounds.upper = upper_of_full(enough());
      expand_potentials();
      answer_.bounds.lower = best_lower_bound(exec_, p_.full, solution(), slack(), w_.certificate);
    }
    if (known && whole()) answer_.bounds = *known;
    settle();
  }

  // Takes the iterate to the full problem for its upper bound.
  FASTPID_HD double upper_of_full(double enough) {
    if (!whole()) expand(exec_, p_, w_.it, w_.peaks, true, w_.full);
    // On the same problem as the method's own certificates, the same bound.
    const bool same = whole() && answer_.method == Method::gradient;
    return upper_bound(exec_, p_.full, solution(), enough, w_.certificate,
                       same ? tuning::Certificate::kDescentSweeps : tuning::Certificate::kSweeps,
                       true);
  }

  // Takes the potentials to the full problem. After the upper bound, whose factors they were.
  FASTPID_HD void expand_potentials() {
    if (whole()) return;
    const Reduced& r = p_.reduced;
    // Repaired before they are expanded: how much a symbol gives way in a repair depends on its
    // mass, and symbols that were merged have less of it each.
    if (r.a.count < p_.full.a.count || r.b.count < p_.full.b.count) {
      best_lower_bound(exec_, r, w_.it, slack(), w_.certificate);
      apply_shifts(exec_, r, w_.certificate, w_.it);
    }
    expand(exec_, p_, w_.it, w_.peaks, false, w_.full);
  }

  // What every certificate of the task asks of the marginals: an answer and the solution behind it
  // are certified alike.
  FASTPID_HD double enough() const {
    return tuning::Certificate::kEnoughShare * tuning::Strategy::kInnerShare * options_.tol;
  }
  FASTPID_HD double slack() const { return tuning::Certificate::kSlackShare * enough(); }

  FASTPID_HD void settle() {
    if (!answer_.bounds.consistent(rounding(m_.shape))) answer_.bounds = Bounds();
    if (answer_.status != Status::interrupted && answer_.bounds.gap() <= options_.tol) {
      answer_.status = Status::converged;
    }
  }

  const Exec& exec_;
  const Marginals m_;
  const Options options_;
  const Start start_;
  Presolved p_;
  Answer answer_;
  TaskWork w_;
};

}  // namespace fastpid
