// Apart, so that the interior point is compiled once.
#include "problem.hpp"

namespace fastpid::testing {

Solved newton(const Problem& problem, double tol, int max_iter) {
  const Reduced& r = problem.reduced();
  Solved out;
  out.it = problem.proxy_iterate();
  const InteriorWork work = problem.blocks.carve<InteriorWork>(r);
  const IterationOptions options{tol, max_iter};
  const Serial exec;
  out.outcome =
      InteriorPoint<Serial>(exec, r, work, out.it, options).run(out.bounds, out.iterations, never);
  out.certificate = problem.blocks.carve<CertificateWork>(r);
  return out;
}

}  // namespace fastpid::testing
