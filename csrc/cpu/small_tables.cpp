#include "tables.hpp"

namespace fastpid::cpu {

Run small_tables(const DecomposeJob& job, const Stop& stop) {
  return decompose_run(Serial(), job, stop);
}
Run small_tables(const SolveJob& job, const Stop& stop) { return solve_run(Serial(), job, stop); }
Run small_tables(const GradientJob& job, const Stop& stop) {
  return gradient_run(Serial(), job, stop);
}

}  // namespace fastpid::cpu
