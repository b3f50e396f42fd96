// The union problem of M sources, as it is given and as it is solved.
//
//     F = min over q of sum q log(q / q(x_1 .. x_M))   with the marginals a_i[x_i, z] of each
//     source
//       = max sum_i <a_i, lam_i>   with   sum_z exp(sum_i lam_i[x_i, z]) <= 1 for every tuple x,
//
// and the union information is H(Z) + F: the problem of two sources with a sum of M potentials in
// the place of two. Nothing here owns memory.
#pragma once

#include <cstddef>

#include "../arena.hpp"
#include "../numerics.hpp"
#include "../tuning.hpp"

namespace fastpid::many {

// Where the cells of M sources stand, one source after the other: cell (x, z) of source i is
// first[i] + x * target + z.
struct Sources {
  int count = 0;
  int target = 0;
  const int* symbols = nullptr;
  const std::ptrdiff_t* first = nullptr;  // count + 1 entries, the last one all cells

  std::ptrdiff_t cells() const { return first[count]; }
  // Infinite where a table of them would not fit any memory.
  double tuples() const {
    double product = 1.0;
    for (int i = 0; i < count; ++i) product *= symbols[i];
    return product;
  }
};

// What is left of a problem after the exact reductions. Both arrays are zero off the support.
struct Problem {
  Sources sources;
  const double* mass = nullptr;  // the marginals
  const double* cap = nullptr;   // what a coupling's may be at most, see reduce()

  int target() const { return sources.target; }
  std::ptrdiff_t cells() const { return sources.cells(); }
  std::ptrdiff_t tuples() const { return static_cast<std::ptrdiff_t>(sources.tuples()); }
};

// A primal-dual iterate: q = s exp(lam_1 + .. + lam_M), s by the tuple, `log` and its exponentials
// `factor` by the cell, the latter zero off the support.
struct Iterate {
  double* s = nullptr;
  double* log = nullptr;
  double* factor = nullptr;

  static Iterate take(Arena& arena, const Problem& p) {
    Iterate it;
    it.s = arena.take<double>(p.tuples());
    it.log = arena.take<double>(p.cells());
    it.factor = arena.take<double>(p.cells());
    return it;
  }
};

// The tuples of a problem one after the other, the last source's symbol changing fastest.
class Odometer {
 public:
  static constexpr int kMostSources = 32;

  explicit Odometer(const Sources& sources) : sources_(sources) {
    for (int i = 0; i < sources.count; ++i) {
      digit_[i] = 0;
      row_[i] = sources.first[i];
    }
  }

  int symbol(int i) const { return digit_[i]; }
  // The first cell of source i's symbol.
  std::ptrdiff_t row(int i) const { return row_[i]; }

  // Goes to the next tuple; returns the first source whose symbol changed.
  int next() {
    int i = sources_.count - 1;
    for (; i > 0 && digit_[i] + 1 == sources_.symbols[i]; --i) {
      digit_[i] = 0;
      row_[i] = sources_.first[i];
    }
    ++digit_[i];
    row_[i] += sources_.target;
    return i;
  }

 private:
  const Sources& sources_;
  int digit_[kMostSources];
  std::ptrdiff_t row_[kMostSources];
};

// e[t, z] = prod_i factor_i[t_i, z] and, unless null, sum[t] = sum_z e[t, z]. Built up source by
// source, from the back so that every row is read before it is overwritten.
inline void products(const Problem& p, const double* factor, double* e, double* sum) {
  const Sources& s = p.sources;
  const std::ptrdiff_t target = s.target;
  std::ptrdiff_t rows = s.symbols[0];
  for (std::ptrdiff_t c = 0; c < rows * target; ++c) e[c] = factor[c];
  for (int i = 1; i < s.count; ++i) {
    const std::ptrdiff_t n = s.symbols[i];
    for (std::ptrdiff_t row = rows - 1; row >= 0; --row) {
      const double* left = e + row * target;
      for (std::ptrdiff_t x = n - 1; x >= 0; --x) {
        const double* right = factor + s.first[i] + x * target;
        double* out = e + (row * n + x) * target;
        for (std::ptrdiff_t z = 0; z < target; ++z) out[z] = left[z] * right[z];
      }
    }
    rows *= n;
  }
  if (sum == nullptr) return;
  for (std::ptrdiff_t t = 0; t < rows; ++t) {
    double total = 0.0;
    for (std::ptrdiff_t z = 0; z < target; ++z) total += e[t * target + z];
    sum[t] = total;
  }
}

// out[i, x, z] = sum over the tuples with t_i = x of value(t, z), for every source.
template <class F>
void marginals(const Problem& p, double* out, F&& value) {
  const Sources& s = p.sources;
  const int target = s.target;
  for (std::ptrdiff_t c = 0; c < p.cells(); ++c) out[c] = 0.0;
  Odometer at(s);
  const std::ptrdiff_t tuples = p.tuples();
  constexpr int kChunk = 16;
  double v[kChunk];
  for (std::ptrdiff_t t = 0; t < tuples; ++t) {
    for (int from = 0; from < target; from += kChunk) {
      const int width = target - from < kChunk ? target - from : kChunk;
      for (int k = 0; k < width; ++k) v[k] = value(t, from + k);
      for (int i = 0; i < s.count; ++i) {
        double* row = out + at.row(i) + from;
        for (int k = 0; k < width; ++k) row[k] += v[k];
      }
    }
    if (t + 1 < tuples) at.next();
  }
}

}  // namespace fastpid::many
