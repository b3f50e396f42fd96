// A loss of predictions: their joint table, a step of the solver, and the way back; and for two
// sources all of it in one call. Arguments have been validated in Python, but for the values that
// the kernel reads first.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "kernel.hpp"

namespace fastpid::bindings {
namespace {

using Labels = Array<std::int64_t>;

// Rows of the sources, (n, symbols) each, and their labels.
cpu::Predictions predictions(const py::tuple& rows, const Labels& z, const Doubles& weights, int nz,
                             bool logits) {
  cpu::Predictions out{{},       z.data(),         weights.size() ? weights.data() : nullptr,
                       z.size(), at_least_one(nz), logits};
  if (rows.size() < 2) throw std::invalid_argument("there must be two sources or more");
  for (const py::handle item : rows) {
    const auto a = py::reinterpret_borrow<py::array>(item);
    if (a.ndim() != 2 || !(a.flags() & py::array::c_style) || a.shape(0) != out.n) {
      throw std::invalid_argument("predictions must be (n, symbols), C-contiguous");
    }
    cpu::Numbers values;
    if (py::isinstance<Doubles>(a)) {
      values.wide = static_cast<const double*>(a.data());
    } else if (py::isinstance<Array<float>>(a)) {
      values.narrow = static_cast<const float*>(a.data());
    } else {
      throw std::invalid_argument("predictions must be float64 or float32");
    }
    out.sources.push_back({values, extent(a, 1)});
  }
  if (weights.size() != 0 && weights.size() != out.n) {
    throw std::invalid_argument("weights must be of the same samples");
  }
  return out;
}

// Arrays (n, symbols), of the precision of each source, for its gradient.
struct Gradients {
  py::tuple arrays;
  std::vector<cpu::Gradient> at;

  explicit Gradients(const cpu::Predictions& given) : arrays(given.sources.size()) {
    for (std::size_t s = 0; s < given.sources.size(); ++s) {
      const std::vector<py::ssize_t> shape{given.n, given.sources[s].symbols};
      if (given.sources[s].values.wide) {
        Doubles array(shape);
        at.push_back({array.mutable_data(), nullptr});
        arrays[s] = std::move(array);
      } else {
        Array<float> array(shape);
        at.push_back({nullptr, array.mutable_data()});
        arrays[s] = std::move(array);
      }
    }
  }
};

// The first bad row's source, that row, and the first bad label, or -1; the sum of the weights.
py::tuple what_was_read(const cpu::PredictionsRead& read) {
  return py::make_tuple(read.bad_source, read.bad_row, read.bad_z, read.weight);
}

py::tuple soft_table(const py::tuple& rows, const Labels& z, const Doubles& weights, int nz,
                     bool logits, double tolerance) {
  const cpu::Predictions given = predictions(rows, z, weights, nz, logits);
  std::vector<py::ssize_t> shape;
  py::tuple probabilities(rows.size());
  std::vector<double*> at;
  for (std::size_t s = 0; s < given.sources.size(); ++s) {
    const int symbols = given.sources[s].symbols;
    Doubles array({static_cast<py::ssize_t>(given.n), py::ssize_t{cpu::padded(symbols)}});
    at.push_back(array.mutable_data());
    probabilities[s] = std::move(array);
    shape.push_back(symbols);
  }
  shape.push_back(nz);
  Doubles table(shape);
  double* to = table.mutable_data();
  cpu::PredictionsRead read;
  {
    const py::gil_scoped_release release;
    read = kernel->soft_table(given, tolerance, at, to);
  }
  return py::make_tuple(table, probabilities, what_was_read(read));
}

py::tuple soft_table_gradient(const py::tuple& rows, const py::tuple& probabilities,
                              const Labels& z, const Doubles& weights, const Doubles& by_table,
                              bool logits) {
  if (by_table.ndim() != static_cast<py::ssize_t>(rows.size()) + 1) {
    throw std::invalid_argument("by_table must have an axis for each source, and for the target");
  }
  const int nz = extent(by_table, static_cast<int>(rows.size()));
  const cpu::Predictions given = predictions(rows, z, weights, nz, logits);
  if (by_table.size() != given.cells() || probabilities.size() != rows.size()) {
    throw std::invalid_argument("by_table or probabilities do not fit");
  }
  std::vector<double*> at;
  for (std::size_t s = 0; s < given.sources.size(); ++s) {
    auto array = py::cast<Doubles>(probabilities[s]);
    if (array.size() != given.n * cpu::padded(given.sources[s].symbols)) {
      throw std::invalid_argument("probabilities do not fit");
    }
    at.push_back(array.mutable_data());
  }
  const Gradients out(given);
  const double* by = by_table.data();
  {
    const py::gil_scoped_release release;
    kernel->soft_table_gradient(given, at, by, out.at);
  }
  return out.arrays;
}

// What a step is asked for, but for its table. `before` is a LossState or empty.
cpu::LossStep step_of(Shape shape, const Doubles& before, double decay, double pays,
                      const Doubles& weights, bool differentiate, double tol, int threads,
                      double mass_tolerance) {
  const std::ptrdiff_t size = cpu::LossState<double>::size(shape);
  if (weights.size() != 4 || (before.size() != 0 && before.size() != size)) {
    throw std::invalid_argument("arrays do not fit the table");
  }
  const double* w = weights.data();
  return {shape,
          nullptr,
          before.size() ? before.data() : nullptr,
          decay,
          pays,
          {w[0], w[1], w[2], w[3]},
          differentiate,
          options_of(0, tol, 0, threads, false, mass_tolerance)};
}

int status_of(Shape shape, const double* state) {
  return static_cast<int>(cpu::LossState<const double>(shape, state).codes[1]);
}

py::tuple loss_step(const Doubles& own, const Doubles& before, double decay, double pays,
                    const Doubles& weights, bool differentiate, double tol, int threads,
                    double mass_tolerance) {
  if (own.ndim() != 3) throw std::invalid_argument("own must be (nx, ny, nz)");
  const Shape shape{extent(own, 0), extent(own, 1), extent(own, 2)};
  cpu::LossStep step =
      step_of(shape, before, decay, pays, weights, differentiate, tol, threads, mass_tolerance);
  step.own = own.data();
  Doubles state(cpu::LossState<double>::size(shape));
  Doubles by_own(
      {differentiate ? py::ssize_t{shape.nx} : 0, py::ssize_t{shape.ny}, py::ssize_t{shape.nz}});
  double *to = state.mutable_data(), *by = by_own.mutable_data();
  run_interruptibly(step.options, [&] { return kernel->loss_step(step, to, by); });
  return py::make_tuple(kernel->loss_value(step, to), status_of(shape, to), state, by_own);
}

py::tuple loss_of_predictions(const py::tuple& rows, const Labels& z, const Doubles& sample_weights,
                              int nz, bool logits, double tolerance, const Doubles& before,
                              double decay, double pays, const Doubles& weights, bool differentiate,
                              double tol, int threads, double mass_tolerance) {
  const cpu::Predictions given = predictions(rows, z, sample_weights, nz, logits);
  if (given.sources.size() != 2) throw std::invalid_argument("there must be two sources");
  const Shape shape{given.sources[0].symbols, given.sources[1].symbols, nz};
  cpu::LossStep step =
      step_of(shape, before, decay, pays, weights, differentiate, tol, threads, mass_tolerance);
  Doubles state(cpu::LossState<double>::size(shape));
  double* to = state.mutable_data();
  std::vector<cpu::Gradient> gradients;
  py::tuple arrays;
  if (differentiate) {
    Gradients out(given);
    gradients = std::move(out.at);
    arrays = std::move(out.arrays);
  }
  cpu::PredictionsRead read;
  bool good = false;
  run_interruptibly(step.options, [&] {
    std::vector<double> work(static_cast<std::size_t>(
        given.n * (cpu::padded(shape.nx) + cpu::padded(shape.ny)) + 2 * shape.cells()));
    double* const px = work.data();
    double* const py_ = px + given.n * cpu::padded(shape.nx);
    double* const own = py_ + given.n * cpu::padded(shape.ny);
    double* const by_own = own + shape.cells();
    read = kernel->soft_table(given, tolerance, {px, py_}, own);
    good = read.sound() && read.weight > 0.0;
    if (!good) return true;
    step.own = own;
    if (!kernel->loss_step(step, to, by_own)) return false;
    if (differentiate) kernel->soft_table_gradient(given, {px, py_}, by_own, gradients);
    return true;
  });
  if (!good) return py::make_tuple(what_was_read(read));
  const double value = kernel->loss_value(step, to);
  py::array number;
  if (given.sources[0].values.wide || given.sources[1].values.wide) {
    Doubles wide(std::vector<py::ssize_t>{});
    *wide.mutable_data() = value;
    number = std::move(wide);
  } else {
    Array<float> narrow(std::vector<py::ssize_t>{});
    *narrow.mutable_data() = static_cast<float>(value);
    number = std::move(narrow);
  }
  return py::make_tuple(number, status_of(shape, to), state, arrays);
}

void register_predictions(py::module_& m) {
  m.def("soft_table", &soft_table, py::arg("rows"), py::arg("z").noconvert(),
        py::arg("weights").noconvert(), py::arg("nz"), py::arg("logits"), py::arg("tolerance"),
        "Logits or probabilities of sources, (n, symbols) each, float64 or float32, labels (n) of "
        "int64, weights (n) or (0) -> the table (n_1, .., n_M, nz) of their sums, the "
        "probabilities, padded, and a tuple: the first source with a bad row, that row and the "
        "first bad label, or -1, and the sum of the weights.");
  m.def("soft_table_gradient", &soft_table_gradient, py::arg("rows"), py::arg("probabilities"),
        py::arg("z").noconvert(), py::arg("weights").noconvert(), py::arg("by_table").noconvert(),
        py::arg("logits"),
        "The gradients by the rows that soft_table() was given, from that by its table.");
  m.def("loss_step", &loss_step, py::arg("own").noconvert(), py::arg("before").noconvert(),
        py::arg("decay"), py::arg("pays"), py::arg("weights").noconvert(), py::arg("differentiate"),
        py::arg("tol"), py::arg("threads"), py::arg("mass_tolerance"),
        "The sums of a table (nx, ny, nz), and the state that the step before left or an empty "
        "array -> the value of `weights` times the terms of own + decay * before, normalised, its "
        "status, the new state (LossState in csrc/cpu/loss_step.hpp), and the gradient by `own` "
        "divided by its sum. Starts from the solution before, if there is one and the table has "
        "moved by no more than `pays`.");
  m.def("loss_of_predictions", &loss_of_predictions, py::arg("rows"), py::arg("z").noconvert(),
        py::arg("sample_weights").noconvert(), py::arg("nz"), py::arg("logits"),
        py::arg("tolerance"), py::arg("before").noconvert(), py::arg("decay"), py::arg("pays"),
        py::arg("weights").noconvert(), py::arg("differentiate"), py::arg("tol"),
        py::arg("threads"), py::arg("mass_tolerance"),
        "soft_table(), loss_step() and soft_table_gradient() of two sources in one call -> the "
        "value as an array, status, state, and the gradients by the rows or none; or, where there "
        "is no table, a tuple of one: what soft_table() says of the samples.");
}

}  // namespace
}  // namespace fastpid::bindings
