// Covariances in, arrays out. Arguments have been validated in Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <stdexcept>

#include "kernel.hpp"

namespace fastpid::bindings {
namespace {

py::tuple solve_gaussian(const Doubles& cov, int m, int n, int d, double tol, int max_iter,
                         int threads, bool solution) {
  const gaussian::Sizes sizes{at_least_one(m), at_least_one(n), at_least_one(d)};
  if (cov.ndim() != 3 || cov.shape(1) != sizes.total() || cov.shape(2) != sizes.total()) {
    throw std::invalid_argument("cov must be (batch, m + n + d, m + n + d)");
  }
  const py::ssize_t count = cov.shape(0), solved = solution ? count : 0;
  Doubles terms({py::ssize_t{Results::kTerms}, count});
  Array<std::int32_t> codes({py::ssize_t{Results::kCodes}, count});
  Doubles coupling({solved, py::ssize_t{m}, py::ssize_t{n}});
  Doubles estimator({solved, py::ssize_t{d}, py::ssize_t{m} + n});
  Doubles precision({solved, py::ssize_t{d}, py::ssize_t{d}});
  const Results results = Results::rows(terms.mutable_data(), codes.mutable_data(), count);
  cpu::BatchOptions options;
  options.solve.tol = tol;
  options.solve.max_iter = max_iter;
  options.threads = at_least_one(threads);
  gaussian::SolutionParts out;
  if (solution) {
    out = {coupling.mutable_data(), estimator.mutable_data(), precision.mutable_data()};
  }
  run_interruptibly(options, [&] {
    return kernel->solve_gaussian(cov.data(), count, sizes, options, results, out);
  });
  return py::make_tuple(terms, codes, coupling, estimator, precision);
}

void register_gaussian(py::module_& m) {
  m.def(
      "solve_gaussian", &solve_gaussian, py::arg("cov").noconvert(), py::arg("m"), py::arg("n"),
      py::arg("d"), py::arg("tol"), py::arg("max_iter"), py::arg("threads"), py::arg("solution"),
      "Covariances (batch, m + n + d, m + n + d) of X, Y and Z -> terms (5, batch; nats), codes "
      "(3, batch) and, if wanted (else empty), the cross-covariance (batch, m, n) of the optimal "
      "coupling, the estimator (batch, d, m + n) of Z and the inverse covariance (batch, d, d) of "
      "its error.");
}

}  // namespace
}  // namespace fastpid::bindings
