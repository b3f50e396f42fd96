// The one file that knows Eigen.
#include "dense.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>

namespace fastpid::dense {
namespace {

using Stride = Eigen::OuterStride<>;
using Map = Eigen::Map<Eigen::MatrixXd, 0, Stride>;
using ConstMap = Eigen::Map<const Eigen::MatrixXd, 0, Stride>;
constexpr int kColumns = Eigen::ColMajor, kRows = Eigen::RowMajor;

// c <- c + alpha a b for c column-major, m x n; OrderA and OrderB say what the strides of a (m x k)
// and of b (k x n) are between. Eigen's product itself, as its own BLAS calls it: its expressions
// take three times as long to compile, for the cases of vectors and of few numbers, which are none
// of ours.
template <int OrderA, int OrderB, class T>
void add_product(std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, T alpha, const T* a,
                 std::ptrdiff_t stride_a, const T* b, std::ptrdiff_t stride_b, T* c,
                 std::ptrdiff_t stride) {
  using namespace Eigen::internal;
  using Index = std::ptrdiff_t;
  gemm_blocking_space<Eigen::ColMajor, T, T, Eigen::Dynamic, Eigen::Dynamic, Eigen::Dynamic>
      blocking(m, n, k, 1, true);
  general_matrix_matrix_product<Index, T, OrderA, false, T, OrderB, false, Eigen::ColMajor, 1>::run(
      m, n, k, a, stride_a, b, stride_b, c, 1, stride, alpha, blocking, nullptr);
}

}  // namespace

// Row-major c is column-major c' = b' a'.
template <class T>
void times(const T* a, const T* b, std::ptrdiff_t m, std::ptrdiff_t k, std::ptrdiff_t n, T* c) {
  std::fill(c, c + m * n, T(0));
  add_product<kColumns, kColumns>(n, m, k, T(1), b, n, a, k, c, n);
}

template <class T>
void transposed_times(const T* a, std::ptrdiff_t stride_a, const T* b, std::ptrdiff_t k,
                      std::ptrdiff_t m, std::ptrdiff_t n, T* c) {
  std::fill(c, c + m * n, T(0));
  add_product<kColumns, kRows>(n, m, k, T(1), b, n, a, stride_a, c, n);
}

template <class T>
void times_transposed(const T* a, const T* b, std::ptrdiff_t m, std::ptrdiff_t k, std::ptrdiff_t n,
                      T* c) {
  std::fill(c, c + m * n, T(0));
  add_product<kRows, kColumns>(n, m, k, T(1), b, k, a, k, c, n);
}

#define FASTPID_PRODUCTS(T)                                                                    \
  template void times(const T*, const T*, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, T*); \
  template void transposed_times(const T*, std::ptrdiff_t, const T*, std::ptrdiff_t,           \
                                 std::ptrdiff_t, std::ptrdiff_t, T*);                          \
  template void times_transposed(const T*, const T*, std::ptrdiff_t, std::ptrdiff_t,           \
                                 std::ptrdiff_t, T*);
FASTPID_PRODUCTS(double)
FASTPID_PRODUCTS(float)
#undef FASTPID_PRODUCTS

bool cholesky(double* a, std::ptrdiff_t n, std::ptrdiff_t stride) {
  Map m(a, n, n, Stride(stride));
  const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd, 0, Stride>, Eigen::Lower> in_place(m);
  return in_place.info() == Eigen::Success;
}

void solve_right(const double* l, std::ptrdiff_t n, std::ptrdiff_t stride, double* b,
                 std::ptrdiff_t rows, std::ptrdiff_t stride_b) {
  Map panel(b, rows, n, Stride(stride_b));
  ConstMap(l, n, n, Stride(stride))
      .transpose()
      .triangularView<Eigen::Upper>()
      .solveInPlace<Eigen::OnTheRight>(panel);
}

void solve(const double* l, std::ptrdiff_t n, std::ptrdiff_t stride, double* b) {
  Eigen::Map<Eigen::VectorXd> x(b, n);
  const ConstMap factor(l, n, n, Stride(stride));
  factor.triangularView<Eigen::Lower>().solveInPlace(x);
  factor.transpose().triangularView<Eigen::Upper>().solveInPlace(x);
}

void downdate(double* c, std::ptrdiff_t n, std::ptrdiff_t stride, const double* g,
              std::ptrdiff_t columns, std::ptrdiff_t stride_g) {
  Map(c, n, n, Stride(stride))
      .selfadjointView<Eigen::Lower>()
      .rankUpdate(ConstMap(g, n, columns, Stride(stride_g)), -1.0);
}

void subtract_product(double* c, std::ptrdiff_t rows, std::ptrdiff_t n, std::ptrdiff_t stride,
                      const double* g, const double* h, std::ptrdiff_t columns,
                      std::ptrdiff_t stride_g) {
  add_product<kColumns, kRows>(rows, n, columns, -1.0, g, stride_g, h, stride_g, c, stride);
}

#define FASTPID_TEXT(x) #x
#define FASTPID_VERSION(world, major, minor) \
  FASTPID_TEXT(world) "." FASTPID_TEXT(major) "." FASTPID_TEXT(minor)
const char* library() {
  return FASTPID_VERSION(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
}

}  // namespace fastpid::dense
