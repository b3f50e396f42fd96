#include "histogram.hpp"

#include <algorithm>
#include <numeric>
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

bool weigh(const Fields& fields, const double* weights, std::ptrdiff_t count,
           const CountOptions& options, double* tables) {
  const std::ptrdiff_t rows = fields.rows;
  const auto worker = [&](const Stop& stop) {
    return [&](std::ptrdiff_t first, std::ptrdiff_t end) {
      for (std::ptrdiff_t item = first; item < end && !stop(); ++item) {
        const double* weight = weights + item / fields.fields * rows;
        const std::int32_t* cell = fields.cell + item % fields.fields * rows;
        double* table = tables + item * fields.cells;
        std::fill(table, table + fields.cells, 0.0);
        for (std::ptrdiff_t n = 0; n < rows; ++n) table[cell[n]] += weight[n];
      }
    };
  };
  const std::ptrdiff_t items = count * fields.fields;
  return share_out(items, chunk_size(rows), options.threads, options.interrupted, worker);
}

namespace {

// The samples of every field by their stratum, in the order in which they stand: those of stratum s
// in field f begin at entry starts[f * num_strata + s] of the field's row of by_stratum.
struct Strata {
  Strata(const Fields& fields, const Moved& moved)
      : starts(size(fields.fields * moved.num_strata)),
        by_stratum(size(fields.fields * fields.rows)) {
    const std::ptrdiff_t rows = fields.rows, strata = moved.num_strata;
    std::vector<std::int32_t> next(size(strata));
    for (std::ptrdiff_t f = 0; f < fields.fields; ++f) {
      const std::int32_t* stratum = moved.stratum + f * rows;
      std::int32_t* start = starts.data() + f * strata;
      std::fill(next.begin(), next.end(), 0);
      for (std::ptrdiff_t n = 0; n < rows; ++n) ++next[size(stratum[n])];
      std::exclusive_scan(next.begin(), next.end(), start, 0);
      std::copy(start, start + strata, next.begin());
      for (std::ptrdiff_t n = 0; n < rows; ++n) {
        by_stratum[size(f * rows + next[size(stratum[n])]++)] = static_cast<std::int32_t>(n);
      }
    }
  }

  std::vector<std::int32_t> starts, by_stratum;
};

// How much more the frequencies of a table vary than those of independent samples.
class Spread {
 public:
  Spread(std::ptrdiff_t cells, const Units& units)
      : units_(units),
        of_unit_(size(cells)),
        squares_(size(cells)),
        products_(size(cells)),
        own_squares_(size(cells)) {}

  // Of samples [0, rows) that fall into cell[n] with weight[n], counted in `table`.
  double operator()(std::ptrdiff_t rows, const std::int32_t* cell, const double* weight,
                    const double* table) {
    std::fill(squares_.begin(), squares_.end(), 0.0);
    std::fill(products_.begin(), products_.end(), 0.0);
    std::fill(own_squares_.begin(), own_squares_.end(), 0.0);
    double squares = 0.0, own_squares = 0.0, total = 0.0;
    std::ptrdiff_t n = 0;
    for (std::ptrdiff_t u = 0; u < units_.count; ++u) {
      const std::ptrdiff_t first = n, end = std::min<std::ptrdiff_t>(units_.ends[u], rows);
      double of_unit = 0.0;
      for (; n < end; ++n) {
        const std::size_t c = size(cell[n]);
        of_unit_[c] += weight[n];
        own_squares_[c] += weight[n] * weight[n];
        own_squares += weight[n] * weight[n];
        of_unit += weight[n];
      }
      for (n = first; n < end; ++n) {  // of every cell once: what was counted is taken out
        const std::size_t c = size(cell[n]);
        squares_[c] += of_unit_[c] * of_unit_[c];
        products_[c] += of_unit_[c] * of_unit;
        of_unit_[c] = 0.0;
      }
      squares += of_unit * of_unit;
      total += of_unit;
    }
    double spread = 0.0, own_spread = 0.0;
    for (std::size_t c = 0; c < of_unit_.size(); ++c) {
      if (!(table[c] > 0.0)) continue;
      const double p = table[c] / total;
      spread += squares_[c] / p - 2.0 * products_[c] + p * squares;
      own_spread += own_squares_[c] / p - 2.0 * own_squares_[c] + p * own_squares;
    }
    return own_spread > 0.0 ? spread / own_spread : 1.0;
  }

 private:
  Units units_;
  std::vector<double> of_unit_, squares_, products_, own_squares_;
};

}  // namespace

bool rearrange(const Fields& fields, const Moved& moved, const Units& units,
               const std::int32_t* order, const double* weights, std::ptrdiff_t count,
               const CountOptions& options, double* tables, double* spread) {
  const std::ptrdiff_t rows = fields.rows;
  const Strata strata(fields, moved);
  const auto worker = [&](const Stop& stop) {
    return [&, next = std::vector<std::int32_t>(size(moved.num_strata)),
            into = std::vector<std::int32_t>(size(rows)), spread_of = Spread(fields.cells, units)](
               std::ptrdiff_t first, std::ptrdiff_t end) mutable {
      for (std::ptrdiff_t item = first; item < end && !stop(); ++item) {
        const std::ptrdiff_t k = item / fields.fields, f = item % fields.fields;
        const std::int32_t* start = strata.starts.data() + f * moved.num_strata;
        const std::int32_t* to = strata.by_stratum.data() + f * rows;
        const std::int32_t* stratum = moved.stratum + f * rows;
        const std::int32_t* given = moved.moved + f * rows;
        const std::int32_t* cell = fields.cell + f * rows;
        const double* weight = weights + k * rows;
        double* table = tables + item * fields.cells;
        std::fill(table, table + fields.cells, 0.0);
        std::copy(start, start + moved.num_strata, next.begin());
        for (std::ptrdiff_t j = 0; j < rows; ++j) {
          const std::int32_t from = order[k * rows + j];
          const std::int32_t n = to[next[size(stratum[from])]++];
          into[size(n)] = cell[n] + given[from];
          table[into[size(n)]] += weight[n];
        }
        spread[item] = spread_of(rows, into.data(), weight, table);
      }
    };
  };
  const std::ptrdiff_t items = count * fields.fields;
  return share_out(items, chunk_size(rows), options.threads, options.interrupted, worker);
}

}  // namespace fastpid::cpu
