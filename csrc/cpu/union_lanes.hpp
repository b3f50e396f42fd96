// Small problems of several sources of the same shape, solved several at a time in the lanes of a
// pack, as lanes.hpp does for two: a problem that is small and dense enough goes through here
// whether it comes alone or in a batch, and gets the same bits either way.
#pragma once

#include <algorithm>
#include <vector>

#include "../core/many/union_information.hpp"
#include "../exec/pack.hpp"
#include "../exec/serial.hpp"

namespace fastpid::cpu {

using UnionTask = many::Solver<Serial>;

// Problems of one shape go together.
inline std::vector<int> lane_shape(const UnionTask& task) {
  const many::Sources& s = task.problem().sources;
  std::vector<int> shape(s.symbols, s.symbols + s.count);
  shape.push_back(s.target);
  return shape;
}

#if !defined(__GNUC__) || defined(FASTPID_ONE_LANE)

inline bool fits_lanes(const UnionTask&) { return false; }

template <class Room, class Stop>
void solve_in_lanes(UnionTask* const* tasks, int count, Room&& room, Stop&& stop) {
  for (int n = 0; n < count; ++n) tasks[n]->iterate(room, stop);
}

#else

inline bool fits_lanes(const UnionTask& task) {
  using Tuned = tuning::Lanes;
  const many::Problem& p = task.problem();
  const std::ptrdiff_t order = p.cells() - p.sources.first[1];
  if (order > Tuned::kOrder || p.target() > Tuned::kTarget ||
      p.sources.tuples() * p.target() > Tuned::kTuples) {
    return false;
  }
  return 2 * many::BasicSystemWork<double>::support(p, 0, p.cells()) >= p.cells();
}

// Solves tasks[0 .. count), 1 <= count <= kLanes, all of one lane_shape(), and concludes them.
// Unused lanes repeat the first problem. `room` gives workspace, free again when this returns.
template <class Number, class Room, class Stop>
void solve_unions_as(UnionTask* const* tasks, int count, Room&& room, Stop&& stop) {
  static_assert(kWorksOn<Serial, Number>);
  const Serial exec;
  const std::ptrdiff_t cells = tasks[0]->problem().cells();
  const auto gather = [&](auto of_problem) {
    auto* out = static_cast<Number*>(room(static_cast<std::size_t>(cells) * sizeof(Number)));
    std::fill(out, out + cells, Number(0.0));
    for (int lane = 0; lane < Number::kProblems; ++lane) {
      const double* from = of_problem(tasks[lane < count ? lane : 0]->problem());
      for (std::ptrdiff_t c = 0; c < cells; ++c) out[c].set(lane, from[c]);
    }
    return out;
  };
  many::BasicProblem<Number> p;
  p.sources = tasks[0]->problem().sources;
  p.mass = gather([](const many::Problem& of) { return of.mass; });
  p.cap = gather([](const many::Problem& of) { return of.cap; });
  const auto proxy = carve<many::BasicProxyWork<Number> >(room, p);
  const auto certificate = carve<many::BasicCertificateWork<Number> >(room, p);
  const auto it = carve<many::BasicIterate<Number> >(room, p);
  many::Strategy<Serial, Number> strategy(exec, p, proxy, certificate, it, tasks[0]->options(),
                                          tasks[0]->negligible());
  const BasicFound<Number> found = strategy.run(room, stop);
  for (int lane = 0; lane < count; ++lane) {
    const many::Iterate& out = tasks[lane]->iterate();
    for (std::ptrdiff_t t = 0; t < p.tuples(); ++t) out.s[t] = it.s[t][lane];
    for (std::ptrdiff_t c = 0; c < cells; ++c) {
      out.log[c] = it.log[c][lane];
      out.factor[c] = it.factor[c][lane];
    }
    BasicFound<double> own;
    own.bounds.lower = found.bounds.lower[lane];
    own.bounds.upper = found.bounds.upper[lane];
    own.method = found.method[lane];
    own.outcome = found.outcome[lane];
    own.iterations = found.iterations[lane];
    tasks[lane]->conclude(own);
  }
}

template <class Room, class Stop>
void solve_in_lanes(UnionTask* const* tasks, int count, Room&& room, Stop&& stop) {
  if (count == 1) return solve_unions_as<Single>(tasks, count, room, stop);
  solve_unions_as<Pack>(tasks, count, room, stop);
}

#endif

}  // namespace fastpid::cpu
