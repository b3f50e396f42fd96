// Coded samples in, tables of counts out. Codes have been validated in Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>

#include "kernel.hpp"

namespace fastpid::bindings {
namespace {

using Weights = std::optional<Doubles>;

const double* checked(const Weights& weights, py::ssize_t rows) {
  if (!weights) return nullptr;
  if (weights->size() != rows) throw std::invalid_argument("one weight a sample is needed");
  return weights->data();
}

Doubles count_pairs(const Array<std::uint16_t>& sources, const Array<std::uint16_t>& target,
                    const Weights& weights, const Array<std::int32_t>& pairs, int nx, int ny,
                    int nz, int threads) {
  if (sources.ndim() != 2 || target.size() != sources.shape(1) || pairs.ndim() != 2 ||
      pairs.shape(1) != 2) {
    throw std::invalid_argument("sources (columns, rows), target (rows) and pairs (count, 2)");
  }
  const py::ssize_t rows = sources.shape(1), count = pairs.shape(0);
  const Shape shape{at_least_one(nx), at_least_one(ny), at_least_one(nz)};
  const cpu::CodedColumns columns{sources.data(), target.data(), checked(weights, rows), rows};
  Doubles tables({count, py::ssize_t{nx}, py::ssize_t{ny}, py::ssize_t{nz}});
  cpu::CountOptions options{at_least_one(threads), {}};
  run_interruptibly(options, [&] {
    return kernel->count_pairs(columns, pairs.data(), count, shape, options, tables.mutable_data());
  });
  return tables;
}

Doubles count_triples(const Array<std::uint16_t>& sources, const Weights& weights,
                      const Array<std::int32_t>& triples, int nx, int ny, int nz, int threads) {
  if (sources.ndim() != 2 || triples.ndim() != 2 || triples.shape(1) != 3) {
    throw std::invalid_argument("sources (columns, rows) and triples (count, 3)");
  }
  const py::ssize_t rows = sources.shape(1), count = triples.shape(0);
  const Shape shape{at_least_one(nx), at_least_one(ny), at_least_one(nz)};
  const cpu::CodedColumns columns{sources.data(), nullptr, checked(weights, rows), rows};
  Doubles tables({count, py::ssize_t{nx}, py::ssize_t{ny}, py::ssize_t{nz}});
  cpu::CountOptions options{at_least_one(threads), {}};
  run_interruptibly(options, [&] {
    return kernel->count_triples(columns, triples.data(), count, shape, options,
                                 tables.mutable_data());
  });
  return tables;
}

cpu::CodedSamples samples_of(const Array<std::int32_t>& cell, const Weights& weights,
                             py::ssize_t cells, const Array<std::uint32_t>& seeds) {
  if (seeds.ndim() != 2 || seeds.shape(1) != cpu::kSeedWords) {
    throw std::invalid_argument("seeds must be (count, 4)");
  }
  return {cell.data(), checked(weights, cell.size()), cell.size(), cells, seeds.data()};
}

Doubles permute(const Array<std::int32_t>& cell, const Array<std::int32_t>& moved,
                const Array<std::int64_t>& strata, const Weights& weights, py::ssize_t cells,
                const Array<std::uint32_t>& seeds, int threads) {
  const auto samples = samples_of(cell, weights, cells, seeds);
  const py::ssize_t runs = strata.size() - 1;
  if (moved.size() != cell.size() || runs < 1 || strata.at(0) != 0 ||
      strata.at(runs) != cell.size()) {
    throw std::invalid_argument("moved and strata must cover the samples");
  }
  const py::ssize_t count = seeds.shape(0);
  Doubles tables({count, cells});
  cpu::CountOptions options{at_least_one(threads), {}};
  run_interruptibly(options, [&] {
    return kernel->permute(samples, moved.data(), strata.data(), runs, count, options,
                           tables.mutable_data());
  });
  return tables;
}

cpu::Fields fields_of(const Array<std::int32_t>& cell, py::ssize_t cells, const Doubles& weights) {
  if (cell.ndim() != 2 || weights.ndim() != 2 || weights.shape(1) != cell.shape(1)) {
    throw std::invalid_argument("cell (fields, rows) and weights (count, rows)");
  }
  return {cell.data(), cell.shape(0), cell.shape(1), cells};
}

Doubles weigh(const Array<std::int32_t>& cell, py::ssize_t cells, const Doubles& weights,
              int threads) {
  const auto fields = fields_of(cell, cells, weights);
  const py::ssize_t count = weights.shape(0);
  Doubles tables({count, py::ssize_t{fields.fields}, cells});
  cpu::CountOptions options{at_least_one(threads), {}};
  run_interruptibly(options, [&] {
    return kernel->weigh(fields, weights.data(), count, options, tables.mutable_data());
  });
  return tables;
}

py::tuple rearrange(const Array<std::int32_t>& cell, const Array<std::int32_t>& moved,
                    const Array<std::int32_t>& stratum, py::ssize_t num_strata, py::ssize_t cells,
                    const Array<std::int64_t>& ends, const Array<std::int32_t>& order,
                    const Doubles& weights, int threads) {
  const auto fields = fields_of(cell, cells, weights);
  const py::ssize_t count = weights.shape(0);
  if (moved.size() != cell.size() || stratum.size() != cell.size() || order.ndim() != 2 ||
      order.shape(0) != count || order.shape(1) != cell.shape(1)) {
    throw std::invalid_argument("moved and stratum as cell, order as weights");
  }
  const cpu::Moved what{moved.data(), stratum.data(), num_strata};
  const cpu::Units units{ends.data(), ends.size()};
  Doubles tables({count, py::ssize_t{fields.fields}, cells});
  Doubles spread({count, py::ssize_t{fields.fields}});
  cpu::CountOptions options{at_least_one(threads), {}};
  run_interruptibly(options, [&] {
    return kernel->rearrange(fields, what, units, order.data(), weights.data(), count, options,
                             tables.mutable_data(), spread.mutable_data());
  });
  return py::make_tuple(tables, spread);
}

void register_histogram(py::module_& m) {
  m.def("count_pairs", &count_pairs, py::arg("sources").noconvert(), py::arg("target").noconvert(),
        py::arg("weights"), py::arg("pairs").noconvert(), py::arg("nx"), py::arg("ny"),
        py::arg("nz"), py::arg("threads"),
        "Codes of sources (columns, rows) and a target (rows,), all below the extents given, and "
        "pairs (count, 2) of sources -> tables (count, nx, ny, nz) of the weight of the samples.");
  m.def("count_triples", &count_triples, py::arg("sources").noconvert(), py::arg("weights"),
        py::arg("triples").noconvert(), py::arg("nx"), py::arg("ny"), py::arg("nz"),
        py::arg("threads"),
        "Codes of sources (columns, rows), all below the extents given, and triples (count, 3) of "
        "them -> tables (count, nx, ny, nz) of the weight of the samples.");
  m.def("permute", &permute, py::arg("cell").noconvert(), py::arg("moved").noconvert(),
        py::arg("strata").noconvert(), py::arg("weights"), py::arg("cells"),
        py::arg("seeds").noconvert(), py::arg("threads"),
        "Tables (count, cells) of samples in cell[n] + moved[m], m a permutation of the rows "
        "within the runs that `strata` delimits.");
  m.def("weigh", &weigh, py::arg("cell").noconvert(), py::arg("cells"),
        py::arg("weights").noconvert(), py::arg("threads"),
        "Tables (count, fields, cells) of samples in cell (fields, rows), with weights (count, "
        "rows).");
  m.def("rearrange", &rearrange, py::arg("cell").noconvert(), py::arg("moved").noconvert(),
        py::arg("stratum").noconvert(), py::arg("num_strata"), py::arg("cells"),
        py::arg("ends").noconvert(), py::arg("order").noconvert(), py::arg("weights").noconvert(),
        py::arg("threads"),
        "Tables (count, fields, cells) of samples in cell[n] + moved[m]: in every stratum, the "
        "j-th sample in `order` (count, rows) gives to the j-th as they stand; and (count, fields) "
        "how much more they vary than with independent samples, units being what `ends` delimits.");
}

}  // namespace
}  // namespace fastpid::bindings
