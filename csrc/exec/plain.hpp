// The execution policy of one thread of a block: plain loops that run on host and device alike.
#pragma once

#include <cstddef>
#include <limits>

#include "../core/numerics.hpp"

namespace fastpid {

class Plain {
 public:
  FASTPID_HD double total(std::ptrdiff_t n, const double* v) const {
    double sum = 0.0;
    for (std::ptrdiff_t i = 0; i < n; ++i) sum += v[i];
    return sum;
  }

  FASTPID_HD double least(std::ptrdiff_t n, const double* v) const {
    double least = std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t i = 0; i < n; ++i) least = smaller(least, v[i]);
    return least;
  }

  FASTPID_HD double sum_xlogx(std::ptrdiff_t n, const double* v) const {
    double sum = 0.0;
    for (std::ptrdiff_t i = 0; i < n; ++i) sum += xlogx(v[i]);
    return sum;
  }

  FASTPID_HD double largest_sum(std::ptrdiff_t n, double u0, const double* v0, double u1,
                                const double* v1) const {
    double most = -std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t j = 0; j < n; ++j) most = larger(most, u0 * v0[j] + u1 * v1[j]);
    return most;
  }

  FASTPID_HD SplitSum split_at_level(std::ptrdiff_t n, const double* u, const double* v,
                                     const double* a, const double* b, double c) const {
    SplitSum out;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const double w = u[i] * v[i], m = smaller(a[i], b[i]);
      (w > c * m ? out.above : out.below) += w > c * m ? m : w;
    }
    return out;
  }

  // Heapsort.
  template <class T, class Less>
  FASTPID_HD void sort(int n, T* first, Less&& less) const {
    const auto swap = [&](int i, int j) {
      const T held = first[i];
      first[i] = first[j];
      first[j] = held;
    };
    const auto sink = [&](int root, int end) {
      for (int child; (child = 2 * root + 1) < end; root = child) {
        if (child + 1 < end && less(first[child], first[child + 1])) ++child;
        if (!less(first[root], first[child])) return;
        swap(root, child);
      }
    };
    for (int root = n / 2 - 1; root >= 0; --root) sink(root, n);
    for (int end = n - 1; end > 0; --end) {
      swap(0, end);
      sink(0, end);
    }
  }
};

}  // namespace fastpid
