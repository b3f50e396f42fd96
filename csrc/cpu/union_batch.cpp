#include "union_batch.hpp"

#include <algorithm>

#include "../core/many/union_information.hpp"
#include "../exec/serial.hpp"
#include "rooms.hpp"

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
    marginals_.resize(static_cast<std::size_t>(first_.back()));
    potentials_.resize(marginals_.size());
    mi_.resize(problems.symbols.size());
  }

  void operator()(std::ptrdiff_t first, std::ptrdiff_t end) {
    for (std::ptrdiff_t i = first; i < end && !stop_(); ++i) solve(i);
  }

 private:
  void solve(std::ptrdiff_t i) {
    const int sources = static_cast<int>(problems_.symbols.size());
    const many::Sources given{sources, problems_.target, problems_.symbols.data(), first_.data()};
    each_source([&](std::size_t s, std::ptrdiff_t size) {
      const double* from = problems_.marginals[s] + i * size;
      std::copy(from, from + size, marginals_.data() + first_[s]);
    });
    rooms_.rewind();
    many::Solver<Serial, Rooms, const Stop> solver(exec_, given, marginals_.data(), options_.solve,
                                                   rooms_, stop_, potentials_.data());
    const many::Answer answer = solver.solve(mi_.data());
    for (std::size_t s = 0; s < mi_.size(); ++s) {
      results_.mi[static_cast<std::ptrdiff_t>(s) * problems_.count + i] = mi_[s];
    }
    results_.lower[i] = answer.lower;
    results_.upper[i] = answer.upper;
    results_.iterations[i] = answer.iterations;
    results_.status[i] = static_cast<std::int32_t>(answer.status);
    results_.method[i] = static_cast<std::int32_t>(answer.method);
    each_source([&](std::size_t s, std::ptrdiff_t size) {
      const double* from = potentials_.data() + first_[s];
      std::copy(from, from + size, results_.potentials[s] + i * size);
    });
    if (results_.coupling == nullptr) return;
    const auto size = static_cast<std::ptrdiff_t>(given.tuples()) * problems_.target;
    solver.coupling(results_.coupling + i * size);
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
  Rooms rooms_;
  std::vector<std::ptrdiff_t> first_;
  std::vector<double> marginals_, potentials_, mi_;
};

// Problems that a thread takes at a time.
std::ptrdiff_t chunk_size(const UnionProblems& problems, int threads) {
  constexpr double kTuples = 16384.0;
  double tuples = problems.target;
  for (const int n : problems.symbols) tuples *= n;
  const double fair = static_cast<double>(problems.count) / (4.0 * threads);
  return static_cast<std::ptrdiff_t>(std::max(1.0, std::min(kTuples / tuples, fair)));
}

}  // namespace

bool union_information(const UnionProblems& problems, const BatchOptions& options,
                       const UnionResults& results) {
  return share_out(problems.count, chunk_size(problems, options.threads), options.threads,
                   options.interrupted,
                   [&](const Stop& stop) { return Worker(problems, options, results, stop); });
}

}  // namespace fastpid::cpu
