// The joint table of several classifiers' predictions and hard labels, and the way of a gradient
// back to the predictions. Knows nothing of Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastpid::cpu {

// Numbers of either precision, as they come.
struct Numbers {
  const double* wide = nullptr;
  const float* narrow = nullptr;
};

// One classifier's rows of n samples, (n, symbols).
struct Source {
  Numbers values;
  int symbols = 0;
};

// Rows of the same n samples, of two sources or more, logits or probabilities; the labels z (n) in
// [0, target); weights (n) or null, one each. What a sample of weight zero has is not looked at.
struct Predictions {
  std::vector<Source> sources;
  const std::int64_t* z;
  const double* weights;
  std::ptrdiff_t n;
  int target;
  bool logits;

  // Of the symbols of all sources but the last.
  std::ptrdiff_t heads() const {
    std::ptrdiff_t count = 1;
    for (std::size_t i = 0; i + 1 < sources.size(); ++i) count *= sources[i].symbols;
    return count;
  }
  std::ptrdiff_t cells() const { return heads() * sources.back().symbols * target; }
};

// Probabilities lie in rows of whole registers, whatever their width; zeros fill them up.
inline std::ptrdiff_t padded(std::ptrdiff_t symbols) { return (symbols + 7) / 8 * 8; }

// Where something is wrong with a sample: the first row of a source that is no distribution (of
// logits: without a finite largest one), the first label out of range, or -1; and the sum of the
// weights.
struct PredictionsRead {
  int bad_source = -1;
  std::ptrdiff_t bad_row = -1, bad_z = -1;
  double weight = 0.0;

  bool sound() const { return bad_row < 0 && bad_z < 0; }
};

// table[x_1, .., x_M, z] = sum_i w_i p_1[i, x_1] .. p_M[i, x_M] 1[z_i = z]; the probabilities of a
// source go to its `probabilities`, (n, padded(symbols)). Rows of probabilities sum to one within
// `tolerance`. Unless all is sound, the table is undefined.
PredictionsRead soft_table(const Predictions& given, double tolerance,
                           const std::vector<double*>& probabilities, double* table);

// Where the gradient by a source's rows goes, in either precision.
struct Gradient {
  double* wide = nullptr;
  float* narrow = nullptr;
};

// From the gradient by the table, unnormalised as soft_table() leaves it, to those by the rows of
// each source (n, symbols). The values of the sources are not read, given.logits says by what.
void soft_table_gradient(const Predictions& given, const std::vector<double*>& probabilities,
                         const double* by_table, const std::vector<Gradient>& out);

}  // namespace fastpid::cpu
