// One table from reading to answer, by a block of threads, in a workspace of known size.
#pragma once

#include "answer.hpp"
#include "gradient.hpp"
#include "potentials.hpp"

namespace fastpid {

// Pieces of one block of memory, handed out in order. Every thread of a block has a room of its own
// and gets the same pieces.
class Room {
 public:
  FASTPID_HD explicit Room(void* base = nullptr) : base_(static_cast<char*>(base)) {}

  FASTPID_HD void* operator()(std::size_t bytes) {
    const std::size_t at = used_;
    used_ += (bytes + Arena::kAlign - 1) / Arena::kAlign * Arena::kAlign;
    return base_ ? base_ + at : nullptr;
  }
  // T::take() in a piece.
  template <class T, class... Args>
  FASTPID_HD T carve(const Args&... args) {
    Arena count;
    T::take(count, args...);
    Arena arena((*this)(count.used()));
    return T::take(arena, args...);
  }

  FASTPID_HD std::size_t used() const { return used_; }

 private:
  char* base_;
  std::size_t used_ = 0;
};

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

// Decomposes table i of a batch: p (nx, ny, nz) to entry i of `results`, and to its marginals and,
// unless they are null, potentials.
template <class Exec>
FASTPID_HD void decompose_table(const Exec& exec, Room room, Shape shape, const double* p,
                                const TableOptions& options, const Results& results,
                                std::ptrdiff_t i, double* xz, double* yz, double* lam, double* mu) {
  Options solve = options.solve;
  solve.solution = lam != nullptr;
  const auto reading = room.carve<MarginalWork>(shape, block_slabs(shape));
  TableSums sums;
  if (!marginalize(exec, shape, p, options.normalize, options.mass_tolerance, xz, yz, reading,
                   sums)) {
    exec.once([&] { write_invalid(results, i, solve.method); });
    return;
  }
  const Marginals m{shape, xz, yz};
  const KnownTerms known = known_terms(exec, m, sums);
  Task<Exec> task(exec, m, solve, room);
  if (!task.begin(room)) task.iterate(room, [] { return false; });
  exec.once([&] { write_answer(results, i, shape, known, task.answer(), solve.tol); });
  if (lam == nullptr || task.answer().status == Status::not_exact) return;
  write_potentials(exec, shape, task.presolved(), task.solution(), task.certificate(),
                   room.carve<PotentialWork>(shape), lam, mu);
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
    room.carve<MarginalWork>(shape, block_slabs(shape));
    room.carve<Presolved>(shape);
    room.carve<TaskWork>(r, r, false, shape.nz, false);
    const bool automatic = options.method == Method::automatic;
    if (automatic || options.method == Method::gradient) room.carve<MirrorWork>(r);
    if (automatic || options.method == Method::newton) {
      // presolve() makes b the side with fewer entries.
      const int fewer = (shape.nx < shape.ny ? shape.nx : shape.ny) * shape.nz;
      if (r.b.size > fewer) r.b.size = fewer;
      if (automatic) room.carve<Iterate>(r);
      // "auto" leaves larger systems to mirror descent.
      const double bytes = newton_bytes(r);
      room(static_cast<std::size_t>(automatic ? smaller(bytes, kNewtonBytes) : bytes));
    }
    room.carve<PotentialWork>(shape);
    most = room.used() > most ? room.used() : most;
  }
  return most;
}

}  // namespace fastpid
