// One problem of M sources, from its marginals to its bracket.
#pragma once

#include "../options.hpp"
#include "binary_target.hpp"
#include "reduction.hpp"
#include "strategy.hpp"

namespace fastpid::many {

// Tuples times target symbols, after the reductions, that anything is tried for: arrays of 0.8 GB.
constexpr double kMostCells = 1e8;

struct Answer {
  double lower = NAN, upper = NAN;  // of the union information, nats
  int iterations = 0;
  Status status = Status::bracket;
  Method method = Method::proxy;
};

// Returns H(Z); I(X_i; Z) of every source goes to `mi`. Both are times the total where that is not
// quite one, as F is.
FASTPID_HD inline double known_terms(const Sources& s, const double* a, double* mi) {
  double h_z = 0.0;
  for (int i = 0; i < s.count; ++i) {
    double cells = 0.0, rows = 0.0, h = 0.0, total = 0.0;
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
      total += p_z;
    }
    h += xlogx(total);
    mi[i] = larger(0.0, cells - rows + h);
    if (i == 0) h_z = h;
  }
  return h_z;
}

// A problem on its way to an answer: begin(), then, unless that answered, iterate() or a strategy
// that is run elsewhere, and conclude(). `room(bytes)` returns workspace that lives as long as the
// solver does.
template <class Exec>
class Solver {
 public:
  // `mi` receives I(X_i; Z) of every source, `potentials` those of the given problem, by its cells.
  FASTPID_HD Solver(const Exec& exec, const Sources& given, const double* a, const Options& options,
                    double* mi, double* potentials)
      : exec_(exec), given_(given), a_(a), options_(options), mi_(mi), potentials_(potentials) {}

  // Reduces the problem, and answers where there is a closed form (or should have been one).
  template <class Room>
  FASTPID_HD bool begin(Room&& room) {
    h_z_ = known_terms(given_, a_, mi_);
    reduction_ = carve<Reduction>(room, given_);
    const Tolerances limits = tolerances(options_.tol, given_);
    keep_targets(given_, a_, limits.negligible, reduction_);
    const bool closed = reduction_.kept <= 2;
    if (options_.method == Method::exact && !closed) {
      answer_.status = Status::not_exact;
    } else if (reduction_.kept == 2 &&
               (options_.method == Method::automatic || options_.method == Method::exact)) {
      solve_binary(room);
    } else {
      reduce(given_, a_, limits, reduction_);
      const Problem& p = reduction_.problem;
      if (p.sources.tuples() * p.target() <= kMostCells &&
          p.sources.count <= Odometer::kMostSources) {
        for (std::ptrdiff_t c = 0; c < given_.cells(); ++c) potentials_[c] = kFloor;  // feasible
        it_ = carve<Iterate>(room, p);
        certificate_ = carve<CertificateWork>(room, p);
        return false;
      }
      answer_.status = Status::too_many_tuples;
    }
    bracket();
    return true;
  }

  // Solves what begin() left. `stop()` says that the user wants out.
  template <class Room, class Stop>
  FASTPID_HD void iterate(Room&& room, Stop&& stop) {
    const Problem& p = reduction_.problem;
    const auto work = carve<BasicProxyWork<double>>(room, p);
    Strategy<Exec, double> strategy(exec_, p, work, certificate_, it_, options_, negligible());
    conclude(strategy.run(room, stop));
  }

  // Takes what a strategy found on problem(), and the iterate behind it in iterate().
  FASTPID_HD void conclude(const BasicFound<double>& found) {
    const auto outcome = static_cast<Outcome>(static_cast<int>(found.outcome));
    answer_.method = static_cast<Method>(static_cast<int>(found.method));
    answer_.iterations = static_cast<int>(found.iterations);
    answer_.status = outcome == Outcome::max_iterations ? Status::max_iterations
                     : outcome == Outcome::interrupted  ? Status::interrupted
                     : outcome == Outcome::bracketed    ? Status::bracket
                                                        : Status::stalled;
    bounds_.upper = found.bounds.upper;
    if (lower_bound(exec_, reduction_.problem, it_, certificate_) > -HUGE_VAL) {
      bounds_.lower = expand(given_, a_, reduction_, it_, certificate_.shift, potentials_);
    }
    bracket();
  }

  // A gap within rounding is as good as it gets.
  FASTPID_HD double negligible() const {
    const double cells = static_cast<double>(given_.cells());
    return 1e-15 * cells * (1.0 + std::log(cells));
  }

  FASTPID_HD const Options& options() const { return options_; }
  FASTPID_HD const Problem& problem() const { return reduction_.problem; }
  FASTPID_HD const Iterate& iterate() const { return it_; }
  FASTPID_HD const Answer& answer() const { return answer_; }

  // A coupling (given tuples x target) behind the upper bound of the iterate, but for the little
  // that its marginals miss; to be asked for after an iterative method. `room` gives workspace.
  template <class Room>
  FASTPID_HD void coupling(Room&& room, double* q) {
    const Problem& p = reduction_.problem;
    upper_bound(exec_, p, it_, tuning::Certificate::kEnoughShare * options_.tol, certificate_,
                tuning::Certificate::kSweeps, true);
    const std::ptrdiff_t cells = p.tuples() * p.target();
    auto* e = static_cast<double*>(room(sizeof(double) * static_cast<std::size_t>(cells)));
    products(p.sources, p.sources.count, certificate_.factor, e, TargetSize<0>(p.target()));
    expand_coupling(given_, reduction_, it_.s, e, q);
  }

 private:
  template <class Room>
  FASTPID_STAGE void solve_binary(Room&& room) {
    const auto work = carve<BinaryWork>(room, given_);
    int z[2] = {0, 0};
    for (int k = 0; k < given_.target; ++k) {
      if (reduction_.target[k] >= 0) z[reduction_.target[k]] = k;
    }
    double* lam = potentials_;
    for (std::ptrdiff_t c = 0; c < given_.cells(); ++c) lam[c] = kFloor / given_.count;
    bounds_.upper = binary_target(exec_, given_, a_, z, work, lam);
    const double move = largest_constraint(exec_, given_, lam, z, work);
    for (std::ptrdiff_t c = 0; c < given_.first[1]; c += given_.target) {
      for (int side = 0; side < 2; ++side) lam[c + z[side]] -= move;
    }
    bounds_.lower = 0.0;
    for (std::ptrdiff_t c = 0; c < given_.cells(); ++c) {
      if (a_[c] > 0.0) bounds_.lower += a_[c] * lam[c];
    }
    answer_.method = Method::exact;
    answer_.status = Status::converged;
  }

  // From the bounds on F to those of H(Z) + F, and the inequalities max I(X_i; Z) <= I_union <= sum
  // of all I(X_i; Z); these alone where the bounds contradict them or one another by more than
  // rounding.
  FASTPID_STAGE void bracket() {
    double least = 0.0, most = 0.0;
    for (int i = 0; i < given_.count; ++i) {
      least = larger(least, mi_[i]);
      most += mi_[i];
    }
    most = larger(least, smaller(most, h_z_));
    answer_.lower = larger(h_z_ + bounds_.lower, least);
    answer_.upper = smaller(h_z_ + bounds_.upper, most);
    if (!(answer_.lower <= answer_.upper + negligible())) {
      answer_.lower = least;
      answer_.upper = most;
    }
    if (answer_.lower > answer_.upper) {  // by rounding: both stay inside the inequalities
      const double middle = 0.5 * (answer_.lower + answer_.upper);
      answer_.lower = answer_.upper = clamp(middle, least, most);
    }
    if (answer_.status >= Status::not_exact) return;
    if (answer_.upper - answer_.lower <= options_.tol) {
      answer_.status = Status::converged;
    } else if (answer_.status == Status::converged) {
      answer_.status = Status::stalled;
    }
  }

  const Exec& exec_;
  const Sources& given_;
  const double* a_;
  const Options& options_;
  double *mi_, *potentials_;
  double h_z_ = 0.0;
  Reduction reduction_;
  Iterate it_;
  CertificateWork certificate_;
  Bounds bounds_;
  Answer answer_;
};

}  // namespace fastpid::many
