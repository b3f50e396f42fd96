// The joint table of two classifiers' predictions and hard labels, and the way of a gradient back
// to the predictions. Knows nothing of Python.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/views.hpp"

namespace fastpid::cpu {

// Numbers of either precision, as they come.
struct Numbers {
  const double* wide = nullptr;
  const float* narrow = nullptr;

  double operator[](std::ptrdiff_t i) const { return wide ? wide[i] : narrow[i]; }
};

// Rows of n samples: x (n, nx) and y (n, ny), logits or probabilities; the labels z (n); weights
// (n) or null, one each. What a sample of weight zero has is not looked at.
struct Predictions {
  Numbers x, y;
  const std::int64_t* z;
  const double* weights;
  std::ptrdiff_t n;
  Shape shape;
  bool logits;
};

// Where something is wrong with a sample: the first row that is no distribution (of logits: without
// a finite largest one), the first label out of range, or -1; and the sum of the weights.
struct PredictionsRead {
  std::ptrdiff_t bad_x = -1, bad_y = -1, bad_z = -1;
  double weight = 0.0;

  bool sound() const { return bad_x < 0 && bad_y < 0 && bad_z < 0; }
};

// table[x, y, z] (nx, ny, nz) = sum_i w_i px[i, x] py[i, y] 1[z_i = z]; the probabilities go to px
// (n, nx) and py (n, ny). Rows of probabilities sum to one within `tolerance`. Unless all is sound,
// the table is undefined.
PredictionsRead soft_table(const Predictions& given, double tolerance, double* px, double* py,
                           double* table);

// From the gradient by the table (nx, ny, nz), unnormalised as soft_table() leaves it, to those by
// x (n, nx) and y (n, ny), in either precision. px and py are the probabilities; given.x and
// given.y are not read, given.logits says by what.
template <class Real>
void soft_table_gradient(const Predictions& given, const double* px, const double* py,
                         const double* by_table, Real* by_x, Real* by_y);

}  // namespace fastpid::cpu
