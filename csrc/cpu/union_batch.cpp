#include "union_batch.hpp"

#include <algorithm>
#include <deque>

#include "rooms.hpp"
#include "union_lanes.hpp"

namespace fastpid::cpu {
namespace {

// What one thread works with.
class Worker {
 public:
  Worker(const UnionProblems& problems, const BatchOptions& options, const UnionResults& results,
         const Stop& stop)
      : problems_(problems), options_(options), results_(results), stop_(stop) {
    first_.push_back(0);
    for (const int n : problems.symbols) {
      first_.push_back(first_.back() + static_cast<std::ptrdiff_t>(n) * problems.target);
    }
    given_ = {static_cast<int>(problems.symbols.size()), problems.target, problems.symbols.data(),
              first_.data()};
  }
  Worker(const Worker&) = delete;

  void operator()(std::ptrdiff_t first, std::ptrdiff_t end) {
    rooms_.rewind();
    tasks_.clear();
    packed_.clear();
    for (std::ptrdiff_t i = first; i < end; ++i) begin(i);
    std::stable_sort(packed_.begin(), packed_.end(),
                     [](const Packed& x, const Packed& y) { return x.shape < y.shape; });
    for (std::size_t i = 0; i < packed_.size() && !stop_();) {
      UnionTask* together[kLanes];
      int count = 0;
      while (count < kLanes && i + count < packed_.size() &&
             packed_[i + count].shape == packed_[i].shape) {
        together[count] = packed_[i + count].task;
        ++count;
      }
      work_.rewind();
      solve_in_lanes(together, count, work_, stop_);
      i += static_cast<std::size_t>(count);
    }
    for (std::ptrdiff_t i = first; i < end; ++i)
      write(i, tasks_[static_cast<std::size_t>(i - first)]);
  }

 private:
  struct Task {
    double *mi, *potentials;
    UnionTask solver;
  };
  struct Packed {
    std::vector<int> shape;
    UnionTask* task;
  };

  void begin(std::ptrdiff_t i) {
    double* a = numbers(first_.back());
    each_source([&](std::size_t s, std::ptrdiff_t size) {
      const double* from = problems_.marginals[s] + i * size;
      std::copy(from, from + size, a + first_[s]);
    });
    double *mi = numbers(given_.count), *potentials = numbers(first_.back());
    tasks_.push_back({mi, potentials, {exec_, given_, a, options_.solve, mi, potentials}});
    UnionTask& solver = tasks_.back().solver;
    if (solver.begin(rooms_)) return;
    if (fits_lanes(solver)) {
      packed_.push_back({lane_shape(solver), &solver});
    } else {
      work_.rewind();
      solver.iterate(work_, stop_);
    }
  }

  void write(std::ptrdiff_t i, Task& task) {
    const many::Answer& answer = task.solver.answer();
    for (int s = 0; s < given_.count; ++s) results_.mi[s * problems_.count + i] = task.mi[s];
    results_.lower[i] = answer.lower;
    results_.upper[i] = answer.upper;
    results_.iterations[i] = answer.iterations;
    results_.status[i] = static_cast<std::int32_t>(answer.status);
    results_.method[i] = static_cast<std::int32_t>(answer.method);
    if (!results_.potentials.empty()) {
      each_source([&](std::size_t s, std::ptrdiff_t size) {
        const double* from = task.potentials + first_[s];
        std::copy(from, from + size, results_.potentials[s] + i * size);
      });
    }
    if (results_.coupling == nullptr || answer.status >= Status::not_exact) return;
    const auto size = static_cast<std::ptrdiff_t>(given_.tuples()) * problems_.target;
    work_.rewind();
    task.solver.coupling(work_, results_.coupling + i * size);
  }

  double* numbers(std::ptrdiff_t count) {
    return static_cast<double*>(rooms_(static_cast<std::size_t>(count) * sizeof(double)));
  }

  template <class F>
  void each_source(F&& f) const {
    for (std::size_t s = 0; s + 1 < first_.size(); ++s) f(s, first_[s + 1] - first_[s]);
  }

  const UnionProblems& problems_;
  const BatchOptions& options_;
  const UnionResults& results_;
  const Stop stop_;
  Serial exec_;
  Rooms rooms_;  // of the run
  Rooms work_;   // of the problem at hand
  std::vector<std::ptrdiff_t> first_;
  many::Sources given_;
  std::deque<Task> tasks_;
  std::vector<Packed> packed_;
};

// Problems that a thread takes at a time: several packs of small ones.
std::ptrdiff_t chunk_size(const UnionProblems& problems, int threads) {
  constexpr double kTuples = 16384.0;
  constexpr std::ptrdiff_t kMost = 128;
  double tuples = problems.target;
  for (const int n : problems.symbols) tuples *= n;
  const std::ptrdiff_t fair =
      std::max<std::ptrdiff_t>(problems.count / (4 * threads), tuples <= kTuples ? kLanes : 1);
  const auto size = static_cast<std::ptrdiff_t>(std::max(1.0, kTuples / tuples));
  const std::ptrdiff_t chunk = std::min({size, fair, kMost});
  return chunk < kLanes ? chunk : chunk / kLanes * kLanes;
}

}  // namespace

bool union_information(const UnionProblems& problems, const BatchOptions& options,
                       const UnionResults& results) {
  return share_out(problems.count, chunk_size(problems, options.threads), options.threads,
                   options.interrupted,
                   [&](const Stop& stop) { return Worker(problems, options, results, stop); });
}

}  // namespace fastpid::cpu
