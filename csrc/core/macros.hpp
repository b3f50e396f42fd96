// FASTPID_HD marks the bodies that run on host and device alike.
#pragma once

//
// FASTPID_STAGE marks those that are long and called from several places. The device compiler takes
// each once instead of inlining it: registers are few, and compile times grow faster than bodies.
#if defined(__CUDACC__)
#define FASTPID_HD __host__ __device__
#define FASTPID_STAGE __host__ __device__ __noinline__
#else
#define FASTPID_HD
#define FASTPID_STAGE
#endif
