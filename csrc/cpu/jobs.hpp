// What one thread, or one team of them, does with a run of tables: the face of small_tables.cpp and
// large_tables.cpp, which hold the solvers.
#pragma once

#include <cstddef>
#include <functional>

#include "../core/gradient.hpp"
#include "../exec/team.hpp"
#include "batch.hpp"

namespace fastpid::cpu {

// Where the tables of a batch are, and where their answers go. Every job has a `shape`.
struct DecomposeJob {
  Given given;
  Shape shape;
  const BatchOptions& options;
  const Results& results;
  double* xz;
  double* yz;
  const Potentials<double>& potentials;
  Start start;
  double* s;
};

struct SolveJob {
  const double* xz;
  const double* yz;
  Shape shape;
  const BatchOptions& options;
  const Solutions& out;
};

struct GradientJob {
  Given given;
  const double* xz;
  const double* yz;
  Potentials<const double> potentials;
  const double* weights;
  Shape shape;
  const BatchOptions& options;
  GradientOut out;
};

// Does tables [first, end).
using Run = std::function<void(std::ptrdiff_t first, std::ptrdiff_t end)>;

// Runs over tables of a size for a thread each, and over tables that are worth a team. They refer
// to the job and to `stop`.
Run small_tables(const DecomposeJob& job, const Stop& stop);
Run small_tables(const SolveJob& job, const Stop& stop);
Run small_tables(const GradientJob& job, const Stop& stop);
Run large_tables(const Team& team, const DecomposeJob& job, const Stop& stop);
Run large_tables(const Team& team, const SolveJob& job, const Stop& stop);
Run large_tables(const Team& team, const GradientJob& job, const Stop& stop);

}  // namespace fastpid::cpu
