// The module of one variant of the kernel: a capsule with its functions, for bindings/module.cpp to
// call, and what the processor can do. The plain C API, since this is compiled once a variant.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../cpu/kernel.hpp"
#include "../exec/dense.hpp"

// FASTPID_MODULE, the name of this module, put together with others and as a text.
#define FASTPID_JOIN_NOW(a, b) a##b
#define FASTPID_JOIN(a, b) FASTPID_JOIN_NOW(a, b)
#define FASTPID_TEXT_NOW(a) #a
#define FASTPID_TEXT(a) FASTPID_TEXT_NOW(a)

namespace fastpid::bindings {
namespace {

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

PyObject* processor(PyObject*, PyObject*) {
  bool v2 = false, v3 = false, v4 = false;
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
  __builtin_cpu_init();
  v2 = __builtin_cpu_supports("sse4.2");
  v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
       __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
       __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
       __builtin_cpu_supports("avx512vl");
#endif
  return v4   ? Py_BuildValue("(sss)", "x86_64_v4", "x86_64_v3", "x86_64_v2")
         : v3 ? Py_BuildValue("(ss)", "x86_64_v3", "x86_64_v2")
         : v2 ? Py_BuildValue("(s)", "x86_64_v2")
              : PyTuple_New(0);
}

PyObject* kernel(PyObject*, PyObject*) {
  static cpu::Kernel table{instruction_set(),
                           dense::library(),
                           &cpu::solve_tables,
                           &cpu::gradient,
                           &cpu::solve_marginals,
                           &cpu::count_pairs,
                           &cpu::count_triples,
                           &cpu::permute,
                           &cpu::weigh,
                           &cpu::rearrange,
                           &cpu::solve_gaussian,
                           &cpu::union_information,
                           &cpu::soft_table,
                           &cpu::soft_table_gradient<double>,
                           &cpu::soft_table_gradient<float>,
                           &cpu::loss_step};
  return PyCapsule_New(&table, cpu::kKernelCapsule, nullptr);
}

PyMethodDef methods[] = {
    {"processor", &processor, METH_NOARGS,
     "The x86-64 levels that this processor has, best first."},
    {"kernel", &kernel, METH_NOARGS, "The functions of this variant, for _bindings.use()."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          FASTPID_TEXT(FASTPID_MODULE),
                          "One variant of fastpid's compiled kernel. Private.",
                          -1,
                          methods,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace
}  // namespace fastpid::bindings

PyMODINIT_FUNC FASTPID_JOIN(PyInit_, FASTPID_MODULE)() {
  // pybind11 and numpy's C API would wait for the GIL forever there.
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_ImportError,
                    "fastpid runs in the main interpreter alone, not in a sub-interpreter");
    return nullptr;
  }
  return PyModule_Create(&fastpid::bindings::definition);
}
