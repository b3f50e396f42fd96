#include "tables.hpp"

namespace fastpid::cpu {

Run large_tables(const Team& team, const DecomposeJob& job, const Stop& stop) {
  return decompose_run(team, job, stop);
}
Run large_tables(const Team& team, const SolveJob& job, const Stop& stop) {
  return solve_run(team, job, stop);
}
Run large_tables(const Team& team, const GradientJob& job, const Stop& stop) {
  return gradient_run(team, job, stop);
}

}  // namespace fastpid::cpu
