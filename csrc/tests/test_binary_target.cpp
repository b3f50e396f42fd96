#include "check.hpp"
#include "host_team.hpp"
#include "problem.hpp"

namespace fastpid::testing {
namespace {

constexpr double kTol = 1e-10;

struct Closed {
  double value = 0.0;
  Iterate it;
  const double *log_a = nullptr, *log_b = nullptr;
};

Closed closed_form(const Problem& p) {
  const Iterate it = p.blocks.carve<Iterate>(p.reduced());
  Closed out;
  out.it = it;
  out.value = binary_target(Serial(), p.reduced(), p.blocks.carve<BinaryWork>(p.reduced()),
                            it.log_a, it.log_b);
  out.log_a = it.log_a;
  out.log_b = it.log_b;
  return out;
}

// The closed form against its own dual, and against the interior point.
void check(const Table& t) {
  const Problem p(t, {0.0, 4e-16});
  const Reduced& r = p.reduced();
  const Closed closed = closed_form(p);
  CHECK_LE(dual_violation(r, closed.log_a, closed.log_b, nullptr, nullptr), 1e-12);
  CHECK_NEAR(dual_value(r, closed.log_a, closed.log_b, nullptr, nullptr), closed.value, 1e-12);
  const Problem q(t);
  const Solved solved = newton(q, kTol);
  CHECK(solved.outcome == Outcome::converged);
  CHECK_LE(solved.bounds.lower, closed.value + 1e-13);
  CHECK_LE(closed.value, solved.bounds.upper + 1e-13);
}

// A table with these rows (p(0), p(1)) as marginals of X and of Y: independent given Z.
Table from_marginals(const std::vector<std::pair<double, double>>& a,
                     const std::vector<std::pair<double, double>>& b) {
  Table t({static_cast<int>(a.size()), static_cast<int>(b.size()), 2});
  double b0 = 0.0, b1 = 0.0;
  for (const auto& [zero, one] : b) {
    b0 += zero;
    b1 += one;
  }
  for (int x = 0; x < t.shape.nx; ++x) {
    for (int y = 0; y < t.shape.ny; ++y) {
      const auto& row_a = a[static_cast<std::size_t>(x)];
      const auto& row_b = b[static_cast<std::size_t>(y)];
      t.at(x, y, 0) = row_a.first * row_b.first / b0;
      t.at(x, y, 1) = row_a.second * row_b.second / b1;
    }
  }
  return t.normalize();
}

}  // namespace

TEST(binary_target_agrees_with_the_interior_point) {
  Rng rng(50);
  for (const Shape s : {Shape{2, 2, 2}, Shape{1, 4, 2}, Shape{5, 1, 2}, Shape{1, 1, 2},
                        Shape{3, 7, 2}, Shape{8, 6, 2}, Shape{3, 2, 1}}) {
    for (const Table& t : families(rng, s)) check(t);
  }
}

TEST(binary_target_with_ties_and_collinear_curves) {
  // Dyadic masses, so that ratios tie and vertices fall on edges exactly.
  check(from_marginals({{1, 3}, {2, 2}, {3, 1}}, {{2, 6}, {2, 1}, {2, 1}}));
  check(from_marginals({{1, 3}, {1, 3}, {4, 4}, {4, 4}}, {{3, 5}, {5, 3}}));
  check(from_marginals({{0, 4}, {4, 0}}, {{4, 4}}));
  // X's inner vertex lies on Y's edge.
  check(from_marginals({{1, 3}, {7, 5}}, {{2, 6}, {6, 2}}));
  // Y is X with a symbol split into two that differ from it.
  check(from_marginals({{4, 12}, {12, 4}}, {{1, 7}, {3, 5}, {12, 4}}));
}

TEST(binary_target_with_identical_sources) {
  Rng rng(51);
  for (const int n : {2, 5, 9}) {
    std::vector<std::pair<double, double>> rows(static_cast<std::size_t>(n));
    for (auto& row : rows) row = {uniform(rng), uniform(rng)};
    check(from_marginals(rows, rows));
    // Both curves are the hull: the union information is that of either source.
    const Problem p(from_marginals(rows, rows));
    CHECK_NEAR(closed_form(p).value + p.known.h_z, p.known.mi_x, 1e-13);
  }
}

TEST(binary_target_with_zero_cells) {
  check(from_marginals({{0, 2}, {3, 3}, {4, 0}}, {{0, 1}, {2, 3}, {5, 1}}));
  check(from_marginals({{0, 2}, {7, 3}}, {{7, 0}, {0, 5}}));
  check(from_marginals({{0, 5}, {7, 0}}, {{0, 5}, {7, 0}}));
  check(from_marginals({{0, 1}, {0, 3}, {2, 0}, {5, 0}}, {{3, 1}, {4, 3}}));
}

TEST(binary_target_of_a_useless_source) {
  Rng rng(52);
  std::vector<std::pair<double, double>> rows(4);
  for (auto& row : rows) row = {uniform(rng), uniform(rng)};
  double zero = 0.0, one = 0.0;
  for (const auto& row : rows) {
    zero += row.first;
    one += row.second;
  }
  const Table t = from_marginals(rows, {{0.25 * zero, 0.25 * one}, {0.75 * zero, 0.75 * one}});
  check(t);
  const Problem p(t, {0.0, 4e-16});
  CHECK_NEAR(closed_form(p).value + p.known.h_z, p.known.mi_x, 1e-13);
}

// Cells that vanish beside the cumulated masses: potentials of such symbols may be off, which the
// repair has to pay for with their mass alone.
TEST(binary_target_with_masses_of_any_size) {
  Rng rng(53);
  for (const double range : {8.0, 18.0, 40.0, 300.0}) {
    for (int trial = 0; trial < 50; ++trial) {
      const auto rows = [&](int n) {
        std::vector<std::pair<double, double>> out(static_cast<std::size_t>(n));
        for (auto& row : out) {
          row = {std::pow(10.0, -range * uniform(rng)), std::pow(10.0, -range * uniform(rng))};
        }
        out[0] = {1.0, 1.0};
        return out;
      };
      const Problem p(from_marginals(rows(1 + below(rng, 60)), rows(1 + below(rng, 60))),
                      {0.0, 4e-16});
      const Reduced& r = p.reduced();
      Closed closed = closed_form(p);
      CHECK_NEAR(dual_value(r, closed.log_a, closed.log_b, nullptr, nullptr), closed.value, 1e-12);
      exponentiate(r.a, closed.it.log_a, closed.it.exp_a);
      exponentiate(r.b, closed.it.log_b, closed.it.exp_b);
      const CertificateWork w = p.blocks.carve<CertificateWork>(r);
      CHECK_NEAR(lower_bound(Serial(), r, closed.it, 0.0, w), closed.value, 1e-12);
      CHECK_LE(dual_violation(r, closed.log_a, closed.log_b, w.shift_a, w.shift_b), 1e-12);
    }
  }
}

TEST(binary_target_with_many_symbols_of_all_but_one_ratio) {
  // Multiples of two rows, rounded: as cross products their ratios compare in circles.
  Rng rng(51);
  std::vector<std::pair<double, double>> a, b;
  for (int i = 0; i < 60; ++i) {
    const double scale = uniform(rng);
    a.emplace_back(0.3 * scale, 0.7 * scale);
    a.emplace_back(0.6 * scale, 0.1 * scale);
    b.emplace_back(0.7 * scale, 0.3 * scale);
  }
  Table t({static_cast<int>(a.size()), static_cast<int>(b.size()), 2});
  for (int x = 0; x < t.shape.nx; ++x) {
    for (int y = 0; y < t.shape.ny; ++y) {
      t.at(x, y, 0) = a[static_cast<std::size_t>(x)].first * b[static_cast<std::size_t>(y)].first;
      t.at(x, y, 1) = a[static_cast<std::size_t>(x)].second * b[static_cast<std::size_t>(y)].second;
    }
  }
  t.normalize();
  const Problem p(t, {0.0, -1.0});  // nothing merged
  const Closed closed = closed_form(p);
  const Reduced& r = p.reduced();
  CHECK(r.a.count == 120 && r.b.count == 60);
  CHECK_LE(dual_violation(r, closed.log_a, closed.log_b, nullptr, nullptr), 1e-12);
  CHECK_NEAR(dual_value(r, closed.log_a, closed.log_b, nullptr, nullptr), closed.value, 1e-12);
  // Every sort finds the same order.
  const Iterate it = p.blocks.carve<Iterate>(r);
  const BinaryWork ours = p.blocks.carve<BinaryWork>(r), other = p.blocks.carve<BinaryWork>(r);
  binary_target(Serial(), r, ours, it.log_a, it.log_b);
  on_host_team(1, [&](const auto& block) { binary_target(block, r, other, it.log_a, it.log_b); });
  for (int n = 0; n < r.a.count; ++n) CHECK(ours.order_a[n] == other.order_a[n]);
  for (int n = 0; n < r.b.count; ++n) CHECK(ours.order_b[n] == other.order_b[n]);
  // Merged, X has two symbols and Y one.
  const Problem merged(t, {0.0, 1e-12});
  CHECK(merged.reduced().a.count == 2 && merged.reduced().b.count == 1);
  CHECK_NEAR(closed.value, closed_form(merged).value, 1e-12);
}

}  // namespace fastpid::testing
