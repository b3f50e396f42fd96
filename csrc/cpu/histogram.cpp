#include "histogram.hpp"

#include <algorithm>
#include <optional>
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

// Tables of samples whose cell is the sum of two parts. `held(k)` is what the first part of table k
// depends on: hold(k, cells) fills it in, once for successive tables that share it. rest(k) is a
// column of codes, and `stride` what one of these is worth.
template <class Held, class Hold, class Rest>
bool count_tables(const CodedColumns& columns, std::ptrdiff_t count, std::ptrdiff_t cells,
                  std::ptrdiff_t stride, const CountOptions& options, double* tables,
                  const Held& held, const Hold& hold, const Rest& rest) {
  const std::ptrdiff_t rows = columns.rows;
  const auto worker = [&](const Stop& stop) {
    return [&, counter = Counter(cells), last = std::optional<decltype(held(0))>(),
            first_cells = std::vector<std::uint32_t>(size(rows))](std::ptrdiff_t first,
                                                                  std::ptrdiff_t end) mutable {
      for (std::ptrdiff_t k = first; k < end && !stop(); ++k) {
        if (const auto wanted = held(k); last != wanted) {
          hold(k, first_cells.data());
          last = wanted;
        }
        const std::uint32_t* part = first_cells.data();
        const std::uint16_t* other = columns.sources + rest(k) * rows;
        const auto worth = static_cast<std::uint32_t>(stride);
        const auto cell = [=](std::ptrdiff_t n) {
          return static_cast<std::ptrdiff_t>(part[n] + other[n] * worth);
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

// cells[n] = x[n] * stride_x + y[n] * stride_y
void hold_two(const std::uint16_t* x, std::ptrdiff_t stride_x, const std::uint16_t* y,
              std::ptrdiff_t stride_y, std::ptrdiff_t rows, std::uint32_t* cells) {
  const auto a = static_cast<std::uint32_t>(stride_x), b = static_cast<std::uint32_t>(stride_y);
  for (std::ptrdiff_t n = 0; n < rows; ++n) cells[n] = x[n] * a + y[n] * b;
}

}  // namespace

// The first source of successive pairs is mostly the same.
bool count_pairs(const CodedColumns& columns, const std::int32_t* pairs, std::ptrdiff_t count,
                 Shape shape, const CountOptions& options, double* tables) {
  const auto first = [=](std::ptrdiff_t k) { return pairs[2 * k]; };
  const auto hold = [&](std::ptrdiff_t k, std::uint32_t* cells) {
    const std::uint16_t* x = columns.sources + first(k) * columns.rows;
    hold_two(x, std::ptrdiff_t{shape.ny} * shape.nz, columns.target, 1, columns.rows, cells);
  };
  const auto second = [=](std::ptrdiff_t k) { return pairs[2 * k + 1]; };
  return count_tables(columns, count, shape.cells(), shape.nz, options, tables, first, hold,
                      second);
}

// So are the first two columns of successive triples.
bool count_triples(const CodedColumns& columns, const std::int32_t* triples, std::ptrdiff_t count,
                   Shape shape, const CountOptions& options, double* tables) {
  const auto first_two = [=](std::ptrdiff_t k) {
    return std::make_pair(triples[3 * k], triples[3 * k + 1]);
  };
  const auto hold = [&](std::ptrdiff_t k, std::uint32_t* cells) {
    const auto [i, j] = first_two(k);
    hold_two(columns.sources + i * columns.rows, std::ptrdiff_t{shape.ny} * shape.nz,
             columns.sources + j * columns.rows, shape.nz, columns.rows, cells);
  };
  const auto third = [=](std::ptrdiff_t k) { return triples[3 * k + 2]; };
  return count_tables(columns, count, shape.cells(), 1, options, tables, first_two, hold, third);
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
