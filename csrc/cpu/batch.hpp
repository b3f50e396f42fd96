// Batches of tables on the CPU, spread over threads. Knows nothing of Python.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/gradient.hpp"
#include "../core/options.hpp"
#include "../core/results.hpp"
#include "../core/views.hpp"
#include "../core/warm_start.hpp"
#include "share.hpp"

namespace fastpid::cpu {

struct BatchOptions {
  Options solve;
  bool normalize = false;
  double mass_tolerance = 1e-6;
  int threads = 1;
  Interrupted interrupted;
};

// Dual feasible potentials of a batch: lam (count, nx, nz) and mu (count, ny, nz).
template <class Real>
struct Potentials {
  Real* lam = nullptr;
  Real* mu = nullptr;
};

// Decomposes `count` tables, given C-contiguous. xz (count, nx, nz) and yz (count, ny, nz) receive
// the marginals, and so do `potentials` theirs, unless they are null; those of invalid tables are
// left undefined. `start` is where to begin, and `s` (count, nx, ny) receives the S of the
// solutions, for another start, unless it is null: zeros where a closed form had no need of one.
// Returns false if interrupted.
bool solve_tables(const Given& given, std::ptrdiff_t count, const BatchOptions& options,
                  const Results& results, double* xz, double* yz,
                  const Potentials<double>& potentials = {}, const Start& start = {},
                  double* s = nullptr);

// The gradient by what is given of weights[0] mi_x + weights[1] mi_y + weights[2] mi_xy +
// weights[3] times the union information, four weights a table, from what solve_tables() gave for
// the same tables and options.normalize; to `out`, of their shape. Zero, and nothing of a table
// read, if its weights are zero. Returns false if interrupted.
bool gradient(const Given& given, const double* xz, const double* yz,
              const Potentials<const double>& potentials, const double* weights,
              std::ptrdiff_t count, const BatchOptions& options, const GradientOut& out);

// Where the solutions of a batch go: the potentials and, if options.solve.coupling, s (count, nx,
// ny), u (count, nx, nz) and v (count, ny, nz) such that s u v is a coupling with marginals
// dominated by xz and yz.
struct Solutions {
  Potentials<double> potentials;
  double* s;
  double* u;
  double* v;
};

// Solves the union problems of `count` pairs of valid marginals. Returns false if interrupted.
bool solve_marginals(const double* xz, const double* yz, std::ptrdiff_t count, Shape shape,
                     const BatchOptions& options, const Solutions& out);

}  // namespace fastpid::cpu
