#include "check.hpp"
#include "problem.hpp"

namespace fastpid::testing {
namespace {

template <class Stop>
Solved descend(const Problem& p, double tol, int max_iter, Stop&& stop) {
  const Serial exec;
  const Iterate it = p.proxy_iterate();
  const MirrorWork work = p.blocks.carve<MirrorWork>(p.reduced());
  const CertificateWork certificate = p.blocks.carve<CertificateWork>(p.reduced());
  MirrorDescent<Serial> method(exec, p.reduced(), work, certificate, it, tol);
  return run(p, method, it, certificate, tol, max_iter, stop);
}

}  // namespace

TEST(mirror_descent_brackets_the_optimum_ever_closer) {
  Rng rng(70);
  for (const Shape s : small_shapes()) {
    for (const Table& t : families(rng, s)) {
      const Problem p(t);
      const Bounds optimum = newton(p, 1e-10).bounds;
      double previous = HUGE_VAL, first = 0.0;
      for (const int max_iter : {1, 10, 100, 600}) {
        const Solved solved = descend(p, 1e-7, max_iter, never);
        CHECK(solved.iterations <= max_iter);
        CHECK((solved.outcome == Outcome::converged) == (solved.bounds.gap() <= 1e-7));
        CHECK_LE(-1e-14, solved.bounds.gap());
        CHECK_LE(solved.bounds.lower, optimum.upper + 1e-13);
        CHECK_LE(optimum.lower, solved.bounds.upper + 1e-13);
        CHECK_LE(solved.bounds.gap(), larger(previous, 1e-7));
        previous = solved.bounds.gap();
        if (max_iter == 1) first = previous;
      }
      CHECK_LE(previous, larger(1e-7, 0.5 * first));
    }
  }
}

TEST(mirror_descent_stops_when_told) {
  Rng rng(71);
  const Problem p(dense(rng, {4, 5, 4}));
  const Solved at_once = descend(p, 1e-12, 1000000, [] { return true; });
  CHECK(at_once.outcome == Outcome::interrupted);
  CHECK(at_once.iterations == 0);
  int asked = 0;
  const Solved later = descend(p, 1e-12, 1000000, [&] { return ++asked == 50; });
  CHECK(later.outcome == Outcome::interrupted);
  CHECK(asked == 50);
  CHECK(later.iterations == 49);
  CHECK_LE(later.bounds.gap(), at_once.bounds.gap());
}

TEST(mirror_descent_stops_at_max_iter) {
  Rng rng(72);
  const Problem p(dense(rng, {4, 5, 4}));
  for (const int max_iter : {1, 7, 8, 9, 50}) {
    const Solved solved = descend(p, 1e-13, max_iter, never);
    CHECK(solved.outcome == Outcome::max_iterations);
    CHECK(solved.iterations == max_iter);
    CHECK_LE(solved.bounds.lower, solved.bounds.upper);
  }
}

}  // namespace fastpid::testing
