// How many blocks run, and where their workspace is: in shared memory if a table fits there, else
// in device memory that the caller provides.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "fastpid_cuda.h"

namespace fastpid::cuda {

constexpr int kThreads = 128;

struct Plan {
  std::size_t shared = 0;     // bytes of dynamic shared memory per block
  std::size_t per_block = 0;  // bytes of device memory per block
  int resident = 1;           // blocks that the device runs at a time
};

// Fills the plan for blocks that need `bytes` each; the status of the first call that fails.
template <class Kernel>
int make_plan(Kernel kernel, std::size_t bytes, Plan& plan) {
  int device = 0, processors = 0, most_shared = 0, blocks = 0;
  cudaError_t status = cudaGetDevice(&device);
  if (status != cudaSuccess) return status;
  status = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  if (status != cudaSuccess) return status;
  status = cudaDeviceGetAttribute(&most_shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  if (status != cudaSuccess) return status;
  cudaFuncAttributes attributes;
  status = cudaFuncGetAttributes(&attributes, kernel);
  if (status != cudaSuccess) return status;
  const std::size_t free_shared =
      static_cast<std::size_t>(most_shared) - attributes.sharedSizeBytes;
  if (bytes <= free_shared) {
    plan.shared = bytes;
    status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(bytes));
    if (status != cudaSuccess) return status;
  } else {
    plan.per_block = bytes;
  }
  status = cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, kThreads, plan.shared);
  if (status != cudaSuccess) return status;
  plan.resident = blocks > 0 ? blocks * processors : 1;
  return cudaSuccess;
}

// What a caller should bring.
template <class Kernel>
int want(Kernel kernel, std::int64_t count, std::size_t table, std::size_t* bytes,
         std::size_t* least) {
  Plan plan;
  const int status = make_plan(kernel, table, plan);
  if (status != cudaSuccess) return status;
  const std::int64_t blocks = count < plan.resident ? count : plan.resident;
  *bytes = plan.per_block * static_cast<std::size_t>(blocks);
  *least = plan.per_block;
  return cudaSuccess;
}

template <class Kernel, class Job>
int launch(Kernel kernel, const Job& job, std::int64_t count, std::size_t table, void* workspace,
           std::size_t bytes, void* stream) {
  Plan plan;
  const int status = make_plan(kernel, table, plan);
  if (status != cudaSuccess) return status;
  std::int64_t blocks = count < plan.resident ? count : plan.resident;
  if (plan.per_block > 0) {
    const auto rooms = static_cast<std::int64_t>(bytes / plan.per_block);
    if (rooms < 1 || workspace == nullptr) return FASTPID_CUDA_WORKSPACE;
    blocks = rooms < blocks ? rooms : blocks;
  }
  char* base = plan.per_block > 0 ? static_cast<char*>(workspace) : nullptr;
  kernel<<<static_cast<unsigned>(blocks), kThreads, plan.shared,
           static_cast<cudaStream_t>(stream)>>>(job, base, plan.per_block);
  return cudaGetLastError();
}

}  // namespace fastpid::cuda
