// A test of the tests: solves a table on a block of host threads that leaves out every n-th barrier
// (n is the argument; zero leaves out none). Under the thread sanitizer it must fail for n > 0.
#include <cstdlib>
#include <memory>
#include <vector>

#include "../core/table.hpp"
#include "host_team.hpp"
#include "tables.hpp"

using namespace fastpid;
using namespace fastpid::testing;

int main(int argc, char** argv) {
  const int missing = argc > 1 ? std::atoi(argv[1]) : 0;
  Rng rng(94);
  const Shape s{3, 4, 3};
  const Table table = dense(rng, s);
  TableOptions options;
  options.solve.method = Method::newton;
  options.mass_tolerance = 1e-6;
  std::vector<double> real(5), xz(9), yz(12), lam(9), mu(12);
  std::vector<std::int32_t> code(3);
  const Results results{&real[0], &real[1], &real[2], &real[3],
                        &real[4], &code[0], &code[1], &code[2]};
  std::vector<int> scratch(5);
  const std::size_t bytes = workspace_bytes(s, options.solve, scratch.data());
  std::vector<double> workspace(bytes / sizeof(double) + Arena::kAlign);
  void* base = workspace.data();
  std::size_t space = workspace.size() * sizeof(double);
  base = std::align(Arena::kAlign, bytes, base, space);
  on_host_team(
      3,
      [&](const auto& exec) {
        decompose_table(exec, Room(base), {s, table.p.data()}, options, results, 0, xz.data(),
                        yz.data(), lam.data(), mu.data());
      },
      missing);
  return code[1] == static_cast<int>(Status::converged) ? 0 : 1;
}
