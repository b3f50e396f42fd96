// The kernels: a block of threads or a thread per table, running the bodies of csrc/core. A Job has
// a count, and is called with a policy, a workspace and the number of a table.
#pragma once

#include <cstddef>

#include "../core/arena.hpp"
#include "../exec/thread_block.cuh"
#include "launch.cuh"

namespace fastpid::cuda {
namespace {

// Each block walks over the batch in steps of the grid.
template <class Job>
__global__ void __launch_bounds__(kLargeBlock)
    by_blocks(const Job job, char* workspace, std::size_t bytes_per_table) {
  using Exec = Block<ThreadBlock>;
  extern __shared__ __align__(Arena::kAlign) char shared[];
  __shared__ double scratch[Exec::kScratch];
  const Exec exec{ThreadBlock(scratch)};
  char* mine = workspace ? workspace + blockIdx.x * bytes_per_table : shared;
  for (std::ptrdiff_t i = blockIdx.x; i < job.count; i += gridDim.x) job(exec, mine, i);
}

// Each thread does. Four blocks on a processor leave a thread all the registers it can have.
template <class Job>
__global__ void __launch_bounds__(kSmallBlock, 4)
    by_threads(const Job job, char* workspace, std::size_t bytes_per_table) {
  using Exec = Block<OneThread>;
  double scratch[Exec::kScratch];
  const Exec exec{OneThread(scratch)};
  const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(gridDim.x) * blockDim.x;
  for (std::ptrdiff_t i = first; i < job.count; i += step)
    job(exec, workspace + first * bytes_per_table, i);
}

}  // namespace
}  // namespace fastpid::cuda
