// Teams of threads: the same bits whatever their number, and the same numbers as one thread's.
#include <atomic>
#include <cmath>
#include <functional>
#include <vector>

#include "../cpu/batch.hpp"
#include "../cpu/thread_pool.hpp"
#include "../exec/team.hpp"
#include "check.hpp"
#include "tables.hpp"

namespace fastpid::testing {
namespace {

// Runs body(team) on a team of `threads`, whose leader asks `stop`.
void on_team(int threads, const std::function<void(const Team&)>& body,
             const std::function<bool()>& stop = {}) {
  Crew crew(stop);
  cpu::run_on_pool(
      threads,
      [&](int member) {
        if (member > 0) {
          crew.help();
          return;
        }
        body(Team(crew));
        crew.dismiss();
      },
      [] {});
}

std::vector<double> random_numbers(Rng& rng, std::size_t count) {
  std::vector<double> out(count);
  for (double& value : out) value = uniform(rng);
  return out;
}

// A symmetric positive definite matrix, column-major.
std::vector<double> definite(Rng& rng, int n) {
  const std::vector<double> g = random_numbers(rng, static_cast<std::size_t>(n) * n);
  std::vector<double> a(g.size());
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < n; ++j) {
      double sum = i == j ? 1.0 : 0.0;
      for (int k = 0; k < n; ++k) sum += g[k * n + i] * g[k * n + j];
      a[j * n + i] = sum;
    }
  }
  return a;
}

}  // namespace

TEST(the_pool_runs_every_member_that_comes_and_waits_for_it) {
  for (const int size : {1, 2, 5}) {
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> running{0}, came{0};
      std::atomic<bool> caller{false};
      cpu::run_on_pool(
          size,
          [&](int member) {
            ++running;
            ++came;
            if (member == 0) caller = true;
            --running;
          },
          [] {});
      CHECK(caller);
      CHECK(running == 0);
      CHECK(came >= 1 && came <= size);
    }
  }
}

TEST(a_team_shares_every_piece_once) {
  for (const int threads : {1, 2, 4}) {
    on_team(threads, [&](const Team& team) {
      for (const int n : {1, 2, 31, 32, 33, 1000}) {
        std::vector<int> times(static_cast<std::size_t>(n), 0);
        for (int round = 0; round < 20; ++round) {
          team.for_each(n, [&](std::ptrdiff_t i) { ++times[static_cast<std::size_t>(i)]; });
        }
        for (const int count : times) CHECK(count == 20);
      }
    });
  }
}

TEST(reductions_do_not_depend_on_the_team) {
  Rng rng(80);
  const std::vector<double> x = random_numbers(rng, 1237);
  const auto n = static_cast<std::ptrdiff_t>(x.size());
  const auto at = [&](std::ptrdiff_t i) { return x[static_cast<std::size_t>(i)] - 0.5; };
  double sum = 0.0, most = 0.0, logs = 0.0;
  on_team(1, [&](const Team& team) {
    sum = team.sum(n, at);
    most = team.max(n, at);
    logs = team.sum_xlogx(n, x.data());
  });
  const Serial one;
  CHECK_NEAR(sum, one.sum(n, at), 1e-11);
  CHECK(most == one.max(n, at));
  CHECK_NEAR(logs, one.sum(n, [&](std::ptrdiff_t i) { return xlogx(at(i) + 0.5); }), 1e-10);
  for (const int threads : {2, 3, 4}) {
    on_team(threads, [&](const Team& team) {
      for (int round = 0; round < 20; ++round) {
        CHECK(team.sum(n, at) == sum);
        CHECK(team.max(n, at) == most);
        CHECK(team.sum_xlogx(n, x.data()) == logs);
      }
    });
  }
}

TEST(dense_algebra_of_a_team_is_that_of_one_thread) {
  Rng rng(81);
  for (const int n : {40, 192, 193, 300}) {
    const std::vector<double> a = definite(rng, n);
    std::vector<double> expected = a;
    const Serial one;
    CHECK(one.cholesky(expected.data(), n, n));
    std::vector<double> first;
    for (const int threads : {1, 2, 3}) {
      on_team(threads, [&](const Team& team) {
        std::vector<double> factor = a;
        CHECK(team.cholesky(factor.data(), n, n));
        std::vector<double> square = a;
        team.downdate(square.data(), n, a.data(), n);
        for (int j = 0; j < n; ++j) {
          for (int i = j; i < n; ++i) {
            CHECK_NEAR(factor[j * n + i], expected[j * n + i], 1e-9);
            factor.push_back(square[j * n + i]);
          }
        }
        for (int j = 0; j < n; ++j) {
          for (int i = 0; i < j; ++i) factor[j * n + i] = 0.0;  // not read, not written, or rubbish
        }
        if (first.empty()) first = factor;
        CHECK(first == factor);
      });
    }
    std::vector<double> indefinite = a;
    indefinite[static_cast<std::size_t>(n - 1) * (n + 1)] = -1.0;
    on_team(2, [&](const Team& team) { CHECK(!team.cholesky(indefinite.data(), n, n)); });
  }
}

TEST(a_factorisation_is_cut_short_on_request) {
  Rng rng(83);
  const int n = 500;
  const std::vector<double> a = definite(rng, n);
  for (const int threads : {1, 2, 3}) {
    int asked = 0;
    const auto stop = [&] { return ++asked == 5; };  // asked no more after it said so
    const auto body = [&](const Team& team) {
      std::vector<double> factor = a;
      CHECK(!team.cholesky(factor.data(), n, n));
      CHECK(team.stopped());
      team.downdate(factor.data(), n, a.data(), n);
      CHECK(!team.cholesky(factor.data(), n, n));
    };
    on_team(threads, body, stop);
    CHECK(asked == 5);
  }
}

TEST(one_large_table_gets_the_same_bits_from_any_number_of_threads) {
  Rng rng(82);
  const Shape s{34, 31, 16};
  const Table table = dense(rng, s);
  for (const Method method : {Method::automatic, Method::newton, Method::gradient}) {
    std::vector<double> first;
    for (const int threads : {1, 2, 4}) {
      cpu::BatchOptions options;
      options.solve.method = method;
      options.solve.tol = 1e-3;
      options.threads = threads;
      std::vector<double> real(5), xz(static_cast<std::size_t>(s.nx) * s.nz),
          yz(static_cast<std::size_t>(s.ny) * s.nz);
      std::vector<std::int32_t> code(3);
      const Results results{&real[0], &real[1], &real[2], &real[3],
                            &real[4], &code[0], &code[1], &code[2]};
      CHECK(cpu::solve_tables({s, table.p.data()}, 1, options, results, xz.data(), yz.data()));
      CHECK_LE(real[4] - real[3], 1e-3);
      real.insert(real.end(), xz.begin(), xz.end());
      real.insert(real.end(), yz.begin(), yz.end());
      if (first.empty()) first = real;
      CHECK(first == real);
    }
  }
}

}  // namespace fastpid::testing
