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

inline bool fits_lanes(const Task<Serial>& task) {
  using Tuned = tuning::Lanes;
  const Reduced& r = task.reduced();
  const int order = std::max(r.b.count, (r.a.count + 1) / 2) * r.a.target;
  return order <= Tuned::kOrder && r.a.target <= Tuned::kTarget &&
         2 * (r.a.size + r.b.size) >= r.a.cells() + r.b.cells();
}

// Whether so many problems together cost less than one after the other. The bits are the same.
inline bool fills_lanes(const Task<Serial>& task, int count) {
  constexpr int kShare = tuning::Lanes::kShare;
  return kShare * count > kShare + task.reduced().b.cells();
}

// The problems of a pack, one in each lane, and what a strategy works with.
template <class Number>
struct LaneProblem {
  BasicReduced<Number> r;
  BasicProxyWork<Number> proxy;
  BasicCertificateWork<Number> certificate;
  BasicIterate<Number> it;
};

template <class Number, class Room>
LaneProblem<Number> gather(Task<Serial>* const* tasks, int count, Room&& room) {
  LaneProblem<Number> out;
  const auto gather_side = [&](auto side_of) {
    const Side& first = side_of(tasks[0]->reduced());
    BasicSide<Number> side;
    side.count = first.count;
    side.target = first.target;
    side.size = first.count * first.target;
    auto* mass = static_cast<Number*>(room(side.size * sizeof(Number)));
    std::fill(mass, mass + side.size, Number(0.0));
    for (int lane = 0; lane < Number::kProblems; ++lane) {
      const Side& from = side_of(tasks[lane < count ? lane : 0]->reduced());
      for (int i = 0; i < from.count; ++i) {
        from.row(i, [&](int k, int z) { mass[i * from.target + z].set(lane, from.mass[k]); });
      }
    }
    side.mass = mass;
    return side;
  };
  out.r.a = gather_side([](const Reduced& r) -> const Side& { return r.a; });
  out.r.b = gather_side([](const Reduced& r) -> const Side& { return r.b; });
  out.proxy = carve<BasicProxyWork<Number> >(room, out.r);
  out.certificate = carve<BasicCertificateWork<Number> >(room, out.r);
  out.it = carve<BasicIterate<Number> >(room, out.r);
  return out;
}

// Writes a lane's iterate to its task.
template <class Number>
void scatter(const LaneProblem<Number>& problem, int lane, const Task<Serial>& task) {
  const BasicIterate<Number>& it = problem.it;
  const Reduced& r = task.reduced();
  const Iterate& out = task.iterate();
  for (std::ptrdiff_t p = 0; p < r.pairs(); ++p) out.s[p] = it.s[p][lane];
  const auto side = [&](const Side& of, const Number* logs, const Number* factors, double* out_logs,
                        double* out_factors) {
    for (std::ptrdiff_t c = 0; c < of.cells(); ++c) out_factors[c] = factors[c][lane];
    for (int i = 0; i < of.count; ++i) {
      of.row(i, [&](int k, int z) { out_logs[k] = logs[i * of.target + z][lane]; });
    }
  };
  side(r.a, it.log_a, it.exp_a, out.log_a, out.exp_a);
  side(r.b, it.log_b, it.exp_b, out.log_b, out.exp_b);
}

// Solves tasks[0 .. count), 1 <= count <= kLanes, all of one lane_shape(), and concludes them.
// `room` gives workspace, free again when this returns.
template <class Number, class Room, class Stop>
void solve_as(Task<Serial>* const* tasks, int count, Room&& room, Stop&& stop) {
  static_assert(kWorksOn<Serial, Number>);
  const Serial exec;
  const LaneProblem<Number> problem = gather<Number>(tasks, count, room);
  Strategy<Serial, Number> strategy(exec, problem.r, problem.proxy, problem.certificate, problem.it,
                                    tasks[0]->options(), tasks[0]->negligible());
  const BasicFound<Number> found = strategy.run(room, stop);
  for (int lane = 0; lane < count; ++lane) {
    if (tasks[lane]->needs_iterate()) scatter(problem, lane, *tasks[lane]);
    BasicFound<double> out;
    out.bounds.lower = found.bounds.lower[lane];
    out.bounds.upper = found.bounds.upper[lane];
    out.method = found.method[lane];
    out.outcome = found.outcome[lane];
    out.iterations = found.iterations[lane];
    tasks[lane]->conclude(out);
  }
}

template <class Room, class Stop>
void solve_in_lanes(Task<Serial>* const* tasks, int count, Room&& room, Stop&& stop) {
  if (count == 1) return solve_as<Single>(tasks, count, room, stop);
  solve_as<Pack>(tasks, count, room, stop);
}

#endif

}  // namespace fastpid::cpu
