// The Python face of the kernel, compiled once. It calls the variant whose functions it was given.
//
// One translation unit: what each unit compiles of pybind11 takes longer than all that is here.
#include <pybind11/pybind11.h>

#include <string>

#include "register_decompose.hpp"
#include "register_gaussian.hpp"
#include "register_histogram.hpp"
#include "register_predictions.hpp"
#include "register_union.hpp"

namespace fastpid::bindings {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#elif defined(_MSC_VER)
  return "msvc " + std::to_string(_MSC_VER);
#else
  return "unknown";
#endif
}

}  // namespace
}  // namespace fastpid::bindings

// Safe without the GIL: `kernel` is set once, while the package is imported; calls share the thread
// pool alone, which has a lock of its own; workspace belongs to the call.
PYBIND11_MODULE(_bindings, m, pybind11::mod_gil_not_used()) {
  namespace py = pybind11;
  using fastpid::bindings::kernel;
  m.doc() = "Compiled kernel of fastpid. Private: use the functions of the package.";
  m.def(
      "use",
      [](const py::capsule& variant) {
        void* table = PyCapsule_GetPointer(variant.ptr(), fastpid::cpu::kKernelCapsule);
        if (table == nullptr) throw py::error_already_set();
        kernel = static_cast<const fastpid::cpu::Kernel*>(table);
      },
      "Calls go to this variant from now on: what kernel() of its module returned.");
  fastpid::bindings::register_decompose(m);
  fastpid::bindings::register_gaussian(m);
  fastpid::bindings::register_histogram(m);
  fastpid::bindings::register_predictions(m);
  fastpid::bindings::register_union(m);
  m.def(
      "build_info",
      [] {
        py::dict info;
        info["compiler"] = fastpid::bindings::compiler();
        info["cxx_standard"] = std::to_string(__cplusplus);
        info["instruction_set"] = kernel->instruction_set;
        info["eigen"] = kernel->eigen;
        return info;
      },
      "Compiler, language standard, instruction set, Eigen version.");
}
