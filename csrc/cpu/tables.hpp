// What jobs.hpp promises: templates over the execution policy, instantiated in small_tables.cpp and
// large_tables.cpp.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/answer.hpp"
#include "../core/decompose.hpp"
#include "../core/gradient.hpp"
#include "../core/potentials.hpp"
#include "../core/table.hpp"
#include "jobs.hpp"
#include "lanes.hpp"
#include "rooms.hpp"

namespace fastpid::cpu {

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
  T work(Shape shape) {
    return carve<T>(rooms_, shape);
  }

  double* numbers(std::ptrdiff_t count) {
    return static_cast<double*>(rooms_(static_cast<std::size_t>(count) * sizeof(double)));
  }

  void add(const Marginals& m, const Start& start = {}) {
    tasks_.emplace_back(exec_, m, options_, rooms_, start);
  }
  const Task<Exec>& task(std::size_t i) const { return tasks_[i]; }

  // Solves all tasks: those that fit together in lanes, the others one after the other.
  void solve(const Stop& stop) {
    std::vector<Task<Exec>*> packed;
    for (Task<Exec>& task : tasks_) {
      if (task.begin(rooms_)) continue;
      if constexpr (std::is_same_v<Exec, Serial>) {
        if (!task.has_start() && fits_lanes(task)) {
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
  void solve_packed(std::vector<Task<Serial>*>& packed, const Stop& stop) {
    std::stable_sort(packed.begin(), packed.end(),
                     [](const auto* x, const auto* y) { return lane_shape(*x) < lane_shape(*y); });
    for (std::size_t i = 0; i < packed.size();) {
      std::size_t count = 1;
      while (count < kLanes && i + count < packed.size() &&
             lane_shape(*packed[i + count]) == lane_shape(*packed[i])) {
        ++count;
      }
      if (!fills_lanes(*packed[i], static_cast<int>(count))) count = 1;
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

template <class Exec>
Run decompose_run(const Exec& exec, const DecomposeJob& job, const Stop& stop) {
  struct Known {
    std::ptrdiff_t index;
    KnownTerms terms;
  };
  Options wanted = job.options.solve;
  wanted.solution = job.potentials.lam != nullptr;
  const TableOptions reading{wanted, job.options.normalize, job.options.mass_tolerance};
  const auto chunk = std::make_shared<Chunk<Exec>>(exec, wanted);
  return [=, &job, &stop, all_known = std::vector<Known>()](std::ptrdiff_t first,
                                                            std::ptrdiff_t end) mutable {
    const Shape shape = job.shape;
    const std::ptrdiff_t size_xz = shape.xz(), size_yz = shape.yz();
    chunk->clear();
    all_known.clear();
    MarginalWork work;
    if (job.given.p) work = chunk->template work<MarginalWork>(shape);
    const PotentialWork potential_work = chunk->template work<PotentialWork>(shape);
    for (std::ptrdiff_t i = first; i < end; ++i) {
      double* xz = job.xz + i * size_xz;
      double* yz = job.yz + i * size_yz;
      KnownTerms known;
      if (!begin_table(chunk->exec(), job.given.at(i), reading, work, job.results, i, xz, yz,
                       known)) {
        continue;
      }
      all_known.push_back({i, known});
      chunk->add(Marginals{shape, xz, yz}, job.start.at(shape, i));
    }
    chunk->solve(stop);
    for (std::size_t k = 0; k < all_known.size(); ++k) {
      const std::ptrdiff_t i = all_known[k].index;
      double* lam = wanted.solution ? job.potentials.lam + i * size_xz : nullptr;
      double* mu = wanted.solution ? job.potentials.mu + i * size_yz : nullptr;
      end_table(chunk->exec(), shape, chunk->task(k), all_known[k].terms, potential_work,
                job.results, i, lam, mu);
      if (job.s == nullptr) continue;
      const Task<Exec>& task = chunk->task(k);
      write_masses(shape, task.presolved(), task.solution().s,
                   task.answer().method != Method::exact, job.s + i * shape.xy());
    }
  };
}

// The dominated factors of the certificate by original symbol.
inline void write_factors(const Side& side, const SideWork& work, const double* factors,
                          int symbols, double* out) {
  std::fill(out, out + static_cast<std::ptrdiff_t>(symbols) * side.target, 0.0);
  for (int g = 0; g < side.count; ++g) {
    const std::ptrdiff_t start = static_cast<std::ptrdiff_t>(g) * side.target;
    double* row = out + static_cast<std::ptrdiff_t>(work.leader[g]) * side.target;
    side.row(g, [&](int, int z) { row[z] = factors[start + z]; });
  }
}

template <class Exec>
Run solve_run(const Exec& exec, const SolveJob& job, const Stop& stop) {
  Options wanted = job.options.solve;
  wanted.solution = true;
  const auto write = [&job](std::ptrdiff_t n, const Task<Exec>& task, const PotentialWork& work) {
    const Shape shape = job.shape;
    const Solutions& out = job.out;
    const std::ptrdiff_t size_xz = shape.xz(), size_yz = shape.yz();
    const std::ptrdiff_t size_xy = shape.xy();
    const Presolved& presolved = task.presolved();
    const Reduced& full = presolved.full;
    const Iterate& it = task.solution();
    const CertificateWork& c = task.certificate();
    write_potentials(Serial(), shape, presolved, it, c, work, out.potentials.lam + n * size_xz,
                     out.potentials.mu + n * size_yz);
    if (!job.options.solve.coupling) return;

    double* u = out.u + n * size_xz;
    double* v = out.v + n * size_yz;
    const bool swapped = full.swapped;
    write_factors(full.a, presolved.full_a, c.exp_a, swapped ? shape.ny : shape.nx,
                  swapped ? v : u);
    write_factors(full.b, presolved.full_b, c.exp_b, swapped ? shape.nx : shape.ny,
                  swapped ? u : v);
    write_masses(shape, presolved, it.s, true, out.s + n * size_xy);
  };
  const auto chunk = std::make_shared<Chunk<Exec>>(exec, wanted);
  return [=, &job, &stop](std::ptrdiff_t first, std::ptrdiff_t end) {
    const Shape shape = job.shape;
    const std::ptrdiff_t size_xz = shape.xz(), size_yz = shape.yz();
    chunk->clear();
    const PotentialWork work = chunk->template work<PotentialWork>(shape);
    for (std::ptrdiff_t i = first; i < end; ++i) {
      chunk->add(Marginals{shape, job.xz + i * size_xz, job.yz + i * size_yz});
    }
    chunk->solve(stop);
    for (std::ptrdiff_t i = first; i < end; ++i) {
      write(i, chunk->task(static_cast<std::size_t>(i - first)), work);
    }
  };
}

template <class Exec>
Run gradient_run(const Exec& exec, const GradientJob& job, const Stop& stop) {
  const auto rooms = std::make_shared<Rooms>();
  return [=, &job, &stop](std::ptrdiff_t first, std::ptrdiff_t end) {
    const Shape shape = job.shape;
    const std::ptrdiff_t size_xz = shape.xz(), size_yz = shape.yz();
    rooms->rewind();
    const auto work = carve<GradientWork>(*rooms, shape);
    for (std::ptrdiff_t i = first; i < end && !stop(); ++i) {
      const double* weights = job.weights + 4 * i;
      gradient(exec, job.given.at(i), job.options.normalize, job.xz + i * size_xz,
               job.yz + i * size_yz, job.potentials.lam + i * size_xz,
               job.potentials.mu + i * size_yz,
               GradientWeights{weights[0], weights[1], weights[2], weights[3]}, work,
               job.out.at(shape, i));
    }
  };
}

}  // namespace fastpid::cpu
