#include "batch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "../exec/serial.hpp"

namespace fastpid::cpu {
namespace {

// Blocks of workspace of one thread, reused from table to table.
class Rooms {
 public:
  void rewind() { next_ = 0; }

  void* operator()(std::size_t bytes) {
    if (next_ == blocks_.size()) blocks_.emplace_back();
    Block& block = blocks_[next_++];
    if (block.size < bytes) {
      block.memory.reset();
      block.memory.reset(static_cast<char*>(::operator new(bytes, kAlignment)));
      block.size = bytes;
    }
    return block.memory.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{Arena::kAlign};
  struct Free {
    void operator()(char* p) const { ::operator delete(p, kAlignment); }
  };
  struct Block {
    std::unique_ptr<char, Free> memory;
    std::size_t size = 0;
  };
  std::vector<Block> blocks_;
  std::size_t next_ = 0;
};

// work(index, rooms, stop) for every index, on `threads` threads of which the caller is one. Tables
// are handed out in order, one at a time; each is solved alone, so results do not depend on who
// solves it. The first exception is rethrown here.
template <class Work>
bool for_each_table(std::ptrdiff_t count, const BatchOptions& options, Work&& work) {
  std::atomic<std::ptrdiff_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_lock;
  const auto loop = [&](bool caller) {
    try {
      Rooms rooms;
      const auto asked = [&] {
        if (caller && options.interrupted && options.interrupted()) stop = true;
        return stop.load(std::memory_order_relaxed);
      };
      for (std::ptrdiff_t i; !asked() && (i = next++) < count;) {
        rooms.rewind();
        work(i, rooms, asked);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> hold(failure_lock);
      if (!failure) failure = std::current_exception();
      stop = true;
    }
  };
  const std::ptrdiff_t helpers = std::min<std::ptrdiff_t>(options.threads, count) - 1;
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

}  // namespace

bool decompose(const double* p, std::ptrdiff_t count, Shape shape, const BatchOptions& options,
               const Results& results, double* xz, double* yz) {
  const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(shape.nx) * shape.ny * shape.nz;
  const std::ptrdiff_t size_xz = static_cast<std::ptrdiff_t>(shape.nx) * shape.nz;
  const std::ptrdiff_t size_yz = static_cast<std::ptrdiff_t>(shape.ny) * shape.nz;
  return for_each_table(count, options, [&](std::ptrdiff_t i, Rooms& rooms, const auto& stop) {
    const Serial exec;
    Presolved presolved;
    double* row_work = nullptr;
    const auto lay_out = [&](Arena arena) {
      presolved = Presolved::take(arena, shape);
      row_work = arena.take<double>(3 * static_cast<std::ptrdiff_t>(shape.nx));
      return arena.used();
    };
    lay_out(Arena(rooms(lay_out(Arena()))));

    TableSums sums;
    const Marginals m{shape, xz + i * size_xz, yz + i * size_yz};
    if (!marginalize(exec, shape, p + i * size, options.normalize, options.mass_tolerance,
                     xz + i * size_xz, yz + i * size_yz, row_work, sums)) {
      constexpr double nan = std::numeric_limits<double>::quiet_NaN();
      for (double* out :
           {results.mi_x, results.mi_y, results.mi_xy, results.lower, results.upper}) {
        out[i] = nan;
      }
      results.iterations[i] = 0;
      results.status[i] = static_cast<int>(Status::invalid);
      results.method[i] = static_cast<int>(options.solve.method);
      return;
    }
    const Informations known = informations(exec, m, sums);
    const Answer answer = solve_union(exec, m, options.solve, presolved, rooms, stop);
    const Bounds bounds = bracket(answer.bounds, known);
    Status status = answer.status;
    if (status != Status::not_exact && status != Status::interrupted &&
        bounds.gap() <= options.solve.tol) {
      status = Status::converged;
    }
    results.mi_x[i] = known.mi_x;
    results.mi_y[i] = known.mi_y;
    results.mi_xy[i] = known.mi_xy;
    results.lower[i] = bounds.lower;
    results.upper[i] = bounds.upper;
    results.iterations[i] = answer.iterations;
    results.status[i] = static_cast<int>(status);
    results.method[i] = static_cast<int>(answer.method);
  });
}

bool solve(const double* xz, const double* yz, std::ptrdiff_t count, Shape shape,
           const BatchOptions& options, const Solutions& out) {
  const std::ptrdiff_t size_xz = static_cast<std::ptrdiff_t>(shape.nx) * shape.nz;
  const std::ptrdiff_t size_yz = static_cast<std::ptrdiff_t>(shape.ny) * shape.nz;
  const std::ptrdiff_t size_xy = static_cast<std::ptrdiff_t>(shape.nx) * shape.ny;
  return for_each_table(count, options, [&](std::ptrdiff_t n, Rooms& rooms, const auto& stop) {
    const Serial exec;
    Presolved presolved;
    double* peak_a = nullptr;
    const auto lay_out = [&](Arena arena) {
      presolved = Presolved::take(arena, shape);
      peak_a = arena.take<double>(2 * static_cast<std::ptrdiff_t>(shape.nz));
      return arena.used();
    };
    lay_out(Arena(rooms(lay_out(Arena()))));

    const Marginals m{shape, xz + n * size_xz, yz + n * size_yz};
    const Answer answer = solve_union(exec, m, options.solve, presolved, rooms, stop);
    const Reduced& full = presolved.full;
    const Iterate& it = answer.full;
    const CertificateWork& c = answer.certificate;

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
    const bool coupling = options.solve.coupling;
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
  });
}

}  // namespace fastpid::cpu
