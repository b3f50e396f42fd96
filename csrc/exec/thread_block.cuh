// A CUDA block, and one thread of it, as Machines of exec/block.hpp.
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

class OneThread {
 public:
  // `scratch` is the thread's own.
  __device__ explicit OneThread(double* scratch) : scratch_(scratch) {}

  __device__ int rank() const { return 0; }
  __device__ int size() const { return 1; }
  __device__ void barrier() const {}
  __device__ double* scratch() const { return scratch_; }

 private:
  double* scratch_;
};
static_assert(kIsPolicy<Block<OneThread>>);

}  // namespace fastpid
