#include "batch.hpp"

#include <algorithm>

#include "../exec/vector.hpp"
#include "jobs.hpp"

namespace fastpid::cpu {
namespace {

// From this many cells on, or this order of the interior point's system, threads share in one table
// rather than in the batch alone, and the sums of a table are cut into the pieces of a team whether
// or not it has one. A team also asks for an interruption within a step.
bool is_large(Shape s) {
  constexpr std::ptrdiff_t kCells = 16384, kOrder = 512;
  const std::ptrdiff_t order = static_cast<std::ptrdiff_t>(std::min(s.nx, s.ny)) * s.nz;
  return std::max(s.nx, s.ny) * order >= kCells || order >= kOrder;
}

// Small tables are handed out several at a time, so that those that go through lanes find company.
std::ptrdiff_t chunk_size(std::ptrdiff_t count, Shape s, int threads) {
  constexpr std::ptrdiff_t kCells = 16384;
  constexpr std::ptrdiff_t kMost = 128;
  constexpr std::ptrdiff_t kLaneCells = 4096;
  const std::ptrdiff_t fair = std::max<std::ptrdiff_t>(count / (4 * threads), kLanes);
  const auto size = std::clamp<std::ptrdiff_t>(kCells / s.cells(), 1, std::min(kMost, fair));
  return s.cells() <= kLaneCells ? (size + kLanes - 1) / kLanes * kLanes : size;
}

// Each thread takes a run of tables at a time. Each table is solved by itself, so results do not
// depend on who solves it.
template <class Job>
bool share_batch(std::ptrdiff_t count, const Job& job, bool large) {
  struct Worker {
    Worker(const Job& job, bool large, const Stop& stop)
        : alone(stop),
          run(large ? large_tables(Team(alone), job, stop) : small_tables(job, stop)) {}
    void operator()(std::ptrdiff_t first, std::ptrdiff_t end) { run(first, end); }
    Crew alone;
    Run run;
  };
  const int threads = job.options.threads;
  const std::ptrdiff_t chunk = large ? 1 : chunk_size(count, job.shape, threads);
  return share_out(count, chunk, threads, job.options.interrupted,
                   [&](const Stop& stop) { return Worker(job, large, stop); });
}

// All threads share in one table after the other.
template <class Job>
bool share_tables(std::ptrdiff_t count, const Job& job) {
  StopSign sign(job.options.interrupted);
  const Stop stop = [&] { return sign.ask(); };
  Failure failure;
  Crew crew(stop);
  run_on_pool(
      job.options.threads,
      [&](int member) {
        if (member > 0) {
          crew.help();
          return;
        }
        try {
          const Run run = large_tables(Team(crew), job, stop);
          for (std::ptrdiff_t i = 0; i < count && !stop(); ++i) run(i, i + 1);
        } catch (...) {
          failure.catch_current();
        }
        crew.dismiss();
      },
      [] {});
  failure.rethrow();
  return !sign.up();
}

template <class Job>
bool share(std::ptrdiff_t count, const Job& job) {
  const bool large = is_large(job.shape);
  if (large && count < job.options.threads) return share_tables(count, job);
  return share_batch(count, job, large);
}

}  // namespace

bool solve_tables(const Given& given, std::ptrdiff_t count, const BatchOptions& options,
                  const Results& results, double* xz, double* yz,
                  const Potentials<double>& potentials, const Start& start, double* s) {
  return share(count,
               DecomposeJob{given, given.shape, options, results, xz, yz, potentials, start, s});
}

bool gradient(const Given& given, const double* xz, const double* yz,
              const Potentials<const double>& potentials, const double* weights,
              std::ptrdiff_t count, const BatchOptions& options, const GradientOut& out) {
  return share(count, GradientJob{given, xz, yz, potentials, weights, given.shape, options, out});
}

bool solve_marginals(const double* xz, const double* yz, std::ptrdiff_t count, Shape shape,
                     const BatchOptions& options, const Solutions& out) {
  return share(count, SolveJob{xz, yz, shape, options, out});
}

}  // namespace fastpid::cpu
