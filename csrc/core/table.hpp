// One table from reading to answer, and the size of the workspace that this takes.
#pragma once

#include "answer.hpp"
#include "gradient.hpp"
#include "potentials.hpp"
#include "room.hpp"

namespace fastpid {

// A block reads a table with many threads, in more slabs than a CPU does.
FASTPID_HD inline int block_slabs(Shape s) {
  constexpr int kMost = 32;
  return s.nx < kMost ? s.nx : kMost;
}

// What is asked of a batch of tables.
struct TableOptions {
  Options solve;
  bool normalize = false;
  double mass_tolerance = 0.0;
};

// The life of table i of a batch, on any machine: begin_table(), a Task for its marginals, and
// end_table().

// Reads what is given of a table into its marginals and known terms; where that is no distribution,
// writes so to entry i of `results` and returns false. `work` is for a table alone.
template <class Exec>
FASTPID_HD bool begin_table(const Exec& exec, const Given& given, const TableOptions& options,
                            const MarginalWork& work, const Results& results, std::ptrdiff_t i,
                            double* xz, double* yz, KnownTerms& known) {
  const Shape shape = given.shape;
  const double tolerance = options.mass_tolerance;
  TableSums sums;
  const bool valid =
      given.p ? marginalize(exec, shape, given.p, options.normalize, tolerance, xz, yz, work, sums)
              : read_marginals(exec, given, options.normalize, tolerance, xz, yz);
  if (!valid) {
    exec.once([&] { write_invalid(results, i, options.solve.method); });
    return false;
  }
  known = known_terms(exec, Marginals{shape, xz, yz}, sums);
  return true;
}

// Writes the answer to entry i and, unless they are null, its potentials.
template <class Exec>
FASTPID_HD void end_table(const Exec& exec, Shape shape, const Task<Exec>& task,
                          const KnownTerms& known, const PotentialWork& work,
                          const Results& results, std::ptrdiff_t i, double* lam, double* mu) {
  const double noise = rounding(shape, known.log_total);
  exec.once([&] { write_answer(results, i, noise, known, task.answer(), task.options().tol); });
  if (lam == nullptr || task.answer().status == Status::not_exact) return;
  write_potentials(exec, shape, task.presolved(), task.solution(), task.certificate(), work, lam,
                   mu);
}

// All of it in one workspace.
template <class Exec>
FASTPID_HD void decompose_table(const Exec& exec, Room room, const Given& given,
                                const TableOptions& options, const Results& results,
                                std::ptrdiff_t i, double* xz, double* yz, double* lam, double* mu) {
  const Shape shape = given.shape;
  Options solve = options.solve;
  solve.solution = lam != nullptr;
  MarginalWork reading;
  if (given.p) reading = carve<MarginalWork>(room, shape, block_slabs(shape));
  KnownTerms known;
  if (!begin_table(exec, given, options, reading, results, i, xz, yz, known)) return;
  Task<Exec> task(exec, Marginals{shape, xz, yz}, solve, room);
  if (!task.begin(room)) task.iterate(room, [] { return false; });
  end_table(exec, shape, task, known, carve<PotentialWork>(room, shape), results, i, lam, mu);
}

// The largest workspace that decompose_table() takes for tables of a shape: that of full support,
// in whichever order of the sides takes more. `ptr` has max(nx, ny) + 1 entries of scratch.
inline std::size_t workspace_bytes(Shape shape, const Options& options, int* ptr) {
  std::size_t most = 0;
  for (const bool swapped : {false, true}) {
    Reduced r;
    r.a.count = swapped ? shape.ny : shape.nx;
    r.b.count = swapped ? shape.nx : shape.ny;
    r.a.target = r.b.target = shape.nz;
    r.a.ptr = r.b.ptr = ptr;
    for (int i = 0; i <= (shape.nx > shape.ny ? shape.nx : shape.ny); ++i) ptr[i] = i * shape.nz;
    r.a.size = r.a.count * shape.nz;
    r.b.size = r.b.count * shape.nz;
    Room room;
    carve<MarginalWork>(room, shape, block_slabs(shape));
    carve<Presolved>(room, shape);
    carve<TaskWork>(room, r, r, false, shape.nz, false);
    const bool automatic = options.method == Method::automatic;
    carve<Iterate>(room, r);  // the best
    if (automatic || options.method == Method::gradient) carve<MirrorWork>(room, r);
    if (automatic || options.method == Method::newton) {
      // presolve() makes b the side with fewer entries.
      const int fewer = (shape.nx < shape.ny ? shape.nx : shape.ny) * shape.nz;
      if (r.b.size > fewer) r.b.size = fewer;
      // "auto" leaves larger systems to mirror descent.
      const double bytes = newton_bytes(r), most_bytes = tuning::Strategy::kNewtonBytes;
      room(static_cast<std::size_t>(automatic ? smaller(bytes, most_bytes) : bytes));
    }
    carve<PotentialWork>(room, shape);
    most = room.used() > most ? room.used() : most;
  }
  return most;
}

}  // namespace fastpid
