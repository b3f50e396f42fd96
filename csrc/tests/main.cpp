// Runs every test, or those whose name contains the argument.
#include <chrono>
#include <cstring>

#include "check.hpp"

int main(int argc, char** argv) {
  using namespace fastpid::testing;
  using Clock = std::chrono::steady_clock;
  int ran = 0;
  for (const Test& test : tests()) {
    if (argc > 1 && std::strstr(test.name, argv[1]) == nullptr) continue;
    const int before = failures();
    const Clock::time_point start = Clock::now();
    test.body();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::printf("%-6s %5.2f s  %s\n", failures() == before ? "ok" : "FAILED", seconds, test.name);
    std::fflush(stdout);
    ++ran;
  }
  std::printf("%d tests, %d failed checks\n", ran, failures());
  return ran > 0 && failures() == 0 ? 0 : 1;
}
