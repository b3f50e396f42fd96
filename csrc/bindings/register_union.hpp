// Batches of marginals of several sources in, arrays out. Arguments have been validated in Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <vector>

#include "register_decompose.hpp"

namespace fastpid::bindings {
namespace {

py::tuple union_information(const std::vector<Doubles>& marginals, int method, double tol,
                            int max_iter, int threads, bool coupling) {
  if (marginals.empty()) throw std::invalid_argument("there are no marginals");
  const py::ssize_t count = marginals[0].shape(0), sources = marginals.size();
  cpu::UnionProblems problems;
  cpu::UnionResults results;
  problems.count = count;
  problems.target = extent(marginals[0], 2);
  py::ssize_t tuples = 1;
  py::list potentials;
  for (const Doubles& a : marginals) {
    if (a.ndim() != 3 || a.shape(0) != count || a.shape(2) != problems.target) {
      throw std::invalid_argument("marginals must be (batch, n, nz), of one batch and target");
    }
    problems.symbols.push_back(extent(a, 1));
    problems.marginals.push_back(a.data());
    if (coupling) tuples *= a.shape(1);
    Doubles out({count, a.shape(1), a.shape(2)});
    results.potentials.push_back(out.mutable_data());
    potentials.append(out);
  }
  Doubles mi({sources, count});
  Doubles bounds({py::ssize_t{2}, count});
  Integers codes({py::ssize_t{Results::kCodes}, count});
  Doubles q({coupling ? count : 0, tuples, py::ssize_t{problems.target}});
  results.mi = mi.mutable_data();
  results.lower = bounds.mutable_data();
  results.upper = results.lower + count;
  results.iterations = codes.mutable_data();
  results.status = results.iterations + count;
  results.method = results.status + count;
  if (coupling) results.coupling = q.mutable_data();
  auto options = options_of(method, tol, max_iter, threads, false, 0.0);
  run_interruptibly(options, [&] { return kernel->union_information(problems, options, results); });
  return py::make_tuple(mi, bounds, codes, potentials, q);
}

py::tuple decompose_many(const Doubles& p, const std::vector<std::vector<int>>& subsets, int method,
                         double tol, int max_iter, int threads, bool normalize,
                         double mass_tolerance) {
  if (p.ndim() < 4) throw std::invalid_argument("p must be (batch, n_1, .., n_M, nz)");
  const py::ssize_t count = p.shape(0), sets = static_cast<py::ssize_t>(subsets.size());
  cpu::ManyTables tables;
  tables.count = count;
  tables.p = p.data();
  tables.subsets = subsets;
  for (int axis = 1; axis + 1 < p.ndim(); ++axis) tables.symbols.push_back(extent(p, axis));
  tables.target = extent(p, static_cast<int>(p.ndim()) - 1);
  Doubles joint(count), bounds({py::ssize_t{2}, sets, count});
  Integers codes({py::ssize_t{Results::kCodes}, sets, count});
  cpu::ManyResults results;
  results.joint = joint.mutable_data();
  results.lower = bounds.mutable_data();
  results.upper = results.lower + sets * count;
  results.iterations = codes.mutable_data();
  results.status = results.iterations + sets * count;
  results.method = results.status + sets * count;
  py::list pairs;
  for (const std::vector<int>& subset : subsets) {
    for (const int source : subset) {
      if (source < 0 || source + 2 >= p.ndim()) throw std::invalid_argument("no such source");
    }
    if (subset.size() != 2) continue;
    Doubles terms({py::ssize_t{Results::kTerms}, count});
    Integers of_pair({py::ssize_t{Results::kCodes}, count});
    Doubles xz({count, p.shape(1 + subset[0]), p.shape(p.ndim() - 1)});
    Doubles yz({count, p.shape(1 + subset[1]), p.shape(p.ndim() - 1)});
    results.pairs.push_back({Results::rows(terms.mutable_data(), of_pair.mutable_data(), count),
                             xz.mutable_data(), yz.mutable_data()});
    pairs.append(py::make_tuple(terms, of_pair, xz, yz));
  }
  auto options = options_of(method, tol, max_iter, threads, normalize, mass_tolerance);
  run_interruptibly(options, [&] { return kernel->decompose_many(tables, options, results); });
  return py::make_tuple(bounds, codes, joint, pairs);
}

void register_union(py::module_& m) {
  m.def("decompose_many", &decompose_many, py::arg("p"), py::arg("subsets"), py::arg("method"),
        py::arg("tol"), py::arg("max_iter"), py::arg("threads"), py::arg("normalize"),
        py::arg("mass_tolerance"),
        "Tables (batch, n_1, .., n_M, nz) and sets of sources, the smaller ones first and that of "
        "all last -> bounds on their union information (2, sets, batch; nats), codes (3, sets, "
        "batch), I(all; Z) and, of each set of two, terms, codes and marginals.");
  m.def("union_information", &union_information, py::arg("marginals"), py::arg("method"),
        py::arg("tol"), py::arg("max_iter"), py::arg("threads"), py::arg("coupling"),
        "Marginals (batch, n_i, nz) of several sources -> I(X_i; Z) (sources, batch), bounds (2, "
        "batch; nats), codes (3, batch), potentials of their shapes and, if wanted, the coupling "
        "(batch, tuples, nz) but for what its marginals miss (else empty).");
}

}  // namespace
}  // namespace fastpid::bindings
