#include "predictions.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../exec/serial.hpp"

namespace fastpid::cpu {
namespace {

// Rows of logits less their largest one, to `out`; what becomes of samples that do not count is of
// no interest, as long as it is a number.
template <class Real>
void shift_rows(std::ptrdiff_t n, const Real* logits, int symbols, double* out) {
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const Real* row = logits + i * symbols;
    Real most = row[0];
    for (int k = 1; k < symbols; ++k) most = std::max(most, row[k]);
    for (int k = 0; k < symbols; ++k) {
      out[i * symbols + k] = static_cast<double>(row[k]) - static_cast<double>(most);
    }
  }
}

// The probabilities of one side, to `out`. Returns the first row that has none, or -1.
template <class Real>
std::ptrdiff_t read_rows(const Predictions& given, const Real* values, int symbols,
                         double tolerance, double* out) {
  std::ptrdiff_t bad = -1;
  const std::ptrdiff_t cells = given.n * symbols;
  if (given.logits) {
    shift_rows(given.n, values, symbols, out);
    Serial().exp_each(cells, out, out);
  } else {
    std::copy(values, values + cells, out);
  }
  for (std::ptrdiff_t i = 0; i < given.n; ++i) {
    double* row = out + i * symbols;
    if (given.weights && given.weights[i] == 0.0) {
      std::fill(row, row + symbols, 0.0);
      continue;
    }
    double sum = 0.0, least = row[0];
    bool numbers = true;
    for (int k = 0; k < symbols; ++k) {
      sum += row[k];
      least = std::min(least, row[k]);
      numbers = numbers && values[i * symbols + k] == values[i * symbols + k];
    }
    const bool sound = given.logits ? sum >= 1.0 && sum <= symbols
                                    : std::fabs(sum - 1.0) <= tolerance && least >= 0.0;
    if (!(sound && numbers) && bad < 0) bad = i;
    if (!given.logits) continue;
    const double scale = 1.0 / sum;
    for (int k = 0; k < symbols; ++k) row[k] *= scale;
  }
  return bad;
}

std::ptrdiff_t read_side(const Predictions& given, const Numbers& values, int symbols,
                         double tolerance, double* out) {
  return values.wide ? read_rows(given, values.wide, symbols, tolerance, out)
                     : read_rows(given, values.narrow, symbols, tolerance, out);
}

double weight_of(const Predictions& given, std::ptrdiff_t i) {
  return given.weights ? given.weights[i] : 1.0;
}

}  // namespace

PredictionsRead soft_table(const Predictions& given, double tolerance, double* px, double* py,
                           double* table) {
  const int nx = given.shape.nx, ny = given.shape.ny, nz = given.shape.nz;
  PredictionsRead read;
  read.bad_x = read_side(given, given.x, nx, tolerance, px);
  read.bad_y = read_side(given, given.y, ny, tolerance, py);
  for (std::ptrdiff_t i = 0; i < given.n && read.bad_z < 0; ++i) {
    read.weight += weight_of(given, i);
    const bool counts = weight_of(given, i) != 0.0;
    if (counts && (given.z[i] < 0 || given.z[i] >= nz)) read.bad_z = i;
  }
  if (!read.sound()) return read;
  // Added up class by class, so that the innermost loop is contiguous.
  const std::ptrdiff_t plane = given.shape.xy();
  std::vector<double> sums(static_cast<std::size_t>(plane * nz), 0.0);
  for (std::ptrdiff_t i = 0; i < given.n; ++i) {
    const double weight = weight_of(given, i);
    if (weight == 0.0) continue;
    double* sum = sums.data() + given.z[i] * plane;
    const double* row = py + i * ny;
    for (int x = 0; x < nx; ++x) {
      const double by = weight * px[i * nx + x];
      for (int y = 0; y < ny; ++y) sum[x * ny + y] += by * row[y];
    }
  }
  for (int z = 0; z < nz; ++z) {
    for (std::ptrdiff_t k = 0; k < plane; ++k) {
      table[k * nz + z] = sums[static_cast<std::size_t>(z * plane + k)];
    }
  }
  return read;
}

template <class Real>
void soft_table_gradient(const Predictions& given, const double* px, const double* py,
                         const double* by_table, Real* by_x, Real* by_y) {
  const int nx = given.shape.nx, ny = given.shape.ny, nz = given.shape.nz;
  const std::ptrdiff_t plane = given.shape.xy();
  std::vector<double> by_class(static_cast<std::size_t>(plane * nz));
  for (int z = 0; z < nz; ++z) {
    for (std::ptrdiff_t k = 0; k < plane; ++k) {
      by_class[static_cast<std::size_t>(z * plane + k)] = by_table[k * nz + z];
    }
  }
  // By logits: p (g - sum p g).
  const auto write = [&](const double* p, int symbols, const double* g, Real* out) {
    double mean = 0.0;
    for (int k = 0; given.logits && k < symbols; ++k) mean += p[k] * g[k];
    for (int k = 0; k < symbols; ++k) {
      out[k] = static_cast<Real>(given.logits ? p[k] * (g[k] - mean) : g[k]);
    }
  };
  std::vector<double> of_x(static_cast<std::size_t>(nx)), of_y(static_cast<std::size_t>(ny));
  double *gx = of_x.data(), *gy = of_y.data();
  for (std::ptrdiff_t i = 0; i < given.n; ++i) {
    const double weight = weight_of(given, i);
    if (weight == 0.0) {
      std::fill(by_x + i * nx, by_x + (i + 1) * nx, Real(0.0));
      std::fill(by_y + i * ny, by_y + (i + 1) * ny, Real(0.0));
      continue;
    }
    std::fill(gy, gy + ny, 0.0);
    const double* g = by_class.data() + given.z[i] * plane;
    const double *x = px + i * nx, *y = py + i * ny;
    for (int a = 0; a < nx; ++a) {
      double sum = 0.0;
      const double by = weight * x[a];
      for (int b = 0; b < ny; ++b) {
        sum += g[a * ny + b] * y[b];
        gy[b] += by * g[a * ny + b];
      }
      gx[a] = weight * sum;
    }
    write(x, nx, gx, by_x + i * nx);
    write(y, ny, gy, by_y + i * ny);
  }
}

template void soft_table_gradient(const Predictions&, const double*, const double*, const double*,
                                  double*, double*);
template void soft_table_gradient(const Predictions&, const double*, const double*, const double*,
                                  float*, float*);

}  // namespace fastpid::cpu
