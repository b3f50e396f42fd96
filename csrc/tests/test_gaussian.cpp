#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "../core/gaussian/decompose.hpp"
#include "../cpu/gaussian.hpp"
#include "check.hpp"

namespace fastpid::testing {
namespace {

using gaussian::Sizes;
using Numbers = std::vector<double>;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

// The covariance of X = H_x Z + noise and Y = H_y Z + noise, all noises white and independent; h
// has the rows of H_x, then of H_y.
Numbers covariance(const Numbers& h, Sizes sizes) {
  const int s = sizes.m + sizes.n, d = sizes.d, k = sizes.total();
  Numbers cov(at(k * k), 0.0);
  for (int i = 0; i < k; ++i) cov[at(i * k + i)] = 1.0;
  for (int i = 0; i < s; ++i) {
    for (int j = 0; j < s; ++j) {
      cov[at(i * k + j)] += gaussian::inner(d, h.data() + i * d, h.data() + j * d);
    }
    for (int j = 0; j < d; ++j)
      cov[at(i * k + s + j)] = cov[at((s + j) * k + i)] = h[at(i * d + j)];
  }
  return cov;
}

Numbers random_rows(std::mt19937& rng, int count) {
  std::normal_distribution<double> normal;
  Numbers out(at(count));
  for (double& x : out) x = normal(rng);
  return out;
}

// Random channels, and hostile ones: rows of Y that repeat those of X, exactly and nearly.
std::vector<Numbers> batch(std::mt19937& rng, Sizes sizes) {
  std::vector<Numbers> out;
  for (const double apart : {1.0, 1e-3, 1e-9, 0.0}) {
    Numbers h = random_rows(rng, (sizes.m + sizes.n) * sizes.d);
    if (apart < 1.0) {
      for (int c = 0; c < std::min(sizes.m, sizes.n) * sizes.d; ++c) {
        double& y = h[at(sizes.m * sizes.d + c)];
        y = h[at(c)] + apart * y;
      }
    }
    out.push_back(covariance(h, sizes));
  }
  return out;
}

struct Answers {
  explicit Answers(std::ptrdiff_t count) : terms(at(5 * count)), codes(at(3 * count)) {}
  Results rows() {
    return Results::rows(terms.data(), codes.data(), static_cast<std::ptrdiff_t>(codes.size() / 3));
  }
  Numbers terms;
  std::vector<std::int32_t> codes;

 private:
  static std::size_t at(std::ptrdiff_t n) { return static_cast<std::size_t>(n); }
};

Answers solve(const Numbers& cov, Sizes sizes, double tol, int threads,
              const gaussian::SolutionParts& out = {}) {
  const int k = sizes.total();
  const auto count = static_cast<std::ptrdiff_t>(cov.size()) / (k * k);
  Answers answers(count);
  cpu::BatchOptions options;
  options.solve.tol = tol;
  options.threads = threads;
  CHECK(cpu::solve_gaussian(cov.data(), count, sizes, options, answers.rows(), out));
  return answers;
}

constexpr Sizes kSizes[] = {{1, 1, 1}, {1, 1, 2}, {2, 2, 2}, {4, 2, 3},
                            {2, 5, 3}, {3, 3, 6}, {9, 7, 4}};

}  // namespace

TEST(gaussian_rotations_make_rows_orthogonal_and_reflections_keep_a_product) {
  std::mt19937 rng(1);
  for (const auto& [m, n] : {std::pair<int, int>{1, 1}, {2, 2}, {3, 5}, {7, 7}, {1, 6}}) {
    const Numbers a = random_rows(rng, m * n);
    Numbers y = a, u(at(m * m), 0.0), diag(at(m)), tau(at(m)), w(at(n)), v(at(n * n), 0.0);
    for (int i = 0; i < m; ++i) u[at(i * m + i)] = 1.0;
    for (int i = 0; i < n; ++i) v[at(i * n + i)] = 1.0;
    gaussian::orthogonalise(y.data(), m, n, u.data(), m);
    for (int i = 0; i < m; ++i) {
      for (int j = 0; j < i; ++j) {
        CHECK_NEAR(gaussian::inner(n, &y[at(i * n)], &y[at(j * n)]), 0.0, 1e-14);
      }
      if (i > 0) CHECK_LE(gaussian::norm(n, &y[at(i * n)]), gaussian::norm(n, &y[at(i * n - n)]));
    }
    gaussian::triangularise(y.data(), m, n, diag.data(), tau.data());
    gaussian::multiply_transposed(y.data(), m, n, tau.data(), v.data(), n, w.data());
    // a = U' diag V, U' and V having the rows of u and v for columns and for rows.
    for (int i = 0; i < m; ++i) {
      for (int j = 0; j < n; ++j) {
        double sum = 0.0;
        for (int k = 0; k < m; ++k) sum += u[at(k * m + i)] * diag[at(k)] * v[at(k * n + j)];
        CHECK_NEAR(sum, a[at(i * n + j)], 1e-13);
      }
    }
  }
}

TEST(gaussian_gradient_is_the_slope_of_the_objective) {
  std::mt19937 rng(2);
  const int rx = 2, ry = 3, d = 4;
  Numbers n(at(d * d), 0.0);
  for (int i = 0; i < d; ++i) n[at(i * d + i)] = 1.0;
  const Numbers a = random_rows(rng, rx * d), b = random_rows(rng, ry * d);
  const gaussian::Pair pair{rx, ry, d, n.data(), a.data(), b.data()};
  Numbers memory(4096);
  Arena arena(memory.data());
  const auto bench = gaussian::Bench::take(arena, rx, ry, d);
  auto point = gaussian::Point::take(arena, rx, ry, d);
  Numbers theta = random_rows(rng, rx * ry);
  for (double& t : theta) t *= 0.2;
  const auto value = [&](const Numbers& at_theta) {
    gaussian::start(pair, point);
    std::copy(at_theta.begin(), at_theta.end(), bench.theta);
    gaussian::turn(pair, bench, point);
    CHECK(gaussian::evaluate(pair, bench, point));
    return point.f;
  };
  for (int i = 0; i < rx; ++i) {
    for (int j = 0; j < ry; ++j) {
      constexpr double kStep = 1e-5;
      Numbers up = theta, down = theta;
      up[at(i * ry + j)] += kStep;
      down[at(i * ry + j)] -= kStep;
      const double slope = (value(up) - value(down)) / (2.0 * kStep);
      value(theta);
      // -P_xy, turned back from the singular basis.
      double gradient = 0.0;
      for (int k = 0; k < rx; ++k) {
        for (int l = 0; l < ry; ++l) {
          gradient -= point.a[k * (d + rx) + d + i] * point.p_xy[k * ry + l] *
                      point.b[l * (d + ry) + d + j];
        }
      }
      CHECK_NEAR(slope, gradient, 1e-9);
    }
  }
}

TEST(gaussian_systems_reach_the_tolerance) {
  std::mt19937 rng(3);
  for (const Sizes sizes : kSizes) {
    for (const Numbers& cov : batch(rng, sizes)) {
      Answers a = solve(cov, sizes, 1e-9, 1);
      const Results r = a.rows();
      CHECK(*r.status == static_cast<int>(Status::converged));
      CHECK_LE(*r.upper - *r.lower, 1e-9);
      CHECK_LE(std::max(*r.mi_x, *r.mi_y), *r.lower);
      CHECK_LE(*r.lower, *r.upper);
      CHECK_LE(*r.upper, std::min(*r.mi_x + *r.mi_y, *r.mi_xy));
    }
  }
}

TEST(gaussian_batches_do_not_depend_on_threads) {
  std::mt19937 rng(4);
  for (const Sizes sizes : kSizes) {
    Numbers cov;
    for (int n = 0; n < 6; ++n) {
      for (const Numbers& one : batch(rng, sizes)) cov.insert(cov.end(), one.begin(), one.end());
    }
    const std::size_t count = 24, m = at(sizes.m), n = at(sizes.n), d = at(sizes.d);
    const auto run = [&](int threads) {
      Numbers coupling(count * m * n), w(count * d * (m + n)), q(count * d * d);
      Answers a = solve(cov, sizes, 1e-9, threads, {coupling.data(), w.data(), q.data()});
      for (const Numbers& part : {coupling, w, q}) {
        a.terms.insert(a.terms.end(), part.begin(), part.end());
      }
      return a;
    };
    const Answers one = run(1);
    for (const int threads : {2, 5}) {
      const Answers other = run(threads);
      CHECK(one.codes == other.codes);
      CHECK(std::memcmp(one.terms.data(), other.terms.data(), one.terms.size() * sizeof(double)) ==
            0);
    }
  }
}

TEST(gaussian_refuses_what_is_no_covariance) {
  const Sizes sizes{1, 1, 2};
  std::mt19937 rng(5);
  const Numbers good = covariance(random_rows(rng, 4), sizes);
  const auto status = [&](const Numbers& cov) {
    return static_cast<Status>(*solve(cov, sizes, 1e-9, 1).rows().status);
  };
  const auto changed = [&](int i, int j, double value) {
    Numbers cov = good;
    cov[at(i * 4 + j)] = cov[at(j * 4 + i)] = value;
    return cov;
  };
  CHECK(status(good) == Status::converged);
  for (const double value : {double{NAN}, double{INFINITY}, 100.0, -100.0}) {
    CHECK(status(changed(0, 2, value)) == Status::invalid);
  }
  for (const double value : {double{NAN}, double{INFINITY}, -1.0, 0.0}) {
    CHECK(status(changed(1, 1, value)) == Status::invalid);
  }
  Numbers skew = good;
  skew[1] += 0.1;
  CHECK(status(skew) == Status::invalid);
  // X is the first of Z.
  Numbers known = good;
  for (int j = 0; j < 4; ++j) known[at(j)] = known[at(8 + j)];
  for (int j = 0; j < 4; ++j) known[at(4 * j)] = known[at(4 * j + 2)];
  known[0] = known[10];
  CHECK(status(known) == Status::invalid);
}

TEST(gaussian_leaves_out_what_repeats) {
  // Y is X, a constant and X again; the target's second variable repeats its first.
  const Sizes sizes{1, 3, 2};
  const double signal = 0.8;
  Numbers cov(36, 0.0);
  for (const int i : {0, 1, 3}) {
    for (const int j : {0, 1, 3}) cov[at(i * 6 + j)] = 2.0;
    for (const int j : {4, 5}) cov[at(i * 6 + j)] = cov[at(j * 6 + i)] = signal;
  }
  for (const int i : {4, 5}) {
    for (const int j : {4, 5}) cov[at(i * 6 + j)] = 1.0;
  }
  Answers a = solve(cov, sizes, 1e-9, 1);
  const Results r = a.rows();
  const double wanted = -0.5 * std::log(1.0 - signal * signal / 2.0);
  CHECK(*r.status == static_cast<int>(Status::converged));
  for (const double* value : {r.mi_x, r.mi_y, r.mi_xy, r.lower, r.upper}) {
    CHECK_NEAR(*value, wanted, 1e-14);
  }
}

TEST(gaussian_batches_can_be_interrupted) {
  std::mt19937 rng(6);
  const Sizes sizes{4, 4, 4};
  Numbers cov;
  for (int n = 0; n < 100; ++n) {
    const Numbers one = covariance(random_rows(rng, 32), sizes);
    cov.insert(cov.end(), one.begin(), one.end());
  }
  for (const int threads : {1, 3}) {
    Answers answers(100);
    cpu::BatchOptions options;
    options.threads = threads;
    // Of several threads the others may be done before the one that asks has asked often.
    const int times = threads == 1 ? 5 : 0;
    options.interrupted = [asked = 0, times]() mutable { return ++asked > times; };
    CHECK(!cpu::solve_gaussian(cov.data(), 100, sizes, options, answers.rows(), {}));
  }
}

}  // namespace fastpid::testing
