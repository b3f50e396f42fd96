// Apart, so that the interior point is compiled once.
#include "problem.hpp"

namespace fastpid::testing {

Solved newton(const Problem& problem, double tol, int max_iter, const Watch& watch) {
  const Reduced& r = problem.reduced();
  const Serial exec;
  const Iterate it = problem.proxy_iterate();
  const InteriorWork work = problem.blocks.carve<InteriorWork>(r);
  const CertificateWork certificate = problem.blocks.carve<CertificateWork>(r);
  InteriorPoint<Serial> method(exec, r, work, certificate, it, tol);
  return run(problem, method, it, certificate, tol, max_iter,
             [&] { return watch && watch(it, work); });
}

}  // namespace fastpid::testing
