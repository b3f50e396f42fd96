// A covariance of X, Y and Z, taken apart: Z made white, then X and Y given Z.
//
// With Z = L_z z, z white, each source is a channel: X = S_x z + L_x n_x, n_x white, which says
// what L_x^-1 X = H_x z + n_x does. I(X; Z) is 1/2 log det(I + H_x' H_x), and I(X, Y; Z) the same
// of H_x and of H of Y given X, one below the other. All of this is an elimination of the
// correlation matrix, Z first.
//
// Where a pivot is rounding its direction has no noise. If it has no signal either, given the
// directions before it, it repeats them and is left out, which changes no information; with signal
// it would say something about the target without any noise, and the information is infinite.
#pragma once

#include <cmath>
#include <limits>

#include "elimination.hpp"

namespace fastpid::gaussian {

// Dimensions of X, Y and the target Z.
struct Sizes {
  int m = 0;
  int n = 0;
  int d = 0;

  int total() const { return m + n + d; }
};

// What a source is given Z, or Y given X and Z.
struct Channel {
  Block noise;
  double* signal = nullptr;  // S', rank of Z x rows, these in the order of the input
  double* h = nullptr;       // H, rank x rank of Z

  static Channel take(Arena& arena, int rows, int d) {
    Channel c;
    c.noise = Block::take(arena, rows);
    c.signal = arena.take<double>(std::ptrdiff_t{rows} * d);
    c.h = arena.take<double>(std::ptrdiff_t{rows} * d);
    return c;
  }
};

class Covariance {
 public:
  static Covariance take(Arena& arena, Sizes sizes) {
    const int m = sizes.m, n = sizes.n, d = sizes.d, largest = std::max(m, std::max(n, d));
    Covariance c;
    c.sizes_ = sizes;
    c.deviations = arena.take<double>(sizes.total());
    c.inverse_ = arena.take<double>(sizes.total());
    c.z = Block::take(arena, d);
    c.x = Channel::take(arena, m, d);
    c.y = Channel::take(arena, n, d);
    c.noise_y = Block::take(arena, n);
    c.both = arena.take<double>(std::ptrdiff_t{m + n} * d);
    c.tie_ = arena.take<double>(std::ptrdiff_t{m} * n);
    c.signal_ = arena.take<double>(std::ptrdiff_t{d} * n);
    c.shared_ = arena.take<double>(std::ptrdiff_t{largest} * largest);
    c.column_ = arena.take<double>(largest);
    c.gram_ = arena.take<double>(std::ptrdiff_t{d} * d);
    c.rho_ = arena.take<double>(d);
    c.vector_ = arena.take<double>(sizes.total());
    return c;
  }

  // Takes a matrix, total x total, in the order X, Y, Z, apart. False if it is no covariance, or
  // one of infinite information, or if it is not to be told how much that is.
  bool read(const double* cov) {
    const int m = sizes_.m, n = sizes_.n;
    least_ = 1.0;
    if (!is_covariance(cov)) return false;
    correlations(cov, m + n, z);
    if (!factorise(z) || !channel(cov, 0, x) || !channel(cov, m, y)) return false;
    std::copy(y.noise.l, y.noise.l + std::ptrdiff_t{n} * n, noise_y.l);
    return factorise(x.noise) && signals(x.noise, x.signal, x.h, 0) && factorise(y.noise) &&
           signals(y.noise, y.signal, y.h, 0) && join(cov) && find_eigenvalue() &&
           rounding() <= kUseless;
  }

  // By how much rounding moves what is found of the matrix, in nats. Information is the logarithm
  // of variances, and where the other variables leave one the share v of its variance, that is
  // known to one part in v / eps. The least of these shares is about the least eigenvalue of the
  // correlation matrix.
  double rounding() const { return 4.0 * std::numeric_limits<double>::epsilon() / eigenvalue_; }
  int rank_both() const { return x.noise.rank + noise_y.rank; }

  double* deviations = nullptr;  // standard deviations, in the order of the input
  Block z;
  Channel x, y;
  Block noise_y;           // the noise of Y given X
  double* both = nullptr;  // H of X and of Y given X, one below the other

 private:
  static constexpr double kUseless = 0.01;  // nats

  // Rounding of a variance, all being one at first; and of the square of what a variable without
  // variance shares with others, which the least pivot magnifies.
  double tiny() const { return 8.0 * sizes_.total() * std::numeric_limits<double>::epsilon(); }
  double tiny_square() const { return tiny() * tiny() / least_; }

  bool is_covariance(const double* cov) const {
    // Entries of a symmetric matrix differ by what their computation rounds, no more.
    constexpr double kAsymmetry = 1e-9;
    const int k = sizes_.total();
    for (int i = 0; i < k; ++i) {
      const double variance = cov[std::ptrdiff_t{i} * k + i];
      if (!(variance >= 0.0) || !(variance < HUGE_VAL)) return false;
      deviations[i] = std::sqrt(variance);
      inverse_[i] = variance > 0.0 ? 1.0 / deviations[i] : 0.0;
    }
    // Tile by tile: what is read along columns is then at hand when the next column is.
    constexpr int kTile = 16;
    for (int first = 0; first < k; first += kTile) {
      for (int across = 0; across <= first; across += kTile) {
        for (int i = first; i < std::min(first + kTile, k); ++i) {
          for (int j = across; j < std::min(across + kTile, i); ++j) {
            const double a = cov[std::ptrdiff_t{i} * k + j], b = cov[std::ptrdiff_t{j} * k + i];
            const double size = deviations[i] * deviations[j];
            // NaN is neither.
            if (!(std::fabs(a - b) <= kAsymmetry * size)) return false;
            if (!(std::fabs(a) <= (1.0 + kAsymmetry) * size)) return false;
          }
        }
      }
    }
    return true;
  }

  // Of two variables of the input; zero for constants.
  double correlation(const double* cov, int i, int j) const {
    if (i == j) return inverse_[i] > 0.0 ? 1.0 : 0.0;
    const int k = sizes_.total();
    const double mean = 0.5 * cov[std::ptrdiff_t{i} * k + j] + 0.5 * cov[std::ptrdiff_t{j} * k + i];
    return mean * inverse_[i] * inverse_[j];
  }

  void correlations(const double* cov, int first, const Block& out) const {
    for (int i = 0; i < out.rows; ++i) {
      for (int j = 0; j <= i; ++j) out.at(i, j) = correlation(cov, first + i, first + j);
    }
  }

  // Signal and noise, not yet factorised, of the source that begins at variable `first`.
  bool channel(const double* cov, int first, Channel& c) {
    const int rows = c.noise.rows, sources = sizes_.m + sizes_.n;
    correlations(cov, first, c.noise);
    for (int j = 0; j < sizes_.d; ++j) {
      for (int i = 0; i < rows; ++i) {
        shared_[j * rows + i] = correlation(cov, sources + j, first + i);
      }
    }
    if (!z.regress(tiny_square(), shared_, rows, c.signal)) return false;
    c.noise.subtract(c.signal, z.rank);
    return true;
  }

  // False if it is no covariance.
  bool factorise(Block& block) {
    if (!block.factorise(tiny(), column_)) return false;
    for (int i = 0; i < block.rank; ++i) {
      least_ = std::min(least_, block.at(i, i) * block.at(i, i));
    }
    return true;
  }

  // H of a noise and a signal, behind `before` rows of `all`; false if a row has signal and no
  // noise.
  bool signals(const Block& noise, const double* signal, double* all, int before) {
    const int d = z.rank;
    double* h = all + std::ptrdiff_t{before} * d;
    for (int i = 0; i < noise.rows; ++i) {
      double* row = h + std::ptrdiff_t{i} * d;
      for (int k = 0; k < d; ++k) row[k] = signal[std::ptrdiff_t{k} * noise.rows + noise.order[i]];
      for (int j = 0; j < std::min(i, noise.rank); ++j) {
        add_multiple(d, -noise.at(i, j), h + std::ptrdiff_t{j} * d, row);
      }
      if (i < noise.rank) {
        scale(d, 1.0 / noise.at(i, i), row);
      } else if (!repeats(all, before + noise.rank, row)) {
        return false;
      }
    }
    return true;
  }

  // Whether a row without noise lies in the span of the rows of h, up to rounding: with signal rho
  // left over, the source's variance in this direction, given its others, is rho (I + h' h)^-1
  // rho'.
  bool repeats(const double* h, int rows, const double* rho) {
    const int d = z.rank;
    std::fill(gram_, gram_ + d * d, 0.0);
    for (int i = 0; i < d; ++i) gram_[i * d + i] = 1.0;
    for (int r = 0; r < rows; ++r) {
      const double* row = h + std::ptrdiff_t{r} * d;
      for (int i = 0; i < d; ++i) add_multiple(i + 1, row[i], row, gram_ + i * d);
    }
    if (!cholesky(gram_, d)) return false;
    std::copy(rho, rho + d, rho_);
    solve_lower(gram_, d, rho_);
    return inner(d, rho_, rho_) <= tiny_square();
  }

  // Y given X and Z, beside X.
  bool join(const double* cov) {
    const int m = sizes_.m, n = sizes_.n, d = z.rank, rank = x.noise.rank;
    const auto row = [n](double* first, int i) { return first + std::ptrdiff_t{i} * n; };
    std::copy(x.h, x.h + std::ptrdiff_t{rank} * d, both);
    for (int j = 0; j < m; ++j) {
      double* own = row(shared_, j);
      for (int i = 0; i < n; ++i) own[i] = correlation(cov, j, m + i);
      for (int k = 0; k < d; ++k) {
        add_multiple(n, -x.signal[std::ptrdiff_t{k} * m + j], row(y.signal, k), own);
      }
    }
    if (!x.noise.regress(tiny_square(), shared_, n, tie_)) return false;
    noise_y.subtract(tie_, rank);
    for (int k = 0; k < d; ++k) {
      std::copy(row(y.signal, k), row(y.signal, k + 1), row(signal_, k));
      for (int j = 0; j < rank; ++j) {
        add_multiple(n, -both[std::ptrdiff_t{j} * d + k], row(tie_, j), row(signal_, k));
      }
    }
    return factorise(noise_y) && signals(noise_y, signal_, both, rank);
  }

  // The least eigenvalue of the correlation matrix of the variables that count, by inverse
  // iteration from the one with the least pivot: from above, and close wherever it is small. With L
  // of Z, X and Y given X, vectors are solved for in three parts.
  bool find_eigenvalue() {
    constexpr int kIterations = 3;
    double *v_z = vector_, *v_x = v_z + z.rank, *v_y = v_x + x.noise.rank;
    const int k = z.rank + rank_both();
    std::fill(vector_, vector_ + k, 0.0);
    double least = HUGE_VAL;
    double* start = vector_;
    const auto choose = [&](const Block& block, double* first) {
      for (int i = 0; i < block.rank; ++i) {
        if (block.at(i, i) < least) start = first + i, least = block.at(i, i);
      }
    };
    choose(z, v_z);
    choose(x.noise, v_x);
    choose(noise_y, v_y);
    eigenvalue_ = 1.0;
    if (k > 0) *start = 1.0;
    for (int n = 0; n < kIterations && k > 0; ++n) {
      z.solve(v_z);
      apply(x.signal, x.noise, z.rank, v_z, v_x);
      x.noise.solve(v_x);
      apply(y.signal, noise_y, z.rank, v_z, v_y);
      apply(tie_, noise_y, x.noise.rank, v_x, v_y);
      noise_y.solve(v_y);
      noise_y.solve_transposed(v_y);
      apply_transposed(tie_, noise_y, x.noise.rank, v_y, v_x);
      x.noise.solve_transposed(v_x);
      apply_transposed(y.signal, noise_y, z.rank, v_y, v_z);
      apply_transposed(x.signal, x.noise, z.rank, v_x, v_z);
      z.solve_transposed(v_z);
      const double size = norm(k, vector_);
      if (!(size < HUGE_VAL)) return false;
      eigenvalue_ = std::min(eigenvalue_, 1.0 / size);
      scale(k, 1.0 / size, vector_);
    }
    return true;
  }

  // Takes a panel of regress(), or its transpose, times one vector away from another.
  static void apply(const double* panel, const Block& block, int others, const double* from,
                    double* to) {
    for (int j = 0; j < others; ++j) {
      const double* own = panel + std::ptrdiff_t{j} * block.rows;
      for (int i = 0; i < block.rank; ++i) to[i] -= own[block.order[i]] * from[j];
    }
  }
  static void apply_transposed(const double* panel, const Block& block, int others,
                               const double* from, double* to) {
    for (int j = 0; j < others; ++j) {
      const double* own = panel + std::ptrdiff_t{j} * block.rows;
      for (int i = 0; i < block.rank; ++i) to[j] -= own[block.order[i]] * from[i];
    }
  }

  Sizes sizes_;
  double* inverse_ = nullptr;  // of the deviations, zero for constants
  double* tie_ = nullptr;      // m x n: Y's noise, of X's
  double* signal_ = nullptr;   // d x n: Y's signal beside X's
  double* shared_ = nullptr;   // covariances of a block with others
  double* column_ = nullptr;
  double* gram_ = nullptr;
  double* rho_ = nullptr;
  double* vector_ = nullptr;
  double least_ = 1.0;       // pivot so far
  double eigenvalue_ = 1.0;  // the least
};

}  // namespace fastpid::gaussian
