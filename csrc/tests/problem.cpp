// Apart, so that the interior point is compiled once.
#include "problem.hpp"

namespace fastpid::testing {

Solved newton(const Problem& problem, double tol, int max_iter, const Watch& watch) {
  const Reduced& r = problem.reduced();
  Solved out;
  out.it = problem.proxy_iterate();
  const InteriorWork work = problem.blocks.carve<InteriorWork>(r);
  IterationOptions options;
  options.tol = tol;
  options.max_iter = max_iter;
  const Serial exec;
  const auto stop = [&] { return watch && watch(out.it, work); };
  const auto result = InteriorPoint<Serial>(exec, r, work, out.it, options).run(stop);
  out.bounds = result.bounds;
  out.iterations = static_cast<int>(result.iterations);
  out.outcome = static_cast<Outcome>(static_cast<int>(result.outcome));
  out.certificate = problem.blocks.carve<CertificateWork>(r);
  return out;
}

}  // namespace fastpid::testing
