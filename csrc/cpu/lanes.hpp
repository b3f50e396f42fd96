// Small problems of the same shape, solved several at a time in the lanes of a pack.
//
// A problem that is small and dense enough goes through here whether it comes alone or in a batch,
// and gets the same bits either way: alone, it computes what a lane does. Unused lanes repeat the
// first problem.
#pragma once

#include <algorithm>
#include <tuple>

#include "../core/decompose.hpp"
#include "../exec/pack.hpp"
#include "../exec/serial.hpp"

namespace fastpid::cpu {

#if !defined(__GNUC__) || defined(FASTPID_ONE_LANE)

inline bool fits_lanes(const Task<Serial>&) { return false; }
inline int lane_shape(const Task<Serial>&) { return 0; }
inline bool precedes_lanes(const Task<Serial>&) { return false; }
inline bool fills_lanes(const Task<Serial>&, int) { return false; }

template <class Room, class Stop>
void solve_in_lanes(Task<Serial>* const* tasks, int count, Room&& room, Stop&& stop) {
  for (int n = 0; n < count; ++n) tasks[n]->iterate(room, stop);
}

#else

// Problems of one shape go together.
inline std::tuple<int, int, int> lane_shape(const Task<Serial>& task) {
  const Reduced& r = task.reduced();
  return {r.a.count, r.b.count, r.a.target};
}

// A pack works on the dense support. Beyond kLaneOrder it outgrows the cache; below half a support
// the loops of doubles have less than half the work.
constexpr int kLaneOrder = 144;
constexpr int kLaneBlock = 12;
// Up to this order, nothing is faster than the interior point.
constexpr int kNewtonOrder = 36;

inline int lane_order(const Task<Serial>& task) {
  const Reduced& r = task.reduced();
  return std::max(r.b.count, (r.a.count + 1) / 2) * r.a.target;
}

inline bool fits_lanes(const Task<Serial>& task) {
  const Reduced& r = task.reduced();
  const Method method = task.options().method;
  const int dense = (r.a.count + r.b.count) * r.a.target;
  const bool newton = method == Method::newton || method == Method::automatic;
  return method != Method::gradient && lane_order(task) <= (newton ? kLaneOrder : kNewtonOrder) &&
         r.a.target <= kLaneBlock && 2 * (r.a.size + r.b.size) >= dense;
}

// Whether a problem that fits lanes goes through precede() first.
inline bool precedes_lanes(const Task<Serial>& task) {
  return task.options().method == Method::automatic && lane_order(task) > kNewtonOrder;
}

// Whether so many problems together cost less than one after the other: a pack takes the time of
// about 1 + order / 64 of them. The bits are the same.
inline bool fills_lanes(const Task<Serial>& task, int count) {
  return 64 * count > 64 + task.reduced().b.count * task.reduced().a.target;
}

// Solves tasks[0 .. count), 1 <= count <= kLanes, all of one lane_shape(), and concludes them.
// `room` gives workspace, free again when this returns.
template <class Number, class Room, class Stop>
void solve_as(Task<Serial>* const* tasks, int count, Room&& room, Stop&& stop) {
  static_assert(kWorksOn<Serial, Number>);
  using Mask = typename Number::Mask;
  const Serial exec;
  const Reduced& first = tasks[0]->reduced();
  const Options& options = tasks[0]->options();
  const int target = first.a.target;

  BasicReduced<Number> r;
  Number *mass_a = nullptr, *mass_b = nullptr;
  BasicIterate<Number> it;
  BasicInteriorWork<Number> work;
  for (const bool a : {true, false}) {
    BasicSide<Number>& side = a ? r.a : r.b;
    side.count = a ? first.a.count : first.b.count;
    side.target = target;
    side.size = side.count * target;
  }
  const auto lay_out = [&](Arena arena) {
    mass_a = arena.take<Number>(r.a.size);
    mass_b = arena.take<Number>(r.b.size);
    it = BasicIterate<Number>::take(arena, r);
    work = BasicInteriorWork<Number>::take(arena, r);
    return arena.used();
  };
  lay_out(Arena(room(lay_out(Arena()))));
  r.a.mass = mass_a;
  r.b.mass = mass_b;

  const auto gather = [&](auto side_of, Number* mass) {
    const int size = side_of(first).count * target;
    for (int k = 0; k < size; ++k) mass[k] = 0.0;
    for (int lane = 0; lane < Number::kProblems; ++lane) {
      const Side& side = side_of(tasks[lane < count ? lane : 0]->reduced());
      for (int i = 0; i < side.count; ++i) {
        side.row(i, [&](int k, int z) { mass[i * target + z].set(lane, side.mass[k]); });
      }
    }
  };
  const auto side_a = [](const Reduced& of) -> const Side& { return of.a; };
  const auto side_b = [](const Reduced& of) -> const Side& { return of.b; };
  gather(side_a, mass_a);
  gather(side_b, mass_b);

  const auto attempt_of = [&](int lane, Method method, const BasicBounds<Number>& bounds,
                              Outcome outcome, int iterations) {
    Attempt out{method, {}, outcome, iterations};
    out.bounds.lower = bounds.lower[lane];
    out.bounds.upper = bounds.upper[lane];
    return out;
  };
  // Writes a lane's iterate to its task.
  const auto hand_over = [&](int lane) {
    const Reduced& of = tasks[lane]->reduced();
    const Iterate& out = tasks[lane]->iterate();
    for (std::ptrdiff_t p = 0; p < of.pairs(); ++p) out.s[p] = it.s[p][lane];
    const auto scatter = [&](const Side& side, const Number* logs, const Number* factors,
                             double* out_logs, double* out_factors) {
      for (int c = 0; c < side.count * target; ++c) out_factors[c] = factors[c][lane];
      for (int i = 0; i < side.count; ++i) {
        side.row(i, [&](int k, int z) { out_logs[k] = logs[i * target + z][lane]; });
      }
    };
    scatter(of.a, it.log_a, it.exp_a, out.log_a, out.exp_a);
    scatter(of.b, it.log_b, it.exp_b, out.log_b, out.exp_b);
  };

  proxy(exec, r, work.proxy, it);
  Mask bracketed = false;
  if (options.method != Method::newton && !precedes_lanes(*tasks[0])) {
    const auto now = certify(exec, r, it, tasks[0]->enough(), work.certificate);
    bracketed = Mask(options.method == Method::proxy) | (now.gap() <= kInnerShare * options.tol);
    for (int lane = 0; lane < count; ++lane) {
      if (!bracketed[lane]) continue;
      if (tasks[lane]->needs_iterate()) hand_over(lane);
      tasks[lane]->conclude(attempt_of(lane, Method::proxy, now, Outcome::bracketed, 0));
    }
    if (all(bracketed)) return;
  }
  IterationOptions iteration;
  iteration.tol = kInnerShare * options.tol;
  iteration.max_iter = tasks[0]->newton_steps();
  const auto result = InteriorPoint<Serial, Number>(exec, r, work, it, iteration).run(stop);
  for (int lane = 0; lane < count; ++lane) {
    if (bracketed[lane]) continue;
    const Attempt attempt = attempt_of(lane, Method::newton, result.bounds,
                                       static_cast<Outcome>(static_cast<int>(result.outcome[lane])),
                                       static_cast<int>(result.iterations[lane]));
    if (tasks[lane]->needs_iterate() || tasks[lane]->unfinished(attempt)) hand_over(lane);
    tasks[lane]->follow(attempt, room, stop);
  }
}

template <class Room, class Stop>
void solve_in_lanes(Task<Serial>* const* tasks, int count, Room&& room, Stop&& stop) {
  if (count == 1) return solve_as<Single>(tasks, count, room, stop);
  solve_as<Pack>(tasks, count, room, stop);
}

#endif

}  // namespace fastpid::cpu
