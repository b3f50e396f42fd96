// Ctrl-C while the kernel runs.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>

namespace fastpid::bindings {

// Asks Python for pending signals, at most every 20 ms, from a thread that released the GIL.
class SignalCheck {
 public:
  bool operator()() {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(20)) return false;
    last_ = now;
    const pybind11::gil_scoped_acquire hold;
    return PyErr_CheckSignals() != 0;  // the exception stays set
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace fastpid::bindings
