// Where the answers of a batch go.
#pragma once

#include <cstddef>
#include <cstdint>

#include "macros.hpp"

namespace fastpid {

// Arrays of one entry a table, the terms in nats.
struct Results {
  static constexpr int kTerms = 5;
  static constexpr int kCodes = 3;

  double* mi_x;
  double* mi_y;
  double* mi_xy;
  double* lower;
  double* upper;
  std::int32_t* iterations;
  std::int32_t* status;
  std::int32_t* method;

  // Rows one after the other: mi_x, mi_y, mi_xy, lower, upper, and iterations, status, method. The
  // one place that knows their order; fastpid/_base/quantities.py repeats it, and a test compares.
  FASTPID_HD static Results rows(double* terms, std::int32_t* codes, std::ptrdiff_t count) {
    return {terms, terms + count, terms + 2 * count, terms + 3 * count, terms + 4 * count,
            codes, codes + count, codes + 2 * count};
  }
};

constexpr const char* kTermNames[] = {"mi_x", "mi_y", "mi_xy", "lower", "upper"};
constexpr const char* kCodeNames[] = {"iterations", "status", "method"};

}  // namespace fastpid
