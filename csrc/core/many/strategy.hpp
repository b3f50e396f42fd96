// Which method runs on a reduced problem of M sources without a closed form, and for how long.
//
// The proxy's bracket may do. Otherwise it is mirror descent where that is likely to be the
// quicker, for as long as it is; then the interior point, where its system is affordable; where
// that fails, the same with its system split, then along its central path, too; then mirror descent
// for all its steps. The best iterate that was certified on the way is the answer. Problems of a
// pack go this way together, each as far as it needs.
#pragma once

#include "../costs.hpp"
#include "../iteration.hpp"
#include "../options.hpp"
#include "interior_point.hpp"
#include "mirror_descent.hpp"
#include "proxy.hpp"

namespace fastpid::many {

// The bytes that the interior point takes.
template <class Real>
FASTPID_STAGE double newton_bytes(const BasicProblem<Real>& p) {
  Arena arena;
  BasicInteriorWork<Real>::take(arena, p);
  return static_cast<double>(arena.used());
}

// Multiplications and additions of the dense algebra of a step.
template <class Real>
FASTPID_STAGE double newton_flops(const BasicProblem<Real>& p) {
  using Work = BasicSystemWork<Real>;
  const std::ptrdiff_t first = p.sources.first[1];
  const double order = static_cast<double>(Work::support(p, first, p.cells()));
  const double rows = static_cast<double>(Work::support(p, 0, first));
  return order * order * (order / 6.0 + rows / 2.0);
}

// Whether the interior point's memory and dense algebra are worth it.
template <class Real>
FASTPID_HD bool newton_is_affordable(const BasicProblem<Real>& p) {
  constexpr double kMostFlops = 1e10;  // a step of some seconds
  return newton_bytes(p) <= tuning::Strategy::kNewtonBytes && newton_flops(p) <= kMostFlops;
}

template <class Exec, class Real>
class Strategy {
 public:
  using Mask = MaskOf<Real>;
  using Tuned = tuning::Strategy;

  // Gaps up to `negligible` are as good as it gets, whatever tol says.
  FASTPID_HD Strategy(const Exec& exec, const BasicProblem<Real>& p,
                      const BasicProxyWork<Real>& proxy_work, const BasicCertificateWork<Real>& c,
                      const BasicIterate<Real>& it, const Options& options, double negligible)
      : exec_(exec),
        p_(p),
        proxy_work_(proxy_work),
        c_(c),
        it_(it),
        options_(options),
        tol_(Tuned::kInnerShare * options.tol),
        negligible_(negligible) {}

  // Leaves the iterate that the bounds are of in `it`. `room(bytes)` gives workspace.
  template <class Room, class Stop>
  FASTPID_HD BasicFound<Real> run(Room&& room, Stop&& stop) {
    proxy(p_, proxy_work_, it_);
    best_.bounds = certify(exec_, p_, it_, enough(), c_, 0);
    found_.method = static_cast<double>(Method::proxy);
    // One source says what it says.
    const bool iterative = options_.method != Method::proxy && p_.sources.count > 1;
    Mask open = Mask(iterative) & !(best_.bounds.gap() <= tol_);
    if (any(open)) {
      best_.iterate = carve<BasicIterate<Real>>(room, p_);
      copy_iterate(exec_, p_, it_, best_.iterate);
      const bool automatic = options_.method == Method::automatic;
      if (options_.method == Method::newton || (automatic && newton_is_affordable(p_))) {
        if (automatic) open = descend_first(room, open, stop);
        if (any(open)) open = newton(room, open, stop);
        if (automatic && any(open)) descend(room, open, HUGE_VAL, stop);
      } else {
        descend(room, open, HUGE_VAL, stop);
      }
      copy_iterate(exec_, p_, best_.iterate, it_);
    }
    found_.bounds = best_.bounds;
    return found_;
  }

 private:
  // Again with the system split, and along the central path, where it fails by itself. Returns who
  // is without an answer.
  template <class Room, class Stop>
  FASTPID_STAGE Mask newton(Room&& room, Mask open, Stop&& stop) {
    const auto work = carve<BasicInteriorWork<Real>>(room, p_);
    BasicSplitWork<Real> split;
    for (const int attempt : {0, 1, 2}) {
      leave_proxy();
      if (attempt == 1) split = carve<BasicSplitWork<Real>>(room, p_);
      BasicEnd<Real> end;
      with_target_size(p_.target(), [&](auto size) {
        InteriorPoint<Exec, Real, decltype(size)::value> method(
            exec_, p_, work, c_, it_, tol_, attempt == 2, attempt > 0 ? &split : nullptr);
        end =
            run_method(exec_, p_, it_, method, tol_, limit(Tuned::kNewtonSteps), open, best_, stop);
      });
      record(end, open, Method::newton);
      const Mask stalled = end.is(Outcome::stalled), spent = end.is(Outcome::max_iterations);
      const Mask failed = stalled | spent;
      open = open & failed & !(best_.bounds.gap() <= negligible_);
      if (options_.max_iter > 0 || !any(open)) break;
    }
    return open;
  }

  // Mirror descent where it is likely to be the quicker: large problems and loose tolerances.
  // Returns who is left to the interior point, which is quick enough in lanes.
  template <class Room, class Stop>
  FASTPID_HD Mask descend_first(Room&& room, const Mask& open, Stop&& stop) {
    if constexpr (kDense<Real>) {
      return open;
    } else {
      using Steps = tuning::Steps;
      const tuning::Costs costs = tuning::kCostsAlone;
      const double tuples = static_cast<double>(p_.tuples());
      const double cells = tuples * p_.target();
      const double newton_steps =
          Steps::kNewtonFirst +
          Steps::kNewtonPerLog * std::log(larger(best_.bounds.gap() / tol_, 1.0));
      const double newton = costs.newton_step + costs.flop * newton_flops(p_) +
                            tuning::ManyCosts::kNewtonCell * cells;
      const double sources = p_.sources.count;
      const double heads = sources * sources * cells / static_cast<double>(p_.last());
      const double gradient = costs.gradient_step + costs.dense_cell * cells + costs.pair * tuples +
                              tuning::ManyCosts::kHeadCell * heads;
      const double worthwhile = newton_steps * newton / gradient;
      if (worthwhile < least_worthwhile(tol_)) return open;
      return descend(room, open, worthwhile, stop);
    }
  }

  // Returns whom it has given up, or not brought there within its usual limit of steps.
  template <class Room, class Stop>
  FASTPID_STAGE Mask descend(Room&& room, const Mask& which, double worthwhile, Stop&& stop) {
    const auto work = carve<BasicMirrorWork<Real>>(room, p_);
    leave_proxy();
    MirrorDescent<Exec, Real> method(exec_, p_, work, c_, it_, tol_, worthwhile);
    const auto end =
        run_method(exec_, p_, it_, method, tol_, limit(Tuned::kGradientSteps), which, best_, stop);
    record(end, which, Method::gradient);
    const Mask late = end.is(Outcome::max_iterations) & Mask(options_.max_iter == 0);
    return which & (end.is(Outcome::stalled) | late);
  }

  FASTPID_HD double enough() const { return tuning::Certificate::kEnoughShare * tol_; }
  FASTPID_HD int limit(int usual) const {
    return options_.max_iter > 0 ? options_.max_iter : usual;
  }

  // Every method starts from the proxy, and moves away.
  FASTPID_HD void leave_proxy() {
    if (!at_proxy_) proxy(p_, proxy_work_, it_);
    at_proxy_ = false;
  }

  // A method answers for the bounds that are its own, and the first one for those of the proxy.
  FASTPID_HD void record(const BasicEnd<Real>& end, const Mask& which, Method method) {
    const Mask its = which & (end.improved | !answered_);
    found_.method = select(its, Real(static_cast<double>(method)), found_.method);
    found_.outcome = select(its, end.outcome, found_.outcome);
    found_.iterations = select(its, end.iterations, found_.iterations);
    answered_ = answered_ | which;
  }

  const Exec& exec_;
  const BasicProblem<Real>& p_;
  const BasicProxyWork<Real>& proxy_work_;
  const BasicCertificateWork<Real>& c_;
  const BasicIterate<Real>& it_;
  const Options& options_;
  const double tol_, negligible_;
  BasicBest<Real, BasicIterate<Real>> best_;
  BasicFound<Real> found_;
  Mask answered_ = false;
  bool at_proxy_ = true;
};

}  // namespace fastpid::many
