// Batches in, arrays out. Arguments have been validated in Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <stdexcept>

#include "kernel.hpp"

namespace fastpid::bindings {
namespace {

using Integers = Array<std::int32_t>;

cpu::BatchOptions options_of(int method, double tol, int max_iter, int threads, bool normalize,
                             double mass_tolerance) {
  cpu::BatchOptions options;
  options.solve.method = static_cast<Method>(method);
  options.solve.tol = tol;
  options.solve.max_iter = max_iter;
  options.normalize = normalize;
  options.mass_tolerance = mass_tolerance;
  options.threads = at_least_one(threads);
  return options;
}

py::tuple solve_tables(const Doubles& p, int method, double tol, int max_iter, int threads,
                       bool normalize, double mass_tolerance, bool potentials) {
  if (p.ndim() != 4) throw std::invalid_argument("p must be (batch, nx, ny, nz)");
  const py::ssize_t count = p.shape(0);
  const Shape shape{extent(p, 1), extent(p, 2), extent(p, 3)};
  Doubles terms({py::ssize_t{Results::kTerms}, count});
  Integers codes({py::ssize_t{Results::kCodes}, count});
  Doubles xz({count, p.shape(1), p.shape(3)});
  Doubles yz({count, p.shape(2), p.shape(3)});
  const py::ssize_t solved = potentials ? count : 0;
  Doubles lam({solved, p.shape(1), p.shape(3)});
  Doubles mu({solved, p.shape(2), p.shape(3)});
  const Results results = Results::rows(terms.mutable_data(), codes.mutable_data(), count);
  auto options = options_of(method, tol, max_iter, threads, normalize, mass_tolerance);
  cpu::Potentials<double> out;
  if (potentials) out = {lam.mutable_data(), mu.mutable_data()};
  run_interruptibly(options, [&] {
    return kernel->solve_tables(p.data(), count, shape, options, results, xz.mutable_data(),
                                yz.mutable_data(), out);
  });
  return py::make_tuple(terms, codes, xz, yz, lam, mu);
}

Doubles gradient(const Doubles& p, const Doubles& xz, const Doubles& yz, const Doubles& lam,
                 const Doubles& mu, const Doubles& weights, bool normalize, int threads) {
  if (p.ndim() != 4) throw std::invalid_argument("p must be (batch, nx, ny, nz)");
  const py::ssize_t count = p.shape(0), nx = p.shape(1), ny = p.shape(2), nz = p.shape(3);
  const Shape shape{extent(p, 1), extent(p, 2), extent(p, 3)};
  const auto check = [](const Doubles& a, py::ssize_t size) {
    if (a.size() != size) throw std::invalid_argument("arrays do not fit p");
  };
  for (const Doubles* a : {&xz, &lam}) check(*a, count * nx * nz);
  for (const Doubles* a : {&yz, &mu}) check(*a, count * ny * nz);
  check(weights, 4 * count);
  Doubles out({count, nx, ny, nz});
  auto options = options_of(0, 0.0, 0, threads, normalize, 0.0);
  run_interruptibly(options, [&] {
    return kernel->gradient(p.data(), xz.data(), yz.data(), {lam.data(), mu.data()}, weights.data(),
                            count, shape, options, out.mutable_data());
  });
  return out;
}

py::tuple solve_marginals(const Doubles& xz, const Doubles& yz, int method, double tol,
                          int max_iter, int threads, bool coupling) {
  if (xz.ndim() != 3 || yz.ndim() != 3 || xz.shape(0) != yz.shape(0) ||
      xz.shape(2) != yz.shape(2)) {
    throw std::invalid_argument("xz and yz must be (batch, nx, nz) and (batch, ny, nz)");
  }
  const py::ssize_t count = xz.shape(0);
  const Shape shape{extent(xz, 1), extent(yz, 1), extent(xz, 2)};
  Doubles lam({count, xz.shape(1), xz.shape(2)});
  Doubles mu({count, yz.shape(1), yz.shape(2)});
  Doubles s({count, xz.shape(1), yz.shape(1)});
  Doubles u({count, xz.shape(1), xz.shape(2)});
  Doubles v({count, yz.shape(1), yz.shape(2)});
  auto options = options_of(method, tol, max_iter, threads, false, 0.0);
  options.solve.coupling = coupling;
  const cpu::Solutions out{{lam.mutable_data(), mu.mutable_data()},
                           s.mutable_data(),
                           u.mutable_data(),
                           v.mutable_data()};
  run_interruptibly(options, [&] {
    return kernel->solve_marginals(xz.data(), yz.data(), count, shape, options, out);
  });
  return py::make_tuple(lam, mu, s, u, v);
}

template <std::size_t N>
py::list list_of(const char* const (&names)[N]) {
  py::list out;
  for (const char* name : names) out.append(name);
  return out;
}

void register_decompose(py::module_& m) {
  m.def(
      "solve_tables", &solve_tables, py::arg("p").noconvert(), py::arg("method"), py::arg("tol"),
      py::arg("max_iter"), py::arg("threads"), py::arg("normalize"), py::arg("mass_tolerance"),
      py::arg("potentials"),
      "Tables (batch, nx, ny, nz) -> terms (5, batch; nats), codes (3, batch), p_xz, p_yz and, if "
      "wanted, potentials lam, mu (else empty). layout() names the rows.");
  m.def(
      "gradient", &gradient, py::arg("p").noconvert(), py::arg("xz").noconvert(),
      py::arg("yz").noconvert(), py::arg("lam").noconvert(), py::arg("mu").noconvert(),
      py::arg("weights").noconvert(), py::arg("normalize"), py::arg("threads"),
      "The gradient by p of weights (batch, 4) times mi_x, mi_y, mi_xy and the union information, "
      "from what solve_tables() returned.");
  m.def(
      "solve_marginals", &solve_marginals, py::arg("xz").noconvert(), py::arg("yz").noconvert(),
      py::arg("method"), py::arg("tol"), py::arg("max_iter"), py::arg("threads"),
      py::arg("coupling"),
      "Marginals (batch, nx, nz), (batch, ny, nz) -> potentials lam, mu and, if coupling, factors "
      "s, u, v such that s u v is the coupling up to what its dominated marginals miss.");
  m.def(
      "layout",
      [] {
        py::dict names;
        names["terms"] = list_of(kTermNames);
        names["codes"] = list_of(kCodeNames);
        names["methods"] = list_of(kMethodNames);
        names["statuses"] = list_of(kStatusNames);
        return names;
      },
      "The names of rows and of numbers, in their order.");
}

}  // namespace
}  // namespace fastpid::bindings
