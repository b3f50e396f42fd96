// What this module was built with; `fastpid info` prints it.
#include <Eigen/Core>
#include <string>

#include "register.hpp"

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

const char* instruction_set() {
#if defined(__AVX512F__)
  return "x86-64-v4";
#elif defined(__AVX2__) && defined(__FMA__)
  return "x86-64-v3";
#elif defined(__SSE4_2__)
  return "x86-64-v2";
#elif defined(__x86_64__) || defined(_M_X64)
  return "x86-64";
#elif defined(__aarch64__) || defined(_M_ARM64)
  return "aarch64";
#else
  return "generic";
#endif
}

}  // namespace

void register_build_info(pybind11::module_& m) {
  m.def(
      "build_info",
      [] {
        pybind11::dict info;
        info["compiler"] = compiler();
        info["cxx_standard"] = std::to_string(__cplusplus);
        info["instruction_set"] = instruction_set();
        info["eigen"] = std::to_string(EIGEN_WORLD_VERSION) + "." +
                        std::to_string(EIGEN_MAJOR_VERSION) + "." +
                        std::to_string(EIGEN_MINOR_VERSION);
        info["cuda"] = false;
        return info;
      },
      "Compiler, language standard, instruction set, Eigen version, whether CUDA was built.");
}

}  // namespace fastpid::bindings
