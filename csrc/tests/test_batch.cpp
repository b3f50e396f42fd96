#include <chrono>
#include <cstring>
#include <limits>
#include <thread>

#include "../core/numerics.hpp"
#include "../cpu/batch.hpp"
#include "check.hpp"
#include "tables.hpp"

namespace fastpid::testing {
namespace {

std::size_t size(std::ptrdiff_t a, std::ptrdiff_t b, std::ptrdiff_t c = 1) {
  return static_cast<std::size_t>(a * b * c);
}

// What cpu::solve_tables writes, in vectors of its own.
struct Decomposed {
  bool finished = false;
  std::vector<double> mi_x, mi_y, mi_xy, lower, upper, xz, yz;
  std::vector<std::int32_t> iterations, status, method;

  Decomposed(const std::vector<double>& p, std::ptrdiff_t count, Shape s,
             const cpu::BatchOptions& options)
      : Decomposed(Given{s, p.data()}, count, options) {}

  Decomposed(const Given& given, std::ptrdiff_t count, const cpu::BatchOptions& options)
      : xz(size(count, given.shape.nx, given.shape.nz)),
        yz(size(count, given.shape.ny, given.shape.nz)) {
    for (auto* v : {&mi_x, &mi_y, &mi_xy, &lower, &upper}) v->resize(size(count, 1));
    for (auto* v : {&iterations, &status, &method}) v->resize(size(count, 1), -1);
    const Results results{mi_x.data(),  mi_y.data(),       mi_xy.data(),  lower.data(),
                          upper.data(), iterations.data(), status.data(), method.data()};
    finished = cpu::solve_tables(given, count, options, results, xz.data(), yz.data());
  }
};

// What cpu::solve_marginals writes.
struct Solved {
  bool finished = false;
  std::vector<double> lam, mu, s, u, v;

  Solved(const std::vector<double>& xz, const std::vector<double>& yz, std::ptrdiff_t count,
         Shape shape, const cpu::BatchOptions& options)
      : lam(xz.size()),
        mu(yz.size()),
        s(size(count, shape.nx, shape.ny)),
        u(xz.size()),
        v(yz.size()) {
    const cpu::Solutions out{{lam.data(), mu.data()}, s.data(), u.data(), v.data()};
    finished = cpu::solve_marginals(xz.data(), yz.data(), count, shape, options, out);
  }
};

// Bit for bit, NaN included; `from` entries into the longer of the two.
template <class T>
bool same_bits(const std::vector<T>& all, const std::vector<T>& part, std::size_t from = 0) {
  return std::memcmp(all.data() + from, part.data(), part.size() * sizeof(T)) == 0;
}

void check_same(const Decomposed& all, const Decomposed& part, std::size_t index = 0) {
  CHECK(same_bits(all.mi_x, part.mi_x, index));
  CHECK(same_bits(all.mi_y, part.mi_y, index));
  CHECK(same_bits(all.mi_xy, part.mi_xy, index));
  CHECK(same_bits(all.lower, part.lower, index));
  CHECK(same_bits(all.upper, part.upper, index));
  CHECK(same_bits(all.iterations, part.iterations, index));
  CHECK(same_bits(all.status, part.status, index));
  CHECK(same_bits(all.method, part.method, index));
}

struct Batch {
  Shape shape;
  std::ptrdiff_t count = 0;
  std::vector<double> p;

  std::vector<double> table(std::ptrdiff_t n) const {
    const std::ptrdiff_t length = static_cast<std::ptrdiff_t>(p.size()) / count;
    return {p.begin() + n * length, p.begin() + (n + 1) * length};
  }
};

// Tables of every family, so that every method and every size of workspace comes by.
Batch mixed(Rng& rng, Shape s) {
  Batch batch{s, 0, {}};
  for (const Table& t : families(rng, s)) {
    batch.p.insert(batch.p.end(), t.p.begin(), t.p.end());
    ++batch.count;
  }
  return batch;
}

cpu::BatchOptions with(Method method, int threads, bool coupling = false) {
  cpu::BatchOptions options;
  options.solve.method = method;
  options.solve.tol = 1e-9;
  options.solve.max_iter = method == Method::gradient ? 60 : 0;
  options.solve.coupling = coupling;
  options.threads = threads;
  return options;
}

constexpr Method kMethods[] = {Method::automatic, Method::proxy, Method::gradient, Method::newton};

}  // namespace

TEST(batch_results_depend_neither_on_threads_nor_on_neighbours) {
  Rng rng(80);
  for (const Shape s : {Shape{3, 4, 3}, Shape{5, 2, 2}, Shape{1, 3, 4}}) {
    const Batch batch = mixed(rng, s);
    for (const Method method : kMethods) {
      const Decomposed one(batch.p, batch.count, s, with(method, 1));
      CHECK(one.finished);
      for (const int threads : {2, 5, 40}) {
        const Decomposed other(batch.p, batch.count, s, with(method, threads));
        CHECK(other.finished);
        check_same(one, other);
        CHECK(same_bits(one.xz, other.xz));
        CHECK(same_bits(one.yz, other.yz));
      }
      for (std::ptrdiff_t n = 0; n < batch.count; ++n) {
        const Decomposed single(batch.table(n), 1, s, with(method, 1));
        check_same(one, single, static_cast<std::size_t>(n));
      }
    }
  }
}

// What the marginals alone are good for is the same as from the table, to the last bit, but where
// I(X,Y;Z) narrowed the bracket.
TEST(marginals_give_the_bits_of_the_table) {
  Rng rng(82);
  std::size_t narrowed = 0, all = 0;
  for (const Shape s : {Shape{3, 4, 3}, Shape{5, 2, 2}, Shape{1, 3, 4}, Shape{128, 4, 9}}) {
    const Batch batch = mixed(rng, s);
    for (const Method method : kMethods) {
      for (const int threads : {1, 4}) {
        const Decomposed table(batch.p, batch.count, s, with(method, threads));
        const Given given{s, nullptr, table.xz.data(), table.yz.data()};
        const Decomposed other(given, batch.count, with(method, threads));
        CHECK(other.finished);
        CHECK(same_bits(table.mi_x, other.mi_x) && same_bits(table.mi_y, other.mi_y));
        CHECK(same_bits(table.xz, other.xz) && same_bits(table.yz, other.yz));
        CHECK(same_bits(table.iterations, other.iterations));
        CHECK(same_bits(table.method, other.method));
        for (std::size_t n = 0; n < table.mi_x.size(); ++n) {
          CHECK(std::isnan(other.mi_xy[n]));
          ++all;
          if (other.upper[n] > table.mi_xy[n]) {
            ++narrowed;
            CHECK_LE(table.upper[n], table.mi_xy[n]);
            continue;
          }
          CHECK(table.lower[n] == other.lower[n]);
          CHECK(table.upper[n] == other.upper[n]);
          CHECK(table.status[n] == other.status[n]);
        }
      }
    }
  }
  CHECK_LE(2 * narrowed, all);
}

TEST(batch_solutions_depend_neither_on_threads_nor_on_neighbours) {
  Rng rng(81);
  for (const Shape s : {Shape{3, 4, 3}, Shape{5, 2, 2}}) {
    const Batch batch = mixed(rng, s);
    const Decomposed known(batch.p, batch.count, s, with(Method::proxy, 1));
    for (const Method method : kMethods) {
      const Solved one(known.xz, known.yz, batch.count, s, with(method, 1, true));
      CHECK(one.finished);
      for (const int threads : {2, 5}) {
        const Solved other(known.xz, known.yz, batch.count, s, with(method, threads, true));
        CHECK(same_bits(one.lam, other.lam) && same_bits(one.mu, other.mu));
        CHECK(same_bits(one.s, other.s) && same_bits(one.u, other.u) && same_bits(one.v, other.v));
      }
      for (std::ptrdiff_t n = 0; n < batch.count; ++n) {
        const Decomposed table(batch.table(n), 1, s, with(Method::proxy, 1));
        const Solved single(table.xz, table.yz, 1, s, with(method, 1, true));
        const std::size_t at = static_cast<std::size_t>(n);
        CHECK(same_bits(one.lam, single.lam, at * single.lam.size()));
        CHECK(same_bits(one.mu, single.mu, at * single.mu.size()));
        CHECK(same_bits(one.s, single.s, at * single.s.size()));
        CHECK(same_bits(one.u, single.u, at * single.u.size()));
        CHECK(same_bits(one.v, single.v, at * single.v.size()));
      }
    }
  }
}

TEST(every_method_brackets_the_same_number) {
  Rng rng(82);
  for (const Shape s : {Shape{3, 4, 3}, Shape{5, 2, 2}, Shape{4, 4, 1}, Shape{1, 1, 3}}) {
    const Batch batch = mixed(rng, s);
    const Decomposed best(batch.p, batch.count, s, with(Method::automatic, 2));
    for (const Method method : kMethods) {
      const Decomposed other(batch.p, batch.count, s, with(method, 2));
      for (std::size_t n = 0; n < best.lower.size(); ++n) {
        CHECK(best.status[n] == static_cast<int>(Status::converged));
        CHECK_LE(best.upper[n] - best.lower[n], 1e-9);
        CHECK_LE(other.lower[n], other.upper[n]);
        CHECK_LE(other.lower[n], best.upper[n] + 1e-14);
        CHECK_LE(best.lower[n], other.upper[n] + 1e-14);
        // No atom may be negative.
        CHECK_LE(larger(other.mi_x[n], other.mi_y[n]), other.lower[n]);
        CHECK_LE(other.upper[n], smaller(other.mi_x[n] + other.mi_y[n], other.mi_xy[n]));
        if (other.status[n] == static_cast<int>(Status::converged)) {
          CHECK_LE(other.upper[n] - other.lower[n], 1e-9);
        } else {
          CHECK(method == Method::proxy || method == Method::gradient);
        }
      }
    }
  }
}

TEST(solutions_are_feasible_and_attain_the_bounds) {
  Rng rng(83);
  for (const Shape s : small_shapes()) {
    const Batch batch = mixed(rng, s);
    const Decomposed known(batch.p, batch.count, s, with(Method::automatic, 1));
    const Solved out(known.xz, known.yz, batch.count, s, with(Method::automatic, 1, true));
    for (std::ptrdiff_t n = 0; n < batch.count; ++n) {
      const double* xz = known.xz.data() + n * s.nx * s.nz;
      const double* yz = known.yz.data() + n * s.ny * s.nz;
      const double* lam = out.lam.data() + n * s.nx * s.nz;
      const double* mu = out.mu.data() + n * s.ny * s.nz;
      const double* u = out.u.data() + n * s.nx * s.nz;
      const double* v = out.v.data() + n * s.ny * s.nz;
      std::vector<double> of_x(size(s.nx, s.nz)), of_y(size(s.ny, s.nz)), of_z(size(s.nz, 1));
      for (int x = 0; x < s.nx; ++x) {
        for (int y = 0; y < s.ny; ++y) {
          const double pair = out.s[size(n, s.nx, s.ny) + size(x, s.ny) + size(y, 1)];
          double sum = 0.0;
          for (int z = 0; z < s.nz; ++z) {
            sum += std::exp(lam[x * s.nz + z] + mu[y * s.nz + z]);
            const double q = pair > 0.0 ? pair * u[x * s.nz + z] * v[y * s.nz + z] : 0.0;
            CHECK_LE(0.0, q);
            of_x[size(x, s.nz) + size(z, 1)] += q;
            of_y[size(y, s.nz) + size(z, 1)] += q;
          }
          CHECK_LE(std::log(sum), 1e-12);  // over all cells, those without mass included
        }
      }
      double value = 0.0, mass = 0.0;
      for (int c = 0; c < s.nx * s.nz; ++c) {
        CHECK_LE(of_x[size(c, 1)], xz[c] + 1e-15);
        value += xz[c] > 0.0 ? xz[c] * lam[c] : 0.0;
        mass += of_x[size(c, 1)];
        of_z[size(c % s.nz, 1)] += xz[c];
      }
      for (int c = 0; c < s.ny * s.nz; ++c) {
        CHECK_LE(of_y[size(c, 1)], yz[c] + 1e-15);
        value += yz[c] > 0.0 ? yz[c] * mu[c] : 0.0;
      }
      CHECK_NEAR(mass, 1.0, 1e-8);
      for (const double m : of_z) value -= xlogx(m);
      CHECK_LE(value, known.upper[size(n, 1)] + 1e-13);
      CHECK_LE(known.lower[size(n, 1)] - 1e-9, value);
    }
  }
}

// Target symbols of so little mass that they leave the reduced problem, in rows that have nothing
// else, beside rows that have no cell there at all.
TEST(potentials_are_feasible_beside_negligible_cells) {
  Table t({4, 3, 4});
  t.at(0, 0, 0) = 0.5;
  t.at(1, 1, 1) = 0.3;
  t.at(2, 1, 0) = 0.2;
  t.at(0, 2, 2) = 1e-15;
  t.at(1, 2, 3) = 1e-15;
  t.at(3, 2, 3) = 1e-16;
  const Shape s = t.shape;
  for (const Method method : kMethods) {
    const Decomposed known(t.p, 1, s, with(method, 1));
    const Solved out(known.xz, known.yz, 1, s, with(method, 1));
    for (int x = 0; x < s.nx; ++x) {
      for (int y = 0; y < s.ny; ++y) {
        double sum = 0.0;
        for (int z = 0; z < s.nz; ++z) {
          sum += std::exp(out.lam[size(x, s.nz) + size(z, 1)] + out.mu[size(y, s.nz) + size(z, 1)]);
        }
        CHECK_LE(std::log(sum), 1e-12);
      }
    }
  }
}

TEST(binary_tables_of_any_masses_converge) {
  Rng rng(87);
  for (const double range : {9.0, 18.0, 300.0}) {
    for (const int n : {3, 5}) {
      const Shape s{n, n, 2};
      constexpr std::ptrdiff_t kCount = 500;
      std::vector<double> p;
      for (std::ptrdiff_t k = 0; k < kCount; ++k) {
        Table t(s);
        for (double& value : t.p) value = std::pow(10.0, -range * uniform(rng));
        t.normalize();
        p.insert(p.end(), t.p.begin(), t.p.end());
      }
      const Decomposed out(p, kCount, s, with(Method::automatic, 1));
      int failed = 0;
      for (std::size_t k = 0; k < out.status.size(); ++k) {
        failed += !(out.status[k] == static_cast<int>(Status::converged) &&
                    out.upper[k] - out.lower[k] <= 1e-9);
      }
      CHECK_LE(failed, 0);
    }
  }
}

// Nearly all mass in one pair, marginal cells from 1 down to 1e-6.
TEST(newton_converges_on_a_nearly_constant_target) {
  Table t({2, 2, 2});
  t.p = {0.00074242396525255364, 1.0418300003935798e-07, 0.0050582423368495024,
         1.2989279046768949e-06, 1.4364673902183071e-07, 2.230290568860274e-07,
         0.99355838790516804,    0.00063917600602927341};
  const Decomposed out(t.p, 1, t.shape, with(Method::newton, 1));
  CHECK(out.status[0] == static_cast<int>(Status::converged));
  CHECK_LE(out.upper[0] - out.lower[0], 1e-9);
}

TEST(an_invalid_table_disturbs_no_other) {
  Rng rng(84);
  const Shape s{3, 3, 3};
  const Batch good = mixed(rng, s);
  const Decomposed wanted(good.p, good.count, s, with(Method::automatic, 1));
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), -0.5, 7.0, 1e300}) {
    Batch spoilt = good;
    const std::ptrdiff_t at = 2;
    spoilt.p[size(at, 27) + 5] = bad;
    for (const int threads : {1, 2}) {
      const Decomposed out(spoilt.p, good.count, s, with(Method::automatic, threads));
      CHECK(out.finished);
      for (std::size_t n = 0; n < wanted.lower.size(); ++n) {
        if (n == static_cast<std::size_t>(at)) {
          CHECK(out.status[n] == static_cast<int>(Status::invalid));
          CHECK(std::isnan(out.lower[n]) && std::isnan(out.upper[n]) && std::isnan(out.mi_x[n]));
          continue;
        }
        CHECK(out.lower[n] == wanted.lower[n] && out.upper[n] == wanted.upper[n]);
        CHECK(out.status[n] == wanted.status[n] && out.iterations[n] == wanted.iterations[n]);
      }
    }
  }
}

TEST(a_start_from_another_table_gives_bounds_that_are_true) {
  Rng rng(90);
  for (const Shape s : {Shape{3, 4, 3}, Shape{6, 5, 4}, Shape{9, 9, 9}}) {
    const Batch batch = mixed(rng, s);
    const std::ptrdiff_t n = batch.count;
    for (const double tol : {1e-3, 1e-7}) {
      cpu::BatchOptions options = with(Method::automatic, 2);
      options.solve.tol = tol;
      std::vector<double> lam(size(n, s.nx, s.nz)), mu(size(n, s.ny, s.nz)), to_lam = lam,
                                                                             to_mu = mu;
      std::vector<double> masses(size(n, s.nx, s.ny)), to_masses = masses, xz = lam, yz = mu;
      std::vector<double> terms(size(n, Results::kTerms));
      std::vector<std::int32_t> codes(size(n, Results::kCodes));
      const Results results = Results::rows(terms.data(), codes.data(), n);
      const Given first{s, batch.p.data()};
      CHECK(cpu::solve_tables(first, n, options, results, xz.data(), yz.data(),
                              {lam.data(), mu.data()}, {}, masses.data()));
      // Every table from the solution of the one before it.
      const std::ptrdiff_t cells = s.cells();
      std::vector<double> turned(batch.p.begin() + cells, batch.p.end());
      turned.insert(turned.end(), batch.p.begin(), batch.p.begin() + cells);
      const Decomposed cold(turned, n, s, with(Method::automatic, 2));
      const Given second{s, turned.data()};
      CHECK(cpu::solve_tables(second, n, options, results, xz.data(), yz.data(),
                              {to_lam.data(), to_mu.data()}, {lam.data(), mu.data(), masses.data()},
                              to_masses.data()));
      for (std::size_t i = 0; i < size(n, 1); ++i) {
        CHECK(results.status[i] == static_cast<int>(Status::converged));
        CHECK(results.upper[i] - results.lower[i] <= tol);
        CHECK(results.lower[i] <= cold.upper[i] + 1e-12);
        CHECK(cold.lower[i] <= results.upper[i] + 1e-12);
      }
    }
  }
}

TEST(an_empty_batch_is_done_at_once) {
  const Decomposed out({}, 0, {2, 2, 2}, with(Method::automatic, 3));
  CHECK(out.finished);
}

TEST(an_interrupted_batch_says_so) {
  Rng rng(85);
  Batch batch = mixed(rng, {5, 6, 7});
  // Long enough for every thread to have its share.
  const std::vector<double> once = batch.p;
  for (int n = 1; n < 20; ++n) batch.p.insert(batch.p.end(), once.begin(), once.end());
  batch.count *= 20;
  for (const int threads : {1, 2}) {
    for (const int patience : {0, 3}) {
      auto options = with(Method::newton, threads);
      int asked = 0;
      const auto caller = std::this_thread::get_id();
      options.interrupted = [&] {
        CHECK(std::this_thread::get_id() == caller);
        return asked++ >= patience;
      };
      const Decomposed out(batch.p, batch.count, batch.shape, options);
      CHECK(!out.finished);
      CHECK(asked > patience);
      const Decomposed known(batch.p, batch.count, batch.shape, with(Method::proxy, 1));
      asked = 0;
      CHECK(!Solved(known.xz, known.yz, batch.count, batch.shape, options).finished);
    }
  }
}

// The caller has a short table, another thread a long one: the caller must go on asking while it
// waits.
TEST(an_interruption_reaches_the_other_threads) {
  Rng rng(86);
  const Shape s{12, 12, 6};
  const Table slow = dense(rng, s);
  Table quick(s);
  quick.at(0, 0, 0) = 1.0;
  std::vector<double> p = slow.p;
  p.insert(p.end(), quick.p.begin(), quick.p.end());
  auto options = with(Method::gradient, 2);
  options.solve.tol = 1e-15;
  options.solve.max_iter = 40000;  // about a second; of no concern to a batch that is interrupted
  bool first = true;
  const auto start = std::chrono::steady_clock::now();
  options.interrupted = [&] {
    using namespace std::chrono_literals;
    // The other thread has time to take the slow table, which comes first.
    if (first) std::this_thread::sleep_for(50ms);
    first = false;
    return std::chrono::steady_clock::now() - start > 100ms;
  };
  const Decomposed out(p, 2, s, options);
  CHECK(!out.finished);
  CHECK(out.iterations[0] < options.solve.max_iter);
}

}  // namespace fastpid::testing
