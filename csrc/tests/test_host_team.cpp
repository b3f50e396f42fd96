// The bodies as a block of threads runs them: the same bits from any number of threads, answers
// that agree with one thread's, within the workspace that they were promised.
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "../core/table.hpp"
#include "../exec/serial.hpp"
#include "check.hpp"
#include "host_team.hpp"
#include "problem.hpp"
#include "tables.hpp"

namespace fastpid::testing {
namespace {

struct BlockAnswer {
  std::vector<double> numbers;  // mi_x, mi_y, mi_xy, lower, upper, marginals, potentials, gradient
  std::int32_t iterations = -1, status = -1, method = -1;

  double lower() const { return numbers[3]; }
  double upper() const { return numbers[4]; }
  bool operator==(const BlockAnswer& other) const {
    return numbers.size() == other.numbers.size() && status == other.status &&
           iterations == other.iterations && method == other.method &&
           std::memcmp(numbers.data(), other.numbers.data(), numbers.size() * sizeof(double)) == 0;
  }
};

TableOptions options_of(Method method, double tol = 1e-9) {
  TableOptions options;
  options.solve.method = method;
  options.solve.tol = tol;
  options.mass_tolerance = 1e-6;
  return options;
}

// On a block of host threads; in exactly the workspace that workspace_bytes() says.
BlockAnswer on_team(const Table& table, const TableOptions& options, int threads,
                    bool of_marginals = false) {
  const Shape s = table.shape;
  const std::size_t xz = static_cast<std::size_t>(s.nx) * s.nz;
  const std::size_t yz = static_cast<std::size_t>(s.ny) * s.nz;
  BlockAnswer out;
  out.numbers.assign(5 + 3 * (xz + yz) + table.p.size(), 0.0);
  double* real = out.numbers.data();
  const Results results{real,     real + 1,        real + 2,    real + 3,
                        real + 4, &out.iterations, &out.status, &out.method};
  double* marginals = real + 5;
  double* potentials = marginals + xz + yz;
  double* gradients = potentials + xz + yz;
  std::vector<int> scratch(static_cast<std::size_t>(s.nx > s.ny ? s.nx : s.ny) + 1);
  Blocks blocks;
  void* workspace = blocks(workspace_bytes(s, options.solve, scratch.data()));
  const Problem problem(table);
  const Given given = of_marginals ? Given{s, nullptr, problem.xz.data(), problem.yz.data()}
                                   : Given{s, table.p.data()};
  const GradientOut by =
      of_marginals ? GradientOut{nullptr, gradients, gradients + xz} : GradientOut{gradients};
  const GradientWork gradient_work = blocks.carve<GradientWork>(s);
  on_host_team(threads, [&](const auto& exec) {
    decompose_table(exec, Room(workspace), given, options, results, 0, marginals, marginals + xz,
                    potentials, potentials + xz);
    if (out.status == static_cast<int>(Status::invalid) ||
        out.status == static_cast<int>(Status::not_exact)) {
      return;
    }
    gradient(exec, given, options.normalize, marginals, marginals + xz, potentials, potentials + xz,
             GradientWeights{0.3, -0.2, 0.5, 1.0}, gradient_work, by);
  });
  return out;
}

// F's bracket by one CPU thread, and the known terms.
Bounds on_cpu(const Table& table, const TableOptions& options, KnownTerms& known, Status& status) {
  const Problem problem(table);
  const Serial exec;
  Task<Serial> task(exec, problem.marginals, options.solve, problem.blocks);
  if (!task.begin(problem.blocks)) task.iterate(problem.blocks, never);
  known = problem.known;
  status = task.answer().status;
  return bracket(task.answer().bounds, problem.known, rounding(problem.marginals.shape));
}

}  // namespace

TEST(a_block_agrees_with_one_thread_whatever_its_size) {
  Rng rng(90);
  for (const Shape s : {Shape{2, 2, 2}, Shape{3, 4, 3}, Shape{1, 3, 4}, Shape{4, 3, 6}}) {
    for (const Table& table : families(rng, s)) {
      for (const Method method :
           {Method::automatic, Method::proxy, Method::gradient, Method::newton, Method::exact}) {
        const double tol = method == Method::gradient ? 1e-4 : 1e-9;
        const TableOptions options = options_of(method, tol);
        KnownTerms known;
        Status status;
        const Bounds expected = on_cpu(table, options, known, status);
        const BlockAnswer one = on_team(table, options, 1);
        CHECK(one == on_team(table, options, 3));
        if (status == Status::not_exact) {
          CHECK(one.status == static_cast<int>(Status::not_exact));
          continue;
        }
        CHECK_NEAR(one.numbers[0], known.mi_x, 1e-12);
        CHECK_NEAR(one.numbers[1], known.mi_y, 1e-12);
        CHECK_NEAR(one.numbers[2], known.mi_xy, 1e-12);
        // Two certified brackets of one number overlap, and are as narrow as each other.
        CHECK_LE(one.lower(), expected.upper + 1e-12);
        CHECK_LE(expected.lower, one.upper() + 1e-12);
        if (status == Status::converged) {
          CHECK(one.status == static_cast<int>(Status::converged));
          CHECK_LE(one.upper() - one.lower(), tol);
        }
        for (const double value : one.numbers) CHECK(std::isfinite(value));
        const BlockAnswer marginals = on_team(table, options, 3, true);
        CHECK(std::isnan(marginals.numbers[2]));
        CHECK_NEAR(marginals.numbers[0], known.mi_x, 1e-12);
        CHECK_NEAR(marginals.numbers[1], known.mi_y, 1e-12);
        CHECK_LE(marginals.lower(), expected.upper + 1e-12);
        CHECK_LE(expected.lower, marginals.upper() + 1e-12);
        CHECK(on_team(table, options, 1, true).lower() == marginals.lower());
      }
    }
  }
}

TEST(full_blocks_give_the_same_bits) {
  Rng rng(91);
  for (const Table& table :
       {dense(rng, {3, 3, 3}), spiky(rng, {4, 4, 4}, 0.3), dense(rng, {5, 6, 2})}) {
    const TableOptions options = options_of(Method::automatic);
    const BlockAnswer one = on_team(table, options, 1);
    CHECK(one.status == static_cast<int>(Status::converged));
    for (const int threads : {32, 128}) CHECK(one == on_team(table, options, threads));
  }
}

TEST(a_block_solves_large_systems) {
  Rng rng(95);
  const Table table = dense(rng, {20, 6, 16});  // several panels, repeated correctors
  const TableOptions options = options_of(Method::newton);
  KnownTerms known;
  Status status;
  const Bounds expected = on_cpu(table, options, known, status);
  const BlockAnswer three = on_team(table, options, 3);
  CHECK(three.status == static_cast<int>(Status::converged));
  CHECK_LE(three.lower(), expected.upper + 1e-12);
  CHECK_LE(expected.lower, three.upper() + 1e-12);
  CHECK(three == on_team(table, options, 2));
}

TEST(a_block_tells_what_is_no_distribution) {
  Rng rng(92);
  Table table = dense(rng, {3, 2, 3});
  table.p[4] = std::numeric_limits<double>::quiet_NaN();
  const BlockAnswer out = on_team(table, options_of(Method::automatic), 3);
  CHECK(out.status == static_cast<int>(Status::invalid));
  CHECK(std::isnan(out.lower()));
}

TEST(heapsort_sorts) {
  Rng rng(93);
  for (const int n : {0, 1, 2, 3, 10, 257}) {
    std::vector<double> values(static_cast<std::size_t>(n));
    for (double& value : values) value = uniform(rng);
    std::vector<double> sorted = values;
    Plain().sort(n, sorted.data(), [](double x, double y) { return x < y; });
    Serial().sort(n, values.data(), [](double x, double y) { return x < y; });
    CHECK(sorted == values);
  }
}

}  // namespace fastpid::testing
