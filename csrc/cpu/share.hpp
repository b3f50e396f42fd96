// A batch of independent items, shared out among threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>

#include "thread_pool.hpp"

namespace fastpid::cpu {

// Asked now and then on the calling thread; true ends the batch. May be empty.
using Interrupted = std::function<bool()>;
using Stop = std::function<bool()>;

// Whether somebody wants the batch to end. Only the calling thread may ask the caller.
class StopSign {
 public:
  explicit StopSign(const Interrupted& interrupted) : interrupted_(interrupted) {}

  void raise() { up_ = true; }
  bool up() const { return up_.load(std::memory_order_relaxed); }
  bool ask() {
    if (!up() && interrupted_ && interrupted_()) raise();
    return up();
  }

 private:
  const Interrupted& interrupted_;
  std::atomic<bool> up_{false};
};

// The first exception of several threads.
class Failure {
 public:
  void catch_current() {
    const std::lock_guard<std::mutex> hold(lock_);
    if (!first_) first_ = std::current_exception();
  }
  void rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::mutex lock_;
  std::exception_ptr first_;
};

// Each thread makes a worker of its own, with make_worker(stop), and lets it do a run of items at a
// time: worker(first, end). What an item gives must not depend on who does it. Returns false if
// interrupted.
template <class MakeWorker>
bool share_out(std::ptrdiff_t count, std::ptrdiff_t chunk, int threads,
               const Interrupted& interrupted, const MakeWorker& make_worker) {
  const std::ptrdiff_t chunks = (count + chunk - 1) / chunk;
  StopSign sign(interrupted);
  Failure failure;
  std::atomic<std::ptrdiff_t> next{0};
  run_on_pool(
      static_cast<int>(std::min<std::ptrdiff_t>(threads, chunks)),
      [&](int member) {
        try {
          const Stop stop = [&] { return member == 0 ? sign.ask() : sign.up(); };
          auto&& worker = make_worker(stop);
          for (std::ptrdiff_t i; !stop() && (i = next.fetch_add(chunk)) < count;) {
            worker(i, std::min(i + chunk, count));
          }
        } catch (...) {
          failure.catch_current();
          sign.raise();
        }
      },
      [&] { sign.ask(); });
  failure.rethrow();
  return !sign.up();
}

}  // namespace fastpid::cpu
