// What one thread, or one team of them, does with a run of tables; templates over the execution
// policy, instantiated in small_tables.cpp and large_tables.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/decompose.hpp"
#include "../exec/team.hpp"
#include "batch.hpp"
#include "lanes.hpp"
#include "rooms.hpp"

namespace fastpid::cpu {

// The certified bracket of the union information: the bounds on F, and the inequalities
// max(I(X;Z), I(Y;Z)) <= I_union <= min(I(X;Z) + I(Y;Z), I(X,Y;Z)).
inline Bounds bracket(const Bounds& f, const Informations& known) {
  Bounds out;
  const double least = std::max(known.mi_x, known.mi_y);
  const double most = std::min(known.mi_x + known.mi_y, known.mi_xy);
  out.lower = std::max(known.h_z + f.lower, least);
  out.upper = std::min(known.h_z + f.upper, most);
  // Rounding may cross bounds that meet; both stay inside the inequalities, which hold exactly.
  if (out.lower > out.upper) {
    const double lower = std::max(out.upper, least);
    out.upper = std::min(out.lower, most);
    out.lower = std::min(lower, out.upper);
  }
  return out;
}

// The potentials and factors of one side, by original symbol, in the gauge in which both sides have
// the same peak of each target symbol. The floor stands below that peak where the marginal is zero.
// The factors stay zero if there are none.
inline void write_side(const Side& side, const SideWork& work, const double* log,
                       const double* shift, const double* factors, const double* peak_self,
                       const double* peak_other, int symbols, double* potentials, double* scaled) {
  const std::ptrdiff_t target = side.target;
  for (int i = 0; i < symbols; ++i) {
    double* row = potentials + i * target;
    double* factor = scaled + i * target;
    for (int z = 0; z < target; ++z) {
      const double peak = 0.5 * (peak_self[z] + peak_other[z]);
      row[z] = (std::isfinite(peak) ? peak : 0.0) + kFloor;
      factor[z] = 0.0;
    }
    const int g = work.group[i];
    if (g < 0) continue;
    side.row(g, [&](int k, int z) {
      row[z] = log[k] - shift[k] + 0.5 * (peak_other[z] - peak_self[z]);
      if (factors) factor[z] = factors[g * target + z];
    });
  }
}

// Workspace, and the tasks of one run of tables.
template <class Exec>
class Chunk {
 public:
  Chunk(const Exec& exec, const Options& options) : exec_(exec), options_(options) {}

  const Exec& exec() const { return exec_; }
  const Options& options() const { return options_; }

  void clear() {
    tasks_.clear();
    rooms_.rewind();
  }

  // T::take() in a room of its own.
  template <class T>
  T carve(Shape shape) {
    Arena count;
    T::take(count, shape);
    Arena arena(rooms_(count.used()));
    return T::take(arena, shape);
  }

  double* numbers(std::ptrdiff_t count) {
    return static_cast<double*>(rooms_(static_cast<std::size_t>(count) * sizeof(double)));
  }

  void add(const Marginals& m) { tasks_.emplace_back(exec_, m, options_, rooms_); }
  const Task<Exec>& task(std::size_t i) const { return tasks_[i]; }

  // Solves all tasks: those that fit together in lanes, the others one after the other.
  template <class Stop>
  void solve(Stop&& stop) {
    std::vector<Task<Exec>*> packed;
    for (Task<Exec>& task : tasks_) {
      if (task.begin(rooms_)) continue;
      if constexpr (std::is_same_v<Exec, Serial>) {
        if (fits_lanes(task)) {
          packed.push_back(&task);
          continue;
        }
      }
      work_.rewind();
      task.iterate(work_, stop);
    }
    if constexpr (std::is_same_v<Exec, Serial>) solve_packed(packed, stop);
  }

 private:
  template <class Stop>
  void solve_packed(std::vector<Task<Serial>*>& packed, Stop&& stop) {
    std::stable_sort(packed.begin(), packed.end(),
                     [](const auto* x, const auto* y) { return lane_shape(*x) < lane_shape(*y); });
    for (std::size_t i = 0; i < packed.size();) {
      std::size_t count = 1;
      while (count < kLanes && i + count < packed.size() &&
             lane_shape(*packed[i + count]) == lane_shape(*packed[i])) {
        ++count;
      }
      work_.rewind();
      solve_in_lanes(&packed[i], static_cast<int>(count), work_, stop);
      i += count;
    }
  }

  const Exec exec_;
  const Options options_;
  Rooms rooms_;  // of the run
  Rooms work_;   // of the problem at hand
  std::deque<Task<Exec>> tasks_;
};

// Where the tables of a batch are, and where their answers go.
struct DecomposeJob {
  const double* p;
  Shape shape;
  const BatchOptions& options;
  const Results& results;
  double* xz;
  double* yz;
};

struct SolveJob {
  const double* xz;
  const double* yz;
  Shape shape;
  const BatchOptions& options;
  const Solutions& out;
};

using Stop = std::function<bool()>;
// Does tables [first, end).
using Run = std::function<void(std::ptrdiff_t first, std::ptrdiff_t end, const Stop& stop)>;

template <class Exec>
Run decompose_run(const Exec& exec, const DecomposeJob& job) {
  struct Known {
    std::ptrdiff_t index;
    Informations informations;
  };
  const auto invalid = [&job](std::ptrdiff_t i) {
    const Results& results = job.results;
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (double* out : {results.mi_x, results.mi_y, results.mi_xy, results.lower, results.upper}) {
      out[i] = nan;
    }
    results.iterations[i] = 0;
    results.status[i] = static_cast<int>(Status::invalid);
    results.method[i] = static_cast<int>(job.options.solve.method);
  };
  const auto write = [&job](const Known& known, const Answer& answer) {
    const Results& results = job.results;
    const std::ptrdiff_t i = known.index;
    const Bounds bounds = bracket(answer.bounds, known.informations);
    Status status = answer.status;
    if (status != Status::not_exact && status != Status::interrupted &&
        bounds.gap() <= job.options.solve.tol) {
      status = Status::converged;
    }
    results.mi_x[i] = known.informations.mi_x;
    results.mi_y[i] = known.informations.mi_y;
    results.mi_xy[i] = known.informations.mi_xy;
    results.lower[i] = bounds.lower;
    results.upper[i] = bounds.upper;
    results.iterations[i] = answer.iterations;
    results.status[i] = static_cast<int>(status);
    results.method[i] = static_cast<int>(answer.method);
  };
  const auto chunk = std::make_shared<Chunk<Exec>>(exec, job.options.solve);
  return [=, &job, all_known = std::vector<Known>()](std::ptrdiff_t first, std::ptrdiff_t end,
                                                     const Stop& stop) mutable {
    const Shape shape = job.shape;
    const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(shape.nx) * shape.ny * shape.nz;
    const std::ptrdiff_t size_xz = static_cast<std::ptrdiff_t>(shape.nx) * shape.nz;
    const std::ptrdiff_t size_yz = static_cast<std::ptrdiff_t>(shape.ny) * shape.nz;
    chunk->clear();
    all_known.clear();
    const MarginalWork work = chunk->template carve<MarginalWork>(shape);
    for (std::ptrdiff_t i = first; i < end; ++i) {
      TableSums sums;
      double* xz = job.xz + i * size_xz;
      double* yz = job.yz + i * size_yz;
      if (!marginalize(chunk->exec(), shape, job.p + i * size, job.options.normalize,
                       job.options.mass_tolerance, xz, yz, work, sums)) {
        invalid(i);
        continue;
      }
      const Marginals m{shape, xz, yz};
      all_known.push_back({i, informations(chunk->exec(), m, sums)});
      chunk->add(m);
    }
    chunk->solve(stop);
    for (std::size_t k = 0; k < all_known.size(); ++k) {
      write(all_known[k], chunk->task(k).answer());
    }
  };
}

template <class Exec>
Run solve_run(const Exec& exec, const SolveJob& job) {
  Options wanted = job.options.solve;
  wanted.solution = true;
  const auto write = [&job](std::ptrdiff_t n, const Task<Exec>& task, double* peak_a) {
    const Serial exec;
    const Shape shape = job.shape;
    const Solutions& out = job.out;
    const bool coupling = job.options.solve.coupling;
    const std::ptrdiff_t size_xz = static_cast<std::ptrdiff_t>(shape.nx) * shape.nz;
    const std::ptrdiff_t size_yz = static_cast<std::ptrdiff_t>(shape.ny) * shape.nz;
    const std::ptrdiff_t size_xy = static_cast<std::ptrdiff_t>(shape.nx) * shape.ny;
    const Presolved& presolved = task.presolved();
    const Reduced& full = presolved.full;
    const Iterate& it = task.solution();
    const CertificateWork& c = task.certificate();

    double* peak_b = peak_a + shape.nz;
    target_peaks(exec, full.a, it.log_a, c.shift_a, peak_a);
    target_peaks(exec, full.b, it.log_b, c.shift_b, peak_b);
    double* lam = out.lam + n * size_xz;
    double* mu = out.mu + n * size_yz;
    double* u = out.u + n * size_xz;
    double* v = out.v + n * size_yz;
    int symbols_a = shape.nx, symbols_b = shape.ny;
    if (full.swapped) {
      std::swap(lam, mu);
      std::swap(u, v);
      std::swap(symbols_a, symbols_b);
    }
    write_side(full.a, presolved.full_a, it.log_a, c.shift_a, coupling ? c.exp_a : nullptr, peak_a,
               peak_b, symbols_a, lam, u);
    write_side(full.b, presolved.full_b, it.log_b, c.shift_b, coupling ? c.exp_b : nullptr, peak_b,
               peak_a, symbols_b, mu, v);

    double* s = out.s + n * size_xy;
    std::fill(s, s + size_xy, 0.0);
    const std::ptrdiff_t stride_a = full.swapped ? 1 : shape.ny;
    const std::ptrdiff_t stride_b = full.swapped ? shape.ny : 1;
    for (int g = 0; coupling && g < full.a.count; ++g) {
      for (int h = 0; h < full.b.count; ++h) {
        s[presolved.full_a.leader[g] * stride_a + presolved.full_b.leader[h] * stride_b] =
            it.s[static_cast<std::ptrdiff_t>(g) * full.b.count + h];
      }
    }
  };
  const auto chunk = std::make_shared<Chunk<Exec>>(exec, wanted);
  return [=, &job](std::ptrdiff_t first, std::ptrdiff_t end, const Stop& stop) {
    const Shape shape = job.shape;
    const std::ptrdiff_t size_xz = static_cast<std::ptrdiff_t>(shape.nx) * shape.nz;
    const std::ptrdiff_t size_yz = static_cast<std::ptrdiff_t>(shape.ny) * shape.nz;
    chunk->clear();
    double* peaks = chunk->numbers(2 * static_cast<std::ptrdiff_t>(shape.nz));
    for (std::ptrdiff_t i = first; i < end; ++i) {
      chunk->add(Marginals{shape, job.xz + i * size_xz, job.yz + i * size_yz});
    }
    chunk->solve(stop);
    for (std::ptrdiff_t i = first; i < end; ++i) {
      write(i, chunk->task(static_cast<std::size_t>(i - first)), peaks);
    }
  };
}

// Tables of a size for a thread each, and tables that are worth a team.
Run small_tables(const DecomposeJob& job);
Run small_tables(const SolveJob& job);
Run large_tables(const Team& team, const DecomposeJob& job);
Run large_tables(const Team& team, const SolveJob& job);

}  // namespace fastpid::cpu
