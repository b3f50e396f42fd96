// The union information of several sources: a thread per problem.
#include <vector>

#include "../core/many/batch.hpp"
#include "fastpid_cuda.h"
#include "kernels.cuh"
#include "launch.cuh"
#include "options.cuh"

namespace fastpid::cuda {
namespace {

struct Union {
  many::Batch problems;
  std::ptrdiff_t count;

  template <class Exec>
  __device__ void operator()(const Exec& exec, void* workspace, std::ptrdiff_t i) const {
    many::solve_problem(exec, Room(workspace), problems, i);
  }
};

Kernels<Union> kernels() { return {nullptr, by_threads<Union>}; }

// FASTPID_CUDA_BAD_ARGUMENT, FASTPID_CUDA_DECLINED where no device will have problems as large as
// that, or zero.
int check(std::int64_t count, int sources, const int* symbols, int nz) {
  if (count < 1 || sources < 1 || nz < 1) return FASTPID_CUDA_BAD_ARGUMENT;
  double cells = nz;
  for (int i = 0; i < sources; ++i) {
    if (symbols[i] < 1) return FASTPID_CUDA_BAD_ARGUMENT;
    cells *= symbols[i];
  }
  const bool small = cells <= kSmallTable && sources <= many::Odometer::kMostSources;
  return small ? 0 : FASTPID_CUDA_DECLINED;
}

Batch batch_of(std::int64_t count, const many::Layout& layout, const Options& options) {
  const many::Sources sources = layout.sources();
  const std::vector<double> ones(static_cast<std::size_t>(sources.cells()), 1.0);
  return {count, static_cast<std::int64_t>(sources.tuples()) * sources.target,
          many::workspace_bytes(layout, options, ones.data())};
}

}  // namespace
}  // namespace fastpid::cuda

using namespace fastpid;
using namespace fastpid::cuda;

extern "C" {

int fastpid_cuda_union_workspace(int64_t count, int sources, const int* symbols, int nz,
                                 const fastpid_cuda_options* options, size_t* bytes,
                                 size_t* least) {
  const int bad = check(count, sources, symbols, nz);
  if (bad != 0) return bad;
  const auto layout = many::Layout::of(sources, symbols, nz);
  return want(kernels(), batch_of(count, layout, solve_options(*options)), bytes, least);
}

int fastpid_cuda_union(const double* marginals, int64_t count, int sources, const int* symbols,
                       int nz, const fastpid_cuda_options* options, double* terms, int32_t* codes,
                       double* potentials, void* workspace, size_t bytes, void* stream) {
  const int bad = check(count, sources, symbols, nz);
  if (bad != 0) return bad;
  many::Batch problems;
  problems.layout = many::Layout::of(sources, symbols, nz);
  problems.count = count;
  problems.options = solve_options(*options);
  problems.marginals = marginals;
  problems.mi = terms;
  problems.lower = terms + sources * count;
  problems.upper = problems.lower + count;
  problems.iterations = codes;
  problems.status = codes + count;
  problems.method = codes + 2 * count;
  problems.potentials = potentials;
  return launch(kernels(), batch_of(count, problems.layout, problems.options),
                Union{problems, count}, workspace, bytes, stream);
}

}  // extern "C"
