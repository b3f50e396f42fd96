#include <limits>

#include "check.hpp"
#include "problem.hpp"

namespace fastpid::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool accepts(const Table& t, bool normalize) { return Problem(t, {}, normalize).valid; }

// I(A; Z) of a table of pairs, straight from its definition.
double information(const std::vector<double>& joint, std::size_t nz) {
  std::vector<double> rows(joint.size() / nz), columns(nz);
  for (std::size_t c = 0; c < joint.size(); ++c) {
    rows[c / nz] += joint[c];
    columns[c % nz] += joint[c];
  }
  double value = 0.0;
  for (std::size_t c = 0; c < joint.size(); ++c) {
    if (joint[c] > 0.0) value += joint[c] * std::log(joint[c] / (rows[c / nz] * columns[c % nz]));
  }
  return value;
}

}  // namespace

TEST(marginals_and_known_terms_are_their_definitions) {
  Rng rng(10);
  for (const Shape s : small_shapes()) {
    for (const Table& t : families(rng, s)) {
      const Problem problem(t);
      CHECK(problem.valid);
      const std::size_t nz = static_cast<std::size_t>(s.nz);
      std::vector<double> xz(problem.xz.size()), yz(problem.yz.size());
      for (int x = 0; x < s.nx; ++x) {
        for (int y = 0; y < s.ny; ++y) {
          for (int z = 0; z < s.nz; ++z) {
            xz[static_cast<std::size_t>(x * s.nz + z)] += t.at(x, y, z);
            yz[static_cast<std::size_t>(y * s.nz + z)] += t.at(x, y, z);
          }
        }
      }
      for (std::size_t c = 0; c < xz.size(); ++c) CHECK_NEAR(problem.xz[c], xz[c], 1e-15);
      for (std::size_t c = 0; c < yz.size(); ++c) CHECK_NEAR(problem.yz[c], yz[c], 1e-15);
      CHECK_NEAR(problem.known.mi_x, information(xz, nz), 1e-14);
      CHECK_NEAR(problem.known.mi_y, information(yz, nz), 1e-14);
      CHECK_NEAR(problem.known.mi_xy, information(t.p, nz), 1e-14);
      CHECK_LE(problem.known.mi_x, problem.known.mi_xy);
      CHECK_LE(problem.known.mi_y, problem.known.mi_xy);
      CHECK_LE(0.0, problem.known.mi_x);
      CHECK_LE(0.0, problem.known.mi_y);
    }
  }
}

TEST(bad_values_are_rejected_wherever_they_stand) {
  Rng rng(11);
  const Table good = dense(rng, {3, 2, 4});
  CHECK(accepts(good, false));
  CHECK(accepts(good, true));
  for (std::size_t c = 0; c < good.p.size(); ++c) {
    for (const double bad : {std::nan(""), kInfinity, -kInfinity, -1e-300, -0.1}) {
      Table t = good;
      t.p[c] = bad;
      CHECK(!accepts(t, false));
      CHECK(!accepts(t, true));
    }
    Table t = good;
    t.p[c] = 1e300;
    CHECK(!accepts(t, false));
    CHECK(!accepts(t, true));
    t.p[c] = good.p[c] + 2e-6;
    CHECK(!accepts(t, false));
    CHECK(accepts(t, true));
    t.p[c] = good.p[c] + 0.5e-6;
    CHECK(accepts(t, false));
  }
}

TEST(totals_that_cannot_be_divided_by_are_rejected) {
  for (const bool normalize : {false, true}) {
    CHECK(!accepts(Table({2, 3, 2}), normalize));
    Table t({2, 3, 2});
    t.at(1, 2, 1) = 1e-300;
    CHECK(!accepts(t, normalize));
    for (double& value : t.p) value = std::numeric_limits<double>::max();
    CHECK(!accepts(t, normalize));
  }
}

namespace {

// read_marginals() of a pair, and what it wrote.
struct Read {
  bool valid;
  std::vector<double> xz, yz;

  Read(Shape s, const std::vector<double>& a, const std::vector<double>& b, bool normalize = false)
      : xz(a.size()), yz(b.size()) {
    const Given given{s, nullptr, a.data(), b.data()};
    valid = read_marginals(Serial(), given, normalize, 1e-6, xz.data(), yz.data());
  }
};

}  // namespace

TEST(marginals_of_a_table_are_read_as_they_are) {
  Rng rng(14);
  for (const Shape s : small_shapes()) {
    for (const Table& t : families(rng, s)) {
      const Problem problem(t);
      const Read read(s, problem.xz, problem.yz);
      CHECK(read.valid);
      CHECK(read.xz == problem.xz);
      CHECK(read.yz == problem.yz);
    }
  }
}

TEST(bad_marginals_are_rejected_on_either_side) {
  Rng rng(15);
  const Shape s{3, 2, 4};
  const Problem good(dense(rng, s));
  for (const bool normalize : {false, true}) {
    for (std::size_t c = 0; c < good.xz.size() + good.yz.size(); ++c) {
      for (const double bad : {std::nan(""), kInfinity, -kInfinity, -1e-300, 1e300, 0.2}) {
        std::vector<double> xz = good.xz, yz = good.yz;
        (c < xz.size() ? xz[c] : yz[c - xz.size()]) = bad;
        CHECK(!Read(s, xz, yz, normalize).valid);
      }
    }
  }
}

TEST(marginals_with_almost_the_same_target_get_one_between) {
  Rng rng(16);
  const Shape s{3, 2, 2};
  Problem problem(dense(rng, s));
  const auto target = [&](const std::vector<double>& v, int rows, int z) {
    return column_sum(v.data(), rows, s.nz, z);
  };
  std::vector<double> other = problem.xz;
  const double step = 4e-7;
  other[0] += step;
  other[1] -= step;
  const Read read(s, other, problem.yz);
  CHECK(read.valid);
  for (int z = 0; z < s.nz; ++z) {
    const double of_x = target(other, s.nx, z), of_y = target(problem.yz, s.ny, z);
    CHECK_NEAR(target(read.xz, s.nx, z), std::sqrt(of_x * of_y), 1e-16);
    CHECK_NEAR(target(read.yz, s.ny, z), std::sqrt(of_x * of_y), 1e-16);
  }
  other[0] += 7e-7;
  other[1] -= 7e-7;
  CHECK(!Read(s, other, problem.yz).valid);
  // A symbol of the target that one side does not have leaves the other side.
  const Read gone({1, 1, 2}, {1.0, 1e-8}, {1.0, 0.0});
  CHECK(gone.valid);
  CHECK(gone.xz[1] == 0.0 && gone.yz[1] == 0.0);
}

TEST(minus_zero_is_zero) {
  Table t({1, 1, 2});
  t.at(0, 0, 0) = -0.0;
  t.at(0, 0, 1) = 1.0;
  CHECK(accepts(t, false));
}

TEST(counts_are_normalised) {
  Rng rng(12);
  for (const double scale : {1.0, 37.0, 1e200, 1e-200}) {
    // Sums of n log n lose the digits that log n has before its point.
    const double rounding = 1e-14 + 2e-15 * std::fabs(std::log(scale));
    Table counts({3, 4, 3});
    for (double& value : counts.p) value = scale * below(rng, 6);
    Table frequencies = counts;
    frequencies.normalize();
    const Problem left(counts, {}, true), right(frequencies);
    CHECK(left.valid && right.valid);
    for (std::size_t c = 0; c < left.xz.size(); ++c) CHECK_NEAR(left.xz[c], right.xz[c], 1e-15);
    for (std::size_t c = 0; c < left.yz.size(); ++c) CHECK_NEAR(left.yz[c], right.yz[c], 1e-15);
    CHECK_NEAR(left.known.h_z, right.known.h_z, rounding);
    CHECK_NEAR(left.known.mi_x, right.known.mi_x, rounding);
    CHECK_NEAR(left.known.mi_y, right.known.mi_y, rounding);
    CHECK_NEAR(left.known.mi_xy, right.known.mi_xy, rounding);
  }
}

TEST(known_terms_are_homogeneous_in_the_table) {
  Rng rng(13);
  for (const double factor : {1.0 + 1e-7, 1.0 - 5e-7}) {
    const Table t = dense(rng, {4, 3, 5});
    Table scaled = t;
    for (double& value : scaled.p) value *= factor;
    const Problem left(scaled), right(t);
    CHECK_NEAR(left.known.h_z, factor * right.known.h_z, 4e-15);
    CHECK_NEAR(left.known.mi_x, factor * right.known.mi_x, 4e-15);
    CHECK_NEAR(left.known.mi_y, factor * right.known.mi_y, 4e-15);
    CHECK_NEAR(left.known.mi_xy, factor * right.known.mi_xy, 4e-15);
  }
}

}  // namespace fastpid::testing
