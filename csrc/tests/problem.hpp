// A table taken through marginals and presolve, and straightforward versions of what the solvers
// compute: cell by cell, with none of their factorisations.
#pragma once

#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "../core/decompose.hpp"
#include "../exec/serial.hpp"
#include "tables.hpp"

namespace fastpid::testing {

// Workspace in blocks of exactly the size asked for, so that the address sanitizer sees their ends,
// filled with NaN, so that an answer shows what was read before it was written.
class Blocks {
 public:
  void* operator()(std::size_t bytes) {
    memory_.emplace_back(static_cast<char*>(::operator new(bytes, kAlignment)));
    std::memset(memory_.back().get(), 0xff, bytes);
    return memory_.back().get();
  }

  // T::take on a block of its own.
  template <class T, class... Args>
  T carve(const Args&... args) {
    Arena count;
    T::take(count, args...);
    Arena arena((*this)(count.used()));
    return T::take(arena, args...);
  }

 private:
  static constexpr std::align_val_t kAlignment{Arena::kAlign};
  struct Free {
    void operator()(char* p) const { ::operator delete(p, kAlignment); }
  };
  std::vector<std::unique_ptr<char, Free>> memory_;
};

struct Problem {
  Table table;
  std::vector<double> xz, yz;
  TableSums sums;
  bool valid = false;
  Marginals marginals;
  KnownTerms known;
  mutable Blocks blocks;
  Presolved presolved;

  explicit Problem(const Table& t, Tolerances tolerances = {1e-15, 1e-13}, bool normalize = false)
      : table(t) {
    const Shape s = t.shape;
    xz.resize(static_cast<std::size_t>(s.nx) * s.nz);
    yz.resize(static_cast<std::size_t>(s.ny) * s.nz);
    valid = marginalize(Serial(), s, table.p.data(), normalize, 1e-6, xz.data(), yz.data(),
                        blocks.carve<MarginalWork>(s), sums);
    marginals = {s, xz.data(), yz.data()};
    if (!valid) return;
    known = known_terms(Serial(), marginals, sums);
    presolved = blocks.carve<Presolved>(s);
    presolve(Serial(), marginals, tolerances, presolved);
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  const Reduced& reduced() const { return presolved.reduced; }

  Iterate proxy_iterate() const {
    const Iterate it = blocks.carve<Iterate>(reduced());
    proxy(Serial(), reduced(), blocks.carve<ProxyWork>(reduced()), it);
    return it;
  }
};

// exp of the potentials, dense, zero off the support.
inline void exponentiate(const Side& side, const double* log, double* out) {
  for (int c = 0; c < side.count * side.target; ++c) out[c] = 0.0;
  for (int i = 0; i < side.count; ++i) {
    for (int k = side.begin(i); k < side.end(i); ++k) {
      out[i * side.target + side.idx[k]] = std::exp(log[k]);
    }
  }
}

inline bool never() { return false; }

struct Solved {
  Iterate it;
  CertificateWork certificate;
  Bounds bounds;
  int iterations = -1;
  Outcome outcome = Outcome::stalled;
};

// An iterative method from the proxy in `it`, and the best that it certified; the proxy where that
// is nothing.
template <class Method, class Stop>
Solved run(const Problem& problem, Method& method, const Iterate& it,
           const CertificateWork& certificate, double tol, int max_iter, Stop&& stop) {
  const Reduced& r = problem.reduced();
  BasicBest<double> best;
  best.iterate = problem.proxy_iterate();
  const auto end = run_method(Serial(), r, it, method, tol, max_iter, true, best, stop);
  Solved out;
  out.it = best.iterate;
  out.certificate = certificate;
  out.bounds = end.improved ? best.bounds : certify(Serial(), r, out.it, 0.02 * tol, certificate);
  out.iterations = static_cast<int>(end.iterations);
  out.outcome = static_cast<Outcome>(static_cast<int>(end.outcome));
  return out;
}

// Asked once a step with the current iterate; true interrupts.
using Watch = std::function<bool(const Iterate&, const InteriorWork&)>;

// The interior point on the reduced problem, from the proxy.
Solved newton(const Problem& problem, double tol, int max_iter = 100, const Watch& watch = nullptr);

// Calls f(i, j, k, l, z) for the cells that both sides support, k and l being their entries.
template <class F>
void for_each_cell(const Reduced& r, F&& f) {
  for (int i = 0; i < r.a.count; ++i) {
    for (int j = 0; j < r.b.count; ++j) {
      for (int k = r.a.begin(i); k < r.a.end(i); ++k) {
        for (int l = r.b.begin(j); l < r.b.end(j); ++l) {
          if (r.a.idx[k] == r.b.idx[l]) f(i, j, k, l, r.a.idx[k]);
        }
      }
    }
  }
}

// A coupling of a reduced problem with all its cells, and what is to be said about it.
struct Coupling {
  const Reduced& r;
  std::vector<double> q;

  explicit Coupling(const Reduced& reduced)
      : r(reduced), q(static_cast<std::size_t>(reduced.pairs() * reduced.a.target)) {}

  // S factor_a factor_b, the factors dense.
  Coupling(const Reduced& reduced, const double* s, const double* factor_a, const double* factor_b)
      : Coupling(reduced) {
    for_each_cell(r, [&](int i, int j, int, int, int z) {
      at(i, j, z) =
          s[i * r.b.count + j] * factor_a[i * r.a.target + z] * factor_b[j * r.b.target + z];
    });
  }

  double& at(int i, int j, int z) {
    return q[(static_cast<std::size_t>(i) * r.b.count + j) * r.a.target + z];
  }
  double at(int i, int j, int z) const { return const_cast<Coupling&>(*this).at(i, j, z); }

  // sum q log(q / q(x, y)).
  double objective() const {
    double value = 0.0;
    for (int i = 0; i < r.a.count; ++i) {
      for (int j = 0; j < r.b.count; ++j) {
        double pair = 0.0;
        for (int z = 0; z < r.a.target; ++z) pair += at(i, j, z);
        for (int z = 0; z < r.a.target; ++z) {
          if (at(i, j, z) > 0.0) value += at(i, j, z) * std::log(at(i, j, z) / pair);
        }
      }
    }
    return value;
  }

  // The marginals' excess over those of the problem, entry by entry: of a, then of b.
  std::vector<double> excess() const {
    std::vector<double> out(static_cast<std::size_t>(r.a.size + r.b.size));
    for (int k = 0; k < r.a.size; ++k) out[static_cast<std::size_t>(k)] = -r.a.mass[k];
    for (int l = 0; l < r.b.size; ++l) out[static_cast<std::size_t>(r.a.size + l)] = -r.b.mass[l];
    for_each_cell(r, [&](int i, int j, int k, int l, int z) {
      out[static_cast<std::size_t>(k)] += at(i, j, z);
      out[static_cast<std::size_t>(r.a.size + l)] += at(i, j, z);
    });
    return out;
  }

  // Adds what the marginals lack, rank one for each target symbol; nowhere more than is lacking.
  void complete() {
    std::vector<double> lack = excess();
    for (double& value : lack) value = larger(0.0, -value);
    std::vector<double> of_a(static_cast<std::size_t>(r.a.target)), of_b(of_a);
    for (int k = 0; k < r.a.size; ++k) {
      of_a[static_cast<std::size_t>(r.a.idx[k])] += lack[static_cast<std::size_t>(k)];
    }
    for (int l = 0; l < r.b.size; ++l) {
      of_b[static_cast<std::size_t>(r.b.idx[l])] += lack[static_cast<std::size_t>(r.a.size + l)];
    }
    for_each_cell(r, [&](int i, int j, int k, int l, int z) {
      const std::size_t at_z = static_cast<std::size_t>(z);
      const double mass = larger(of_a[at_z], of_b[at_z]);
      if (mass <= 0.0) return;
      at(i, j, z) +=
          lack[static_cast<std::size_t>(k)] * (lack[static_cast<std::size_t>(r.a.size + l)] / mass);
    });
  }
};

inline double largest(const std::vector<double>& values) {
  double most = -HUGE_VAL;
  for (const double value : values) most = larger(most, value);
  return most;
}

inline double total_size(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += std::fabs(value);
  return sum;
}

// max over pairs of logsumexp_z(lam + mu) after the shifts, over the common support; at most zero
// if the potentials are dual feasible.
inline double dual_violation(const Reduced& r, const double* log_a, const double* log_b,
                             const double* shift_a, const double* shift_b) {
  std::vector<double> sums(static_cast<std::size_t>(r.pairs()));
  for_each_cell(r, [&](int i, int j, int k, int l, int) {
    sums[static_cast<std::size_t>(i) * r.b.count + j] +=
        std::exp(log_a[k] + log_b[l] - (shift_a ? shift_a[k] : 0.0) - (shift_b ? shift_b[l] : 0.0));
  });
  return std::log(largest(sums));
}

// sum a lam + sum b mu.
inline double dual_value(const Reduced& r, const double* log_a, const double* log_b,
                         const double* shift_a, const double* shift_b) {
  double value = 0.0;
  const auto add = [&](const Side& side, const double* log, const double* shift) {
    for (int i = 0; i < side.count; ++i) {
      for (int k = side.begin(i); k < side.end(i); ++k) {
        value += side.mass[k] * (log[k] - (shift ? shift[k] : 0.0));
      }
    }
  };
  add(r.a, log_a, shift_a);
  add(r.b, log_b, shift_b);
  return value;
}

}  // namespace fastpid::testing
