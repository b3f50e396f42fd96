#include "histogram.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace fastpid::cpu {
namespace {

std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

// Runs long enough to be worth handing out.
std::ptrdiff_t chunk_size(std::ptrdiff_t rows) {
  constexpr std::ptrdiff_t kRows = 65536;
  return std::clamp<std::ptrdiff_t>(kRows / std::max<std::ptrdiff_t>(rows, 1), 1, 128);
}

// Counts samples one by one. Successive samples often share a cell, and an increment must wait for
// the one before it: they go to different copies of a small table in turn.
class Counter {
 public:
  explicit Counter(std::ptrdiff_t cells)
      : cells_(cells), copies_(cells <= kSmall ? 4 : 1), counts_(size(cells * copies_)) {}

  // cell(n) of samples [0, rows), each of weight one, to `table`.
  template <class Cell>
  void count(std::ptrdiff_t rows, const Cell& cell, double* table) {
    std::fill(counts_.begin(), counts_.end(), 0u);
    std::uint32_t* counts = counts_.data();
    std::ptrdiff_t n = 0;
    if (copies_ == 4) {
      for (; n + 4 <= rows; n += 4) {
        ++counts[cell(n)];
        ++counts[cells_ + cell(n + 1)];
        ++counts[2 * cells_ + cell(n + 2)];
        ++counts[3 * cells_ + cell(n + 3)];
      }
    }
    for (; n < rows; ++n) ++counts[cell(n)];
    for (std::ptrdiff_t c = 0; c < cells_; ++c) {
      double total = 0.0;
      for (int copy = 0; copy < copies_; ++copy) total += counts[copy * cells_ + c];
      table[c] = total;
    }
  }

  // The same with a weight(n) each.
  template <class Cell, class Weight>
  void count(std::ptrdiff_t rows, const Cell& cell, const Weight& weight, double* table) {
    std::fill(table, table + cells_, 0.0);
    for (std::ptrdiff_t n = 0; n < rows; ++n) table[cell(n)] += weight(n);
  }

 private:
  static constexpr std::ptrdiff_t kSmall = 4096;
  std::ptrdiff_t cells_;
  int copies_;
  std::vector<std::uint32_t> counts_;
};

// The random numbers of one resample.
class Draws {
 public:
  explicit Draws(const std::uint32_t* seed) {
    std::seed_seq words(seed, seed + kSeedWords);
    engine_.seed(words);
  }

  // Uniform below n < 2^32, by a multiplication (D. Lemire, "Fast random integer generation in an
  // interval", ACM Transactions on Modeling and Computer Simulation 29, 2019): the standard
  // library's own distributions differ from one library to the next.
  std::uint32_t below(std::uint32_t n) {
    std::uint64_t product = std::uint64_t{engine_()} * n;
    if (static_cast<std::uint32_t>(product) < n) {
      const std::uint32_t unfair = (0u - n) % n;
      while (static_cast<std::uint32_t>(product) < unfair) product = std::uint64_t{engine_()} * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

 private:
  std::mt19937 engine_;
};

}  // namespace

bool count_pairs(const CodedColumns& columns, const std::int32_t* pairs, std::ptrdiff_t count,
                 Shape shape, const CountOptions& options, double* tables) {
  const std::ptrdiff_t rows = columns.rows;
  const std::ptrdiff_t cells = shape.cells();
  const auto worker = [&](const Stop& stop) {
    // The first source of successive pairs is mostly the same.
    return [&, counter = Counter(cells), held = std::int32_t{-1},
            first_cells = std::vector<std::uint32_t>(size(rows))](std::ptrdiff_t first,
                                                                  std::ptrdiff_t end) mutable {
      for (std::ptrdiff_t k = first; k < end && !stop(); ++k) {
        if (pairs[2 * k] != held) {
          held = pairs[2 * k];
          const std::uint16_t* x = columns.sources + held * rows;
          const auto stride = static_cast<std::uint32_t>(shape.ny * shape.nz);
          for (std::ptrdiff_t n = 0; n < rows; ++n) {
            first_cells[size(n)] = x[n] * stride + columns.target[n];
          }
        }
        const std::uint32_t* xz = first_cells.data();
        const std::uint16_t* y = columns.sources + pairs[2 * k + 1] * rows;
        const auto stride = static_cast<std::uint32_t>(shape.nz);
        const auto cell = [=](std::ptrdiff_t n) {
          return static_cast<std::ptrdiff_t>(xz[n] + y[n] * stride);
        };
        double* table = tables + k * cells;
        if (const double* weights = columns.weights) {
          counter.count(rows, cell, [=](std::ptrdiff_t n) { return weights[n]; }, table);
        } else {
          counter.count(rows, cell, table);
        }
      }
    };
  };
  return share_out(count, chunk_size(rows), options.threads, options.interrupted, worker);
}

bool permute(const CodedSamples& samples, const std::int32_t* moved, const std::int64_t* strata,
             std::ptrdiff_t num_strata, std::ptrdiff_t count, const CountOptions& options,
             double* tables) {
  const std::ptrdiff_t rows = samples.rows;
  const auto worker = [&](const Stop& stop) {
    return [&, counter = Counter(samples.cells), shuffled = std::vector<std::int32_t>(size(rows))](
               std::ptrdiff_t first, std::ptrdiff_t end) mutable {
      for (std::ptrdiff_t k = first; k < end && !stop(); ++k) {
        Draws draws(samples.seeds + kSeedWords * k);
        std::copy(moved, moved + rows, shuffled.begin());
        for (std::ptrdiff_t s = 0; s < num_strata; ++s) {
          std::int32_t* run = shuffled.data() + strata[s];
          for (std::int64_t n = strata[s + 1] - strata[s]; n > 1; --n) {
            std::swap(run[n - 1], run[draws.below(static_cast<std::uint32_t>(n))]);
          }
        }
        const std::int32_t *fixed = samples.cell, *other = shuffled.data();
        const auto cell = [=](std::ptrdiff_t n) { return std::ptrdiff_t{fixed[n]} + other[n]; };
        double* table = tables + k * samples.cells;
        if (const double* weights = samples.weights) {
          counter.count(rows, cell, [=](std::ptrdiff_t n) { return weights[n]; }, table);
        } else {
          counter.count(rows, cell, table);
        }
      }
    };
  };
  return share_out(count, chunk_size(rows), options.threads, options.interrupted, worker);
}

}  // namespace fastpid::cpu
