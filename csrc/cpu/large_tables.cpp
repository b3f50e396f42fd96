#include "tables.hpp"

namespace fastpid::cpu {

Run large_tables(const Team& team, const DecomposeJob& job) { return decompose_run(team, job); }
Run large_tables(const Team& team, const SolveJob& job) { return solve_run(team, job); }
Run large_tables(const Team& team, const GradientJob& job) { return gradient_run(team, job); }

}  // namespace fastpid::cpu
