/* The face of libfastpid_cuda: device pointers, sizes and a stream in, a status out. Knows nothing
 * of Python or torch.
 *
 * Every function works on the current device, launches on `stream` (a cudaStream_t) and returns
 * without waiting; nothing is allocated. A status is zero, a cudaError_t, or one of those below;
 * fastpid_cuda_error() puts it in words. */
#ifndef FASTPID_CUDA_H
#define FASTPID_CUDA_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FASTPID_API __attribute__((visibility("default")))
#else
#define FASTPID_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define FASTPID_CUDA_BAD_ARGUMENT (-1)
#define FASTPID_CUDA_WORKSPACE (-2)
#define FASTPID_CUDA_DECLINED (-3)

/* How a batch is to be decomposed; method as in core/decompose.hpp, tol in nats. */
struct fastpid_cuda_options {
  int32_t method;
  int32_t max_iter;
  int32_t normalize;
  int32_t reserved; /* zero */
  double tol;
  double mass_tolerance;
};

FASTPID_API const char* fastpid_cuda_error(int status);

/* Bytes of device memory that decompose wants for `count` tables: as many blocks at once as the
 * device runs, each with room for one table, or one for each of its threads; zero where that fits
 * into shared memory. `least` is what it cannot do without. */
FASTPID_API int fastpid_cuda_workspace(int64_t count, int nx, int ny, int nz,
                                       const struct fastpid_cuda_options* options, size_t* bytes,
                                       size_t* least);

/* p (count, nx, ny, nz), C-contiguous - or, if it is null, its pairwise marginals p_xz (count, nx,
 * nz) and p_yz (count, ny, nz), which are null otherwise - to terms (5, count; nats) and codes (3,
 * count), their rows in the order of Results::rows, xz and lam (count, nx, nz), yz and mu (count,
 * ny, nz). Tables that hold no distribution get NaN and the status for it. */
FASTPID_API int fastpid_cuda_decompose(const double* p, const double* p_xz, const double* p_yz,
                                       int64_t count, int nx, int ny, int nz,
                                       const struct fastpid_cuda_options* options, double* terms,
                                       int32_t* codes, double* xz, double* yz, double* lam,
                                       double* mu, void* workspace, size_t bytes, void* stream);

/* The gradient, by p or by both marginals, whichever were given, of weights (count, 4) times mi_x,
 * mi_y, mi_xy and the union information. The workspace is one of fastpid_cuda_gradient_workspace().
 */
FASTPID_API int fastpid_cuda_gradient_workspace(int64_t count, int nx, int ny, int nz,
                                                size_t* bytes, size_t* least);
FASTPID_API int fastpid_cuda_gradient(const double* p, const double* p_xz, const double* p_yz,
                                      int64_t count, int nx, int ny, int nz, int normalize,
                                      const double* xz, const double* yz, const double* lam,
                                      const double* mu, const double* weights, double* gradient,
                                      double* gradient_xz, double* gradient_yz, void* workspace,
                                      size_t bytes, void* stream);

/* The union information of `sources` sources of symbols[0] .. symbols[sources - 1] symbols.
 *
 * A thread has a problem: both functions take batches that fill the device with problems of few
 * tuples of symbols, and decline others (FASTPID_CUDA_DECLINED), which are left to the CPU.
 *
 * marginals (count, symbols[0] + .. + symbols[sources - 1], nz), valid and with one p(z) a problem,
 * to terms (sources + 2, count; nats): I(X_i; Z) of every source and both bounds; codes (3, count):
 * iterations, status and method; and potentials of the marginals' shape. Of the options, `method`,
 * `max_iter` and `tol` are read. */
FASTPID_API int fastpid_cuda_union_workspace(int64_t count, int sources, const int* symbols, int nz,
                                             const struct fastpid_cuda_options* options,
                                             size_t* bytes, size_t* least);
FASTPID_API int fastpid_cuda_union(const double* marginals, int64_t count, int sources,
                                   const int* symbols, int nz,
                                   const struct fastpid_cuda_options* options, double* terms,
                                   int32_t* codes, double* potentials, void* workspace,
                                   size_t bytes, void* stream);

#ifdef __cplusplus
}
#endif

#endif
