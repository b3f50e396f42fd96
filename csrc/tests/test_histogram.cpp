#include <cstring>
#include <numeric>
#include <vector>

#include "../cpu/histogram.hpp"
#include "check.hpp"

namespace fastpid::testing {
namespace {

std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

// Codes below `extent` without any pattern that a table would show.
template <class T>
std::vector<T> codes(std::ptrdiff_t rows, int extent, std::uint32_t state) {
  std::vector<T> out(size(rows));
  for (auto& code : out) {
    state = state * 1664525u + 1013904223u;
    code = static_cast<T>((state >> 16) % static_cast<std::uint32_t>(extent));
  }
  return out;
}

cpu::CountOptions on(int threads) {
  cpu::CountOptions options;
  options.threads = threads;
  return options;
}

std::vector<std::uint32_t> seeds_of(std::ptrdiff_t count) {
  std::vector<std::uint32_t> seeds(size(cpu::kSeedWords * count));
  std::iota(seeds.begin(), seeds.end(), 7u);
  return seeds;
}

double total(const double* table, std::ptrdiff_t cells) {
  return std::accumulate(table, table + cells, 0.0);
}

TEST(histogram_counts_pairs_as_a_loop_would) {
  for (const Shape shape : {Shape{3, 3, 2}, Shape{20, 20, 13}}) {  // with copies and without
    for (const std::ptrdiff_t rows : {0, 1, 5, 1000}) {
      const int columns = 4, extent = shape.nx;
      std::vector<std::uint16_t> sources;
      for (int c = 0; c < columns; ++c) {
        const auto column = codes<std::uint16_t>(rows, extent, 11u + static_cast<unsigned>(c));
        sources.insert(sources.end(), column.begin(), column.end());
      }
      const auto target = codes<std::uint16_t>(rows, shape.nz, 5u);
      std::vector<double> weights(size(rows));
      for (std::ptrdiff_t n = 0; n < rows; ++n)
        weights[size(n)] = 0.25 * static_cast<double>(n % 7);
      const std::vector<std::int32_t> pairs{0, 1, 0, 2, 3, 1, 2, 2};
      const std::ptrdiff_t cells = static_cast<std::ptrdiff_t>(shape.nx) * shape.ny * shape.nz;
      for (const bool weighted : {false, true}) {
        const cpu::CodedColumns in{sources.data(), target.data(),
                                   weighted ? weights.data() : nullptr, rows};
        for (const int threads : {1, 3}) {
          std::vector<double> tables(size(4 * cells), -1.0), expected(size(4 * cells), 0.0);
          CHECK(cpu::count_pairs(in, pairs.data(), 4, shape, on(threads), tables.data()));
          for (std::ptrdiff_t k = 0; k < 4; ++k) {
            for (std::ptrdiff_t n = 0; n < rows; ++n) {
              const int x = sources[size(pairs[size(2 * k)] * rows + n)];
              const int y = sources[size(pairs[size(2 * k + 1)] * rows + n)];
              const std::ptrdiff_t cell = (x * shape.ny + y) * shape.nz + target[size(n)];
              expected[size(k * cells + cell)] += weighted ? weights[size(n)] : 1.0;
            }
          }
          CHECK(tables == expected);
        }
      }
    }
  }
}

TEST(histogram_counts_triples_as_a_loop_would) {
  const Shape shape{3, 4, 5};
  const std::vector<std::int32_t> triples{0, 1, 2, 0, 1, 3, 0, 1, 3, 4, 1, 2, 4, 5, 3, 0, 5, 2};
  const std::ptrdiff_t count = 6, cells = shape.cells();
  for (const std::ptrdiff_t rows : {0, 1, 7, 1000, 70000}) {  // the last: one table a run
    std::vector<std::uint16_t> sources;
    for (const int extent : {3, 4, 5, 5, 3, 4}) {
      const auto column =
          codes<std::uint16_t>(rows, extent, 3u + static_cast<unsigned>(sources.size() % 1000));
      sources.insert(sources.end(), column.begin(), column.end());
    }
    std::vector<double> weights(size(rows));
    for (std::ptrdiff_t n = 0; n < rows; ++n) weights[size(n)] = 0.5 * static_cast<double>(n % 5);
    for (const bool weighted : {false, true}) {
      const cpu::CodedColumns in{sources.data(), nullptr, weighted ? weights.data() : nullptr,
                                 rows};
      std::vector<double> expected(size(count * cells), 0.0);
      for (std::ptrdiff_t k = 0; k < count; ++k) {
        const auto code = [&](std::ptrdiff_t axis, std::ptrdiff_t n) {
          return std::ptrdiff_t{sources[size(triples[size(3 * k + axis)] * rows + n)]};
        };
        for (std::ptrdiff_t n = 0; n < rows; ++n) {
          const auto cell = (code(0, n) * shape.ny + code(1, n)) * shape.nz + code(2, n);
          expected[size(k * cells + cell)] += weighted ? weights[size(n)] : 1.0;
        }
      }
      for (const int threads : {1, 3}) {
        std::vector<double> tables(expected.size(), -1.0);
        CHECK(cpu::count_triples(in, triples.data(), count, shape, on(threads), tables.data()));
        CHECK(tables == expected);
      }
    }
  }
}

TEST(histogram_resamples_keep_what_they_must) {
  constexpr std::ptrdiff_t rows = 600, count = 200, nx = 3, nz = 4, cells = nx * nz;
  const auto x = codes<std::int32_t>(rows, nx, 3u), z = codes<std::int32_t>(rows, nz, 9u);
  std::vector<std::int32_t> fixed(size(rows));
  for (std::size_t n = 0; n < size(rows); ++n) fixed[n] = x[n] * nz;
  const auto seeds = seeds_of(count);
  const std::vector<std::int64_t> strata{0, 1, 250, 250, rows};
  std::vector<double> one(size(count * cells)), three(one.size());

  const cpu::CodedSamples part{fixed.data(), nullptr, rows, cells, seeds.data()};
  CHECK(cpu::permute(part, z.data(), strata.data(), 4, count, on(1), one.data()));
  CHECK(cpu::permute(part, z.data(), strata.data(), 4, count, on(3), three.data()));
  CHECK(one == three);
  CHECK(std::memcmp(one.data(), one.data() + cells, size(cells) * sizeof(double)) != 0);
  std::vector<double> of_x(size(nx), 0.0), of_z(size(nz), 0.0);
  for (std::size_t n = 0; n < size(rows); ++n) {
    of_x[size(x[n])] += 1.0;
    of_z[size(z[n])] += 1.0;
  }
  for (std::ptrdiff_t k = 0; k < count; ++k) {
    const double* table = one.data() + k * cells;
    for (std::ptrdiff_t i = 0; i < nx; ++i) {
      CHECK_NEAR(total(table + i * nz, nz), of_x[size(i)], 0.0);
    }
    for (std::ptrdiff_t j = 0; j < nz; ++j) {
      double sum = 0.0;
      for (std::ptrdiff_t i = 0; i < nx; ++i) sum += table[i * nz + j];
      CHECK_NEAR(sum, of_z[size(j)], 0.0);
    }
  }
}

// Strata of one sample each leave nothing to shuffle.
TEST(histogram_strata_are_not_crossed) {
  constexpr std::ptrdiff_t rows = 50, cells = 6;
  const auto x = codes<std::int32_t>(rows, 3, 3u), z = codes<std::int32_t>(rows, 2, 9u);
  std::vector<std::int32_t> fixed(size(rows));
  std::vector<double> expected(size(cells), 0.0), table(size(cells));
  std::vector<std::int64_t> strata(size(rows + 1));
  std::iota(strata.begin(), strata.end(), 0);
  for (std::size_t n = 0; n < size(rows); ++n) {
    fixed[n] = x[n] * 2;
    expected[size(fixed[n] + z[n])] += 1.0;
  }
  const auto seeds = seeds_of(1);
  const cpu::CodedSamples part{fixed.data(), nullptr, rows, cells, seeds.data()};
  CHECK(cpu::permute(part, z.data(), strata.data(), rows, 1, on(1), table.data()));
  CHECK(table == expected);
}

// Every arrangement is drawn equally often: within five standard deviations.
TEST(histogram_draws_are_fair) {
  constexpr std::ptrdiff_t count = 20000;
  const auto seeds = seeds_of(count);
  const std::vector<std::int32_t> cell{0, 1, 2}, rows{0, 3, 6};
  std::vector<double> tables(size(9 * count));
  const std::vector<std::int64_t> strata{0, 3};
  const cpu::CodedSamples part{rows.data(), nullptr, 3, 9, seeds.data()};
  CHECK(cpu::permute(part, cell.data(), strata.data(), 1, count, on(2), tables.data()));
  double sums[9] = {};
  for (std::ptrdiff_t k = 0; k < 9 * count; ++k) sums[k % 9] += tables[size(k)];
  for (const double sum : sums) CHECK_NEAR(sum / count, 1.0 / 3.0, 5.0 * 0.4714 / 141.4);
}

TEST(histogram_weighs_fields_as_a_loop_would) {
  constexpr std::ptrdiff_t fields = 3, rows = 70, cells = 8, count = 5;
  const auto cell = codes<std::int32_t>(fields * rows, cells, 1u);
  const auto weight = codes<std::int32_t>(count * rows, 4, 2u);
  const std::vector<double> weights(weight.begin(), weight.end());
  std::vector<double> expected(size(count * fields * cells), 0.0);
  for (std::ptrdiff_t k = 0; k < count; ++k) {
    for (std::ptrdiff_t f = 0; f < fields; ++f) {
      for (std::ptrdiff_t n = 0; n < rows; ++n) {
        expected[size((k * fields + f) * cells + cell[size(f * rows + n)])] +=
            weights[size(k * rows + n)];
      }
    }
  }
  for (const int threads : {1, 3}) {
    std::vector<double> tables(expected.size(), -1.0);
    CHECK(cpu::weigh({cell.data(), fields, rows, cells}, weights.data(), count, on(threads),
                     tables.data()));
    CHECK(tables == expected);
  }
}

// Against the definition: the j-th of a stratum in the new order gives to the j-th of it as it was.
TEST(histogram_rearranges_within_strata) {
  constexpr std::ptrdiff_t fields = 3, rows = 60, cells = 12, strata = 4, count = 6;
  const auto given = codes<std::int32_t>(fields * rows, 3, 1u);
  const auto stratum = codes<std::int32_t>(fields * rows, strata, 2u);
  auto fixed = codes<std::int32_t>(fields * rows, 4, 3u);
  for (auto& cell : fixed) cell *= 3;
  std::vector<std::int32_t> order;
  for (std::ptrdiff_t k = 0; k < count; ++k) {  // 7, 11, ... have no divisor in common with 60
    const std::ptrdiff_t step[] = {1, 7, 11, 13, 17, 59};
    for (std::ptrdiff_t j = 0; j < rows; ++j) {
      order.push_back(static_cast<std::int32_t>((j * step[k] + k) % rows));
    }
  }
  const auto weight = codes<std::int32_t>(count * rows, 3, 4u);
  const std::vector<double> weights(weight.begin(), weight.end());
  std::vector<double> expected(size(count * fields * cells), 0.0);
  for (std::ptrdiff_t k = 0; k < count; ++k) {
    for (std::ptrdiff_t f = 0; f < fields; ++f) {
      for (int s = 0; s < strata; ++s) {
        std::vector<std::ptrdiff_t> to, from;
        for (std::ptrdiff_t j = 0; j < rows; ++j) {
          const std::ptrdiff_t m = order[size(k * rows + j)];
          if (stratum[size(f * rows + j)] == s) to.push_back(j);
          if (stratum[size(f * rows + m)] == s) from.push_back(m);
        }
        for (std::size_t j = 0; j < to.size(); ++j) {
          const auto cell = fixed[size(f * rows + to[j])] + given[size(f * rows + from[j])];
          expected[size((k * fields + f) * cells + cell)] += weights[size(k * rows + to[j])];
        }
      }
    }
  }
  const std::vector<std::int64_t> ends{7, 30, 31, rows};
  std::vector<double> first_spread;
  for (const int threads : {1, 3}) {
    std::vector<double> tables(expected.size(), -1.0), spread(size(count * fields));
    CHECK(cpu::rearrange({fixed.data(), fields, rows, cells},
                         {given.data(), stratum.data(), strata}, {ends.data(), 4}, order.data(),
                         weights.data(), count, on(threads), tables.data(), spread.data()));
    CHECK(tables == expected);
    CHECK(first_spread.empty() || spread == first_spread);
    first_spread = spread;
  }
}

// Against the definition, and one where every sample is a unit.
TEST(histogram_spread_is_the_design_effect) {
  constexpr std::ptrdiff_t rows = 90, cells = 5;
  const auto cell = codes<std::int32_t>(rows, cells, 1u);
  const auto weight = codes<std::int32_t>(rows, 4, 2u);
  const std::vector<double> weights(weight.begin(), weight.end());
  const std::vector<std::int32_t> nothing(size(rows), 0);
  std::vector<std::int32_t> order(size(rows));
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::int64_t> alone(size(rows));
  std::iota(alone.begin(), alone.end(), 1);
  const std::vector<std::int64_t> three{20, 50, rows};
  std::vector<double> table(size(cells)), spread(1);
  const auto run = [&](const std::vector<std::int64_t>& ends) {
    CHECK(cpu::rearrange({cell.data(), 1, rows, cells}, {nothing.data(), nothing.data(), 1},
                         {ends.data(), static_cast<std::ptrdiff_t>(ends.size())}, order.data(),
                         weights.data(), 1, on(1), table.data(), spread.data()));
    return spread[0];
  };
  const auto sum_of_squares = [&](const std::vector<std::int64_t>& ends) {
    const double all = total(table.data(), cells);
    double sum = 0.0;
    std::ptrdiff_t n = 0;
    for (const std::int64_t end : ends) {
      std::vector<double> in_cell(size(cells), 0.0);
      for (; n < end; ++n) in_cell[size(cell[size(n)])] += weights[size(n)];
      const double of_unit = total(in_cell.data(), cells);
      for (std::size_t c = 0; c < size(cells); ++c) {
        const double p = table[c] / all, off = in_cell[c] - of_unit * p;
        sum += off * off / p;
      }
    }
    return sum;
  };
  CHECK_NEAR(run(alone), 1.0, 1e-12);
  const double found = run(three);
  CHECK_NEAR(found, sum_of_squares(three) / sum_of_squares(alone), 1e-9);
  CHECK(found > 1.1 || found < 0.9);
}

TEST(histogram_stops_when_it_is_told_to) {
  constexpr std::ptrdiff_t count = 1000;
  const auto cell = codes<std::int32_t>(1000, 8, 1u);
  const auto seeds = seeds_of(count);
  std::vector<double> tables(size(8 * count));
  cpu::CountOptions options = on(2);
  options.interrupted = [] { return true; };
  const std::vector<std::int64_t> strata{0, 1000};
  const std::vector<std::int32_t> moved(1000, 0);
  CHECK(!cpu::permute({cell.data(), nullptr, 1000, 8, seeds.data()}, moved.data(), strata.data(), 1,
                      count, options, tables.data()));
  const std::vector<double> weights(1000, 1.0);
  std::vector<std::int32_t> order(1000);
  std::iota(order.begin(), order.end(), 0);
  const cpu::Fields field{cell.data(), 1, 1000, 8};
  CHECK(!cpu::weigh(field, weights.data(), 1, options, tables.data()));
  const std::vector<std::int64_t> ends{1000};
  std::vector<double> spread(1);
  CHECK(!cpu::rearrange(field, {moved.data(), moved.data(), 1}, {ends.data(), 1}, order.data(),
                        weights.data(), 1, options, tables.data(), spread.data()));
}

}  // namespace
}  // namespace fastpid::testing
