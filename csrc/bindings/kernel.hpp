// How the bindings call the kernel: without the GIL, and with an ear for Ctrl-C.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <chrono>
#include <exception>
#include <limits>
#include <stdexcept>
#include <thread>
#if defined(__GLIBCXX__)
#include <cxxabi.h>
#endif

#include "../cpu/kernel.hpp"

namespace fastpid::bindings {

namespace py = pybind11;
template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Doubles = Array<double>;

// The variant that use() chose.
inline const cpu::Kernel* kernel = nullptr;

inline int at_least_one(py::ssize_t n) {
  if (n < 1) throw std::invalid_argument("an axis is empty, or there are no threads");
  if (n > std::numeric_limits<int>::max()) throw std::length_error("an axis is too long");
  return static_cast<int>(n);
}
inline int extent(const py::array& a, int axis) { return at_least_one(a.shape(axis)); }

// Takes the GIL back that PyEval_SaveThread() gave away. A daemon thread that wants it while Python
// shuts down is ended right here, by a forced unwinding of its stack: destructors would count
// references without the GIL, and a catch (...) on the way aborts the process. It waits for the end
// of the process instead, as Python does itself from 3.14 on.
inline void take_gil(PyThreadState* state) {
#if defined(__GLIBCXX__)
  try {
    PyEval_RestoreThread(state);
  } catch (abi::__forced_unwind&) {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
#else
  PyEval_RestoreThread(state);
#endif
}

// Whether the calling thread is the one that Python delivers signals to.
inline bool in_main_thread() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> storage;
  const py::object& main_thread =
      storage
          .call_once_and_store_result(
              [] { return py::object(py::module_::import("threading").attr("main_thread")); })
          .get_stored();
  return main_thread().attr("ident").cast<unsigned long>() == PyThread_get_thread_ident();
}

// Runs finished = f() without the GIL, so that f may read the numbers of arrays and nothing else of
// Python's. On the main thread options.interrupted asks for pending signals, at most every 20 ms;
// what a signal's handler raised is thrown.
template <class Options, class F>
void run_interruptibly(Options& options, F&& f) {
  using Clock = std::chrono::steady_clock;
  PyThreadState* state = nullptr;
  // Which thread this is costs more than a small table, and is asked when the first check is due.
  options.interrupted = [&state, last = Clock::now(), deaf = false]() mutable {
    if (deaf) return false;
    const auto now = Clock::now();
    if (now - last < std::chrono::milliseconds(20)) return false;
    last = now;
    take_gil(state);
    const bool raised = PyErr_CheckSignals() != 0;  // the exception stays set
    deaf = !raised && !in_main_thread();
    state = PyEval_SaveThread();
    return raised;
  };
  bool finished = false;
  std::exception_ptr failure;
  state = PyEval_SaveThread();
  try {
    finished = f();
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  take_gil(state);
  if (failure) std::rethrow_exception(failure);
  if (!finished) throw py::error_already_set();
}

}  // namespace fastpid::bindings
