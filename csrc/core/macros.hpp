// FASTPID_HD marks the bodies that run on host and device alike.
#pragma once

#if defined(__CUDACC__)
#define FASTPID_HD __host__ __device__
#else
#define FASTPID_HD
#endif
