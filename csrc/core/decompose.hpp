// The strategy: which stage runs on a table, when it stops, and the one way in which all end.
#pragma once

#include <type_traits>

#include "binary_coupling.hpp"
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

// How an iterative method ended on the reduced problem.
struct Attempt {
  Method method = Method::automatic;
  Bounds bounds;
  Outcome outcome = Outcome::stalled;
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

// One union problem on its way to an answer: begin(), then, unless that answered, iterate() or
// somebody else's iterations and conclude(). `room(bytes)` returns workspace that lives as long as
// the task does.
template <class Exec>
class Task {
 public:
  template <class Room>
  FASTPID_HD Task(const Exec& exec, const Marginals& m, const Options& options, Room&& room)
      : exec_(exec), m_(m), options_(options) {
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
      tolerances = Tolerances::of(1e-14, m_.shape);
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
    if (precede(room, stop)) return;
    start();  // the same one, whether or not the gradient came first
    follow(newton(room, stop), room, stop);
  }

  // What comes before the interior point. Returns whether nothing is left for that.
  template <class Room, class Stop>
  FASTPID_HD bool precede(Room&& room, Stop&& stop) {
    if (options_.method == Method::newton) return false;
    const Reduced& r = p_.reduced;
    start();
    const Bounds now = certify(exec_, r, w_.it, enough(), w_.certificate);
    if (now.gap() <= kInnerShare * options_.tol || options_.method == Method::proxy) {
      const bool gradient = options_.method == Method::gradient;
      conclude({gradient ? Method::gradient : Method::proxy, now, Outcome::bracketed, 0});
      return true;
    }
    const bool automatic = options_.method == Method::automatic;
    const double worthwhile = automatic ? worthwhile_gradient_steps(r) : HUGE_VAL;
    const Attempt attempt = descend(room, worthwhile, stop);
    // Mirror descent that was given all its steps has no successor.
    if (attempt.outcome == Outcome::stalled && worthwhile < HUGE_VAL) return false;
    conclude(attempt);
    return true;
  }

  // The room that precede() worked in is needed for something else.
  FASTPID_HD void leave_room() { mirror_ = MirrorWork(); }

  // Takes the end of the interior point, which left its iterate in iterate(). Where that failed,
  // "auto" lets it try again, more cautiously, and then gives mirror descent, which may have been
  // told to give way, all its steps. The best of the three is the answer.
  template <class Room, class Stop>
  FASTPID_HD void follow(const Attempt& first, Room&& room, Stop&& stop) {
    if (!unfinished(first)) {
      conclude(first);
      return;
    }
    const Iterate kept = carve<Iterate>(room, p_.reduced);
    Attempt best = first;
    copy_iterate(exec_, p_.reduced, w_.it, kept);
    for (const Method method : {Method::newton, Method::gradient}) {
      start();
      const Attempt next =
          method == Method::newton ? newton(room, stop, true) : descend(room, HUGE_VAL, stop);
      if (next.bounds.gap() < best.bounds.gap()) {
        best = next;
        copy_iterate(exec_, p_.reduced, w_.it, kept);
      }
      if (!unfinished(best) || next.outcome == Outcome::interrupted) break;
    }
    copy_iterate(exec_, p_.reduced, kept, w_.it);
    conclude(best);
  }

  // Whether follow() has more to do than to conclude.
  FASTPID_HD bool unfinished(const Attempt& newton) const {
    const bool failed =
        newton.outcome == Outcome::stalled || newton.outcome == Outcome::max_iterations;
    // A gap within rounding is as good as it gets, whatever tol says.
    return options_.method == Method::automatic && failed &&
           newton.bounds.gap() > rounding(m_.shape);
  }

  // What every certificate of the task asks of the marginals: an answer and the solution behind it
  // are certified alike.
  FASTPID_HD double enough() const { return kEnoughShare * kInnerShare * options_.tol; }

  FASTPID_HD int newton_steps() const {
    return options_.max_iter > 0 ? options_.max_iter : kNewtonSteps;
  }

  // Takes the result of an iterative method on reduced(): bounds, and the iterate that they belong
  // to in iterate().
  FASTPID_HD void conclude(const Attempt& attempt) {
    const Outcome outcome = attempt.outcome;
    answer_.iterations = attempt.iterations;
    answer_.status = outcome == Outcome::max_iterations ? Status::max_iterations
                     : outcome == Outcome::interrupted  ? Status::interrupted
                     : outcome == Outcome::bracketed    ? Status::bracket
                                                        : Status::stalled;
    finish(attempt.method, &attempt.bounds);
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
  // the marginals (in the binary closed form only with options.coupling).
  FASTPID_HD const Presolved& presolved() const { return p_; }
  FASTPID_HD const Iterate& solution() const { return whole() ? w_.it : w_.full; }
  FASTPID_HD const CertificateWork& certificate() const { return w_.certificate; }

 private:
  template <class Room>
  FASTPID_HD void lay_out(Room&& room) {
    w_ = carve<TaskWork>(room, p_.reduced, p_.full, whole(), m_.shape.nz, options_.coupling);
  }

  // The proxy, where both iterative methods start.
  FASTPID_HD void start() { proxy(exec_, p_.reduced, w_.proxy, w_.it); }

  // Mirror descent from the proxy; stalled once more than `worthwhile` steps are to be expected.
  template <class Room, class Stop>
  FASTPID_HD Attempt descend(Room&& room, double worthwhile, Stop&& stop) {
    const Reduced& r = p_.reduced;
    IterationOptions iteration;
    iteration.tol = kInnerShare * options_.tol;
    iteration.max_iter = options_.max_iter > 0 ? options_.max_iter : kGradientSteps;
    iteration.worthwhile = worthwhile;
    if (mirror_.log_s == nullptr) {
      mirror_ = carve<MirrorWork>(room, r);
    }
    Attempt out;
    out.method = Method::gradient;
    const auto run = [&](const auto& exec) {
      using Alone = std::decay_t<decltype(exec)>;
      return MirrorDescent<Alone>(exec, r, mirror_, w_.it, iteration)
          .run(out.bounds, out.iterations, stop);
    };
    // Steps of some microseconds are too short to be shared.
    const bool share = static_cast<double>(r.pairs()) * r.a.target >= kSharedDescent;
    out.outcome = share ? run(exec_) : run(exec_.brief());
    return out;
  }

  // The interior point from the proxy; `cautious` where a first try failed.
  template <class Room, class Stop>
  FASTPID_HD Attempt newton(Room&& room, Stop&& stop, bool cautious = false) {
    const Reduced& r = p_.reduced;
    IterationOptions iteration;
    iteration.tol = kInnerShare * options_.tol;
    iteration.max_iter = newton_steps();
    iteration.cautious = cautious;
    if (interior_.h == nullptr) {
      interior_ = carve<InteriorWork>(room, r);
    }
    const auto result = InteriorPoint<Exec>(exec_, r, interior_, w_.it, iteration).run(stop);
    return {Method::newton, result.bounds, static_cast<Outcome>(static_cast<int>(result.outcome)),
            static_cast<int>(result.iterations)};
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
      answer_.bounds.upper = upper_of_full(enough());
      expand_potentials();
      answer_.bounds.lower =
          lower_bound(exec_, p_.full, solution(), kSlackShare * enough(), w_.certificate);
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
                       same ? kDescentSweeps : kCertificateSweeps, true);
  }

  // Takes the potentials to the full problem. After the upper bound, whose factors they were.
  FASTPID_HD void expand_potentials() {
    if (whole()) return;
    const Reduced& r = p_.reduced;
    // Repaired before they are expanded: how much a symbol gives way in a repair depends on its
    // mass, and symbols that were merged have less of it each.
    if (r.a.count < p_.full.a.count || r.b.count < p_.full.b.count) {
      lower_bound(exec_, r, w_.it, kSlackShare * enough(), w_.certificate);
      apply_shifts(exec_, r, w_.certificate, w_.it);
    }
    expand(exec_, p_, w_.it, w_.peaks, false, w_.full);
  }

  FASTPID_HD void settle() {
    if (!answer_.bounds.consistent(rounding(m_.shape))) answer_.bounds = Bounds();
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
  MirrorWork mirror_;      // once mirror descent has run
  InteriorWork interior_;  // and the interior point
};

}  // namespace fastpid
