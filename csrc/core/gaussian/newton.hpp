// Newton's method along the central path of the union problem.
//
// For tau > 0 the minimiser of f(Theta) - tau / 2 log det K lies inside the ball, and on the path
// of these minimisers gap(Theta) is some tau times the number of pairs. A step solves
//
//     H D = P_xy + tau' (K^-1)_xy,
//
// the right side being the negative gradient for the tau' that is aimed at, and H the second
// derivative for the tau that the iterate belongs to: near the path that is the step along its
// tangent, and tau' may be a hundred times smaller. With both the same it is Newton's step back to
// the path. In the basis of singular pairs K^-1 has two diagonals, with k_i = 1 / (1 - s_i^2) and
// -s_i k_i, and the second derivative along D is, with T = P + tau / 2 K^-1,
//
//     tr T dK K^-1 dK - 1/2 tr P dK P dK,   dK = [0, D; D', 0].
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>

#include "../options.hpp"
#include "objective.hpp"

namespace fastpid::gaussian {

struct NewtonWork {
  int order = 0;  // unknowns
  double* hessian = nullptr;
  double* scale = nullptr;
  double* step = nullptr;
  double* k_x = nullptr;  // diagonals of K^-1
  double* k_y = nullptr;
  double* k_xy = nullptr;

  static NewtonWork take(Arena& arena, int rx, int ry) {
    NewtonWork w;
    w.order = rx * ry;
    w.hessian = arena.take<double>(std::ptrdiff_t{w.order} * w.order);
    w.scale = arena.take<double>(w.order);
    w.step = arena.take<double>(w.order);
    w.k_x = arena.take<double>(rx);
    w.k_y = arena.take<double>(ry);
    w.k_xy = arena.take<double>(rx);
    return w;
  }
};

struct NewtonEnd {
  Status status = Status::stalled;
  int iterations = 0;
  double lower = -HUGE_VAL;  // of min f
  double upper = HUGE_VAL;
};

template <class Exec, class Stop>
class Newton {
 public:
  Newton(const Exec& exec, const Pair& pair, const Bench& bench, const NewtonWork& work,
         Point& point, Point& trial, Stop& stop)
      : exec_(exec),
        pair_(pair),
        bench_(bench),
        w_(work),
        point_(point),
        trial_(trial),
        stop_(stop) {}

  // Starts at Theta = 0; the last point is left in `point`.
  NewtonEnd run(double tol, int max_iter) {
    NewtonEnd end;
    start(pair_, point_);
    if (!evaluate(pair_, bench_, point_)) return end;
    // Less than this leaves the gap at a fraction of tol.
    const double enough = 0.3 * tol / pair_.rx;
    tau_ = std::fmax(kFirst * nuclear_norm(pair_, bench_, point_) / pair_.rx, enough);
    bool recentred = false;
    int idle = 0;  // steps at the end of the path, where rounding alone is left to move the iterate
    for (;; ++end.iterations) {
      if (look(std::fmax(tol, kWorth), end) <= tol) {
        end.status = Status::converged;
        break;
      }
      if (end.iterations == max_iter) {
        end.status = Status::max_iterations;
        break;
      }
      if (stop_()) {
        end.status = Status::interrupted;
        return end;
      }
      if (!factorise()) break;
      // With 1 - s_i = tau / 2 p_ii, rounding moves q_i by eps / (1 - s_i) and the gap by the
      // square of that, which would be more than tau below this.
      const double least = point_.s[0] > kTied ? std::fmax(enough, kFloor) : enough;
      // The Newton decrement, in units in which the path is a ball of radius one.
      const double away = std::sqrt(std::fmax(solve(tau_), 0.0) / tau_);
      if (tau_ <= least && away < kClose && ++idle > kIdle) break;
      double aim = tau_;
      if (away < kNear && !recentred) aim = std::fmax(tau_ * (away < kClose ? kFar : kStep), least);
      const double slope = aim < tau_ ? solve(aim) : away * away * tau_;
      const double share = search(aim, slope);
      if (share > 0.0) {
        std::swap(point_, trial_);
        tau_ += share * (aim - tau_);
        recentred = false;
      } else if (!recentred) {
        recentred = true;  // a step back to the path before the next along it
      } else {
        break;
      }
    }
    if (end.status != Status::converged) look(HUGE_VAL, end);
    return end;
  }

 private:
  static constexpr double kFirst = 0.3, kNear = 1.0, kClose = 0.25, kStep = 0.1, kFar = 0.01;
  // Gaps that are worth being told: the last ones may be no better, for rounding.
  static constexpr double kWorth = 1e-8;
  static constexpr double kTied = 1.0 - 1e-6, kFloor = 1e-11;
  static constexpr int kIdle = 5;

  double look(double enough, NewtonEnd& end) {
    const double now = gap(pair_, bench_, point_, enough);
    end.upper = std::fmin(end.upper, point_.f);
    if (now < HUGE_VAL) end.lower = std::fmax(end.lower, point_.f - now);
    return now;
  }

  double barrier(const Point& point, double tau) const {
    double sum = 0.0;
    for (int i = 0; i < pair_.rx; ++i) sum += std::log1p(-point.s[i]) + std::log1p(point.s[i]);
    return point.f - 0.5 * tau * sum;
  }

  // The Cholesky factor of the second derivative, its diagonal scaled to one: directions differ by
  // many orders of magnitude where s_i is near 1.
  bool factorise() {
    const int rx = pair_.rx, ry = pair_.ry, order = w_.order;
    for (int j = 0; j < ry; ++j) w_.k_y[j] = 1.0;
    for (int i = 0; i < rx; ++i) {
      const double s = point_.s[i];
      w_.k_x[i] = w_.k_y[i] = 1.0 / ((1.0 - s) * (1.0 + s));
      w_.k_xy[i] = -s * w_.k_x[i];
    }
    const double *p_xx = point_.p_xx, *p_xy = point_.p_xy, *p_yy = point_.p_yy;
    const double half = 0.5 * tau_;
    // The part at and right of the diagonal, row by row: to the algebra, columns of the lower part.
    for (int i = 0; i < rx; ++i) {
      for (int j = 0; j < ry; ++j) {
        double* row = w_.hessian + std::ptrdiff_t{i * ry + j} * order;
        for (int k = i; k < rx; ++k) {
          const double x = p_xx[i * rx + k], y = p_xy[k * ry + j];
          const double *across = p_yy + j * ry, *along = p_xy + i * ry;
          double* out = row + k * ry;
          for (int l = 0; l < ry; ++l) out[l] = -(x * across[l] + y * along[l]);
          out[j] += (x + (k == i ? half * w_.k_x[i] : 0.0)) * w_.k_y[j];
        }
        double* own = row + i * ry;
        for (int l = j; l < ry; ++l) own[l] += p_yy[j * ry + l] * w_.k_x[i];
        own[j] += half * w_.k_y[j] * w_.k_x[i];
      }
    }
    for (int k = 0; k < rx; ++k) {
      for (int i = 0; i < rx; ++i) {
        for (int j = 0; j < ry; ++j) {
          const int one = k * ry + j, two = i * ry + k;
          const double t = p_xy[i * ry + j] + (i == j ? half * w_.k_xy[i] : 0.0);
          const double value = t * w_.k_xy[k] * (one == two ? 2.0 : 1.0);
          w_.hessian[std::ptrdiff_t{std::min(one, two)} * order + std::max(one, two)] += value;
        }
      }
    }
    for (int i = 0; i < order; ++i) {
      const double diagonal = w_.hessian[std::ptrdiff_t{i} * order + i];
      if (!(diagonal > 0.0)) return false;
      w_.scale[i] = 1.0 / std::sqrt(diagonal);
    }
    for (int i = 0; i < order; ++i) {
      double* row = w_.hessian + std::ptrdiff_t{i} * order;
      for (int j = i; j < order; ++j) row[j] *= w_.scale[i] * w_.scale[j];
      row[i] += kRounding;
    }
    return exec_.cholesky(w_.hessian, order, order);
  }

  // The step for tau', and its product with the right side.
  double solve(double aim) {
    const int rx = pair_.rx, ry = pair_.ry;
    const auto right = [&](int i, int j) {
      return point_.p_xy[i * ry + j] + (i == j ? aim * w_.k_xy[i] : 0.0);
    };
    for (int i = 0; i < rx; ++i) {
      for (int j = 0; j < ry; ++j) w_.step[i * ry + j] = right(i, j) * w_.scale[i * ry + j];
    }
    exec_.solve(w_.hessian, w_.order, w_.order, w_.step);
    double product = 0.0;
    for (int i = 0; i < rx; ++i) {
      for (int j = 0; j < ry; ++j) {
        w_.step[i * ry + j] *= w_.scale[i * ry + j];
        product += w_.step[i * ry + j] * right(i, j);
      }
    }
    return product;
  }

  // The share of the step that is made, to `trial`: the largest tried that leaves some of the
  // distance to the boundary and lowers the objective of tau'; zero if there is none.
  double search(double aim, double slope) {
    constexpr double kLeast = 1e-8, kShorter = 0.8, kDistance = 0.1, kSlope = 1e-4;
    const int rx = pair_.rx, ry = pair_.ry;
    const double before = barrier(point_, aim);
    const double rounding = 4e-15 * (pair_.d + std::fabs(point_.f));  // of a sum of logarithms
    const double distance = kDistance * (1.0 - point_.s[0]) * aim / tau_;
    for (double share = 1.0; share > kLeast; share *= kShorter) {
      std::copy(point_.a, point_.a + rx * (pair_.d + rx), trial_.a);
      std::copy(point_.b, point_.b + ry * (pair_.d + ry), trial_.b);
      for (int c = 0; c < w_.order; ++c) bench_.theta[c] = share * w_.step[c];
      for (int i = 0; i < rx; ++i) bench_.theta[i * ry + i] += point_.s[i];
      turn(pair_, bench_, trial_);
      if (!(1.0 - trial_.s[0] > distance) || !evaluate(pair_, bench_, trial_)) continue;
      if (barrier(trial_, aim) <= before - kSlope * share * slope + rounding) return share;
    }
    return 0.0;
  }

  static constexpr double kRounding = 1e-14;
  const Exec& exec_;
  const Pair& pair_;
  const Bench& bench_;
  const NewtonWork& w_;
  Point& point_;
  Point& trial_;
  Stop& stop_;
  double tau_ = 0.0;
};

}  // namespace fastpid::gaussian
