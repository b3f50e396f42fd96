// Host threads as the Machine of exec/block.hpp: what a CUDA block does, where sanitizers can see
// it. For the tests; the CPU library shares work with exec/team.hpp.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "../exec/block.hpp"

namespace fastpid {

// What the threads of a team share.
class TeamState {
 public:
  // Every `missing`-th barrier lets everybody through, unless it is zero: the fault that the
  // thread sanitizer is to find.
  explicit TeamState(int size, int missing = 0)
      : size_(size), missing_(missing), scratch_(Block<int>::kScratch) {}

  int size() const { return size_; }
  double* scratch() { return scratch_.data(); }

  void barrier(int& passed) {
    if (missing_ > 0 && ++passed % missing_ == 0) return;
    const int round = round_.load(std::memory_order_acquire);
    if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
      waiting_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    while (round_.load(std::memory_order_acquire) == round) std::this_thread::yield();
  }

 private:
  const int size_;
  const int missing_;
  std::atomic<int> waiting_{0};
  std::atomic<int> round_{0};
  std::vector<double> scratch_;
};

class HostTeam {
 public:
  HostTeam(TeamState& state, int rank) : state_(&state), rank_(rank) {}

  int rank() const { return rank_; }
  int size() const { return state_->size(); }
  void barrier() const { state_->barrier(passed_); }
  double* scratch() const { return state_->scratch(); }

 private:
  TeamState* state_;
  int rank_;
  mutable int passed_ = 0;
};

static_assert(kIsPolicy<Block<HostTeam>>);

// Runs body(exec) on a block of `size` host threads.
template <class Body>
void on_host_team(int size, const Body& body, int missing = 0) {
  TeamState state(size, missing);
  std::vector<std::thread> threads;
  for (int rank = 1; rank < size; ++rank) {
    threads.emplace_back([&, rank] { body(Block<HostTeam>(HostTeam(state, rank))); });
  }
  body(Block<HostTeam>(HostTeam(state, 0)));
  for (std::thread& thread : threads) thread.join();
}

}  // namespace fastpid
