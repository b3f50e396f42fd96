// One problem of M sources, from its marginals to its bracket.
#pragma once

#include "../options.hpp"
#include "binary_target.hpp"
#include "interior_point.hpp"
#include "mirror_descent.hpp"
#include "reduction.hpp"

namespace fastpid::many {

// Tuples times target symbols, after the reductions, that anything is tried for: arrays of 0.8 GB.
constexpr double kMostCells = 1e8;

struct Answer {
  double lower = NAN, upper = NAN;  // of the union information, nats
  int iterations = 0;
  Status status = Status::bracket;
  Method method = Method::proxy;
};

// Returns H(Z); I(X_i; Z) of every source goes to `mi`.
inline double known_terms(const Sources& s, const double* a, double* mi) {
  double h_z = 0.0;
  for (int i = 0; i < s.count; ++i) {
    double cells = 0.0, rows = 0.0, h = 0.0;
    for (std::ptrdiff_t c = s.first[i]; c < s.first[i + 1]; c += s.target) {
      double row = 0.0;
      for (int z = 0; z < s.target; ++z) {
        row += a[c + z];
        cells += xlogx(a[c + z]);
      }
      rows += xlogx(row);
    }
    for (int z = 0; z < s.target; ++z) {
      double p_z = 0.0;
      for (std::ptrdiff_t c = s.first[i] + z; c < s.first[i + 1]; c += s.target) p_z += a[c];
      h -= xlogx(p_z);
    }
    mi[i] = larger(0.0, cells - rows + h);
    if (i == 0) h_z = h;
  }
  return h_z;
}

// The bytes that the interior point takes.
inline double newton_bytes(const Problem& p) {
  Arena arena;
  InteriorWork::take(arena, p);
  return static_cast<double>(arena.used());
}

template <class Exec, class Room, class Stop>
class Solver {
 public:
  // `potentials` receives those of the given problem, by its cells.
  Solver(const Exec& exec, const Sources& given, const double* a, const Options& options,
         Room& room, Stop& stop, double* potentials)
      : exec_(exec),
        given_(given),
        a_(a),
        options_(options),
        room_(room),
        stop_(stop),
        best_(potentials) {}

  Answer solve(double* mi) {
    const double h_z = known_terms(given_, a_, mi);
    reduction_ = carve<Reduction>(room_, given_);
    const Tolerances limits = tolerances(options_.tol, given_);
    keep_targets(given_, a_, limits.negligible, reduction_);
    const bool closed = reduction_.kept <= 2;
    if (options_.method == Method::exact && !closed) {
      answer_.status = Status::not_exact;
    } else if (reduction_.kept == 2 &&
               (options_.method == Method::automatic || options_.method == Method::exact)) {
      solve_binary();
    } else {
      reduce(given_, a_, limits, reduction_);
      solve_tuples();
    }
    bracket(h_z, mi);
    return answer_;
  }

  // A coupling (given tuples x target) behind the upper bound of the last iterate, but for the
  // little that its marginals miss; to be asked for after solve() by an iterative method.
  void coupling(double* q) {
    const Problem& p = reduction_.problem;
    upper_bound(p, it_, tuning::Certificate::kEnoughShare * options_.tol,
                tuning::Certificate::kSweeps, certificate_);
    products(p, certificate_.factor, certificate_.e, nullptr);
    expand_coupling(given_, reduction_, it_.s, certificate_.e, q);
  }

 private:
  using Tuned = tuning::Strategy;

  void solve_binary() {
    const auto work = carve<BinaryWork>(room_, given_);
    int z[2] = {0, 0};
    for (int k = 0; k < given_.target; ++k) {
      if (reduction_.target[k] >= 0) z[reduction_.target[k]] = k;
    }
    for (std::ptrdiff_t c = 0; c < given_.cells(); ++c) best_[c] = kFloor / given_.count;
    bounds_.upper = binary_target(exec_, given_, a_, z, work, best_);
    const double move = largest_constraint(exec_, given_, best_, z, work);
    for (std::ptrdiff_t c = 0; c < given_.first[1]; c += given_.target) {
      for (int side = 0; side < 2; ++side) best_[c + z[side]] -= move;
    }
    bounds_.lower = 0.0;
    for (std::ptrdiff_t c = 0; c < given_.cells(); ++c) {
      if (a_[c] > 0.0) bounds_.lower += a_[c] * best_[c];
    }
    answer_.method = Method::exact;
    answer_.status = Status::converged;
  }

  void solve_tuples() {
    const Problem& p = reduction_.problem;
    if (p.sources.tuples() * p.target() > kMostCells || p.sources.count > Odometer::kMostSources) {
      answer_.status = Status::too_many_tuples;
      return;
    }
    for (std::ptrdiff_t c = 0; c < given_.cells(); ++c) best_[c] = kFloor;  // which are feasible
    it_ = carve<Iterate>(room_, p);
    certificate_ = carve<CertificateWork>(room_, p);
    found_ = static_cast<double*>(room_(sizeof(double) * static_cast<std::size_t>(given_.cells())));
    proxy();
    certify_now(0);
    answer_.method = Method::proxy;
    if (bounds_.gap() <= options_.tol || options_.method == Method::proxy) {
      answer_.status = Status::bracket;
      return;
    }
    const bool newton = options_.method == Method::newton ||
                        (options_.method == Method::automatic &&
                         newton_bytes(p) <= Tuned::kNewtonBytes && newton_is_quick(p));
    if (newton) {
      iterate_newton();
    } else {
      iterate_descent();
    }
  }

  // Whether the interior point's dense algebra is worth it.
  bool newton_is_quick(const Problem& p) const {
    const double order = static_cast<double>(SystemWork::support(p, p.sources.first[1], p.cells()));
    const double rows = static_cast<double>(SystemWork::support(p, 0, p.sources.first[1]));
    return order * order * (order / 3.0 + rows) <= kMostFlops;
  }

  void proxy() {
    const Problem& p = reduction_.problem;
    const Sources& s = p.sources;
    const int target = s.target;
    double* rows = certificate_.factor;  // scratch, the masses of all symbols
    for (int z = 0; z < target; ++z) {
      double p_z = 0.0;
      for (std::ptrdiff_t c = z; c < s.first[1]; c += target) p_z += p.mass[c];
      certificate_.of_q[z] = p_z;
    }
    for (std::ptrdiff_t row = 0; row < p.cells() / target; ++row) {
      rows[row] = 0.0;
      for (int z = 0; z < target; ++z) rows[row] += p.mass[row * target + z];
    }
    for (std::ptrdiff_t c = 0; c < p.cells(); ++c) {
      const double posterior = p.mass[c] / rows[c / target];
      it_.factor[c] = c < s.first[1] ? posterior : posterior / certificate_.of_q[c % target];
      it_.log[c] = it_.factor[c] > 0.0 ? std::log(it_.factor[c]) : 0.0;
    }
    it_.s[0] = 1.0;
    std::ptrdiff_t tuples = 1;
    for (int i = 0; i < s.count; ++i) {
      const std::ptrdiff_t n = s.symbols[i];
      const double* mass = rows + s.first[i] / target;
      for (std::ptrdiff_t t = tuples - 1; t >= 0; --t) {
        const double left = it_.s[t];
        for (std::ptrdiff_t x = n - 1; x >= 0; --x) it_.s[t * n + x] = left * mass[x];
      }
      tuples *= n;
    }
  }

  // Any iterate's bounds are true, and the better ones are kept. Returns the gap of this one.
  double certify_now(int sweeps) {
    const Bounds bounds =
        certify(reduction_.problem, it_, tuning::Certificate::kEnoughShare * options_.tol, sweeps,
                certificate_);
    bounds_.upper = smaller(bounds_.upper, bounds.upper);
    double lower = -HUGE_VAL;
    if (bounds.lower > -HUGE_VAL) {
      lower = expand(given_, a_, reduction_, it_, certificate_.shift, found_);
      if (lower > bounds_.lower) {
        bounds_.lower = lower;
        for (std::ptrdiff_t c = 0; c < given_.cells(); ++c) best_[c] = found_[c];
      }
    }
    return bounds.upper - lower;
  }

  // The interior point's iterates are certified where the gap is about tol and where progress ends.
  void iterate_newton() {
    using Point = tuning::InteriorPoint;
    answer_.method = Method::newton;
    const Problem& p = reduction_.problem;
    const auto work = carve<InteriorWork>(room_, p);
    InteriorPoint<Exec> point(exec_, p, work, it_, options_.tol);
    point.start();
    const int most = options_.max_iter > 0 ? options_.max_iter : Tuned::kNewtonSteps;
    const double near = Point::kPlausible * larger(options_.tol, Point::kNearRounding);
    double least_merit = HUGE_VAL, least_gap = HUGE_VAL, in_vain = 0.0;
    answer_.status = Status::max_iterations;
    while (answer_.iterations < most) {
      if (stop_()) {
        answer_.status = Status::interrupted;
        return;
      }
      const bool moved = point.step();
      if (!moved) {
        answer_.status = Status::stalled;
        certify_now(tuning::Certificate::kSweeps);
        return;
      }
      ++answer_.iterations;
      const double merit = point.merit();
      const bool finite = merit < HUGE_VAL;
      in_vain = merit < Point::kProgress * least_merit ? 0.0 : in_vain + 1.0;
      least_merit = smaller(least_merit, merit);
      if (!finite || in_vain > Point::kPatience) {
        answer_.status = Status::stalled;
        return;
      }
      if (point.complement() <= near || in_vain >= Point::kUneasy || answer_.iterations == most) {
        const double gap = certify_now(tuning::Certificate::kSweeps);
        if (bounds_.gap() <= options_.tol) {
          answer_.status = Status::converged;
          return;
        }
        if (gap < Point::kProgress * least_gap) in_vain = 0.0;
        least_gap = smaller(least_gap, gap);
      }
    }
  }

  void iterate_descent() {
    answer_.method = Method::gradient;
    const Problem& p = reduction_.problem;
    const auto work = carve<MirrorWork>(room_, p);
    MirrorDescent descent(p, work, it_);
    const int most = options_.max_iter > 0 ? options_.max_iter : Tuned::kGradientSteps;
    answer_.status = Status::max_iterations;
    int next = 4;
    while (answer_.iterations < most) {
      if (stop_()) {
        answer_.status = Status::interrupted;
        return;
      }
      descent.step();
      if (++answer_.iterations < next && answer_.iterations < most) continue;
      next = answer_.iterations + answer_.iterations / 4 + 1;
      certify_now(tuning::Certificate::kDescentSweeps);
      if (bounds_.gap() <= options_.tol) {
        answer_.status = Status::converged;
        return;
      }
    }
  }

  // From the bounds on F to those of H(Z) + F, and the inequalities max I(X_i; Z) <= I_union <= sum
  // of all I(X_i; Z); these alone where the bounds contradict them or one another by more than
  // rounding.
  void bracket(double h_z, const double* mi) {
    double least = 0.0, most = 0.0;
    for (int i = 0; i < given_.count; ++i) {
      least = larger(least, mi[i]);
      most += mi[i];
    }
    most = larger(least, smaller(most, h_z));
    const double cells = static_cast<double>(given_.cells());
    const double rounding = 1e-15 * cells * (1.0 + std::log(cells));
    answer_.lower = larger(h_z + bounds_.lower, least);
    answer_.upper = smaller(h_z + bounds_.upper, most);
    if (!(answer_.lower <= answer_.upper + rounding)) {
      answer_.lower = least;
      answer_.upper = most;
    }
    if (answer_.lower > answer_.upper) {  // by rounding: both stay inside the inequalities
      const double middle = 0.5 * (answer_.lower + answer_.upper);
      answer_.lower = answer_.upper = clamp(middle, least, most);
    }
    const bool close = answer_.upper - answer_.lower <= options_.tol;
    if (answer_.status >= Status::not_exact) return;
    if (close) {
      answer_.status = Status::converged;
    } else if (answer_.status == Status::converged) {
      answer_.status = Status::stalled;
    }
  }

  static constexpr double kMostFlops = 2e10;  // a step of some seconds

  const Exec& exec_;
  const Sources& given_;
  const double* a_;
  const Options& options_;
  Room& room_;
  Stop& stop_;
  double* best_;             // potentials of the best lower bound
  double* found_ = nullptr;  // those of the last one
  Reduction reduction_;
  Iterate it_;
  CertificateWork certificate_;
  Bounds bounds_;
  Answer answer_;
};

}  // namespace fastpid::many
