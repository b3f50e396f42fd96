#include "gaussian.hpp"

#include <algorithm>

#include "../core/gaussian/decompose.hpp"
#include "../exec/serial.hpp"
#include "rooms.hpp"

namespace fastpid::cpu {
namespace {

// Runs long enough to be worth handing out.
std::ptrdiff_t chunk_size(std::ptrdiff_t count, gaussian::Sizes sizes, int threads) {
  constexpr std::ptrdiff_t kWork = 32768, kMost = 128;
  const std::ptrdiff_t k = sizes.total();
  const std::ptrdiff_t fair = std::max<std::ptrdiff_t>(count / (4 * threads), 1);
  return std::clamp<std::ptrdiff_t>(kWork / (k * k * k), 1, std::min(kMost, fair));
}

}  // namespace

bool solve_gaussian(const double* cov, std::ptrdiff_t count, gaussian::Sizes sizes,
                    const BatchOptions& options, const Results& results,
                    const gaussian::SolutionParts& solutions) {
  const std::ptrdiff_t m = sizes.m, n = sizes.n, d = sizes.d, k = sizes.total();
  Options wanted = options.solve;
  wanted.solution = solutions.coupling != nullptr;
  const auto worker = [&](const Stop& stop) {
    return [&, rooms = Rooms()](std::ptrdiff_t first, std::ptrdiff_t end) mutable {
      gaussian::Task<Serial, Rooms> task(wanted, sizes, rooms);
      for (std::ptrdiff_t i = first; i < end && !stop(); ++i) {
        rooms.rewind();
        task.run(cov + i * k * k, stop);
        if (task.answer().status == Status::invalid) {
          write_invalid(results, i, wanted.method);
        } else {
          write_answer(results, i, task.rounding(), task.known(), task.answer(), wanted.tol);
        }
        if (wanted.solution) {
          task.write_solution({solutions.coupling + i * m * n,
                               solutions.estimator + i * d * (m + n),
                               solutions.precision + i * d * d});
        }
      }
    };
  };
  const std::ptrdiff_t chunk = chunk_size(count, sizes, options.threads);
  return share_out(count, chunk, options.threads, options.interrupted, worker);
}

}  // namespace fastpid::cpu
