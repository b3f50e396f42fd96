// The execution policy of one CPU thread: plain loops, and Eigen for the dense algebra.
#pragma once

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cstddef>
#include <limits>

namespace fastpid {

class Serial {
 public:
  template <class F>
  void for_each(std::ptrdiff_t n, F&& f) const {
    for (std::ptrdiff_t i = 0; i < n; ++i) f(i);
  }

  template <class F>
  double sum(std::ptrdiff_t n, F&& f) const {
    double total = 0.0;
    for (std::ptrdiff_t i = 0; i < n; ++i) total += f(i);
    return total;
  }

  template <class F>
  double min(std::ptrdiff_t n, F&& f) const {
    double least = std::numeric_limits<double>::infinity();
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const double value = f(i);
      if (value < least) least = value;
    }
    return least;
  }

  template <class F>
  double max(std::ptrdiff_t n, F&& f) const {
    return -min(n, [&](std::ptrdiff_t i) { return -f(i); });
  }

  // Runs f on one thread of the machine that the policy stands for.
  template <class F>
  void once(F&& f) const {
    f();
  }

  // Matrices are column-major; only lower triangles are read or written.

  // In-place Cholesky factorisation; false if the matrix is not numerically positive definite.
  bool cholesky(double* a, int n, std::ptrdiff_t stride) const {
    Map m(a, n, n, Stride(stride));
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixXd, 0, Stride>, Eigen::Lower> in_place(m);
    return in_place.info() == Eigen::Success;
  }

  // b <- b L^-T for a panel b of `rows` x n.
  void solve_right(const double* l, int n, std::ptrdiff_t stride, double* b, int rows) const {
    if (n > kSmall) {
      Map panel(b, rows, n, Stride(rows));
      ConstMap factor(l, n, n, Stride(stride));
      factor.transpose().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(panel);
      return;
    }
    using Column = Eigen::Map<Eigen::ArrayXd>;
    for (int j = 0; j < n; ++j) {
      Column column(b + static_cast<std::ptrdiff_t>(j) * rows, rows);
      for (int k = 0; k < j; ++k) {
        column -= l[k * stride + j] * Column(b + static_cast<std::ptrdiff_t>(k) * rows, rows);
      }
      column *= 1.0 / l[j * stride + j];
    }
  }

  // b <- (L L^T)^-1 b.
  void solve(const double* l, int n, std::ptrdiff_t stride, double* b) const {
    if (n <= kSmall) {
      double inverse[kSmall];
      for (int j = 0; j < n; ++j) {
        inverse[j] = 1.0 / l[j * stride + j];
        b[j] *= inverse[j];
        for (int i = j + 1; i < n; ++i) b[i] -= l[j * stride + i] * b[j];
      }
      for (int j = n - 1; j >= 0; --j) {
        double sum = b[j];
        for (int i = j + 1; i < n; ++i) sum -= l[j * stride + i] * b[i];
        b[j] = sum * inverse[j];
      }
      return;
    }
    Eigen::Map<Eigen::VectorXd> x(b, n);
    ConstMap factor(l, n, n, Stride(stride));
    factor.triangularView<Eigen::Lower>().solveInPlace(x);
    factor.transpose().triangularView<Eigen::Upper>().solveInPlace(x);
  }

  // c <- c - g g^T for a panel g of n x `columns`.
  void downdate(double* c, int n, const double* g, int columns) const {
    Map(c, n, n, Stride(n))
        .selfadjointView<Eigen::Lower>()
        .rankUpdate(ConstMap(g, n, columns, Stride(n)), -1.0);
  }

 private:
  // Below this, plain loops beat the library's set-up.
  static constexpr int kSmall = 32;

  using Stride = Eigen::OuterStride<>;
  using Map = Eigen::Map<Eigen::MatrixXd, 0, Stride>;
  using ConstMap = Eigen::Map<const Eigen::MatrixXd, 0, Stride>;
};

}  // namespace fastpid
