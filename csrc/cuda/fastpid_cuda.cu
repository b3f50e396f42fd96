// Two sources: decompositions and their gradients.
#include <vector>

#include "../core/table.hpp"
#include "fastpid_cuda.h"
#include "kernels.cuh"
#include "launch.cuh"
#include "options.cuh"

namespace fastpid::cuda {
namespace {

struct Decompose {
  Given given;
  std::ptrdiff_t count;
  TableOptions options;
  Results results;
  double *xz, *yz, *lam, *mu;

  template <class Exec>
  __device__ void operator()(const Exec& exec, void* workspace, std::ptrdiff_t i) const {
    const std::ptrdiff_t size_xz = given.shape.xz(), size_yz = given.shape.yz();
    decompose_table(exec, Room(workspace), given.at(i), options, results, i, xz + i * size_xz,
                    yz + i * size_yz, lam + i * size_xz, mu + i * size_yz);
  }
};

struct Gradient {
  Given given;
  std::ptrdiff_t count;
  bool normalize;
  const double *xz, *yz, *lam, *mu, *weights;
  GradientOut out;

  template <class Exec>
  __device__ void operator()(const Exec& exec, void* workspace, std::ptrdiff_t i) const {
    const Shape shape = given.shape;
    const std::ptrdiff_t size_xz = shape.xz(), size_yz = shape.yz();
    const double* w = weights + 4 * i;
    gradient(exec, given.at(i), normalize, xz + i * size_xz, yz + i * size_yz, lam + i * size_xz,
             mu + i * size_yz, GradientWeights{w[0], w[1], w[2], w[3]},
             carve<GradientWork>(Room(workspace), shape), out.at(shape, i));
  }
};

template <class Job>
Kernels<Job> kernels() {
  return {by_blocks<Job>, by_threads<Job>};
}

bool positive(std::ptrdiff_t count, Shape s) {
  return count > 0 && s.nx > 0 && s.ny > 0 && s.nz > 0;
}

// Either p or both marginals.
bool either(const Given& given) { return given.p ? !given.xz && !given.yz : given.xz && given.yz; }

std::size_t table_bytes(Shape s, const fastpid_cuda_options& options) {
  std::vector<int> scratch(static_cast<std::size_t>(s.nx > s.ny ? s.nx : s.ny) + 1);
  return workspace_bytes(s, solve_options(options), scratch.data());
}

std::size_t gradient_bytes(Shape s) {
  Room room;
  carve<GradientWork>(room, s);
  return room.used();
}

}  // namespace
}  // namespace fastpid::cuda

using namespace fastpid;
using namespace fastpid::cuda;

extern "C" {

const char* fastpid_cuda_error(int status) {
  switch (status) {
    case FASTPID_CUDA_BAD_ARGUMENT:
      return "an argument is out of range";
    case FASTPID_CUDA_WORKSPACE:
      return "the workspace is too small";
    case FASTPID_CUDA_DECLINED:
      return "the batch is left to the CPU";
    default:
      return cudaGetErrorString(static_cast<cudaError_t>(status));
  }
}

int fastpid_cuda_workspace(int64_t count, int nx, int ny, int nz,
                           const fastpid_cuda_options* options, size_t* bytes, size_t* least) {
  const Shape s{nx, ny, nz};
  if (!positive(count, s)) return FASTPID_CUDA_BAD_ARGUMENT;
  return want(kernels<Decompose>(), {count, s.cells(), table_bytes(s, *options)}, bytes, least);
}

int fastpid_cuda_decompose(const double* p, const double* p_xz, const double* p_yz, int64_t count,
                           int nx, int ny, int nz, const fastpid_cuda_options* options,
                           double* terms, int32_t* codes, double* xz, double* yz, double* lam,
                           double* mu, void* workspace, size_t bytes, void* stream) {
  const Shape s{nx, ny, nz};
  const Given given{s, p, p_xz, p_yz};
  if (!positive(count, s) || !either(given)) return FASTPID_CUDA_BAD_ARGUMENT;
  TableOptions table;
  table.solve = solve_options(*options);
  table.normalize = options->normalize != 0;
  table.mass_tolerance = options->mass_tolerance;
  const Decompose job{given, count, table, Results::rows(terms, codes, count), xz, yz, lam, mu};
  return launch(kernels<Decompose>(), {count, s.cells(), table_bytes(s, *options)}, job, workspace,
                bytes, stream);
}

int fastpid_cuda_gradient_workspace(int64_t count, int nx, int ny, int nz, size_t* bytes,
                                    size_t* least) {
  const Shape s{nx, ny, nz};
  if (!positive(count, s)) return FASTPID_CUDA_BAD_ARGUMENT;
  return want(kernels<Gradient>(), {count, s.cells(), gradient_bytes(s)}, bytes, least);
}

int fastpid_cuda_gradient(const double* p, const double* p_xz, const double* p_yz, int64_t count,
                          int nx, int ny, int nz, int normalize, const double* xz, const double* yz,
                          const double* lam, const double* mu, const double* weights,
                          double* gradient, double* gradient_xz, double* gradient_yz,
                          void* workspace, size_t bytes, void* stream) {
  const Shape s{nx, ny, nz};
  const Given given{s, p, p_xz, p_yz};
  if (!positive(count, s) || !either(given)) return FASTPID_CUDA_BAD_ARGUMENT;
  const GradientOut out{gradient, gradient_xz, gradient_yz};
  const Gradient job{given, count, normalize != 0, xz, yz, lam, mu, weights, out};
  return launch(kernels<Gradient>(), {count, s.cells(), gradient_bytes(s)}, job, workspace, bytes,
                stream);
}

}  // extern "C"
