// A CUDA block as the Machine of exec/block.hpp.
#pragma once

#include "block.hpp"

namespace fastpid {

class ThreadBlock {
 public:
  // `scratch` is in shared memory.
  __device__ explicit ThreadBlock(double* scratch) : scratch_(scratch) {}

  __device__ int rank() const { return static_cast<int>(threadIdx.x); }
  __device__ int size() const { return static_cast<int>(blockDim.x); }
  __device__ void barrier() const { __syncthreads(); }
  __device__ double* scratch() const { return scratch_; }

 private:
  double* scratch_;
};
static_assert(kIsPolicy<Block<ThreadBlock>>);

}  // namespace fastpid
