#include "batch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "../exec/serial.hpp"
#include "lanes.hpp"
#include "rooms.hpp"

namespace fastpid::cpu {
namespace {

// Tables are handed out in chunks, so that those that go through lanes find company.
std::ptrdiff_t chunk_size(std::ptrdiff_t count, Shape shape, int threads) {
  constexpr std::ptrdiff_t kChunkCells = 16384;
  constexpr std::ptrdiff_t kMost = 128;
  const std::ptrdiff_t cells = static_cast<std::ptrdiff_t>(shape.nx) * shape.ny * shape.nz;
  const std::ptrdiff_t fair = std::max<std::ptrdiff_t>(count / (4 * threads), kLanes);
  return std::clamp<std::ptrdiff_t>(kChunkCells / cells, 1, std::min(kMost, fair));
}

// work(first, end, stop) for all of [0, count) in chunks, on `threads` threads of which the caller
// is one. Each table is solved by itself, so results do not depend on who solves it. The first
// exception is rethrown here.
template <class Work>
bool for_each_chunk(std::ptrdiff_t count, Shape shape, const BatchOptions& options, Work&& work) {
  const std::ptrdiff_t chunk = chunk_size(count, shape, options.threads);
  std::atomic<std::ptrdiff_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_lock;
  const auto loop = [&](bool caller) {
    try {
      auto state = work();
      const auto asked = [&] {
        if (caller && options.interrupted && options.interrupted()) stop = true;
        return stop.load(std::memory_order_relaxed);
      };
      for (std::ptrdiff_t i; !asked() && (i = next.fetch_add(chunk)) < count;) {
        state(i, std::min(i + chunk, count), asked);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> hold(failure_lock);
      if (!failure) failure = std::current_exception();
      stop = true;
    }
  };
  const std::ptrdiff_t helpers = std::min<std::ptrdiff_t>(options.threads, (count + chunk - 1) / chunk) - 1;
  std::atomic<std::ptrdiff_t> running{0};
  std::vector<std::thread> pool;
  for (std::ptrdiff_t i = 0; i < helpers; ++i) {
    ++running;
    try {
      pool.emplace_back([&] {
        loop(false);
        --running;
      });
    } catch (const std::exception&) {  // the system gives no more threads: go on with these
      --running;
      break;
    }
  }
  loop(true);
  // The caller alone can see an interruption, also while it only waits for the others.
  while (running > 0) {
    if (options.interrupted && options.interrupted()) stop = true;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  for (std::thread& thread : pool) thread.join();
  if (failure) std::rethrow_exception(failure);
  return !stop;
}

// The certified bracket of the union information: the bounds on F, and the inequalities
// max(I(X;Z), I(Y;Z)) <= I_union <= min(I(X;Z) + I(Y;Z), I(X,Y;Z)).
Bounds bracket(const Bounds& f, const Informations& known) {
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
void write_side(const Side& side, const SideWork& work, const double* log, const double* shift,
                const double* factors, const double* peak_self, const double* peak_other,
                int symbols, double* potentials, double* scaled) {
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
      row[z] = log[k] - shift[g] + 0.5 * (peak_other[z] - peak_self[z]);
      if (factors) factor[z] = factors[g * target + z];
    });
  }
}

// The workspace of one thread, and the tasks of one chunk.
class Chunk {
 public:
  explicit Chunk(const Options& options) : options_(options) {}

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
  const Task<Serial>& task(std::size_t i) const { return tasks_[i]; }

  // Solves all tasks: those that fit together in lanes, the others one after the other.
  template <class Stop>
  void solve(Stop&& stop) {
    std::vector<Task<Serial>*> packed;
    for (Task<Serial>& task : tasks_) {
      if (task.begin(rooms_)) continue;
      if (fits_lanes(task)) {
        packed.push_back(&task);
      } else {
        work_.rewind();
        task.iterate(work_, stop);
      }
    }
    std::stable_sort(packed.begin(), packed.end(), [](const auto* x, const auto* y) {
      return lane_shape(*x) < lane_shape(*y);
    });
    for (std::size_t i = 0; i < packed.size();) {
      int count = 1;
      while (count < kLanes && i + static_cast<std::size_t>(count) < packed.size() &&
             lane_shape(*packed[i + static_cast<std::size_t>(count)]) == lane_shape(*packed[i])) {
        ++count;
      }
      work_.rewind();
      switch (packed[i]->reduced().a.target) {
        case 3:
          solve_in_lanes<3>(&packed[i], count, work_, stop);
          break;
        case 4:
          solve_in_lanes<4>(&packed[i], count, work_, stop);
          break;
        default:
          solve_in_lanes<0>(&packed[i], count, work_, stop);
      }
      i += static_cast<std::size_t>(count);
    }
  }

 private:
  const Serial exec_{};
  const Options options_;
  Rooms rooms_;  // of the chunk
  Rooms work_;   // of the problem at hand
  std::deque<Task<Serial>> tasks_;
};

}  // namespace

bool decompose(const double* p, std::ptrdiff_t count, Shape shape, const BatchOptions& options,
               const Results& results, double* xz, double* yz) {
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(shape.nx) * shape.ny * shape.nz;
  const std::ptrdiff_t size_xz = static_cast<std::ptrdiff_t>(shape.nx) * shape.nz;
  const std::ptrdiff_t size_yz = static_cast<std::ptrdiff_t>(shape.ny) * shape.nz;

  struct Known {
    std::ptrdiff_t index;
    Informations informations;
  };
  const auto invalid = [&](std::ptrdiff_t i) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    for (double* out : {results.mi_x, results.mi_y, results.mi_xy, results.lower, results.upper}) {
      out[i] = nan;
    }
    results.iterations[i] = 0;
    results.status[i] = static_cast<int>(Status::invalid);
    results.method[i] = static_cast<int>(options.solve.method);
  };
  const auto write = [&](const Known& known, const Answer& answer) {
    const std::ptrdiff_t i = known.index;
    const Bounds bounds = bracket(answer.bounds, known.informations);
    Status status = answer.status;
    if (status != Status::not_exact && status != Status::interrupted &&
        bounds.gap() <= options.solve.tol) {
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
  return for_each_chunk(count, shape, options, [&] {
    return [&, chunk = Chunk(options.solve), all_known = std::vector<Known>()](
               std::ptrdiff_t first, std::ptrdiff_t end, const auto& stop) mutable {
      const Serial exec;
      chunk.clear();
      all_known.clear();
      const MarginalWork marginal_work = chunk.carve<MarginalWork>(shape);
      for (std::ptrdiff_t i = first; i < end; ++i) {
        TableSums sums;
        if (!marginalize(exec, shape, p + i * size, options.normalize, options.mass_tolerance,
                         xz + i * size_xz, yz + i * size_yz, marginal_work, sums)) {
          invalid(i);
          continue;
        }
        const Marginals m{shape, xz + i * size_xz, yz + i * size_yz};
        all_known.push_back({i, informations(exec, m, sums)});
        chunk.add(m);
      }
      chunk.solve(stop);
      for (std::size_t k = 0; k < all_known.size(); ++k) {
        write(all_known[k], chunk.task(k).answer());
      }
    };
  });
}

bool solve(const double* xz, const double* yz, std::ptrdiff_t count, Shape shape,
           const BatchOptions& options, const Solutions& out) {
  const std::ptrdiff_t size_xz = static_cast<std::ptrdiff_t>(shape.nx) * shape.nz;
  const std::ptrdiff_t size_yz = static_cast<std::ptrdiff_t>(shape.ny) * shape.nz;
  const std::ptrdiff_t size_xy = static_cast<std::ptrdiff_t>(shape.nx) * shape.ny;
  Options wanted = options.solve;
  wanted.solution = true;
  const bool coupling = wanted.coupling;
  const auto write = [&](std::ptrdiff_t n, const Task<Serial>& task, double* peak_a) {
    const Serial exec;
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
  return for_each_chunk(count, shape, options, [&] {
    return [&, chunk = Chunk(wanted)](std::ptrdiff_t first, std::ptrdiff_t end,
                                      const auto& stop) mutable {
      chunk.clear();
      double* peaks = chunk.numbers(2 * static_cast<std::ptrdiff_t>(shape.nz));
      for (std::ptrdiff_t i = first; i < end; ++i) {
        chunk.add(Marginals{shape, xz + i * size_xz, yz + i * size_yz});
      }
      chunk.solve(stop);
      for (std::ptrdiff_t i = first; i < end; ++i) {
        write(i, chunk.task(static_cast<std::size_t>(i - first)), peaks);
      }
    };
  });
}

}  // namespace fastpid::cpu
