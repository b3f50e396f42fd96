#include "check.hpp"
#include "problem.hpp"

namespace fastpid::testing {
namespace {

// X and Y independent, Z a copy of both or, with `merge`, of them up to a relabelling in which
// every target symbol still has one symbol of X or one of Y.
Table copy(Rng& rng, int nx, int ny, bool merge) {
  Table t({nx, ny, nx * ny});
  for (int x = 0; x < nx; ++x) {
    for (int y = 0; y < ny; ++y) {
      const int z = x * ny + y;
      // Row x of the pairs falls together, or column y does.
      t.at(x, y, merge ? (x % 2 == 0 ? x * ny : z) : z) = uniform(rng, 0.1, 1.0);
    }
  }
  return t.normalize();
}

bool is_forced(const Problem& p, const Iterate& it) {
  return forced(Serial(), p.reduced(), p.blocks.carve<ProxyWork>(p.reduced()), it);
}

}  // namespace

TEST(the_proxy_makes_the_sources_independent_given_the_target) {
  Rng rng(40);
  for (const Shape s : small_shapes()) {
    for (const Table& t : families(rng, s)) {
      const Problem p(t);
      const Reduced& r = p.reduced();
      const Iterate it = p.proxy_iterate();
      const Coupling q(r, it.s, it.exp_a, it.exp_b);
      CHECK_LE(total_size(q.excess()), 1e-13);
      std::vector<double> target(static_cast<std::size_t>(r.a.target));
      for (int k = 0; k < r.a.size; ++k) {
        target[static_cast<std::size_t>(r.a.idx[k])] += r.a.mass[k];
      }
      for_each_cell(r, [&](int i, int j, int k, int l, int z) {
        const double mass = target[static_cast<std::size_t>(z)];
        const double wanted = r.a.mass[k] * r.b.mass[l] / mass;
        CHECK_NEAR(q.at(i, j, z), wanted, 1e-13 * wanted + 1e-300);
        CHECK_NEAR(std::exp(it.log_a[k] + it.log_b[l]) * it.s[i * r.b.count + j], wanted,
                   1e-13 * wanted + 1e-300);
      });
    }
  }
}

TEST(forced_solves_copies) {
  Rng rng(41);
  for (const bool merge : {false, true}) {
    for (const auto& [nx, ny] : {std::pair<int, int>{2, 2}, {3, 5}, {6, 4}}) {
      const Problem p(copy(rng, nx, ny, merge));
      const Reduced& r = p.reduced();
      const Iterate it = p.blocks.carve<Iterate>(r);
      CHECK(is_forced(p, it));
      const CertificateWork w = p.blocks.carve<CertificateWork>(r);
      const Bounds bounds = certify(Serial(), r, it, 0.0, w);
      CHECK_NEAR(bounds.upper, bounds.lower, 1e-14);
      const Coupling q(r, it.s, it.exp_a, it.exp_b);
      CHECK_LE(total_size(q.excess()), 1e-14);
      CHECK_LE(dual_violation(r, it.log_a, it.log_b, nullptr, nullptr), 1e-14);
      CHECK_NEAR(q.objective(), dual_value(r, it.log_a, it.log_b, nullptr, nullptr), 1e-14);
    }
  }
}

TEST(forced_refuses_what_has_a_choice_and_leaves_the_iterate_alone) {
  Rng rng(42);
  std::vector<Table> others = {dense(rng, {2, 2, 2}), dense(rng, {4, 3, 5})};
  // A copy with one more cell: target symbol 0 now has two symbols of X and two of Y.
  Table almost = copy(rng, 3, 3, false);
  almost.at(1, 1, 0) = 0.1;
  others.push_back(almost.normalize());
  Table exclusive_or({2, 2, 2});
  for (int x = 0; x < 2; ++x) {
    for (int y = 0; y < 2; ++y) exclusive_or.at(x, y, x ^ y) = 0.1 + 0.2 * x + 0.1 * y;
  }
  others.push_back(exclusive_or.normalize());
  for (const Table& t : others) {
    const Problem p(t);
    const Reduced& r = p.reduced();
    const Iterate it = p.proxy_iterate();
    const std::vector<double> before(it.s, it.s + r.pairs());
    CHECK(!is_forced(p, it));
    for (std::ptrdiff_t n = 0; n < r.pairs(); ++n) {
      CHECK(it.s[n] == before[static_cast<std::size_t>(n)]);
    }
  }
}

}  // namespace fastpid::testing
