#include "thread_pool.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace fastpid::cpu {
namespace {

// One call of run_on_pool().
struct Job {
  const std::function<void(int)>& body;
  int next = 1;     // the member that the next helper will be
  int size = 1;     // members wanted
  int running = 0;  // helpers at work
};

class Pool {
 public:
  void run(int size, const std::function<void(int)>& body, const std::function<void()>& waiting) {
    Job job{body, 1, size, 0};
    {
      const std::lock_guard<std::mutex> hold(lock_);
      grow(size - 1);
      jobs_.push_back(&job);
    }
    work_.notify_all();
    body(0);
    std::unique_lock<std::mutex> hold(lock_);
    withdraw(&job);
    while (!done_.wait_for(hold, std::chrono::milliseconds(5), [&] { return job.running == 0; })) {
      hold.unlock();
      waiting();
      hold.lock();
    }
  }

 private:
  // Threads are detached: those that sleep here when the process exits hold nothing.
  void grow(int wanted) {
    try {
      for (; threads_ < wanted; ++threads_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {  // the system gives no more threads: go on with these
    }
  }

  void serve() {
    std::unique_lock<std::mutex> hold(lock_);
    for (;;) {
      work_.wait(hold, [&] { return !jobs_.empty(); });
      Job* job = jobs_.front();
      const int member = job->next++;
      if (job->next >= job->size) withdraw(job);
      ++job->running;
      hold.unlock();
      job->body(member);
      hold.lock();
      if (--job->running == 0) done_.notify_all();
    }
  }

  void withdraw(const Job* job) {
    for (auto it = jobs_.begin(); it != jobs_.end(); ++it) {
      if (*it == job) {
        jobs_.erase(it);
        return;
      }
    }
  }

  std::mutex lock_;
  std::condition_variable work_, done_;
  std::deque<Job*> jobs_;  // that still want helpers
  int threads_ = 0;
};

// Never destroyed: its threads may outlive every static object.
Pool* pool = nullptr;

Pool& shared() {
  static const bool ready = [] {
    pool = new Pool;
#if !defined(_WIN32)
    // The child's copy may be locked by a thread that the child does not have.
    pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });
#endif
    return true;
  }();
  static_cast<void>(ready);
  return *pool;
}

}  // namespace

void run_on_pool(int size, const std::function<void(int)>& body,
                 const std::function<void()>& waiting) {
  if (size <= 1) {
    body(0);
    return;
  }
  shared().run(size, body, waiting);
}

}  // namespace fastpid::cpu
