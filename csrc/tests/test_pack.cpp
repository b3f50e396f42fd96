// Packs compute lane by lane what doubles do, and the logarithm is one.
#include <cmath>
#include <vector>

#include "../exec/pack.hpp"
#include "../exec/serial.hpp"
#include "check.hpp"
#include "tables.hpp"

namespace fastpid::testing {
namespace {

using Number = Pack<0>;

double ulps(double found, double exact) {
  return std::fabs(found - exact) / (std::nextafter(std::fabs(exact), HUGE_VAL) - std::fabs(exact));
}

}  // namespace

TEST(lanes_do_what_doubles_do) {
  Rng rng(90);
  for (int round = 0; round < 100; ++round) {
    Number x, y;
    for (int lane = 0; lane < kLanes; ++lane) {
      x.set(lane, 4.0 * uniform(rng) - 2.0);
      y.set(lane, lane % 3 == 0 ? x[lane] : 4.0 * uniform(rng) - 2.0);
    }
    const Number chosen = select((x < y) | (x > 1.0), x + y, x * y - x / y);
    for (int lane = 0; lane < kLanes; ++lane) {
      const double u = x[lane], v = y[lane];
      CHECK_NEAR(chosen[lane], u < v || u > 1.0 ? u + v : u * v - u / v, 1e-14);
      CHECK((x <= y)[lane] == (u <= v));
      CHECK((x >= y)[lane] == (u >= v));
      CHECK((!(x < y))[lane] == !(u < v));
      CHECK(smaller(x, y)[lane] == smaller(u, v));
      CHECK(larger(x, y)[lane] == larger(u, v));
      CHECK(fabs(x)[lane] == std::fabs(u));
      CHECK(sqrt(fabs(x))[lane] == std::sqrt(std::fabs(u)));
      CHECK(ulps(exp(x)[lane], std::exp(u)) <= 2.0);
      CHECK_NEAR(xlogx(x)[lane], xlogx(u), 1e-15);
      CHECK(clamp(x, -1.0, 0.5)[lane] == clamp(u, -1.0, 0.5));
    }
  }
  Number one = 0.0;
  one.set(kLanes - 1, 1.0);
  CHECK(any(one > 0.0));
  CHECK(!all(one > 0.0));
  CHECK(all(one >= 0.0));
  CHECK(!any(one < 0.0));
}

TEST(logarithm_is_accurate_over_all_magnitudes) {
  Rng rng(91);
  for (int round = 0; round < 20000; ++round) {
    Vector x;
    for (int lane = 0; lane < kLanes; ++lane) {
      const double u = uniform(rng);
      x[lane] = round % 3 == 0   ? std::exp(1400.0 * (u - 0.5))
                : round % 3 == 1 ? 1.0 + 1e-3 * (u - 0.5)
                                 : u;
    }
    const Vector found = logarithm(x);
    for (int lane = 0; lane < kLanes; ++lane) {
      CHECK_LE(ulps(found[lane], std::log(x[lane])), 3.5);
    }
  }
  const double infinity = std::numeric_limits<double>::infinity();
  const Vector one = Vector{} + 1.0, zero = Vector{}, endless = Vector{} + infinity;
  CHECK(logarithm(one)[0] == 0.0);
  CHECK(logarithm(endless)[0] == infinity);
  CHECK(std::isnan(logarithm(endless - endless)[0]));
  CHECK_NEAR(logarithm(zero)[0], std::log(std::numeric_limits<double>::min()), 1e-12);
}

TEST(sum_xlogx_takes_any_length_and_zeros) {
  Rng rng(92);
  for (int n = 0; n < 70; ++n) {
    std::vector<double> x(static_cast<std::size_t>(n));
    double expected = 0.0;
    for (double& value : x) {
      value = uniform(rng) < 0.3 ? 0.0 : uniform(rng);
      expected += xlogx(value);
    }
    CHECK_NEAR(sum_xlogx(n, x.data()), expected, 1e-13);
  }
}

TEST(dense_algebra_of_packs_is_that_of_each_lane) {
  Rng rng(93);
  const Serial exec;
  for (const int n : {1, 2, 3, 7, 12}) {
    std::vector<Number> a(static_cast<std::size_t>(n) * n), b(static_cast<std::size_t>(n));
    std::vector<std::vector<double>> own(kLanes, std::vector<double>(a.size()));
    for (int lane = 0; lane < kLanes; ++lane) {
      std::vector<double> g(a.size());
      for (double& value : g) value = uniform(rng);
      for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j) {
          double sum = i == j ? 0.5 : 0.0;
          for (int k = 0; k < n; ++k) sum += g[k * n + i] * g[k * n + j];
          own[lane][j * n + i] = sum;
          a[j * n + i].set(lane, sum);
        }
      }
    }
    // The last lane is indefinite, and no neighbour of it notices.
    a[0].set(kLanes - 1, -1.0);
    for (int i = 0; i < n; ++i) b[i] = 1.0 + i;
    const auto good = exec.cholesky(a.data(), n, n);
    exec.solve(a.data(), n, n, b.data());
    for (int lane = 0; lane + 1 < kLanes; ++lane) {
      CHECK(good[lane]);
      for (int i = 0; i < n; ++i) {
        double product = 0.0;
        for (int k = 0; k < n; ++k) product += own[lane][k * n + i] * b[k][lane];
        CHECK_NEAR(product, 1.0 + i, 1e-9);
      }
    }
    CHECK(!good[kLanes - 1]);
  }
}

}  // namespace fastpid::testing
