// The execution policy of several CPU threads on one problem.
//
// Work is cut into pieces whose number depends on the problem alone, and the threads of the team
// take them as they come: which thread did what, and how many there were, changes no rounding.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <thread>
#include <utility>

#include "serial.hpp"

namespace fastpid {

// Lets helpers join in the phases that a leader publishes. A helper counts itself into a phase
// before it takes pieces, and the leader waits for those who did, never for one who has not come.
class Crew {
 public:
  // `stop` is asked by the leader, in phases that take long; may be empty.
  explicit Crew(std::function<bool()> stop = {}) : stop_(std::move(stop)) {}

  // For the leader: piece(i) for i < count, on whoever comes; alone, if that is not `worthwhile`.
  template <class F>
  void share(std::int64_t count, bool worthwhile, const F& piece) {
    share_until([] { return false; }, count, worthwhile, piece);
  }

  // The same for pieces that take milliseconds. Once stop() says so, here or in an earlier phase,
  // pieces that nobody has begun are left out.
  template <class F>
  void share_patiently(std::int64_t count, const F& piece) {
    const auto enough = [&] {
      if (!stopped_ && stop_) stopped_ = stop_();
      return stopped_;
    };
    share_until(enough, count, true, piece);
  }

  // For the leader: whether a phase was cut short.
  bool stopped() const { return stopped_; }

  // For the leader: no more phases.
  void dismiss() { over_.store(true, std::memory_order_release); }

  // For a helper: joins in until the crew is dismissed.
  void help() {
    helpers_.fetch_add(1, std::memory_order_relaxed);
    int idle = 0;
    while (!over_.load(std::memory_order_acquire)) {
      std::uint64_t now = state_.load(std::memory_order_relaxed);
      if ((now & kOpen) != 0 &&
          state_.compare_exchange_strong(now, now + 1, std::memory_order_acquire)) {
        const bool found = take_pieces([] { return false; });
        state_.fetch_sub(1, std::memory_order_release);
        if (found) idle = 0;
      }
      // Phases follow one another within microseconds; a serial stretch may take long.
      if (++idle < kSpins) {
        relax();
      } else {
        std::this_thread::yield();
      }
    }
    helpers_.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t kMembers = 0xffff, kOpen = 0x10000, kEpochStep = 0x20000;
  static constexpr std::uint64_t kEpoch = ~(kMembers | kOpen);
  static constexpr int kSpins = 2000;

  template <class Enough, class F>
  void share_until(Enough&& enough, std::int64_t count, bool worthwhile, const F& piece) {
    if (!worthwhile || count < 2 || helpers_.load(std::memory_order_relaxed) == 0) {
      for (std::int64_t i = 0; i < count && !enough(); ++i) piece(i);
      return;
    }
    context_ = &piece;
    invoke_ = [](const void* context, std::int64_t i) { (*static_cast<const F*>(context))(i); };
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    const std::uint64_t epoch = (state_.load(std::memory_order_relaxed) & kEpoch) + kEpochStep;
    state_.store(epoch | kOpen, std::memory_order_release);
    // The leader's share; what is left when it has had enough is nobody's.
    take_pieces(enough);
    next_.store(count, std::memory_order_relaxed);
    state_.fetch_and(~kOpen, std::memory_order_acq_rel);
    while ((state_.load(std::memory_order_acquire) & kMembers) != 0) relax();
  }

  template <class Enough>
  bool take_pieces(Enough&& enough) {
    bool found = false;
    for (std::int64_t i;
         !enough() && (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) {
      invoke_(context_, i);
      found = true;
    }
    return found;
  }

  static void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
  }

  const std::function<bool()> stop_;
  bool stopped_ = false;  // the leader's
  const void* context_ = nullptr;
  void (*invoke_)(const void*, std::int64_t) = nullptr;
  std::int64_t count_ = 0;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint64_t> state_{0};
  std::atomic<int> helpers_{0};
  std::atomic<bool> over_{false};
};

// What is not written anew here is done by the thread that asks, and named.
class Team : private Serial {
 public:
  explicit Team(Crew& crew) : crew_(&crew) {}

  using Serial::alone;
  using Serial::brief;
  using Serial::once;
  using Serial::solve;

  bool stopped() const { return crew_->stopped(); }

  template <class F>
  void for_each(std::ptrdiff_t n, F&& f) const {
    share(n, true, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t end) {
      for (std::ptrdiff_t i = first; i < end; ++i) f(i);
    });
  }

  template <class F>
  double sum(std::ptrdiff_t n, F&& f) const {
    double part[kPieces];
    reduce(n, f, part, 0.0, [](double x, double y) { return x + y; });
    return Serial::sum(pieces(n), [&](std::ptrdiff_t k) { return part[k]; });
  }

  template <class F>
  double min(std::ptrdiff_t n, F&& f) const {
    double part[kPieces];
    reduce(n, f, part, std::numeric_limits<double>::infinity(),
           [](double x, double y) { return smaller(x, y); });
    return Serial::min(pieces(n), [&](std::ptrdiff_t k) { return part[k]; });
  }

  template <class F>
  double max(std::ptrdiff_t n, F&& f) const {
    return -min(n, [&](std::ptrdiff_t i) { return -f(i); });
  }

  double sum_xlogx(std::ptrdiff_t n, const double* v) const {
    double part[kPieces];
    share(n, n >= kNumbers, [&](std::ptrdiff_t k, std::ptrdiff_t first, std::ptrdiff_t end) {
      part[k] = Serial::sum_xlogx(end - first, v + first);
    });
    return Serial::sum(pieces(n), [&](std::ptrdiff_t k) { return part[k]; });
  }

  template <class In>
  double sum_squares(std::ptrdiff_t n, const In* w, const In* x) const {
    double part[kPieces];
    share(n, n >= kNumbers, [&](std::ptrdiff_t k, std::ptrdiff_t first, std::ptrdiff_t end) {
      part[k] = Serial::sum_squares(end - first, w + first, x + first);
    });
    return Serial::sum(pieces(n), [&](std::ptrdiff_t k) { return part[k]; });
  }
  template <class Real>
  void log_each(std::ptrdiff_t n, const Real* x, Real* out) const {
    share(n, n >= kNumbers, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t end) {
      Serial::log_each(end - first, x + first, out + first);
    });
  }
  template <class Out>
  void exp_each(std::ptrdiff_t n, const double* x, Out* out) const {
    share(n, n >= kNumbers, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t end) {
      Serial::exp_each(end - first, x + first, out + first);
    });
  }

  template <class T>
  void times(const T* a, const T* b, int m, int k, int n, T* c) const {
    share_rows(m, k, n, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t end) {
      Serial::times(a + first * k, b, static_cast<int>(end - first), k, n, c + first * n);
    });
  }
  template <class T>
  void transposed_times(const T* a, const T* b, int k, int m, int n, T* c) const {
    share_rows(m, k, n, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t end) {
      dense::transposed_times(a + first, m, b, k, end - first, n, c + first * n);
    });
  }
  template <class T>
  void times_transposed(const T* a, const T* b, int m, int k, int n, T* c) const {
    share_rows(m, k, n, [&](std::ptrdiff_t, std::ptrdiff_t first, std::ptrdiff_t end) {
      Serial::times_transposed(a + first * k, b, static_cast<int>(end - first), k, n,
                               c + first * n);
    });
  }

  // Right-looking, by blocks of columns. False also if it was stopped.
  bool cholesky(double* a, int n, std::ptrdiff_t stride) const {
    if (n <= 2 * kBlock) return Serial::cholesky(a, n, stride);
    for (int first = 0; first < n; first += kBlock) {
      const int width = first + kBlock < n ? kBlock : n - first;
      double* corner = a + first * (stride + 1);
      if (!dense::cholesky(corner, width, stride)) return false;
      const int below = n - first - width;
      if (below == 0) break;
      double* panel = corner + width;
      share(below, true, [&](std::ptrdiff_t, std::ptrdiff_t i, std::ptrdiff_t end) {
        dense::solve_right(corner, width, stride, panel + i, end - i, stride);
      });
      subtract_square(panel + width * stride, below, stride, panel, stride, width);
      if (stopped()) return false;
    }
    return true;
  }

  void solve_right(const double* l, int n, std::ptrdiff_t stride, double* b, int rows) const {
    if (n <= kSmall) {
      Serial::solve_right(l, n, stride, b, rows);
      return;
    }
    const std::ptrdiff_t count = pieces(rows);
    crew_->share_patiently(count, [&](std::int64_t k) {
      const std::ptrdiff_t first = rows * k / count, end = rows * (k + 1) / count;
      dense::solve_right(l, n, stride, b + first, end - first, rows);
    });
  }

  // Not to be used if it was stopped.
  void downdate(double* c, int n, const double* g, int columns) const {
    subtract_square(c, n, n, g, n, columns);
  }

 private:
  static constexpr int kPieces = 32;
  static constexpr int kBlock = 96;
  static constexpr int kRows = 72;
  // What takes some ten microseconds: multiplications, numbers in a row.
  static constexpr double kProduct = 3e5;
  static constexpr std::ptrdiff_t kNumbers = 8192;

  static std::ptrdiff_t pieces(std::ptrdiff_t n) { return n < kPieces ? n : kPieces; }

  // f(piece, first, end) for the pieces of [0, n).
  template <class F>
  void share(std::ptrdiff_t n, bool worthwhile, F&& f) const {
    const std::ptrdiff_t count = pieces(n);
    crew_->share(count, worthwhile,
                 [&](std::int64_t k) { f(k, n * k / count, n * (k + 1) / count); });
  }

  // The same for the m rows of a matrix product, of which each piece packs one factor anew.
  template <class F>
  void share_rows(std::ptrdiff_t m, std::ptrdiff_t k, std::ptrdiff_t n, F&& f) const {
    const std::ptrdiff_t wanted = m / kRows;
    const std::ptrdiff_t count = wanted < 1 ? 1 : (wanted < kPieces ? wanted : kPieces);
    crew_->share(count, static_cast<double>(m) * k * n >= kProduct,
                 [&](std::int64_t i) { f(i, m * i / count, m * (i + 1) / count); });
  }

  template <class F, class Join>
  void reduce(std::ptrdiff_t n, F&& f, double* part, double start, Join&& join) const {
    share(n, true, [&](std::ptrdiff_t k, std::ptrdiff_t first, std::ptrdiff_t end) {
      double value = start;
      for (std::ptrdiff_t i = first; i < end; ++i) value = join(value, f(i));
      part[k] = value;
    });
  }

  // The lower triangle of c - g g^T, in strips of columns; c is n x n, g is n x columns.
  void subtract_square(double* c, int n, std::ptrdiff_t stride_c, const double* g,
                       std::ptrdiff_t stride_g, int columns) const {
    const std::ptrdiff_t strips = (n + kBlock - 1) / kBlock;
    crew_->share_patiently(strips, [&](std::int64_t strip) {
      const std::ptrdiff_t first = strip * kBlock;
      const std::ptrdiff_t width = first + kBlock < n ? kBlock : n - first;
      dense::subtract_product(c + first * (stride_c + 1), n - first, width, stride_c, g + first,
                              g + first, columns, stride_g);
    });
  }

  Crew* crew_;
};
static_assert(kIsPolicy<Team>);

}  // namespace fastpid
