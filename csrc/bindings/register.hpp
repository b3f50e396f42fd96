// The topics of the module, one function each.
#pragma once

#include <pybind11/pybind11.h>

namespace fastpid::bindings {

void register_decompose(pybind11::module_& m);
void register_histogram(pybind11::module_& m);
void register_build_info(pybind11::module_& m);

}  // namespace fastpid::bindings
