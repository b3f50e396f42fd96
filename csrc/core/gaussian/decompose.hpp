// One covariance, from its entries to its bracket and, if wanted, to the solution behind it.
#pragma once

#include <cmath>
#include <cstddef>

#include "../answer.hpp"
#include "channels.hpp"
#include "covariance.hpp"
#include "degraded.hpp"
#include "newton.hpp"
#include "objective.hpp"
#include "solution.hpp"

namespace fastpid::gaussian {

constexpr int kMaxIterations = 100;

// Workspace for everything but the union problem.
struct Work {
  Covariance covariance;
  Triangle x, y;
  double* stack = nullptr;  // d x (d + m + n)
  double* diag = nullptr;
  double* tau = nullptr;

  static Work take(Arena& arena, Sizes z) {
    Work w;
    w.covariance = Covariance::take(arena, z);
    w.x = Triangle::take(arena, z.m, z.d);
    w.y = Triangle::take(arena, z.n, z.d);
    w.stack = arena.take<double>(std::ptrdiff_t{z.d} * z.total());
    w.diag = arena.take<double>(z.d);
    w.tau = arena.take<double>(z.d);
    return w;
  }
};

// Workspace for the union problem of rx <= ry rows, and its answer.
struct UnionWork {
  Pair pair;
  bool swapped = false;       // the first channel of the pair is Y
  double* columns = nullptr;  // (d + rx + ry) x d
  double* n = nullptr;
  double* row = nullptr;
  Bench bench;
  DegradedWork degraded;
  Point point, trial;

  static UnionWork take(Arena& arena, int rx, int ry, int d) {
    UnionWork w;
    w.columns = arena.take<double>(std::ptrdiff_t{d + rx + ry} * d);
    w.n = arena.take<double>(std::ptrdiff_t{d} * d);
    w.row = arena.take<double>(d);
    w.bench = Bench::take(arena, rx, ry, d);
    w.degraded = DegradedWork::take(arena, ry, d);
    w.point = Point::take(arena, rx, ry, d);
    w.trial = Point::take(arena, rx, ry, d);
    return w;
  }
};

template <class Exec, class Room>
class Task {
 public:
  Task(const Options& options, Sizes sizes, Room& room)
      : sizes_(sizes), options_(options), room_(room) {}

  // Decomposes cov, total x total, in the order X, Y, Z. room_ gives workspace until the next call.
  template <class Stop>
  void run(const double* cov, Stop&& stop) {
    w_ = carve<Work>(room_, sizes_);
    Covariance& c = w_.covariance;
    answer_ = {};
    answer_.status = Status::invalid;
    if (!c.read(cov)) return;
    const int d = c.z.rank;
    w_.x.fill(c.x.h, c.x.noise.rank, d);
    w_.y.fill(c.y.h, c.y.noise.rank, d);
    known_.mi_x = log_det(w_.x.r, w_.x.rank, d, w_.stack, w_.diag, w_.tau);
    known_.mi_y = log_det(w_.y.r, w_.y.rank, d, w_.stack, w_.diag, w_.tau);
    known_.mi_xy = log_det(c.both, c.rank_both(), d, w_.stack, w_.diag, w_.tau);
    // Rounding has its share of tol. Where that is not enough, the bounds are wider by it.
    const double noise = c.rounding(), tol = options_.tol;
    unite(std::fmax(tol - noise, 0.5 * std::fmax(tol, noise)), stop);
    if (answer_.bounds.gap() + noise > tol) {
      answer_.bounds.lower -= noise;
      answer_.bounds.upper += noise;
    }
  }

  const Answer& answer() const { return answer_; }
  const KnownTerms& known() const { return known_; }
  // By how much the bounds may cross and mean no more than rounding.
  double rounding() const {
    constexpr double kSums = 1e-12;
    return 4.0 * w_.covariance.rounding() + kSums;
  }

  // The solution behind the answer, by which its bounds can be checked; NaN for what is no
  // covariance. Only after run() with options.solution.
  void write_solution(const SolutionParts& out) {
    if (answer_.status == Status::invalid) return out.fill(sizes_, NAN);
    Solution(sizes_, w_.covariance, w_.x, w_.y, u_.swapped, u_.pair, u_.point, w_.stack, w_.diag,
             room_)
        .write(out);
  }

 private:
  // The union information, of which answer_ gets the bounds.
  template <class Stop>
  void unite(double tol, Stop&& stop) {
    const int d = w_.covariance.z.rank;
    const double least = larger(known_.mi_x, known_.mi_y);
    known_.h_z = 0.0;
    answer_.method = Method::exact;
    answer_.status = Status::converged;
    answer_.bounds.lower = answer_.bounds.upper = least;
    // Of two channels of a scalar one is always a degraded version of the other.
    const bool known = d <= 1 || w_.x.rank == 0 || w_.y.rank == 0;
    if (known && !options_.solution) return;

    const bool swapped = w_.x.rank > w_.y.rank;
    const Triangle &first = swapped ? w_.y : w_.x, &second = swapped ? w_.x : w_.y;
    u_ = carve<UnionWork>(room_, first.rank, second.rank, d);
    u_.swapped = swapped;
    normalise(first, second);
    const bool reverse = (known_.mi_x < known_.mi_y) != swapped;
    const double margin = std::fmax(0.1 * tol / std::max(first.rank, 1), 1e-14);
    const auto is_degraded = [&](bool which) {
      return first.rank > 0 && degrade(u_.pair, u_.bench, u_.degraded, which, margin, u_.point);
    };
    // Equals are degraded versions of one another, but one may have rows to spare.
    const bool equal = std::fabs(known_.mi_x - known_.mi_y) <= tol;
    const bool degraded = is_degraded(reverse) || (equal && is_degraded(!reverse));
    if (known) {
      if (!degraded) {  // neither says anything
        start(u_.pair, u_.point);
        evaluate(u_.pair, u_.bench, u_.point);
      }
      return;
    }
    if (degraded) {
      const double upper = log_det_ + u_.point.f;
      if (upper - least <= tol) {
        answer_.bounds.upper = std::fmax(upper, least);
        return;
      }
    }
    const auto work = carve<NewtonWork>(room_, first.rank, second.rank);
    Newton newton(exec_, u_.pair, u_.bench, work, u_.point, u_.trial, stop);
    const NewtonEnd end =
        newton.run(tol, options_.max_iter > 0 ? options_.max_iter : kMaxIterations);
    answer_.method = Method::newton;
    answer_.status = end.status;
    answer_.iterations = end.iterations;
    answer_.bounds.lower = log_det_ + end.lower;
    answer_.bounds.upper = log_det_ + end.upper;
  }

  // The reduced problem of two triangles (channels.hpp).
  void normalise(const Triangle& first, const Triangle& second) {
    const int d = w_.covariance.z.rank, rx = first.rank, ry = second.rank, all = d + rx + ry;
    // The rows of both, one after the other, where the answer's columns will be.
    std::copy(first.r, first.r + rx * d, u_.columns);
    std::copy(second.r, second.r + ry * d, u_.columns + rx * d);
    log_det_ = log_det(u_.columns, rx + ry, d, w_.stack, w_.diag, w_.tau);
    std::fill(u_.columns, u_.columns + all * d, 0.0);
    for (int j = 0; j < d; ++j) u_.columns[j * d + j] = 1.0;
    multiply(w_.stack, d, all, w_.tau, u_.columns, d, u_.row);
    for (int i = 0; i < d; ++i) {
      for (int j = 0; j < d; ++j) {
        double sum = 0.0;
        for (int r = 0; r < d; ++r) sum += u_.columns[r * d + i] * u_.columns[r * d + j];
        u_.n[i * d + j] = sum;
      }
    }
    u_.pair = {rx, ry, d, u_.n, u_.columns + d * d, u_.columns + (d + rx) * d};
  }

  const Exec exec_{};
  const Sizes sizes_;
  const Options options_;
  Room& room_;
  Work w_;
  UnionWork u_;
  Answer answer_;
  KnownTerms known_;
  double log_det_ = 0.0;
};

}  // namespace fastpid::gaussian
