// The strategy: which method runs on a reduced problem without a closed form, and for how long.
//
// The proxy's bracket may do. Otherwise "auto" begins with mirror descent where that is likely to
// be the quicker, goes over to the interior point once it is not, and, where that fails, lets it
// try again along its central path and then gives mirror descent all its steps. The best iterate
// that was certified on the way is the answer. Problems of a pack go this way together, each as far
// as it needs.
#pragma once

#include <type_traits>

#include "certificate.hpp"
#include "costs.hpp"
#include "interior_point.hpp"
#include "iteration.hpp"
#include "mirror_descent.hpp"
#include "options.hpp"
#include "proxy.hpp"
#include "tuning.hpp"
#include "views.hpp"
#include "warm_start.hpp"

namespace fastpid {

template <class Exec, class Real>
class Strategy {
 public:
  using Mask = MaskOf<Real>;
  using Tuned = tuning::Strategy;

  // Gaps up to `negligible` are as good as it gets, whatever tol says.
  FASTPID_HD Strategy(const Exec& exec, const BasicReduced<Real>& r,
                      const BasicProxyWork<Real>& proxy_work, const BasicCertificateWork<Real>& c,
                      const BasicIterate<Real>& it, const Options& options, double negligible)
      : exec_(exec),
        r_(r),
        proxy_work_(proxy_work),
        c_(c),
        it_(it),
        options_(options),
        tol_(Tuned::kInnerShare * options.tol),
        negligible_(negligible) {
    found_.method = static_cast<double>(options.method);
  }

  // Leaves the iterate that the bounds are of in `it`. `room(bytes)` gives workspace. `warm`: `it`
  // holds a start, from another table, that is taken instead of the proxy.
  template <class Room, class Stop>
  FASTPID_HD BasicFound<Real> run(Room&& room, Stop&& stop, bool warm = false) {
    warm_ = warm && options_.method != Method::newton && options_.method != Method::proxy;
    const Method method = options_.method;
    const bool automatic = method == Method::automatic;
    best_.iterate = carve<BasicIterate<Real>>(room, r_);
    at_proxy_ = !warm_;
    if (at_proxy_) proxy(exec_, r_, proxy_work_, it_);
    Mask open = true;
    if (method != Method::newton) {
      open = bracket();
      if (!any(open)) return found_;
    }
    if (method == Method::gradient) {
      descend(room, open, HUGE_VAL, stop);
      open = false;
    } else if (automatic) {
      const Real worthwhile = worthwhile_gradient_steps(r_, best_.bounds.gap(), tol_);
      const Mask first = open & (worthwhile >= least_worthwhile(tol_));
      const Mask others = open & !first;
      if (any(first)) open = others | descend(room, first, worthwhile, stop);
    }
    for (const bool cautious : {false, true}) {
      if (any(open)) open = newton(room, open, cautious, stop) & Mask(automatic);
    }
    if (any(open)) descend(room, open, HUGE_VAL, stop);
    end();
    return found_;
  }

 private:
  // The bounds of the proxy or the start, from which the methods go on; returns whom they are not
  // enough for.
  FASTPID_HD Mask bracket() {
    const auto now = certify(exec_, r_, it_, tuning::Certificate::kEnoughShare * tol_, c_);
    found_.bounds = best_.bounds = now;
    const Mask open = Mask(options_.method != Method::proxy) & !(now.gap() <= tol_);
    const bool gradient = warm_ || options_.method == Method::gradient;
    const double by = static_cast<double>(gradient ? Method::gradient : Method::proxy);
    found_.method = select(open, found_.method, Real(by));
    if (any(open)) copy_iterate(exec_, r_, it_, best_.iterate);
    return open;
  }

  // Returns who is left to the interior point, where that is an alternative: whom mirror descent
  // gave up, or did not bring there within its usual limit of steps.
  template <class Room, class Stop>
  FASTPID_HD Mask descend(Room&& room, const Mask& which, const Real& worthwhile, Stop&& stop) {
    if (mirror_.log_s == nullptr) mirror_ = carve<BasicMirrorWork<Real>>(room, r_);
    const double first =
        warm_ ? tuning::WarmStart::kFirstCertificate : tuning::MirrorDescent::kFirstCertificate;
    leave_start(true);
    const int most = limit(Tuned::kGradientSteps);
    const auto run = [&](const auto& exec) {
      using Alone = std::decay_t<decltype(exec)>;
      MirrorDescent<Alone, Real> method(exec, r_, mirror_, c_, it_, tol_, worthwhile, most, first);
      return run_method(exec, r_, it_, method, tol_, most, which, best_, stop);
    };
    const bool share = static_cast<double>(r_.pairs()) * r_.a.target >= Tuned::kSharedDescent;
    const auto end = share ? run(exec_) : run(exec_.brief());
    record(end, which, Method::gradient);
    const Mask late = end.is(Outcome::max_iterations) & Mask(options_.max_iter == 0);
    return which & (worthwhile < HUGE_VAL) & (end.is(Outcome::stalled) | late);
  }

  // Returns who is without an answer.
  template <class Room, class Stop>
  FASTPID_HD Mask newton(Room&& room, const Mask& which, bool cautious, Stop&& stop) {
    if (interior_.h == nullptr) interior_ = carve<BasicInteriorWork<Real>>(room, r_);
    leave_start();
    InteriorPoint<Exec, Real> method(exec_, r_, interior_, c_, it_, tol_, cautious);
    const auto end =
        run_method(exec_, r_, it_, method, tol_, limit(Tuned::kNewtonSteps), which, best_, stop);
    record(end, which, Method::newton);
    const Mask stalled = end.is(Outcome::stalled), spent = end.is(Outcome::max_iterations);
    const Mask failed = stalled | spent;
    return which & failed & !(best_.bounds.gap() <= negligible_);
  }

  FASTPID_HD int limit(int usual) const {
    return options_.max_iter > 0 ? options_.max_iter : usual;
  }

  // Every method starts from the proxy, and moves away; of a start that is warm the first one takes
  // its turn, if that is mirror descent.
  FASTPID_HD void leave_start(bool of_warm = false) {
    if (of_warm && warm_) {
      mix_start(exec_, r_, proxy_work_, it_);
    } else if (!at_proxy_) {
      proxy(exec_, r_, proxy_work_, it_);
    }
    at_proxy_ = warm_ = false;
  }

  // A method answers for the bounds that are its own, and the first one for those of the proxy.
  FASTPID_HD void record(const BasicEnd<Real>& end, const Mask& which, Method method) {
    const Mask its = which & (end.improved | !answered_);
    const auto take = [&](const Real& value, Real& sink) { sink = select(its, value, sink); };
    take(static_cast<double>(method), found_.method);
    take(end.outcome, found_.outcome);
    take(end.iterations, found_.iterations);
    answered_ = answered_ | which;
  }

  FASTPID_HD void end() {
    const Mask certified = best_.bounds.gap() < HUGE_VAL;
    if (!all(certified)) {
      proxy(exec_, r_, proxy_work_, it_);
      const auto now = certify(exec_, r_, it_, tuning::Certificate::kEnoughShare * tol_, c_);
      best_.bounds.lower = select(certified, best_.bounds.lower, now.lower);
      best_.bounds.upper = select(certified, best_.bounds.upper, now.upper);
    }
    copy_iterate(exec_, r_, best_.iterate, it_, certified);
    found_.bounds = best_.bounds;
  }

  const Exec& exec_;
  const BasicReduced<Real>& r_;
  const BasicProxyWork<Real>& proxy_work_;
  const BasicCertificateWork<Real>& c_;
  const BasicIterate<Real>& it_;
  const Options& options_;
  const double tol_, negligible_;
  BasicBest<Real> best_;
  BasicFound<Real> found_;
  Mask answered_ = false;
  bool at_proxy_ = true, warm_ = false;
  BasicMirrorWork<Real> mirror_;
  BasicInteriorWork<Real> interior_;
};

}  // namespace fastpid
