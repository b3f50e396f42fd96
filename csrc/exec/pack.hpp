// kLanes doubles, one of each of as many problems, that the solvers take for one number: arithmetic
// acts lane by lane, so what one problem computes does not depend on its neighbours.
#pragma once

#include "../core/numerics.hpp"
#include "../core/views.hpp"
#include "vector.hpp"

#if defined(__GNUC__) && !defined(FASTPID_ONE_LANE)

namespace fastpid {

// Target: the number of target symbols of the problems, 0 if that is not known in advance.
template <int Target>
class Pack {
 public:
  class Mask {
   public:
    Mask() = default;
    Mask(bool all) : bits_(Bits{} - (all ? 1 : 0)) {}
    explicit Mask(Bits bits) : bits_(bits) {}

    Bits bits() const { return bits_; }
    bool operator[](int lane) const { return bits_[lane] != 0; }

    friend Mask operator&(Mask x, Mask y) { return Mask(x.bits_ & y.bits_); }
    friend Mask operator|(Mask x, Mask y) { return Mask(x.bits_ | y.bits_); }
    friend Mask operator!(Mask x) { return Mask(~x.bits_); }
    friend bool any(Mask x) {
      long long found = 0;
      for (int lane = 0; lane < kLanes; ++lane) found |= x.bits_[lane];
      return found != 0;
    }
    friend bool all(Mask x) { return !any(!x); }

   private:
    Bits bits_;
  };

  Pack() = default;
  Pack(double value) : v_(Vector{} + value) {}
  explicit Pack(Vector v) : v_(v) {}

  double operator[](int lane) const { return v_[lane]; }
  void set(int lane, double value) { v_[lane] = value; }

  Pack& operator+=(Pack y) { return *this = *this + y; }
  Pack& operator-=(Pack y) { return *this = *this - y; }
  Pack& operator*=(Pack y) { return *this = *this * y; }
  Pack& operator/=(Pack y) { return *this = *this / y; }

  friend Pack operator+(Pack x, Pack y) { return Pack(x.v_ + y.v_); }
  friend Pack operator-(Pack x, Pack y) { return Pack(x.v_ - y.v_); }
  friend Pack operator*(Pack x, Pack y) { return Pack(x.v_ * y.v_); }
  friend Pack operator/(Pack x, Pack y) { return Pack(x.v_ / y.v_); }
  friend Pack operator-(Pack x) { return Pack(-x.v_); }

  friend Mask operator<(Pack x, Pack y) { return Mask(x.v_ < y.v_); }
  friend Mask operator>(Pack x, Pack y) { return Mask(x.v_ > y.v_); }
  friend Mask operator<=(Pack x, Pack y) { return Mask(x.v_ <= y.v_); }
  friend Mask operator>=(Pack x, Pack y) { return Mask(x.v_ >= y.v_); }

  friend Pack select(Mask mask, Pack yes, Pack no) { return Pack(mask.bits() ? yes.v_ : no.v_); }
  friend bool skip(Pack) { return false; }
  friend Pack smaller(Pack x, Pack y) { return select(y < x, y, x); }
  friend Pack larger(Pack x, Pack y) { return select(x < y, y, x); }
  friend Pack fabs(Pack x) { return select(x < Pack(0.0), -x, x); }

  friend Pack multiply_add(Pack x, Pack y, Pack z) { return Pack(multiply_add(x.v_, y.v_, z.v_)); }
  friend Pack log(Pack x) { return Pack(logarithm(x.v_)); }
  friend Pack xlogx(Pack x) { return select(x > Pack(0.0), x * log(x), Pack(0.0)); }
  friend Pack exp(Pack x) { return Pack(exponential(x.v_)); }
  friend Pack sqrt(Pack x) {
    Pack out;
    for (int lane = 0; lane < kLanes; ++lane) out.v_[lane] = std::sqrt(x.v_[lane]);
    return out;
  }

 private:
  Vector v_;
};

template <int Target>
constexpr int kKnownTarget<Pack<Target>> = Target;

}  // namespace fastpid

#endif
