// kLanes doubles, one of each of as many problems, that the solvers take for one number: arithmetic
// acts lane by lane, so what one problem computes does not depend on its neighbours.
#pragma once

#include "../core/numerics.hpp"
#include "../core/views.hpp"
#include "vector.hpp"

#if defined(__GNUC__) && !defined(FASTPID_ONE_LANE)

namespace fastpid {

class Pack {
 public:
  static constexpr int kProblems = kLanes;

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

// One problem by itself that computes what a lane of a pack does, to the bit.
class Single {
 public:
  static constexpr int kProblems = 1;

  class Mask {
   public:
    Mask() = default;
    Mask(bool all) : all_(all) {}

    bool operator[](int) const { return all_; }

    friend Mask operator&(Mask x, Mask y) { return x.all_ && y.all_; }
    friend Mask operator|(Mask x, Mask y) { return x.all_ || y.all_; }
    friend Mask operator!(Mask x) { return !x.all_; }
    friend bool any(Mask x) { return x.all_; }
    friend bool all(Mask x) { return x.all_; }

   private:
    bool all_;
  };

  Single() = default;
  Single(double value) : v_(value) {}

  double operator[](int) const { return v_; }
  void set(int, double value) { v_ = value; }

  Single& operator+=(Single y) { return *this = *this + y; }
  Single& operator-=(Single y) { return *this = *this - y; }
  Single& operator*=(Single y) { return *this = *this * y; }
  Single& operator/=(Single y) { return *this = *this / y; }

  friend Single operator+(Single x, Single y) { return x.v_ + y.v_; }
  friend Single operator-(Single x, Single y) { return x.v_ - y.v_; }
  friend Single operator*(Single x, Single y) { return x.v_ * y.v_; }
  friend Single operator/(Single x, Single y) { return x.v_ / y.v_; }
  friend Single operator-(Single x) { return -x.v_; }

  friend Mask operator<(Single x, Single y) { return x.v_ < y.v_; }
  friend Mask operator>(Single x, Single y) { return x.v_ > y.v_; }
  friend Mask operator<=(Single x, Single y) { return x.v_ <= y.v_; }
  friend Mask operator>=(Single x, Single y) { return x.v_ >= y.v_; }

  friend Single select(Mask mask, Single yes, Single no) { return mask[0] ? yes.v_ : no.v_; }
  friend bool skip(Single) { return false; }
  friend Single smaller(Single x, Single y) { return y.v_ < x.v_ ? y.v_ : x.v_; }
  friend Single larger(Single x, Single y) { return x.v_ < y.v_ ? y.v_ : x.v_; }
  friend Single fabs(Single x) { return x.v_ < 0.0 ? -x.v_ : x.v_; }

  friend Single multiply_add(Single x, Single y, Single z) {
    return multiply_add(x.v_, y.v_, z.v_);
  }
  friend Single log(Single x) { return logarithm(Vector{} + x.v_)[0]; }
  friend Single xlogx(Single x) { return select(x > Single(0.0), x * log(x), Single(0.0)); }
  friend Single exp(Single x) { return exponential(Vector{} + x.v_)[0]; }
  friend Single sqrt(Single x) { return std::sqrt(x.v_); }

 private:
  double v_;
};
static_assert(sizeof(Single) == sizeof(double));

}  // namespace fastpid

#endif
