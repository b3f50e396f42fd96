// The compiled kernel of fastpid, one module per instruction set: a table of contents.
#include <pybind11/pybind11.h>

#include "register.hpp"

PYBIND11_MODULE(FASTPID_MODULE, m) {
  m.doc() = "Compiled kernel of fastpid. Private: use the functions of the package.";
  fastpid::bindings::register_decompose(m);
  fastpid::bindings::register_histogram(m);
  fastpid::bindings::register_build_info(m);
}
