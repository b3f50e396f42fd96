// The module of one variant of the kernel: a capsule with its functions, for bindings/module.cpp to
// call, and what the processor can do. The plain C API, since this is compiled once a variant.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

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

// The x86-64 levels that the processor has and the system keeps the registers of. Asked here, since
// __builtin_cpu_supports() is as good as the compiler's runtime library: zig's always says no.
struct Levels {
  bool v2 = false, v3 = false, v4 = false;
};

#if defined(__x86_64__) && defined(__GNUC__)
bool all_of(unsigned word, unsigned bits) { return (word & bits) == bits; }

Levels levels() {
  Levels out;
  unsigned a = 0, b = 0, c = 0, d = 0, basic = 0, wide = 0, more = 0, kept = 0;
  if (__get_cpuid(1, &a, &b, &basic, &d) == 0) return out;
  out.v2 = all_of(basic, bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT);
  if (!out.v2 || !all_of(basic, bit_OSXSAVE | bit_AVX)) return out;
  __asm__("xgetbv" : "=a"(kept), "=d"(d) : "c"(0));
  __get_cpuid_count(7, 0, &a, &wide, &c, &d);
  __get_cpuid(0x80000001, &a, &b, &more, &d);
  constexpr unsigned kYmm = 0x06, kZmm = 0xe0, kLzcnt = 1u << 5;
  out.v3 = all_of(kept, kYmm) && all_of(basic, bit_FMA | bit_MOVBE | bit_F16C) &&
           all_of(wide, bit_AVX2 | bit_BMI | bit_BMI2) && all_of(more, kLzcnt);
  out.v4 = out.v3 && all_of(kept, kZmm) &&
           all_of(wide, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL);
  return out;
}
#else
Levels levels() { return {}; }
#endif

PyObject* processor(PyObject*, PyObject*) {
  const Levels has = levels();
  return has.v4   ? Py_BuildValue("(sss)", "x86_64_v4", "x86_64_v3", "x86_64_v2")
         : has.v3 ? Py_BuildValue("(ss)", "x86_64_v3", "x86_64_v2")
         : has.v2 ? Py_BuildValue("(s)", "x86_64_v2")
                  : PyTuple_New(0);
}

PyObject* kernel(PyObject*, PyObject*) {
  static cpu::Kernel table{instruction_set(),    dense::library(),      &cpu::solve_tables,
                           &cpu::gradient,       &cpu::solve_marginals, &cpu::count_pairs,
                           &cpu::count_triples,  &cpu::permute,         &cpu::weigh,
                           &cpu::rearrange,      &cpu::solve_gaussian,  &cpu::union_information,
                           &cpu::decompose_many, &cpu::soft_table,      &cpu::soft_table_gradient,
                           &cpu::loss_step,      &cpu::loss_value};
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
  PyObject* module = PyModule_Create(&fastpid::bindings::definition);
#if defined(Py_GIL_DISABLED)  // nothing of this module changes after its import
  if (module != nullptr && PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED) != 0) {
    Py_CLEAR(module);
  }
#endif
  return module;
}
