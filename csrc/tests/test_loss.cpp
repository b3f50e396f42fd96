#include <cmath>

#include "../cpu/loss_step.hpp"
#include "../cpu/predictions.hpp"
#include "../cpu/single_descent.hpp"
#include "check.hpp"
#include "tables.hpp"

namespace fastpid::testing {
namespace {

std::size_t size(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }

// Predictions of sources with these numbers of symbols; every fifth sample has no weight.
struct Samples {
  std::vector<int> symbols;
  int target, n = 23;
  std::vector<std::vector<double>> wide;
  std::vector<std::vector<float>> narrow;
  std::vector<std::int64_t> z;
  std::vector<double> weights;

  Samples(Rng& rng, const std::vector<int>& of, int classes) : symbols(of), target(classes) {
    for (const int k : symbols) {
      wide.emplace_back();
      for (int i = 0; i < n * k; ++i) wide.back().push_back(uniform(rng, -3.0, 3.0));
      narrow.emplace_back(wide.back().begin(), wide.back().end());
      wide.back().assign(narrow.back().begin(), narrow.back().end());
    }
    for (int i = 0; i < n; ++i) {
      z.push_back(below(rng, target));
      weights.push_back(i % 5 == 4 ? 0.0 : uniform(rng));
    }
  }

  cpu::Predictions predictions(bool single) const {
    cpu::Predictions out{{}, z.data(), weights.data(), n, target, true};
    for (std::size_t s = 0; s < symbols.size(); ++s) {
      cpu::Numbers values;
      values.wide = single ? nullptr : wide[s].data();
      values.narrow = single ? narrow[s].data() : nullptr;
      out.sources.push_back({values, symbols[s]});
    }
    return out;
  }

  double probability(std::size_t s, int i, int k) const {
    double sum = 0.0;
    const double* row = wide[s].data() + static_cast<std::ptrdiff_t>(i) * symbols[s];
    for (int j = 0; j < symbols[s]; ++j) sum += std::exp(row[j]);
    return std::exp(row[k]) / sum;
  }

  // By its definition.
  std::vector<double> table() const {
    std::vector<double> out;
    std::ptrdiff_t tuples = 1;
    for (const int k : symbols) tuples *= k;
    for (std::ptrdiff_t t = 0; t < tuples; ++t) {
      for (int c = 0; c < target; ++c) {
        double sum = 0.0;
        for (int i = 0; i < n; ++i) {
          if (z[size(i)] != c) continue;
          double product = weights[size(i)];
          std::ptrdiff_t rest = t;
          for (std::size_t s = symbols.size(); s-- > 0; rest /= symbols[s]) {
            product *= probability(s, i, static_cast<int>(rest % symbols[s]));
          }
          sum += product;
        }
        out.push_back(sum);
      }
    }
    return out;
  }
};

struct Rows {
  std::vector<std::vector<double>> of;
  std::vector<double*> at;

  explicit Rows(const Samples& samples) {
    for (const int k : samples.symbols) of.emplace_back(size(samples.n * cpu::padded(k)));
    for (std::vector<double>& rows : of) at.push_back(rows.data());
  }
};

TEST(soft_table_and_its_gradient_are_those_of_the_definition) {
  Rng rng(1);
  for (const std::vector<int>& symbols :
       {std::vector<int>{2, 3}, {9, 8}, {3, 2, 5}, {2, 3, 2, 4}, {17, 1, 3}}) {
    Samples samples(rng, symbols, 3);
    for (const bool single : {false, true}) {
      const cpu::Predictions given = samples.predictions(single);
      const std::vector<double> wanted = samples.table();
      std::vector<double> table(wanted.size());
      Rows rows(samples);
      const cpu::PredictionsRead read = cpu::soft_table(given, 1e-5, rows.at, table.data());
      CHECK(read.sound());
      for (std::size_t c = 0; c < table.size(); ++c) CHECK_NEAR(table[c], wanted[c], 1e-12);
      // Of sum(by * table), by differences.
      std::vector<double> by(table.size());
      for (double& value : by) value = uniform(rng, -1.0, 1.0);
      std::vector<std::vector<double>> found;
      std::vector<std::vector<float>> found_single;
      std::vector<cpu::Gradient> out;
      for (const int k : symbols) {
        found.emplace_back(size(samples.n * k));
        found_single.emplace_back(size(samples.n * k));
      }
      for (std::size_t s = 0; s < symbols.size(); ++s) {
        out.push_back(single ? cpu::Gradient{nullptr, found_single[s].data()}
                             : cpu::Gradient{found[s].data(), nullptr});
      }
      cpu::soft_table_gradient(given, rows.at, by.data(), out);
      const auto value = [&] {
        const std::vector<double> now = samples.table();
        double sum = 0.0;
        for (std::size_t c = 0; c < now.size(); ++c) sum += by[c] * now[c];
        return sum;
      };
      for (int trial = 0; trial < 12; ++trial) {
        const std::size_t s = size(below(rng, static_cast<int>(symbols.size())));
        const std::size_t at = size(below(rng, samples.n * symbols[s]));
        double& logit = samples.wide[s][at];
        const double before = logit, step = 1e-5;
        logit = before + step;
        const double above = value();
        logit = before - step;
        const double under = value();
        logit = before;
        const double got = single ? static_cast<double>(found_single[s][at]) : found[s][at];
        CHECK_NEAR(got, (above - under) / (2.0 * step), single ? 1e-6 : 1e-8);
      }
    }
  }
}

TEST(soft_table_names_the_first_bad_row) {
  Rng rng(2);
  Samples samples(rng, {3, 4, 2}, 3);
  Rows rows(samples);
  std::vector<double> table(3 * 4 * 2 * 3);
  samples.wide[1][4 * 4 + 1] = NAN;  // without weight
  samples.wide[1][7 * 4 + 1] = NAN;
  samples.wide[2][2 * 3] = NAN;
  cpu::PredictionsRead read =
      cpu::soft_table(samples.predictions(false), 1e-5, rows.at, table.data());
  CHECK(read.bad_source == 1 && read.bad_row == 7);
  samples.z[3] = 3;
  samples.wide[1][7 * 4 + 1] = samples.wide[2][2 * 3] = 0.0;
  read = cpu::soft_table(samples.predictions(false), 1e-5, rows.at, table.data());
  CHECK(read.bad_source == -1 && read.bad_z == 3);
}

struct Found {
  Shape shape;
  std::vector<double> terms, xz, yz, lam, mu, s;
  std::vector<std::int32_t> codes;
  bool done = false;

  explicit Found(Shape of)
      : shape(of),
        terms(Results::kTerms),
        xz(size(of.xz())),
        yz(size(of.yz())),
        lam(size(of.xz())),
        mu(size(of.yz())),
        s(size(of.xy())),
        codes(Results::kCodes) {}

  Results results() { return Results::rows(terms.data(), codes.data(), 1); }
  double lower() const { return terms[3]; }
  double upper() const { return terms[4]; }
};

// The bracket is within the tolerance and true, and the potentials prove its lower end.
TEST(single_precision_leads_to_certified_answers) {
  Rng rng(3);
  int solved = 0;
  for (int trial = 0; trial < 160; ++trial) {
    const Shape shape{1 + below(rng, 20), 1 + below(rng, 20), 2 + below(rng, 9)};
    const Table table = trial % 4 == 0   ? dense(rng, shape)
                        : trial % 4 == 1 ? spiky(rng, shape, 0.2)
                        : trial % 4 == 2 ? empirical(rng, shape, 60)
                                         : near_deterministic(rng, shape, 1e-6);
    const Given given{shape, table.p.data()};
    cpu::BatchOptions options;
    options.solve.tol = trial % 3 == 0 ? 5e-5 : 7e-4;
    Found single(shape), wanted(shape);
    single.done = cpu::solve_in_single(given, options, single.results(), single.xz.data(),
                                       single.yz.data(), {single.lam.data(), single.mu.data()},
                                       single.s.data(), trial % 2 == 0 ? 0.0 : 40.0);
    if (!single.done) continue;
    ++solved;
    options.solve.tol = 1e-9;
    CHECK(
        cpu::solve_tables(given, 1, options, wanted.results(), wanted.xz.data(), wanted.yz.data()));
    CHECK(single.codes[1] == 0);
    CHECK_LE(single.upper() - single.lower(), 7e-4);
    CHECK_LE(single.lower(), wanted.upper() + 1e-12);
    CHECK_LE(wanted.lower(), single.upper() + 1e-12);
    double proved = 0.0;
    for (int x = 0; x < shape.nx; ++x) {
      for (int y = 0; y < shape.ny; ++y) {
        double sum = 0.0;
        for (int z = 0; z < shape.nz; ++z) {
          const double potential =
              single.lam[size(x * shape.nz + z)] + single.mu[size(y * shape.nz + z)];
          CHECK(std::isfinite(potential));
          sum += std::exp(potential);
          proved += table.at(x, y, z) * potential;
        }
        CHECK_LE(sum, 1.0 + 1e-12);
      }
    }
    for (int z = 0; z < shape.nz; ++z) {
      double mass = 0.0;
      for (int x = 0; x < shape.nx; ++x) mass += single.xz[size(x * shape.nz + z)];
      if (mass > 0.0) proved -= mass * std::log(mass);
    }
    CHECK_LE(proved, wanted.upper() + 1e-9);
    CHECK_LE(wanted.lower() - 7e-4 - 1e-9, proved);
  }
#if defined(__GNUC__) && !defined(FASTPID_ONE_LANE)
  CHECK_LE(120.0, solved);
#endif
}

TEST(steps_of_a_loss_agree_with_solves_of_their_averages) {
  Rng rng(4);
  const Shape shape{5, 4, 3};
  const std::ptrdiff_t cells = shape.cells();
  std::vector<double> before, by(size(cells)), sums(size(cells));
  for (int n = 0; n < 12; ++n) {
    const Table own = empirical(rng, shape, 80);
    cpu::LossStep step{shape,
                       own.p.data(),
                       before.empty() ? nullptr : before.data(),
                       0.8,
                       n % 3 == 0 ? 10.0 : 0.0,
                       {0.0, 0.0, 1.0, -1.0},
                       true,
                       {}};
    step.options.solve.tol = 1e-4;
    std::vector<double> now(size(cpu::LossState<double>::size(shape)));
    CHECK(cpu::loss_step(step, now.data(), by.data()));
    double mass = 0.0, along = 0.0;
    for (std::size_t c = 0; c < sums.size(); ++c) {
      sums[c] = 0.8 * sums[c] + own.p[c];
      mass += sums[c];
      along += by[c] * own.p[c];
    }
    CHECK_NEAR(along, 0.0, 1e-12);
    std::vector<double> p = sums;
    for (double& value : p) value /= mass;
    Found wanted(shape);
    cpu::BatchOptions options;
    options.solve.tol = 1e-10;
    CHECK(cpu::solve_tables({shape, p.data()}, 1, options, wanted.results(), wanted.xz.data(),
                            wanted.yz.data()));
    CHECK_NEAR(cpu::loss_value(step, now.data()), wanted.terms[2] - wanted.lower(), 1e-4);
    before = now;
  }
}

}  // namespace
}  // namespace fastpid::testing
