#include "predictions.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "../exec/serial.hpp"

namespace fastpid::cpu {
namespace {

// What the padding of logits is, beside which it is zero.
constexpr double kNothing = -1000.0;

Vector spread(double x) { return x - Vector{}; }

// Rows of logits less their largest one, to `out`; what becomes of samples that do not count is of
// no interest, as long as it is a number.
template <class Real>
void shift_rows(std::ptrdiff_t n, const Real* logits, int symbols, double* out) {
  const std::ptrdiff_t stride = padded(symbols);
  for (std::ptrdiff_t i = 0; i < n; ++i, logits += symbols, out += stride) {
    Real most = logits[0];
    for (int k = 1; k < symbols; ++k) most = std::max(most, logits[k]);
    for (int k = 0; k < symbols; ++k) {
      out[k] = static_cast<double>(logits[k]) - static_cast<double>(most);
    }
    std::fill(out + symbols, out + stride, kNothing);
  }
}

// The probabilities of one source, to `out`. Returns the first row that has none, or -1.
template <class Real>
std::ptrdiff_t read_rows(const Predictions& given, const Real* values, int symbols,
                         double tolerance, double* out) {
  std::ptrdiff_t bad = -1;
  const std::ptrdiff_t stride = padded(symbols);
  if (given.logits) {
    shift_rows(given.n, values, symbols, out);
    Serial().exp_each(given.n * stride, out, out);
  } else {
    for (std::ptrdiff_t i = 0; i < given.n; ++i) {
      std::copy(values + i * symbols, values + (i + 1) * symbols, out + i * stride);
      std::fill(out + i * stride + symbols, out + (i + 1) * stride, 0.0);
    }
  }
  for (std::ptrdiff_t i = 0; i < given.n; ++i, out += stride) {
    if (given.weights && given.weights[i] == 0.0) {
      std::fill(out, out + stride, 0.0);
      continue;
    }
    Vector sums{};
    for (std::ptrdiff_t k = 0; k < stride; k += kLanes) sums += load(out + k);
    const double sum = sum_of_lanes(sums);
    // Of what is no number the sum is none.
    bool sound = sum >= 1.0 && sum <= symbols;
    if (!given.logits) {
      sound = std::fabs(sum - 1.0) <= tolerance && *std::min_element(out, out + symbols) >= 0.0;
    }
    if (!sound && bad < 0) bad = i;
    if (!given.logits) continue;
    const Vector scale = spread(1.0 / sum);
    for (std::ptrdiff_t k = 0; k < stride; k += kLanes) store(load(out + k) * scale, out + k);
  }
  return bad;
}

double weight_of(const Predictions& given, std::ptrdiff_t i) {
  return given.weights ? given.weights[i] : 1.0;
}

// f(k, n): n registers from column k on, all columns of a row in turn.
template <class F>
void each_columns(std::ptrdiff_t stride, F&& f) {
  std::ptrdiff_t k = 0;
  for (; k + 2 * kLanes <= stride; k += 2 * kLanes) f(k, std::integral_constant<int, 2>());
  for (; k < stride; k += kLanes) f(k, std::integral_constant<int, 1>());
}

// sums[j, k] += by[j] row[k], rows of `stride`.
void add_product(std::ptrdiff_t count, const double* by, double weight, const double* row,
                 std::ptrdiff_t stride, double* sums) {
  each_columns(stride, [&](std::ptrdiff_t k, auto several) {
    constexpr int n = decltype(several)::value;
    Vector tail[n];
    for (int m = 0; m < n; ++m) tail[m] = weight * load(row + k + m * kLanes);
    double* sum = sums + k;
    for (std::ptrdiff_t j = 0; j < count; ++j, sum += stride) {
      const Vector head = spread(by[j]);
      for (int m = 0; m < n; ++m) {
        store(multiply_add(head, tail[m], load(sum + m * kLanes)), sum + m * kLanes);
      }
    }
  });
}

// out[k] = weight sum_j by[j] rows[j, k].
void combine_rows(std::ptrdiff_t count, const double* by, double weight, const double* rows,
                  std::ptrdiff_t stride, double* out) {
  each_columns(stride, [&](std::ptrdiff_t k, auto several) {
    constexpr int n = decltype(several)::value;
    Vector sums[n] = {};
    const double* row = rows + k;
    for (std::ptrdiff_t j = 0; j < count; ++j, row += stride) {
      const Vector head = spread(by[j]);
      for (int m = 0; m < n; ++m) sums[m] = multiply_add(head, load(row + m * kLanes), sums[m]);
    }
    for (int m = 0; m < n; ++m) store(weight * sums[m], out + k + m * kLanes);
  });
}

// The products of a sample's probabilities over the symbols of the sources but the last, the first
// one's running slowest. Those of the first so many sources each are kept for the way back.
class Heads {
 public:
  Heads(const Predictions& given, const std::vector<double*>& probabilities)
      : given_(given), probabilities_(probabilities) {
    std::ptrdiff_t count = given.sources[0].symbols;
    for (std::size_t s = 1; s + 1 < given.sources.size(); ++s) {
      count *= given.sources[s].symbols;
      products_.emplace_back(static_cast<std::size_t>(count));
    }
  }

  const double* row(std::size_t s, std::ptrdiff_t i) const {
    return probabilities_[s] + i * padded(given_.sources[s].symbols);
  }

  // Of sample i.
  const double* operator()(std::ptrdiff_t i) {
    const double* before = row(0, i);
    std::ptrdiff_t count = given_.sources[0].symbols;
    for (std::size_t s = 0; s < products_.size(); ++s) {
      const int symbols = given_.sources[s + 1].symbols;
      const double* by = row(s + 1, i);
      double* out = products_[s].data();
      for (std::ptrdiff_t t = 0; t < count; ++t) {
        for (int k = 0; k < symbols; ++k) *out++ = before[t] * by[k];
      }
      before = products_[s].data();
      count *= symbols;
    }
    return before;
  }

  // From the gradient by the products of the sample that was asked for last, which it overwrites,
  // to those by each of its rows.
  void back(std::ptrdiff_t i, double* by_products, const std::vector<double*>& out) const {
    std::ptrdiff_t count = given_.heads();
    for (std::size_t s = products_.size(); s > 0; --s) {
      const int symbols = given_.sources[s].symbols;
      count /= symbols;
      const double* before = s > 1 ? products_[s - 2].data() : row(0, i);
      const double* by = row(s, i);
      std::fill_n(out[s], symbols, 0.0);
      for (std::ptrdiff_t t = 0; t < count; ++t) {
        const double* g = by_products + t * symbols;
        double sum = 0.0;
        for (int k = 0; k < symbols; ++k) {
          sum += g[k] * by[k];
          out[s][k] += g[k] * before[t];
        }
        by_products[t] = sum;  // behind what is still to be read
      }
    }
    std::copy_n(by_products, count, out[0]);
  }

 private:
  const Predictions& given_;
  const std::vector<double*>& probabilities_;
  std::vector<std::vector<double>> products_;
};

// By logits: p (g - sum p g). g is padded with zeros.
template <class Real>
void write_gradient(bool logits, int symbols, const double* p, const double* g, Real* out) {
  double mean = 0.0;
  if (logits) {
    Vector sum{};
    for (int k = 0; k < symbols; k += kLanes) sum += load(p + k) * load(g + k);
    mean = sum_of_lanes(sum);
  }
  for (int k = 0; k < symbols; ++k) {
    out[k] = static_cast<Real>(logits ? p[k] * (g[k] - mean) : g[k]);
  }
}

}  // namespace

PredictionsRead soft_table(const Predictions& given, double tolerance,
                           const std::vector<double*>& probabilities, double* table) {
  PredictionsRead read;
  for (std::size_t s = 0; s < given.sources.size() && read.bad_source < 0; ++s) {
    const Source& source = given.sources[s];
    const auto rows = [&](const auto* values) {
      return read_rows(given, values, source.symbols, tolerance, probabilities[s]);
    };
    read.bad_row = source.values.wide ? rows(source.values.wide) : rows(source.values.narrow);
    if (read.bad_row >= 0) read.bad_source = static_cast<int>(s);
  }
  for (std::ptrdiff_t i = 0; i < given.n && read.bad_z < 0; ++i) {
    read.weight += weight_of(given, i);
    const bool counts = weight_of(given, i) != 0.0;
    if (counts && (given.z[i] < 0 || given.z[i] >= given.target)) read.bad_z = i;
  }
  if (!read.sound()) return read;
  // Added up class by class, in rows of whole registers.
  const std::size_t last = given.sources.size() - 1;
  const int symbols = given.sources[last].symbols, target = given.target;
  const std::ptrdiff_t heads = given.heads(), stride = padded(symbols), plane = heads * stride;
  std::vector<double> sums(static_cast<std::size_t>(plane * target), 0.0);
  Heads products(given, probabilities);
  for (std::ptrdiff_t i = 0; i < given.n; ++i) {
    const double weight = weight_of(given, i);
    if (weight == 0.0) continue;
    add_product(heads, products(i), weight, products.row(last, i), stride,
                sums.data() + given.z[i] * plane);
  }
  for (std::ptrdiff_t t = 0; t < heads; ++t) {
    for (int k = 0; k < symbols; ++k) {
      const double* sum = sums.data() + t * stride + k;
      for (int z = 0; z < target; ++z) *table++ = sum[z * plane];
    }
  }
  return read;
}

void soft_table_gradient(const Predictions& given, const std::vector<double*>& probabilities,
                         const double* by_table, const std::vector<Gradient>& out) {
  const std::size_t count = given.sources.size(), last = count - 1;
  const int symbols = given.sources[last].symbols, target = given.target;
  const std::ptrdiff_t heads = given.heads(), stride = padded(symbols), across = padded(heads);
  // By class: rows of the last source's symbols, and rows of the heads.
  const std::ptrdiff_t plane = heads * stride, plane_across = symbols * across;
  std::vector<double> of_tail(static_cast<std::size_t>(plane * target), 0.0);
  std::vector<double> of_head(static_cast<std::size_t>(plane_across * target), 0.0);
  for (std::ptrdiff_t t = 0; t < heads; ++t) {
    for (int k = 0; k < symbols; ++k) {
      double* tail = of_tail.data() + t * stride + k;
      double* head = of_head.data() + k * across + t;
      for (int z = 0; z < target; ++z, ++by_table) {
        tail[z * plane] = head[z * plane_across] = *by_table;
      }
    }
  }
  std::vector<std::vector<double>> found;
  std::vector<double*> gradients;
  for (const Source& source : given.sources) {
    found.emplace_back(static_cast<std::size_t>(padded(source.symbols)), 0.0);
    gradients.push_back(found.back().data());
  }
  std::vector<double> by_head(static_cast<std::size_t>(across));
  Heads products(given, probabilities);
  for (std::ptrdiff_t i = 0; i < given.n; ++i) {
    const double weight = weight_of(given, i);
    const bool counts = weight != 0.0;
    if (counts) {
      combine_rows(heads, products(i), weight, of_tail.data() + given.z[i] * plane, stride,
                   gradients[last]);
      combine_rows(symbols, products.row(last, i), weight,
                   of_head.data() + given.z[i] * plane_across, across, by_head.data());
      products.back(i, by_head.data(), gradients);
    }
    for (std::size_t s = 0; s < count; ++s) {
      const int n = given.sources[s].symbols;
      const auto write = [&](auto* to) {
        if (!counts) {
          std::fill_n(to, n, 0);
        } else {
          write_gradient(given.logits, n, products.row(s, i), gradients[s], to);
        }
      };
      if (out[s].wide) {
        write(out[s].wide + i * n);
      } else {
        write(out[s].narrow + i * n);
      }
    }
  }
}

}  // namespace fastpid::cpu
