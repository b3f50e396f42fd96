// Whether a block or a thread has a table, how many of them run, and where their workspace is: in
// shared memory if a block's table fits there, else in device memory that the caller provides.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "fastpid_cuda.h"

namespace fastpid::cuda {

// As measured on an H200. A block waits for itself at every sum, a thread for memory: threads are
// worth it for tables this small, if the batch gives every processor this many.
constexpr std::int64_t kSmallTable = 512, kTinyTable = 8;  // cells
constexpr std::int64_t kTablesPerProcessor = 32;
constexpr int kSmallBlock = 64;
constexpr std::int64_t kLargeTable = 1024;
constexpr int kLargeBlock = 256;

struct Batch {
  std::int64_t count = 0;
  std::int64_t cells = 0;           // of a table
  std::size_t bytes_per_table = 0;  // of workspace
};

template <class Job>
struct Kernels {
  using Kernel = void (*)(Job, char*, std::size_t);
  Kernel by_blocks;  // null where a block has no way to share a table
  Kernel by_threads;
};

struct Plan {
  int threads = kSmallBlock;  // of a block
  int tables = 1;             // that a block has at a time
  int blocks = 1;             // as many as the batch needs and the device runs at a time
  std::size_t shared = 0;     // bytes of dynamic shared memory per block
  std::size_t per_block = 0;  // bytes of device memory per block
};

// Fills the plan; the status of the first call that fails.
template <class Job>
int make_plan(const Kernels<Job>& kernels, const Batch& batch, Plan& plan) {
  int device = 0, processors = 0, most_shared = 0, resident = 0;
  cudaError_t status = cudaGetDevice(&device);
  if (status != cudaSuccess) return status;
  status = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  if (status != cudaSuccess) return status;

  const bool tiny = batch.cells <= kTinyTable;
  const bool many = batch.count >= kTablesPerProcessor * processors;
  const bool by_threads = tiny || (many && batch.cells <= kSmallTable);
  const auto kernel = by_threads ? kernels.by_threads : kernels.by_blocks;
  if (kernel == nullptr) return FASTPID_CUDA_DECLINED;
  if (by_threads) {
    plan.tables = plan.threads;
    plan.per_block = batch.bytes_per_table * static_cast<std::size_t>(plan.tables);
  } else {
    if (batch.cells > kLargeTable) plan.threads = kLargeBlock;
    status = cudaDeviceGetAttribute(&most_shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (status != cudaSuccess) return status;
    cudaFuncAttributes attributes;
    status = cudaFuncGetAttributes(&attributes, kernel);
    if (status != cudaSuccess) return status;
    const std::size_t free_shared =
        static_cast<std::size_t>(most_shared) - attributes.sharedSizeBytes;
    if (batch.bytes_per_table <= free_shared) {
      plan.shared = batch.bytes_per_table;
      status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(plan.shared));
      if (status != cudaSuccess) return status;
    } else {
      plan.per_block = batch.bytes_per_table;
    }
  }
  status =
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, plan.threads, plan.shared);
  if (status != cudaSuccess) return status;
  const std::int64_t runs = resident > 0 ? std::int64_t{resident} * processors : 1;
  const std::int64_t needs = (batch.count + plan.tables - 1) / plan.tables;
  plan.blocks = static_cast<int>(needs < runs ? needs : runs);
  return cudaSuccess;
}

// What a caller should bring.
template <class Job>
int want(const Kernels<Job>& kernels, const Batch& batch, std::size_t* bytes, std::size_t* least) {
  Plan plan;
  const int status = make_plan(kernels, batch, plan);
  if (status != cudaSuccess) return status;
  *bytes = plan.per_block * static_cast<std::size_t>(plan.blocks);
  *least = plan.per_block;
  return cudaSuccess;
}

template <class Job>
int launch(const Kernels<Job>& kernels, const Batch& batch, const Job& job, void* workspace,
           std::size_t bytes, void* stream) {
  Plan plan;
  const int status = make_plan(kernels, batch, plan);
  if (status != cudaSuccess) return status;
  std::size_t blocks = static_cast<std::size_t>(plan.blocks);
  char* base = nullptr;
  if (plan.per_block > 0) {
    const std::size_t rooms = bytes / plan.per_block;
    if (rooms < 1 || workspace == nullptr) return FASTPID_CUDA_WORKSPACE;
    blocks = rooms < blocks ? rooms : blocks;
    base = static_cast<char*>(workspace);
  }
  (plan.tables > 1
       ? kernels.by_threads
       : kernels.by_blocks)<<<static_cast<unsigned>(blocks), static_cast<unsigned>(plan.threads),
                              plan.shared, static_cast<cudaStream_t>(stream)>>>(
      job, base, batch.bytes_per_table);
  return cudaGetLastError();
}

}  // namespace fastpid::cuda
