// Packs compute lane by lane what doubles do, the logarithm is one, and so is the exponential.
#include <cmath>
#include <vector>

#include "../exec/pack.hpp"
#include "../exec/serial.hpp"
#include "check.hpp"
#include "tables.hpp"

namespace fastpid::testing {
namespace {

using Number = Pack;

double ulps(double found, double exact) {
  return std::fabs(found - exact) / (std::nextafter(std::fabs(exact), HUGE_VAL) - std::fabs(exact));
}

std::vector<Number> random_numbers(Rng& rng, int count) {
  std::vector<Number> out(static_cast<std::size_t>(count));
  for (Number& value : out) {
    for (int lane = 0; lane < kLanes; ++lane) value.set(lane, uniform(rng) - 0.5);
  }
  return out;
}

std::vector<Single> lane_of(const std::vector<Number>& v, int lane) {
  std::vector<Single> out;
  for (const Number& value : v) out.push_back(value[lane]);
  return out;
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

TEST(exponential_is_accurate_over_its_range) {
  Rng rng(94);
  double worst = 0.0;
  // Whether long doubles have an exponential of their own: not with MSVC, nor with musl on ARM.
  bool finer = false;
  for (int round = 0; round < 20000; ++round) {
    Vector x;
    for (int lane = 0; lane < kLanes; ++lane) {
      const double u = uniform(rng);
      x[lane] = round % 3 == 0   ? -708.0 + 1417.78 * u
                : round % 3 == 1 ? 2.0 * (u - 0.5)
                                 : -60.0 * u;
    }
    const Vector found = exponential(x);
    for (int lane = 0; lane < kLanes; ++lane) {
      const long double exact = std::exp(static_cast<long double>(x[lane]));
      const double nearest = static_cast<double>(exact);
      const double unit = std::nextafter(nearest, HUGE_VAL) - nearest;
      finer = finer || exact != static_cast<long double>(nearest);
      worst = larger(worst, static_cast<double>(std::fabs(found[lane] - exact)) / unit);
    }
  }
  CHECK_LE(worst, finer ? 1.5 : 2.0);
  const double infinity = std::numeric_limits<double>::infinity();
  const auto at = [](double x) { return exponential(Vector{} + x)[0]; };
  CHECK(at(0.0) == 1.0);
  CHECK(at(-709.0) == 0.0 && at(-1e9) == 0.0 && at(-infinity) == 0.0);
  CHECK(at(710.0) == infinity && at(1e9) == infinity && at(infinity) == infinity);
  CHECK(std::isnan(at(infinity - infinity)));
}

TEST(functions_of_arrays_take_any_length) {
  Rng rng(95);
  const Serial exec;
  for (int n = 0; n < 70; ++n) {
    const std::size_t size = static_cast<std::size_t>(n);
    std::vector<double> x(size), y(size), out(size);
    std::vector<float> narrow(size), squared(size);
    for (std::size_t i = 0; i < size; ++i) {
      x[i] = uniform(rng);
      y[i] = uniform(rng) - 0.5;
      narrow[i] = static_cast<float>(x[i]);
    }
    double sum = 0.0, squares = 0.0, narrow_squares = 0.0, least = HUGE_VAL, most = -HUGE_VAL;
    for (std::size_t i = 0; i < size; ++i) {
      sum += x[i];
      squares += x[i] * y[i] * y[i];
      narrow_squares += static_cast<double>(narrow[i]) * narrow[i] * narrow[i];
      least = smaller(least, y[i]);
      most = larger(most, 0.3 * x[i] - 2.0 * y[i]);
    }
    CHECK_NEAR(exec.total(n, x.data()), sum, 1e-13);
    CHECK_NEAR(exec.sum_squares(n, x.data(), y.data()), squares, 1e-13);
    CHECK_NEAR(exec.sum_squares(n, narrow.data(), narrow.data()), narrow_squares, 1e-5);
    CHECK(exec.least(n, y.data()) == least);
    const double found = exec.largest_sum(n, 0.3, x.data(), -2.0, y.data());
    CHECK(found == most || std::fabs(found - most) < 1e-15);
    exec.exp_each(n, y.data(), out.data());
    for (std::size_t i = 0; i < size; ++i) CHECK_NEAR(out[i], std::exp(y[i]), 1e-15);
    exec.log_each(n, out.data(), out.data());
    for (std::size_t i = 0; i < size; ++i) CHECK_NEAR(out[i], y[i], 1e-15);
    exec.exp_each(n, y.data(), narrow.data());
    exec.log_each(n, narrow.data(), squared.data());
    for (std::size_t i = 0; i < size; ++i) CHECK_NEAR(squared[i], y[i], 1e-6);
  }
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
  for (const int n : {1, 2, 3, 4, 5, 7, 12, 21, 50}) {
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

// To the bit, whatever the size leaves over of tiles and of registers.
TEST(dense_algebra_of_one_problem_is_that_of_a_lane) {
  Rng rng(96);
  const Serial exec;
  const auto random = [&](int count) { return random_numbers(rng, count); };
  for (const int n : {1, 2, 3, 4, 6, 9, 17, 40, 77}) {
    const int columns = n + 3;
    const auto g = random(n * columns), right = random(n);
    std::vector<Number> c(static_cast<std::size_t>(n) * n, 0.0);
    for (int i = 0; i < n; ++i) c[i * (n + 1)] = 0.1;
    // Of g g^T + 0.9, from its negative.
    const auto work = [&](const auto& exec, auto& c, const auto& g, auto& b, auto& panel) {
      exec.downdate(c.data(), n, g.data(), columns);
      for (int i = 0; i < n * n; ++i) c[i] = -c[i];
      for (int i = 0; i < n; ++i) c[i * (n + 1)] += 1.0;
      const auto good = exec.cholesky(c.data(), n, n);
      exec.solve(c.data(), n, n, b.data());
      exec.solve_right(c.data(), n, n, panel.data(), columns);
      return good;
    };
    std::vector<Number> pc = c, pb = right, pp = g;
    const auto good = work(exec, pc, g, pb, pp);
    for (int lane = 0; lane < kLanes; ++lane) {
      auto sc = lane_of(c, lane), sb = lane_of(right, lane), sp = lane_of(g, lane);
      const auto sg = sp;
      CHECK(work(exec, sc, sg, sb, sp)[0] == good[lane]);
      CHECK(good[lane]);
      for (int j = 0; j < n; ++j) {
        for (int i = j; i < n; ++i) CHECK(sc[j * n + i][0] == pc[j * n + i][lane]);
        CHECK(sb[j][0] == pb[j][lane]);
      }
      for (int k = 0; k < n * columns; ++k) CHECK(sp[k][0] == pp[k][lane]);
    }
  }
}

// The same of products, whose terms are added up in order.
TEST(products_of_packs_are_those_of_each_lane) {
  Rng rng(97);
  const Serial exec;
  const auto random = [&](int count) { return random_numbers(rng, count); };
  const auto transpose = [](const std::vector<Number>& v, int rows, int columns) {
    std::vector<Number> out(v.size());
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) out[j * rows + i] = v[i * columns + j];
    }
    return out;
  };
  for (const int m : {1, 3, 4, 10, 17}) {
    for (const int k : {1, 5, 16, 40}) {
      for (const int n : {1, 2, 8, 11, 24}) {
        const auto a = random(m * k), b = random(k * n);
        const auto at = transpose(a, m, k), bt = transpose(b, k, n);
        std::vector<Number> plain(static_cast<std::size_t>(m) * n);
        auto first = plain, second = plain;
        exec.times(a.data(), b.data(), m, k, n, plain.data());
        exec.transposed_times(at.data(), b.data(), k, m, n, first.data());
        exec.times_transposed(a.data(), bt.data(), m, k, n, second.data());
        for (int lane = 0; lane < kLanes; ++lane) {
          const auto sa = lane_of(a, lane), sb = lane_of(b, lane);
          const auto sat = lane_of(at, lane), sbt = lane_of(bt, lane);
          std::vector<Single> one(plain.size()), two = one, three = one;
          exec.times(sa.data(), sb.data(), m, k, n, one.data());
          exec.transposed_times(sat.data(), sb.data(), k, m, n, two.data());
          exec.times_transposed(sa.data(), sbt.data(), m, k, n, three.data());
          for (int i = 0; i < m; ++i) {
            for (int j = 0; j < n; ++j) {
              Single sum = 0.0;
              for (int l = 0; l < k; ++l) sum = multiply_add(sa[i * k + l], sb[l * n + j], sum);
              const std::size_t c = static_cast<std::size_t>(i) * n + j;
              for (const Single& entry : {one[c], two[c], three[c]}) CHECK(entry[0] == sum[0]);
              for (const auto* pack : {&plain, &first, &second}) CHECK((*pack)[c][lane] == sum[0]);
            }
          }
        }
      }
    }
  }
}

}  // namespace fastpid::testing
