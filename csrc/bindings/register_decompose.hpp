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

// The pairwise marginals (batch, nx, nz) and (batch, ny, nz) of a batch.
Given given_marginals(const Doubles& xz, const Doubles& yz) {
  if (xz.ndim() != 3 || yz.ndim() != 3 || xz.shape(0) != yz.shape(0) ||
      xz.shape(2) != yz.shape(2)) {
    throw std::invalid_argument("xz and yz must be (batch, nx, nz) and (batch, ny, nz)");
  }
  return {{extent(xz, 1), extent(yz, 1), extent(xz, 2)}, nullptr, xz.data(), yz.data()};
}

Given given_table(const Doubles& p) {
  if (p.ndim() != 4) throw std::invalid_argument("p must be (batch, nx, ny, nz)");
  return {{extent(p, 1), extent(p, 2), extent(p, 3)}, p.data()};
}

py::tuple solve(const Given& given, py::ssize_t count, cpu::BatchOptions options, bool potentials) {
  const py::ssize_t nx = given.shape.nx, ny = given.shape.ny, nz = given.shape.nz;
  Doubles terms({py::ssize_t{Results::kTerms}, count});
  Integers codes({py::ssize_t{Results::kCodes}, count});
  Doubles xz({count, nx, nz});
  Doubles yz({count, ny, nz});
  const py::ssize_t solved = potentials ? count : 0;
  Doubles lam({solved, nx, nz});
  Doubles mu({solved, ny, nz});
  const Results results = Results::rows(terms.mutable_data(), codes.mutable_data(), count);
  cpu::Potentials<double> out;
  if (potentials) out = {lam.mutable_data(), mu.mutable_data()};
  run_interruptibly(options, [&] {
    return kernel->solve_tables(given, count, options, results, xz.mutable_data(),
                                yz.mutable_data(), out, Start(), nullptr);
  });
  return py::make_tuple(terms, codes, xz, yz, lam, mu);
}

py::tuple solve_tables(const Doubles& p, int method, double tol, int max_iter, int threads,
                       bool normalize, double mass_tolerance, bool potentials) {
  const Given given = given_table(p);
  const auto options = options_of(method, tol, max_iter, threads, normalize, mass_tolerance);
  return solve(given, p.shape(0), options, potentials);
}

py::tuple decompose_marginals(const Doubles& xz, const Doubles& yz, int method, double tol,
                              int max_iter, int threads, bool normalize, double mass_tolerance,
                              bool potentials) {
  const Given given = given_marginals(xz, yz);
  const auto options = options_of(method, tol, max_iter, threads, normalize, mass_tolerance);
  return solve(given, xz.shape(0), options, potentials);
}

// What solve() returned of a batch, and the weights of its terms.
struct Solved {
  const Doubles &xz, &yz, &lam, &mu, &weights;
};

void differentiate(const Given& given, py::ssize_t count, const Solved& solved, bool normalize,
                   int threads, const GradientOut& out) {
  const auto check = [](const Doubles& a, py::ssize_t size) {
    if (a.size() != size) throw std::invalid_argument("arrays do not fit what was decomposed");
  };
  for (const Doubles* a : {&solved.xz, &solved.lam}) check(*a, count * given.shape.xz());
  for (const Doubles* a : {&solved.yz, &solved.mu}) check(*a, count * given.shape.yz());
  check(solved.weights, 4 * count);
  auto options = options_of(0, 0.0, 0, threads, normalize, 0.0);
  run_interruptibly(options, [&] {
    return kernel->gradient(given, solved.xz.data(), solved.yz.data(),
                            {solved.lam.data(), solved.mu.data()}, solved.weights.data(), count,
                            options, out);
  });
}

Doubles gradient(const Doubles& p, const Doubles& xz, const Doubles& yz, const Doubles& lam,
                 const Doubles& mu, const Doubles& weights, bool normalize, int threads) {
  const Given given = given_table(p);
  Doubles out({p.shape(0), p.shape(1), p.shape(2), p.shape(3)});
  differentiate(given, p.shape(0), {xz, yz, lam, mu, weights}, normalize, threads,
                {out.mutable_data()});
  return out;
}

py::tuple marginal_gradients(const Doubles& given_xz, const Doubles& given_yz, const Doubles& xz,
                             const Doubles& yz, const Doubles& lam, const Doubles& mu,
                             const Doubles& weights, bool normalize, int threads) {
  const Given given = given_marginals(given_xz, given_yz);
  const py::ssize_t count = given_xz.shape(0);
  Doubles by_xz({count, given_xz.shape(1), given_xz.shape(2)});
  Doubles by_yz({count, given_yz.shape(1), given_yz.shape(2)});
  differentiate(given, count, {xz, yz, lam, mu, weights}, normalize, threads,
                {nullptr, by_xz.mutable_data(), by_yz.mutable_data()});
  return py::make_tuple(by_xz, by_yz);
}

py::tuple solve_marginals(const Doubles& xz, const Doubles& yz, int method, double tol,
                          int max_iter, int threads, bool coupling) {
  const Shape shape = given_marginals(xz, yz).shape;
  const py::ssize_t count = xz.shape(0);
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
  m.def("decompose_marginals", &decompose_marginals, py::arg("xz").noconvert(),
        py::arg("yz").noconvert(), py::arg("method"), py::arg("tol"), py::arg("max_iter"),
        py::arg("threads"), py::arg("normalize"), py::arg("mass_tolerance"), py::arg("potentials"),
        "As solve_tables(), from marginals (batch, nx, nz), (batch, ny, nz); NaN for mi_xy.");
  m.def(
      "gradient", &gradient, py::arg("p").noconvert(), py::arg("xz").noconvert(),
      py::arg("yz").noconvert(), py::arg("lam").noconvert(), py::arg("mu").noconvert(),
      py::arg("weights").noconvert(), py::arg("normalize"), py::arg("threads"),
      "The gradient by p of weights (batch, 4) times mi_x, mi_y, mi_xy and the union information, "
      "from what solve_tables() returned.");
  m.def("marginal_gradients", &marginal_gradients, py::arg("given_xz").noconvert(),
        py::arg("given_yz").noconvert(), py::arg("xz").noconvert(), py::arg("yz").noconvert(),
        py::arg("lam").noconvert(), py::arg("mu").noconvert(), py::arg("weights").noconvert(),
        py::arg("normalize"), py::arg("threads"),
        "As gradient(), by each of the marginals that decompose_marginals() was given.");
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
