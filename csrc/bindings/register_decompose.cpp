// Batches in, arrays out. Arguments have been validated in Python; the GIL is released throughout.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <limits>
#include <stdexcept>

#include "../cpu/batch.hpp"
#include "register.hpp"
#include "signal_check.hpp"

namespace fastpid::bindings {
namespace {

namespace py = pybind11;
using Array = py::array_t<double, py::array::c_style>;
using Integers = py::array_t<std::int32_t, py::array::c_style>;

cpu::BatchOptions options_of(int method, double tol, int max_iter, int threads, bool normalize,
                             double mass_tolerance) {
  cpu::BatchOptions options;
  options.solve.method = static_cast<Method>(method);
  options.solve.tol = tol;
  options.solve.max_iter = max_iter;
  options.normalize = normalize;
  options.mass_tolerance = mass_tolerance;
  options.threads = threads;
  options.interrupted = SignalCheck();
  return options;
}

int extent(const py::array& a, int axis) {
  const py::ssize_t n = a.shape(axis);
  if (n > std::numeric_limits<int>::max()) throw std::length_error("an axis is too long");
  return static_cast<int>(n);
}

py::tuple solve_tables(const Array& p, int method, double tol, int max_iter, int threads,
                       bool normalize, double mass_tolerance, bool potentials) {
  if (p.ndim() != 4) throw std::invalid_argument("p must be (batch, nx, ny, nz)");
  const py::ssize_t count = p.shape(0);
  const Shape shape{extent(p, 1), extent(p, 2), extent(p, 3)};
  Array terms({py::ssize_t{Results::kTerms}, count});
  Integers codes({py::ssize_t{Results::kCodes}, count});
  Array xz({count, p.shape(1), p.shape(3)});
  Array yz({count, p.shape(2), p.shape(3)});
  const py::ssize_t solved = potentials ? count : 0;
  Array lam({solved, p.shape(1), p.shape(3)});
  Array mu({solved, p.shape(2), p.shape(3)});
  const Results results = Results::rows(terms.mutable_data(), codes.mutable_data(), count);
  const auto options = options_of(method, tol, max_iter, threads, normalize, mass_tolerance);
  const double* input = p.data();
  double* out_xz = xz.mutable_data();
  double* out_yz = yz.mutable_data();
  cpu::Potentials<double> out;
  if (potentials) out = {lam.mutable_data(), mu.mutable_data()};
  bool finished;
  {
    const py::gil_scoped_release free;
    finished = cpu::solve_tables(input, count, shape, options, results, out_xz, out_yz, out);
  }
  if (!finished) throw py::error_already_set();
  return py::make_tuple(terms, codes, xz, yz, lam, mu);
}

Array gradient(const Array& p, const Array& xz, const Array& yz, const Array& lam, const Array& mu,
               const Array& weights, bool normalize, int threads) {
  if (p.ndim() != 4) throw std::invalid_argument("p must be (batch, nx, ny, nz)");
  const py::ssize_t count = p.shape(0), nx = p.shape(1), ny = p.shape(2), nz = p.shape(3);
  const Shape shape{extent(p, 1), extent(p, 2), extent(p, 3)};
  const auto check = [](const Array& a, py::ssize_t size) {
    if (a.size() != size) throw std::invalid_argument("arrays do not fit p");
  };
  for (const Array* a : {&xz, &lam}) check(*a, count * nx * nz);
  for (const Array* a : {&yz, &mu}) check(*a, count * ny * nz);
  check(weights, 4 * count);
  Array out({count, nx, ny, nz});
  const auto options = options_of(0, 0.0, 0, threads, normalize, 0.0);
  const double *in = p.data(), *in_xz = xz.data(), *in_yz = yz.data(), *in_weights = weights.data();
  const cpu::Potentials<const double> potentials{lam.data(), mu.data()};
  double* result = out.mutable_data();
  bool finished;
  {
    const py::gil_scoped_release free;
    finished =
        cpu::gradient(in, in_xz, in_yz, potentials, in_weights, count, shape, options, result);
  }
  if (!finished) throw py::error_already_set();
  return out;
}

py::tuple solve_marginals(const Array& xz, const Array& yz, int method, double tol, int max_iter,
                          int threads, bool coupling) {
  if (xz.ndim() != 3 || yz.ndim() != 3 || xz.shape(0) != yz.shape(0) ||
      xz.shape(2) != yz.shape(2)) {
    throw std::invalid_argument("xz and yz must be (batch, nx, nz) and (batch, ny, nz)");
  }
  const py::ssize_t count = xz.shape(0);
  const Shape shape{extent(xz, 1), extent(yz, 1), extent(xz, 2)};
  Array lam({count, xz.shape(1), xz.shape(2)});
  Array mu({count, yz.shape(1), yz.shape(2)});
  Array s({count, xz.shape(1), yz.shape(1)});
  Array u({count, xz.shape(1), xz.shape(2)});
  Array v({count, yz.shape(1), yz.shape(2)});
  auto options = options_of(method, tol, max_iter, threads, false, 0.0);
  options.solve.coupling = coupling;
  const cpu::Solutions out{{lam.mutable_data(), mu.mutable_data()},
                           s.mutable_data(),
                           u.mutable_data(),
                           v.mutable_data()};
  const double* in_xz = xz.data();
  const double* in_yz = yz.data();
  bool finished;
  {
    const py::gil_scoped_release free;
    finished = cpu::solve_marginals(in_xz, in_yz, count, shape, options, out);
  }
  if (!finished) throw py::error_already_set();
  return py::make_tuple(lam, mu, s, u, v);
}

template <std::size_t N>
py::list list_of(const char* const (&names)[N]) {
  py::list out;
  for (const char* name : names) out.append(name);
  return out;
}

}  // namespace

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

}  // namespace fastpid::bindings
