// Batches of tables on the CPU, spread over threads. Knows nothing of Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "../core/decompose.hpp"

namespace fastpid::cpu {

struct BatchOptions {
  Options solve;
  bool normalize = false;
  double mass_tolerance = 1e-6;
  int threads = 1;
  // Asked now and then on the calling thread; true ends the batch.
  std::function<bool()> interrupted;
};

// Outputs of one entry each per table; informations in nats.
struct Results {
  double* mi_x;
  double* mi_y;
  double* mi_xy;
  double* lower;
  double* upper;
  std::int32_t* iterations;
  std::int32_t* status;
  std::int32_t* method;
};

// Decomposes `count` tables (nx, ny, nz), C-contiguous. xz (count, nx, nz) and yz (count, ny, nz)
// receive the marginals. Returns false if interrupted.
bool decompose(const double* p, std::ptrdiff_t count, Shape shape, const BatchOptions& options,
               const Results& results, double* xz, double* yz);

// Where the solutions of a batch go: dual feasible potentials lam (count, nx, nz) and mu (count,
// ny, nz), and, meaningful if options.solve.coupling, s (count, nx, ny), u (count, nx, nz) and v
// (count, ny, nz) such that s u v is a coupling with marginals dominated by xz and yz.
struct Solutions {
  double* lam;
  double* mu;
  double* s;
  double* u;
  double* v;
};

// Solves the union problems of `count` pairs of valid marginals. Returns false if interrupted.
bool solve(const double* xz, const double* yz, std::ptrdiff_t count, Shape shape,
           const BatchOptions& options, const Solutions& out);

}  // namespace fastpid::cpu
