// The one file that knows Eigen.
#include "dense.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>

namespace fastpid::dense {
namespace {

using Stride = Eigen::OuterStride<>;
using Map = Eigen::Map<Eigen::MatrixXd, 0, Stride>;
using ConstMap = Eigen::Map<const Eigen::MatrixXd, 0, Stride>;
template <class T>
using Rows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
using RowMap = Eigen::Map<Rows<T>>;
template <class T>
using ConstRowMap = Eigen::Map<const Rows<T>>;
template <class T>
using StridedRows = Eigen::Map<const Rows<T>, 0, Stride>;

}  // namespace

template <class T>
void times(const T* a, const T* b, std::ptrdiff_t m, std::ptrdiff_t k, std::ptrdiff_t n, T* c) {
  RowMap<T>(c, m, n).noalias() = ConstRowMap<T>(a, m, k) * ConstRowMap<T>(b, k, n);
}

template <class T>
void transposed_times(const T* a, std::ptrdiff_t stride_a, const T* b, std::ptrdiff_t k,
                      std::ptrdiff_t m, std::ptrdiff_t n, T* c) {
  RowMap<T>(c, m, n).noalias() =
      StridedRows<T>(a, k, m, Stride(stride_a)).transpose() * ConstRowMap<T>(b, k, n);
}

template <class T>
void times_transposed(const T* a, const T* b, std::ptrdiff_t m, std::ptrdiff_t k, std::ptrdiff_t n,
                      T* c) {
  RowMap<T>(c, m, n).noalias() = ConstRowMap<T>(a, m, k) * ConstRowMap<T>(b, n, k).transpose();
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
  Map(c, rows, n, Stride(stride)).noalias() -=
      ConstMap(g, rows, columns, Stride(stride_g)) *
      ConstMap(h, n, columns, Stride(stride_g)).transpose();
}

#define FASTPID_TEXT(x) #x
#define FASTPID_VERSION(world, major, minor) \
  FASTPID_TEXT(world) "." FASTPID_TEXT(major) "." FASTPID_TEXT(minor)
const char* library() {
  return FASTPID_VERSION(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
}

}  // namespace fastpid::dense
