// A batch of union problems of one shape of which a thread has one at a time, in a workspace of its
// own whose size is known beforehand: what a CUDA device does, and the tests with host threads.
//
// The bodies of this folder share nothing between threads. A policy that runs them has one.
#pragma once

#include <cstdint>

#include "../room.hpp"
#include "union_information.hpp"

namespace fastpid::many {

// Sources with their arrays inside, so that they can be handed over by value.
struct Layout {
  int count = 0;
  int target = 0;
  int symbols[Odometer::kMostSources];
  std::ptrdiff_t first[Odometer::kMostSources + 1];

  // Of at most Odometer::kMostSources.
  static Layout of(int count, const int* symbols, int target) {
    Layout layout;
    layout.count = count;
    layout.target = target;
    for (int i = 0; i < count; ++i) layout.symbols[i] = symbols[i];
    layout.place();
    return layout;
  }

  // The most symbols first.
  Layout sorted() const {
    Layout out = *this;
    for (int i = 0; i < count; ++i) {
      int at = i;
      for (; at > 0 && out.symbols[at - 1] < symbols[i]; --at)
        out.symbols[at] = out.symbols[at - 1];
      out.symbols[at] = symbols[i];
    }
    out.place();
    return out;
  }

  FASTPID_HD Sources sources() const { return {count, target, symbols, first}; }

 private:
  void place() {
    first[0] = 0;
    for (int i = 0; i < count; ++i) {
      first[i + 1] = first[i] + static_cast<std::ptrdiff_t>(symbols[i]) * target;
    }
  }
};

struct Batch {
  Layout layout;
  std::ptrdiff_t count = 0;
  Options options;
  // Marginals that are valid, with one p(z) a problem: a problem's lie as Sources says, and those
  // of the next one behind them.
  const double* marginals = nullptr;
  // Answers, in nats: sources x count, one a problem each, and as the marginals lie.
  double* mi = nullptr;
  double *lower = nullptr, *upper = nullptr;
  std::int32_t *iterations = nullptr, *status = nullptr, *method = nullptr;
  double* potentials = nullptr;
};

// Problem i.
template <class Exec>
FASTPID_HD void solve_problem(const Exec& exec, Room room, const Batch& batch, std::ptrdiff_t i) {
  const Sources given = batch.layout.sources();
  const std::ptrdiff_t cells = given.cells();
  auto* mi = static_cast<double*>(room(static_cast<std::size_t>(given.count) * sizeof(double)));
  Solver<Exec> solver(exec, given, batch.marginals + i * cells, batch.options, mi,
                      batch.potentials + i * cells);
  if (!solver.begin(room)) solver.iterate(room, [] { return false; });
  const Answer& answer = solver.answer();
  for (int s = 0; s < given.count; ++s) batch.mi[s * batch.count + i] = mi[s];
  batch.lower[i] = answer.lower;
  batch.upper[i] = answer.upper;
  batch.iterations[i] = answer.iterations;
  batch.status[i] = static_cast<std::int32_t>(answer.status);
  batch.method[i] = static_cast<std::int32_t>(answer.method);
}

// The largest workspace that solve_problem() takes. `ones` has as many as there are cells.
//
// Every array is the largest if nothing is reduced, and if the first source, which is that of the
// largest support, has the most symbols and the last one the least: but for the blocks of the split
// system, of all tuples of a symbol of the first source.
inline std::size_t workspace_bytes(const Layout& given, const Options& options,
                                   const double* ones) {
  const Layout layout = given.sorted();
  const Problem p{layout.sources(), ones, ones};
  const bool automatic = options.method == Method::automatic;
  Room room;
  room(static_cast<std::size_t>(layout.count) * sizeof(double));
  carve<Reduction>(room, p.sources);
  Room closed_form = room;
  carve<BinaryWork>(closed_form, p.sources);
  carve<CertificateWork>(room, p);
  carve<BasicProxyWork<double>>(room, p);
  for (int n = 0; n < 2; ++n) carve<Iterate>(room, p);  // at hand, and the best
  if (automatic || options.method == Method::newton) {
    carve<BasicInteriorWork<double>>(room, p);
    const auto split = carve<BasicSplitWork<double>>(room, p);
    const std::ptrdiff_t together = p.tuples() / p.last() - split.most_together;
    room(static_cast<std::size_t>(split.most * together) * sizeof(double));
  }
  // "auto" may take it before the interior point and after.
  if (automatic || options.method == Method::gradient) {
    for (int n = 0; n < (automatic ? 2 : 1); ++n) carve<BasicMirrorWork<double>>(room, p);
  }
  return closed_form.used() > room.used() ? closed_form.used() : room.used();
}

}  // namespace fastpid::many
