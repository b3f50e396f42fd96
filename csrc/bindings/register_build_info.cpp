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

// The x86-64 levels of the processor at hand, as far as there are variants for them, best first.
pybind11::list processor() {
  pybind11::list levels;
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (v4) levels.append("x86_64_v4");
  if (v3) levels.append("x86_64_v3");
  if (__builtin_cpu_supports("sse4.2")) levels.append("x86_64_v2");
#endif
  return levels;
}

}  // namespace

void register_build_info(pybind11::module_& m) {
  m.def("processor", &processor, "The instruction sets that this processor has, best first.");
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
        return info;
      },
      "Compiler, language standard, instruction set, Eigen version.");
}

}  // namespace fastpid::bindings
