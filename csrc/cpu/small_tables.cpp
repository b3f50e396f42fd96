#include "tables.hpp"

namespace fastpid::cpu {

Run small_tables(const DecomposeJob& job) { return decompose_run(Serial(), job); }
Run small_tables(const SolveJob& job) { return solve_run(Serial(), job); }
Run small_tables(const GradientJob& job) { return gradient_run(Serial(), job); }

}  // namespace fastpid::cpu
