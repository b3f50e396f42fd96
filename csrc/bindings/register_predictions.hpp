// A loss of predictions: their joint table, a step of the solver, and the way back. Arguments have
// been validated in Python, but for the values that the kernel reads first.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>

#include "kernel.hpp"

namespace fastpid::bindings {
namespace {

using Labels = Array<std::int64_t>;

cpu::Numbers numbers(const py::array& a) {
  if (a.ndim() != 2 || !(a.flags() & py::array::c_style)) {
    throw std::invalid_argument("predictions must be (n, symbols), C-contiguous");
  }
  if (py::isinstance<Doubles>(a)) return {static_cast<const double*>(a.data()), nullptr};
  if (py::isinstance<Array<float>>(a)) return {nullptr, static_cast<const float*>(a.data())};
  throw std::invalid_argument("predictions must be float64 or float32");
}

cpu::Predictions predictions(const py::array& x, const py::array& y, const Labels& z,
                             const Doubles& weights, int nz, bool logits) {
  const cpu::Numbers of_x = numbers(x), of_y = numbers(y);
  const py::ssize_t n = x.shape(0);
  if (y.shape(0) != n || z.size() != n || (weights.size() != 0 && weights.size() != n)) {
    throw std::invalid_argument("x, y, z and weights must be of the same samples");
  }
  const Shape shape{extent(x, 1), extent(y, 1), at_least_one(nz)};
  return {of_x, of_y, z.data(), weights.size() ? weights.data() : nullptr, n, shape, logits};
}

py::tuple soft_table(const py::array& x, const py::array& y, const Labels& z,
                     const Doubles& weights, int nz, bool logits, double tolerance) {
  const cpu::Predictions given = predictions(x, y, z, weights, nz, logits);
  Doubles px({x.shape(0), x.shape(1)}), py_({y.shape(0), y.shape(1)});
  Doubles table({x.shape(1), y.shape(1), py::ssize_t{nz}});
  double *to_x = px.mutable_data(), *to_y = py_.mutable_data(), *to = table.mutable_data();
  cpu::PredictionsRead read;
  {
    const py::gil_scoped_release release;
    read = kernel->soft_table(given, tolerance, to_x, to_y, to);
  }
  return py::make_tuple(table, px, py_, read.weight, read.bad_x, read.bad_y, read.bad_z);
}

py::tuple soft_table_gradient(const Doubles& px, const Doubles& py_, const Labels& z,
                              const Doubles& weights, const Doubles& by_table, bool logits,
                              bool single) {
  if (by_table.ndim() != 3) throw std::invalid_argument("by_table must be (nx, ny, nz)");
  const cpu::Predictions given = predictions(px, py_, z, weights, extent(by_table, 2), logits);
  if (by_table.size() != given.shape.cells()) throw std::invalid_argument("by_table does not fit");
  const double *of_x = px.data(), *of_y = py_.data(), *by = by_table.data();
  const auto run = [&](auto by_x, auto by_y, auto differentiate) {
    auto *to_x = by_x.mutable_data(), *to_y = by_y.mutable_data();
    {
      const py::gil_scoped_release release;
      differentiate(given, of_x, of_y, by, to_x, to_y);
    }
    return py::make_tuple(by_x, by_y);
  };
  const py::ssize_t n = px.shape(0), nx = px.shape(1), ny = py_.shape(1);
  if (!single) return run(Doubles({n, nx}), Doubles({n, ny}), kernel->soft_table_gradient);
  return run(Array<float>({n, nx}), Array<float>({n, ny}), kernel->soft_table_gradient_single);
}

py::tuple loss_step(const Doubles& own, const Doubles& before, double decay, const Doubles& lam,
                    const Doubles& mu, const Doubles& s, double pays, const Doubles& weights,
                    bool differentiate, double tol, int threads, double mass_tolerance) {
  if (own.ndim() != 3) throw std::invalid_argument("own must be (nx, ny, nz)");
  const Shape shape{extent(own, 0), extent(own, 1), extent(own, 2)};
  const auto check = [](const Doubles& a, std::ptrdiff_t size, bool or_none) {
    if (a.size() != size && !(or_none && a.size() == 0)) {
      throw std::invalid_argument("arrays do not fit the table");
    }
  };
  check(before, shape.cells(), true);
  check(mu, shape.yz(), s.size() == 0);
  check(lam, shape.xz(), s.size() == 0);
  check(s, shape.xy(), true);
  check(weights, 4, false);
  const py::ssize_t nx = shape.nx, ny = shape.ny, nz = shape.nz;
  Doubles sums({nx, ny, nz}), by_own({differentiate ? nx : 0, ny, nz});
  Doubles terms({py::ssize_t{Results::kTerms}, py::ssize_t{1}});
  Integers codes({py::ssize_t{Results::kCodes}, py::ssize_t{1}});
  Doubles xz({py::ssize_t{1}, nx, nz}), yz({py::ssize_t{1}, ny, nz});
  Doubles new_lam({py::ssize_t{1}, nx, nz}), new_mu({py::ssize_t{1}, ny, nz});
  Doubles new_s({py::ssize_t{1}, nx, ny});
  cpu::LossStep step{shape, own.data(),   before.size() ? before.data() : nullptr, decay, {}, pays,
                     {},    differentiate};
  if (s.size() != 0) step.start = {lam.data(), mu.data(), s.data()};
  const double* w = weights.data();
  step.weights = {w[0], w[1], w[2], w[3]};
  const cpu::LossStepOut out{sums.mutable_data(),
                             Results::rows(terms.mutable_data(), codes.mutable_data(), 1),
                             xz.mutable_data(),
                             yz.mutable_data(),
                             {new_lam.mutable_data(), new_mu.mutable_data()},
                             new_s.mutable_data(),
                             by_own.mutable_data()};
  auto options = options_of(0, tol, 0, threads, false, mass_tolerance);
  run_interruptibly(options, [&] { return kernel->loss_step(step, options, out); });
  const double value = w[0] * out.results.mi_x[0] + w[1] * out.results.mi_y[0] +
                       w[2] * out.results.mi_xy[0] +
                       w[3] * 0.5 * (out.results.lower[0] + out.results.upper[0]);
  const int status = out.results.status[0];
  return py::make_tuple(value, status, sums, by_own, new_s,
                        py::make_tuple(terms, codes, xz, yz, new_lam, new_mu));
}

void register_predictions(py::module_& m) {
  m.def("soft_table", &soft_table, py::arg("x").noconvert(), py::arg("y").noconvert(),
        py::arg("z").noconvert(), py::arg("weights").noconvert(), py::arg("nz"), py::arg("logits"),
        py::arg("tolerance"),
        "Logits or probabilities (n, nx), (n, ny), float64 or float32, labels (n) of int64, "
        "weights (n) or (0) -> the table (nx, ny, nz) of their sums, the probabilities of x and "
        "y, the sum of the weights, and the first bad row of x, of y and of z, or -1.");
  m.def("soft_table_gradient", &soft_table_gradient, py::arg("px").noconvert(),
        py::arg("py").noconvert(), py::arg("z").noconvert(), py::arg("weights").noconvert(),
        py::arg("by_table").noconvert(), py::arg("logits"), py::arg("single"),
        "The gradients by x and by y of soft_table(), from that by its table, in float32 if "
        "`single`.");
  m.def("loss_step", &loss_step, py::arg("own").noconvert(), py::arg("before").noconvert(),
        py::arg("decay"), py::arg("lam").noconvert(), py::arg("mu").noconvert(),
        py::arg("s").noconvert(), py::arg("pays"), py::arg("weights").noconvert(),
        py::arg("differentiate"), py::arg("tol"), py::arg("threads"), py::arg("mass_tolerance"),
        "The sums of a table (nx, ny, nz), and those before or an empty array -> the value of "
        "`weights` times the terms of own + decay * before, normalised, its status, these sums, "
        "the gradient by `own` divided by its sum, s, and what solve_tables() returns. Starts "
        "from lam, mu and s, if there is an s and the table has moved by no more than `pays`.");
}

}  // namespace
}  // namespace fastpid::bindings
