#include "many_tables.hpp"

#include <algorithm>
#include <cmath>

#include "../core/numerics.hpp"
#include "../exec/vector.hpp"
#include "union_batch.hpp"

namespace fastpid::cpu {
namespace {

// A mass that normalize accepts: sums of squares of it neither overflow nor vanish.
constexpr double kLeastMass = 1e-250, kMostMass = 1e250;
// More than sums of entropies may be off by.
constexpr double kRounding = 1e-11;

// The sum of a table over the sources that are not in a subset: where each tuple's row goes.
struct Sum {
  std::vector<std::ptrdiff_t> to;  // tuples
  std::ptrdiff_t size = 0;         // of the sums

  Sum(const ManyTables& tables, const std::vector<int>& subset) {
    std::ptrdiff_t tuples = 1;
    for (const int n : tables.symbols) tuples *= n;
    // Source after source, the last one's symbols next to one another.
    to.assign(1, 0);
    to.reserve(static_cast<std::size_t>(tuples));
    size = tables.target;
    std::vector<std::ptrdiff_t> strides(tables.symbols.size(), 0);
    for (auto source = subset.rbegin(); source != subset.rend(); ++source) {
      strides[static_cast<std::size_t>(*source)] = size;
      size *= tables.symbols[static_cast<std::size_t>(*source)];
    }
    for (std::size_t i = tables.symbols.size(); i-- > 0;) {
      const std::size_t inner = to.size();
      for (int x = 1; x < tables.symbols[i]; ++x) {
        for (std::size_t t = 0; t < inner; ++t) to.push_back(to[t] + x * strides[i]);
      }
    }
  }

  void operator()(const double* p, int target, double* out) const {
    std::fill(out, out + size, 0.0);
    for (const std::ptrdiff_t row : to) {
      for (int z = 0; z < target; ++z) out[row + z] += p[z];
      p += target;
    }
  }
};

// I(rows; Z), times its total, of a table of `size` cells, the last axis being the target. `sums`
// has its rows and target symbols in numbers.
double mutual_information(const double* p, std::ptrdiff_t size, int target, double* sums) {
  const std::ptrdiff_t rows = size / target;
  double* of_target = sums + rows;
  std::fill(of_target, of_target + target, 0.0);
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    double sum = 0.0;
    for (int z = 0; z < target; ++z) {
      sum += p[row * target + z];
      of_target[z] += p[row * target + z];
    }
    sums[row] = sum;
  }
  const double known =
      sum_xlogx(rows, sums) + sum_xlogx(target, of_target) - xlogx(total(target, of_target));
  return larger(0.0, sum_xlogx(size, p) - known);
}

class Decomposition {
 public:
  Decomposition(const ManyTables& tables, const BatchOptions& options, const ManyResults& results)
      : tables_(tables), options_(options), results_(results) {
    cells_ = tables.target;
    for (const int n : tables.symbols) cells_ *= n;
    mass_.resize(static_cast<std::size_t>(tables.count));
    for (int i = 0; i < static_cast<int>(tables.symbols.size()); ++i) {
      sums_.emplace_back(tables, std::vector<int>{i});
      marginals_.emplace_back(static_cast<std::size_t>(tables.count * sums_.back().size));
      mi_.emplace_back(static_cast<std::size_t>(tables.count));
    }
  }

  bool run() {
    if (!each_table([&](std::ptrdiff_t i, Scratch& scratch) { read(i, scratch); })) return false;
    for (std::size_t k = 0; k < tables_.subsets.size(); ++k) {
      if (tables_.subsets[k].size() == 1) single(k);
    }
    for (const std::vector<std::size_t>& group : groups()) {
      const bool pairs = tables_.subsets[group[0]].size() == 2;
      if (!(pairs ? solve_pairs(group) : solve_unions(group))) return false;
    }
    finish();
    return true;
  }

 private:
  struct Scratch {
    std::vector<double> p, sums;
  };

  template <class F>
  bool each_table(F&& f) {
    constexpr std::ptrdiff_t kCells = 16384;
    const std::ptrdiff_t chunk = std::max<std::ptrdiff_t>(1, kCells / cells_);
    return share_out(
        tables_.count, chunk, options_.threads, options_.interrupted, [&](const Stop& stop) {
          return [&, stop, scratch = Scratch()](std::ptrdiff_t first, std::ptrdiff_t end) mutable {
            for (std::ptrdiff_t i = first; i < end && !stop(); ++i) f(i, scratch);
          };
        });
  }

  // Table i, divided by its mass if that is asked for.
  const double* table(std::ptrdiff_t i, Scratch& scratch) const {
    const double* p = tables_.p + i * cells_;
    if (!options_.normalize) return p;
    const double mass = mass_[static_cast<std::size_t>(i)];
    scratch.p.resize(static_cast<std::size_t>(cells_));
    for (std::ptrdiff_t c = 0; c < cells_; ++c)
      scratch.p[static_cast<std::size_t>(c)] = p[c] / mass;
    return scratch.p.data();
  }
  bool valid(std::ptrdiff_t i) const { return mass_[static_cast<std::size_t>(i)] > 0.0; }

  // What is known of a table without a solve; a mass of zero marks what is no distribution.
  void read(std::ptrdiff_t i, Scratch& scratch) {
    const double* p = tables_.p + i * cells_;
    bool good = true;
    for (std::ptrdiff_t c = 0; c < cells_; ++c) good = good && p[c] >= 0.0;
    double& mass = mass_[static_cast<std::size_t>(i)];
    mass = total(cells_, p);
    good = good && (options_.normalize ? mass >= kLeastMass && mass <= kMostMass
                                       : std::fabs(mass - 1.0) <= options_.mass_tolerance);
    if (!good) mass = 0.0;
    if (good) p = table(i, scratch);
    scratch.sums.resize(static_cast<std::size_t>(cells_ / tables_.target + tables_.target));
    results_.joint[i] =
        good ? mutual_information(p, cells_, tables_.target, scratch.sums.data()) : NAN;
    for (std::size_t s = 0; s < sums_.size(); ++s) {
      const Sum& sum = sums_[s];
      double* out = marginals_[s].data() + i * sum.size;
      if (good) {
        sum(p, tables_.target, out);
        mi_[s][static_cast<std::size_t>(i)] =
            mutual_information(out, sum.size, tables_.target, scratch.sums.data());
      } else {  // something that can be solved, for what is asked of all tables alike
        std::fill(out, out + sum.size, 1.0 / static_cast<double>(sum.size));
      }
    }
  }

  void single(std::size_t k) {
    const std::ptrdiff_t n = tables_.count, at = static_cast<std::ptrdiff_t>(k) * n;
    const std::vector<double>& mi = mi_[static_cast<std::size_t>(tables_.subsets[k][0])];
    for (double* bound : {results_.lower, results_.upper}) std::copy_n(mi.data(), n, bound + at);
    std::fill_n(results_.iterations + at, n, 0);
    std::fill_n(results_.status + at, n, static_cast<std::int32_t>(Status::converged));
    std::fill_n(results_.method + at, n, static_cast<std::int32_t>(Method::exact));
  }

  std::vector<int> shape(std::size_t k) const {
    std::vector<int> symbols;
    for (const int source : tables_.subsets[k]) {
      symbols.push_back(tables_.symbols[static_cast<std::size_t>(source)]);
    }
    return symbols;
  }

  // The sets of two sources or more by their shapes: those of one shape are one batch, in which the
  // lanes of packs are full even if there is but one table.
  std::vector<std::vector<std::size_t>> groups() const {
    std::vector<std::vector<std::size_t>> groups;
    for (std::size_t k = 0; k < tables_.subsets.size(); ++k) {
      if (tables_.subsets[k].size() < 2) continue;
      const auto same = [&](const auto& group) { return shape(group[0]) == shape(k); };
      const auto found = std::find_if(groups.begin(), groups.end(), same);
      if (found == groups.end()) {
        groups.push_back({k});
      } else {
        found->push_back(k);
      }
    }
    return groups;
  }

  bool solve_pairs(const std::vector<std::size_t>& group) {
    const std::ptrdiff_t n = tables_.count, all = n * static_cast<std::ptrdiff_t>(group.size());
    const std::vector<int> symbols = shape(group[0]);
    const Shape shape{symbols[0], symbols[1], tables_.target};
    std::vector<double> p(static_cast<std::size_t>(all * shape.cells()));
    std::vector<double> xz(static_cast<std::size_t>(all * shape.xz()));
    std::vector<double> yz(static_cast<std::size_t>(all * shape.yz()));
    std::vector<double> terms(static_cast<std::size_t>(Results::kTerms * all));
    std::vector<std::int32_t> codes(static_cast<std::size_t>(Results::kCodes * all));
    std::vector<Sum> sums;
    for (const std::size_t k : group) sums.emplace_back(tables_, tables_.subsets[k]);
    const bool read = each_table([&](std::ptrdiff_t i, Scratch& scratch) {
      for (std::size_t g = 0; g < group.size(); ++g) {
        double* out = p.data() + (static_cast<std::ptrdiff_t>(g) * n + i) * shape.cells();
        if (valid(i)) {
          sums[g](table(i, scratch), tables_.target, out);
        } else {
          std::fill(out, out + shape.cells(), NAN);  // which the solver refuses
        }
      }
    });
    if (!read) return false;
    BatchOptions options = options_;
    options.normalize = false;
    options.mass_tolerance *= 1.01;  // the sums were checked, in another order
    const Results found = Results::rows(terms.data(), codes.data(), all);
    if (!solve_tables({shape, p.data()}, all, options, found, xz.data(), yz.data())) return false;
    for (std::size_t g = 0; g < group.size(); ++g) {
      const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(g) * n;
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(group[g]) * n;
      const PairResults& pair = results_.pairs[group[g] - first_pair()];
      const auto row = [&](const auto* found_row, auto* of_pair, auto* of_sets) {
        std::copy_n(found_row + from, n, of_pair);
        if (of_sets != nullptr) std::copy_n(found_row + from, n, of_sets + at);
      };
      double* none = nullptr;
      row(found.mi_x, pair.results.mi_x, none);
      row(found.mi_y, pair.results.mi_y, none);
      row(found.mi_xy, pair.results.mi_xy, none);
      row(found.lower, pair.results.lower, results_.lower);
      row(found.upper, pair.results.upper, results_.upper);
      row(found.iterations, pair.results.iterations, results_.iterations);
      row(found.status, pair.results.status, results_.status);
      row(found.method, pair.results.method, results_.method);
      std::copy_n(xz.data() + from * shape.xz(), n * shape.xz(), pair.xz);
      std::copy_n(yz.data() + from * shape.yz(), n * shape.yz(), pair.yz);
    }
    return true;
  }
  std::size_t first_pair() const {
    std::size_t k = 0;
    while (tables_.subsets[k].size() < 2) ++k;
    return k;
  }

  bool solve_unions(const std::vector<std::size_t>& group) {
    const std::ptrdiff_t n = tables_.count, all = n * static_cast<std::ptrdiff_t>(group.size());
    UnionProblems problems{all, tables_.target, shape(group[0]), {}};
    std::vector<std::vector<double>> together;
    for (std::size_t s = 0; s < problems.symbols.size(); ++s) {
      const auto marginals_of = [&](std::size_t k) -> const std::vector<double>& {
        return marginals_[static_cast<std::size_t>(tables_.subsets[k][s])];
      };
      if (group.size() == 1) {
        problems.marginals.push_back(marginals_of(group[0]).data());
        continue;
      }
      std::vector<double> of_group;
      for (const std::size_t k : group) {
        of_group.insert(of_group.end(), marginals_of(k).begin(), marginals_of(k).end());
      }
      together.push_back(std::move(of_group));
      problems.marginals.push_back(together.back().data());
    }
    const auto size = static_cast<std::size_t>(all);
    std::vector<double> mi(problems.symbols.size() * size), bounds(2 * size);
    std::vector<std::int32_t> codes(3 * size);
    UnionResults out;
    out.mi = mi.data();
    out.lower = bounds.data();
    out.upper = bounds.data() + all;
    out.iterations = codes.data();
    out.status = codes.data() + all;
    out.method = codes.data() + 2 * all;
    if (!union_information(problems, options_, out)) return false;
    for (std::size_t g = 0; g < group.size(); ++g) {
      const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(g) * n;
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(group[g]) * n;
      std::copy_n(out.lower + from, n, results_.lower + at);
      std::copy_n(out.upper + from, n, results_.upper + at);
      std::copy_n(out.iterations + from, n, results_.iterations + at);
      std::copy_n(out.status + from, n, results_.status + at);
      std::copy_n(out.method + from, n, results_.method + at);
    }
    return true;
  }

  // More sources never say less: bounds hold for neighbouring sets too.
  void finish() {
    const std::ptrdiff_t n = tables_.count;
    const auto count = static_cast<std::ptrdiff_t>(tables_.subsets.size());
    std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> neighbours;  // a set, one source fewer
    for (std::ptrdiff_t k = 0; k < count; ++k) {
      const std::vector<int>& subset = tables_.subsets[static_cast<std::size_t>(k)];
      for (std::size_t leave = 0; leave < subset.size() && subset.size() > 1; ++leave) {
        std::vector<int> rest = subset;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(leave));
        const auto found = std::find(tables_.subsets.begin(), tables_.subsets.end(), rest);
        if (found == tables_.subsets.end()) continue;
        neighbours.emplace_back(k, found - tables_.subsets.begin());
      }
    }
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      double *lower = results_.lower + i, *upper = results_.upper + i;
      double& most = upper[(count - 1) * n];
      most = smaller(most, larger(results_.joint[i], lower[(count - 1) * n]));
      for (const auto& [large, small] : neighbours) {
        lower[large * n] = larger(lower[large * n], lower[small * n]);
      }
      for (auto at = neighbours.rbegin(); at != neighbours.rend(); ++at) {
        upper[at->second * n] = smaller(upper[at->second * n], upper[at->first * n]);
      }
      // What they say together is no less, but for the rounding of the sums that it is.
      const double beyond = lower[(count - 1) * n] - results_.joint[i];
      if (beyond > 0.0 && beyond < kRounding) results_.joint[i] = lower[(count - 1) * n];
      for (std::ptrdiff_t k = 0; k < count; ++k) {
        double &low = lower[k * n], &high = upper[k * n];
        std::int32_t& status = results_.status[k * n + i];
        if (!valid(i)) {
          low = high = NAN;
          results_.iterations[k * n + i] = 0;
          status = static_cast<std::int32_t>(Status::invalid);
          continue;
        }
        if (low > high) low = high = 0.5 * (low + high);  // brackets of no width cross by rounding
        const bool solved = status <= static_cast<std::int32_t>(Status::stalled);
        if (solved && high - low <= options_.solve.tol) status = 0;
      }
    }
  }

  const ManyTables& tables_;
  const BatchOptions& options_;
  const ManyResults& results_;
  std::ptrdiff_t cells_ = 0;  // of a table
  std::vector<double> mass_;
  std::vector<Sum> sums_;                       // of each source
  std::vector<std::vector<double>> marginals_;  // of each source, all tables
  std::vector<std::vector<double>> mi_;
};

}  // namespace

bool decompose_many(const ManyTables& tables, const BatchOptions& options,
                    const ManyResults& results) {
  return Decomposition(tables, options, results).run();
}

}  // namespace fastpid::cpu
