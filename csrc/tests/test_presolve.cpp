#include "check.hpp"
#include "problem.hpp"

namespace fastpid::testing {
namespace {

// The reductions put their symbols in another order than `t` when the sides are swapped.
const Side& side_of_x(const Problem& p) {
  return p.reduced().swapped ? p.reduced().b : p.reduced().a;
}
const Side& side_of_y(const Problem& p) {
  return p.reduced().swapped ? p.reduced().a : p.reduced().b;
}

Bounds certified(const Problem& p, const Reduced& r, const Iterate& it) {
  return certify(Serial(), r, it, 0.0, p.blocks.carve<CertificateWork>(r));
}

// Shifts the potentials to be feasible. How much the repair of infeasible ones costs depends on the
// masses of the symbols, hence on what has merged; the bounds of feasible ones do not.
void repair(const Problem& p, const Iterate& it) {
  const Reduced& r = p.reduced();
  const CertificateWork w = p.blocks.carve<CertificateWork>(r);
  lower_bound(Serial(), r, it, 0.0, w);
  for (int i = 0; i < r.a.count; ++i) {
    for (int k = r.a.begin(i); k < r.a.end(i); ++k) it.log_a[k] -= w.shift_a[k];
  }
  for (int j = 0; j < r.b.count; ++j) {
    for (int l = r.b.begin(j); l < r.b.end(j); ++l) it.log_b[l] -= w.shift_b[l];
  }
  exponentiate(r.a, it.log_a, it.exp_a);
  exponentiate(r.b, it.log_b, it.exp_b);
}

Iterate expanded(const Problem& p, const Iterate& it) {
  const Iterate full = p.blocks.carve<Iterate>(p.presolved.full);
  std::vector<double> peaks(2 * static_cast<std::size_t>(p.table.shape.nz));
  expand(Serial(), p.presolved, it, peaks.data(), true, full);
  return full;
}

}  // namespace

TEST(symbols_without_mass_leave) {
  Rng rng(20);
  const Table core = dense(rng, {3, 2, 4});
  // x 0 and 4, y 2, z 1 and 5 are empty.
  const int xs[] = {1, 2, 3}, ys[] = {0, 1}, zs[] = {0, 2, 3, 4};
  Table padded({5, 3, 6});
  for (int x = 0; x < 3; ++x) {
    for (int y = 0; y < 2; ++y) {
      for (int z = 0; z < 4; ++z) padded.at(xs[x], ys[y], zs[z]) = core.at(x, y, z);
    }
  }
  const Problem p(padded);
  CHECK(side_of_x(p).count == 3);
  CHECK(side_of_y(p).count == 2);
  CHECK(side_of_x(p).target == 4);
  CHECK(side_of_x(p).size == 12);
  CHECK(side_of_y(p).size == 8);
  CHECK(p.presolved.symbol[1] == -1 && p.presolved.symbol[5] == -1);
  for (int z = 0; z < 4; ++z) CHECK(p.presolved.symbol[zs[z]] == z);
  const SideWork& x = p.reduced().swapped ? p.presolved.b : p.presolved.a;
  CHECK(x.group[0] == -1 && x.group[4] == -1);
  for (int k = 0; k < 3; ++k) CHECK(x.group[xs[k]] == k && x.leader[k] == xs[k]);
}

TEST(proportional_rows_merge) {
  Rng rng(21);
  const Table core = dense(rng, {3, 4, 3});
  // Every symbol of X is split in two, in random shares.
  Table split({6, 4, 3});
  for (int x = 0; x < 3; ++x) {
    const double share = uniform(rng, 0.01, 0.99);
    for (int y = 0; y < 4; ++y) {
      for (int z = 0; z < 3; ++z) {
        split.at(x, y, z) = share * core.at(x, y, z);
        split.at(5 - x, y, z) = (1.0 - share) * core.at(x, y, z);
      }
    }
  }
  const Problem p(split), q(core);
  CHECK(side_of_x(p).count == 3);
  CHECK(side_of_y(p).count == 4);
  for (int k = 0; k < side_of_x(q).size; ++k) {
    CHECK_NEAR(side_of_x(p).mass[k], side_of_x(q).mass[k], 1e-15);
  }
  const SideWork& x = p.reduced().swapped ? p.presolved.b : p.presolved.a;
  for (int k = 0; k < 3; ++k) {
    CHECK(x.group[k] == k && x.group[5 - k] == k);
    CHECK_NEAR(x.share[k] + x.share[5 - k], 1.0, 1e-15);
  }
}

TEST(different_rows_stay_apart) {
  Rng rng(22);
  for (const Shape s : {Shape{6, 5, 2}, Shape{4, 7, 5}}) {
    const Problem p(dense(rng, s));
    CHECK(side_of_x(p).count == s.nx);
    CHECK(side_of_y(p).count == s.ny);
  }
}

TEST(supports_are_ragged_and_keep_the_mass) {
  Rng rng(23);
  for (const Shape s : small_shapes()) {
    const Problem p(empirical(rng, s, 1 + s.nx * s.ny * s.nz / 6), {0.0, -1.0});
    int nonzero_x = 0, nonzero_y = 0;
    for (const double value : p.xz) nonzero_x += value > 0.0;
    for (const double value : p.yz) nonzero_y += value > 0.0;
    CHECK(side_of_x(p).size == nonzero_x);
    CHECK(side_of_y(p).size == nonzero_y);
    CHECK(p.reduced().a.size >= p.reduced().b.size);
    for (const Side* side : {&p.reduced().a, &p.reduced().b}) {
      double sum = 0.0;
      for (int k = 0; k < side->size; ++k) {
        CHECK(side->mass[k] > 0.0);
        CHECK(side->idx[k] >= 0 && side->idx[k] < side->target);
        sum += side->mass[k];
      }
      CHECK_NEAR(sum, 1.0, 1e-14);
      for (int i = 0; i < side->count; ++i) {
        CHECK(side->width(i) > 0);
        for (int k = side->begin(i) + 1; k < side->end(i); ++k) {
          CHECK(side->idx[k - 1] < side->idx[k]);
        }
      }
    }
  }
}

TEST(cells_of_negligible_mass_leave) {
  Table t({2, 2, 2});
  t.at(0, 0, 0) = 0.5;
  t.at(1, 1, 1) = 0.5;
  t.at(0, 0, 1) = 1e-14;
  const Problem kept(t, {1e-15, -1.0}), dropped(t, {1e-13, -1.0});
  CHECK(kept.reduced().a.size == 3 && kept.reduced().b.size == 3);
  CHECK(dropped.reduced().a.size == 2 && dropped.reduced().b.size == 2);
  CHECK(dropped.presolved.full.a.size == 3 && dropped.presolved.full.b.size == 3);
}

TEST(the_larger_side_is_a) {
  Rng rng(24);
  for (const bool x_larger : {true, false}) {
    const Shape s = x_larger ? Shape{5, 2, 3} : Shape{2, 5, 3};
    const Problem p(dense(rng, s));
    CHECK(p.reduced().swapped == !x_larger);
    CHECK(p.presolved.full.swapped == !x_larger);
    CHECK(p.reduced().a.count == 5 && p.reduced().b.count == 2);
    CHECK(p.presolved.full.a.count == 5 && p.presolved.full.b.count == 2);
    const std::vector<double>& larger_marginal = x_larger ? p.xz : p.yz;
    for (int k = 0; k < 15; ++k) {
      CHECK(p.reduced().a.mass[k] == larger_marginal[static_cast<std::size_t>(k)]);
    }
  }
}

TEST(expansion_keeps_the_bounds) {
  Rng rng(25);
  for (const Shape s : small_shapes()) {
    for (Table t : families(rng, s)) {
      // The last symbols of X and Y copy the first ones' conditionals, so that rows merge.
      for (int y = 0; y < s.ny; ++y) {
        for (int z = 0; z < s.nz; ++z) t.at(s.nx - 1, y, z) = 0.3 * t.at(0, y, z);
      }
      for (int x = 0; x < s.nx; ++x) {
        for (int z = 0; z < s.nz; ++z) t.at(x, s.ny - 1, z) = 0.7 * t.at(x, 0, z);
      }
      const Problem p(t.normalize(), {1e-15, 1e-13});
      const Iterate proxied = p.proxy_iterate();
      const Iterate solved = newton(p, 1e-9).it;
      for (const Iterate* it : {&proxied, &solved}) {
        repair(p, *it);
        const Bounds reduced = certified(p, p.reduced(), *it);
        const Iterate whole = expanded(p, *it);
        const Bounds full = certified(p, p.presolved.full, whole);
        // What the tolerances leave out costs: 50 nats a cell of 1e-15 at most, and differences of
        // posteriors of 1e-13.
        CHECK_NEAR(full.lower, reduced.lower, 1e-11);
        CHECK_NEAR(full.upper, reduced.upper, 1e-11);
        CHECK_LE(full.lower, full.upper + 1e-14);
      }
    }
  }
}

TEST(expansion_makes_the_peaks_of_a_target_symbol_equal) {
  Rng rng(26);
  const Problem p(dense(rng, {4, 3, 5}));
  const Iterate it = expanded(p, p.proxy_iterate());
  std::vector<double> peak_a(5), peak_b(5);
  target_peaks(Serial(), p.presolved.full.a, it.log_a, nullptr, peak_a.data());
  target_peaks(Serial(), p.presolved.full.b, it.log_b, nullptr, peak_b.data());
  for (std::size_t z = 0; z < 5; ++z) CHECK_NEAR(peak_a[z], peak_b[z], 1e-14);
}

}  // namespace fastpid::testing
