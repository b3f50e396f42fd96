// One vector register of doubles, its logarithm and exponential, and what is made of them: sums and
// elementwise functions over arrays. Compilers without GNU's vector types (MSVC), and builds with
// FASTPID_ONE_LANE, have one double in a register.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#if defined(__FMA__)
#include <immintrin.h>
#endif

#include "../core/numerics.hpp"

namespace fastpid {

#if !defined(__GNUC__) || defined(FASTPID_ONE_LANE)
constexpr int kLanes = 1;
template <class T>
using Several = T;
template <class To, class From>
To convert(From v) {
  return static_cast<To>(v);
}
#else
#if defined(__AVX512F__)
constexpr int kLanes = 8;
#elif defined(__AVX__)
constexpr int kLanes = 4;
#else
constexpr int kLanes = 2;
#endif
template <class T>
struct SeveralOf {
  typedef T type __attribute__((vector_size(kLanes * sizeof(T))));
};
template <class T>
using Several = typename SeveralOf<T>::type;
template <class To, class From>
To convert(From v) {
  return __builtin_convertvector(v, To);
}
#endif

using Vector = Several<double>;
using Words = Several<unsigned long long>;
using Bits = decltype(Vector{} < Vector{});  // of a comparison

// Loops over the lanes or over the entries of a tile, which compilers know to make straight code of
// only if told so.
#if defined(__GNUC__) && !defined(__clang__)
#define FASTPID_UNROLL _Pragma("GCC unroll 8")
#else
#define FASTPID_UNROLL
#endif

#if defined(__GNUC__) && !defined(FASTPID_ONE_LANE)
inline Vector multiply_add(Vector x, Vector y, Vector z) {
#if defined(__AVX512F__)
  return _mm512_fmadd_pd(x, y, z);
#elif defined(__FMA__)
  return _mm256_fmadd_pd(x, y, z);
#elif defined(__FP_FAST_FMA)
  Vector out;
  FASTPID_UNROLL for (int k = 0; k < kLanes; ++k) out[k] = __builtin_fma(x[k], y[k], z[k]);
  return out;
#else
  return x * y + z;
#endif
}
#endif

constexpr double kLog2High = 0.6931471803691238;     // log 2 to 33 bits: exact times an exponent
constexpr double kLog2Low = 1.9082149292705877e-10;  // and the rest

// The natural logarithm of positive normal numbers, within 3 units in the last place; infinities
// and NaN stay as they are, and what is below the normal numbers counts as the smallest of them.
//
// x = 2^e m with m in [sqrt(1/2), sqrt(2)), and with s = (m - 1) / (m + 1)
//     log m = 2 artanh s = 2 s + s^3 P(s^2),
// P being the polynomial that interpolates its series at the Chebyshev nodes of [0, 0.02945]: it
// errs by less than 5e-18 of log m.
inline Vector logarithm(Vector x) {
  constexpr double kP[] = {0.666666666666667,   0.39999999999899444, 0.2857142862600327,
                           0.22222211130259878, 0.18182889455674947, 0.15331710618210773,
                           0.14616585424888623};
  constexpr unsigned long long kSqrtHalf = 0x3fe6a09e667f3bcd;  // bits of sqrt(1/2)
  constexpr unsigned long long kOne = 0x3ff0000000000000;       // bits of 1
  constexpr unsigned long long kMantissa = 0x000fffffffffffff;
  constexpr unsigned long long kTwoTo52 = 0x4330000000000000;  // bits of 2^52
  constexpr double kExponentBias = 4503599627371519.0;         // 2^52 + 1023
  const Vector least = Vector{} + std::numeric_limits<double>::min();
  const Vector infinity = Vector{} + std::numeric_limits<double>::infinity();
  const Vector normal = x < least ? least : x;
  Words bits;
  std::memcpy(&bits, &normal, sizeof bits);
  bits += kOne - kSqrtHalf;
  // The exponent, as the last bits of a double, so that no integer needs to be converted.
  const Words exponent_bits = (bits >> 52) | kTwoTo52;
  const Words mantissa_bits = (bits & kMantissa) + kSqrtHalf;
  Vector e, m;
  std::memcpy(&e, &exponent_bits, sizeof e);
  std::memcpy(&m, &mantissa_bits, sizeof m);
  e -= kExponentBias;
  const Vector s = (m - 1.0) / (m + 1.0);
  const Vector w = s * s;
  Vector p = Vector{} + kP[6];
  for (int k = 5; k >= 0; --k) p = multiply_add(p, w, Vector{} + kP[k]);
  const Vector result = e * kLog2High + (2.0 * s + (s * w * p + e * kLog2Low));
  return x < infinity ? result : x;
}

// The exponential, within 1.5 units in the last place on [-708, 709.78]; zero below and infinite
// above, where doubles are subnormal or end. NaN stays NaN.
//
// x = n log 2 + r with |r| <= log(2) / 2, and
//     exp r = 1 + r + r^2 Q(r),
// Q being the polynomial that interpolates its series at the Chebyshev nodes of the range of r: it
// errs by less than 2e-17 of exp r.
inline Vector exponential(Vector x) {
  constexpr double kQ[] = {0.5000000000000001,     0.16666666666666669,    0.04166666666662413,
                           0.008333333333330062,   0.0013888888917213717,  0.00019841269863053618,
                           2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07,
                           2.510038549551032e-08};
  constexpr double kLog2Inverse = 1.4426950408889634;
  constexpr double kInteger = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  constexpr double kLowest = -708.0, kHighest = 709.782712893384;
  const Vector shifted = x * kLog2Inverse + kInteger;
  const Vector n = shifted - kInteger;
  const Vector r = multiply_add(-n, Vector{} + kLog2Low, x - n * kLog2High);
  Vector q = Vector{} + kQ[9];
  for (int k = 8; k >= 0; --k) q = multiply_add(q, r, Vector{} + kQ[k]);
  const Vector e = 1.0 + multiply_add(r * r, q, r);
  // n stands in the last bits of `shifted`, from where it goes into an exponent. 2^1024 is not a
  // number: half of it is.
  Words bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1022) << 52;
  Vector half;
  std::memcpy(&half, &bits, sizeof half);
  const Vector low = Vector{} + kLowest, high = Vector{} + kHighest;
  const Vector infinity = Vector{} + std::numeric_limits<double>::infinity();
  const Vector above = x > high ? infinity : e * half * 2.0;
  return x < low ? Vector{} : above;
}

// kLanes numbers from memory, and to it.
template <class Real>
Vector load(const Real* x) {
  Several<Real> v;
  std::memcpy(&v, x, sizeof v);
  return convert<Vector>(v);
}
template <class Real>
void store(Vector v, Real* out) {
  const auto narrow = convert<Several<Real>>(v);
  std::memcpy(out, &narrow, sizeof narrow);
}

inline double sum_of_lanes(Vector v) {
  double wide[kLanes];
  std::memcpy(wide, &v, sizeof v);
  double sum = 0.0;
  for (int lane = 0; lane < kLanes; ++lane) sum += wide[lane];
  return sum;
}

// f(i) of whole vectors that begin at i, added up; `done` is where they end. Two chains, for the
// latency.
template <class F>
Vector sum_vectors(std::ptrdiff_t n, std::ptrdiff_t& done, F&& f) {
  Vector even{}, odd{};
  std::ptrdiff_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    even += f(i);
    odd += f(i + kLanes);
  }
  if (i + kLanes <= n) {
    even += f(i);
    i += kLanes;
  }
  done = i;
  return even + odd;
}

// sum of x log x over n numbers, 0 log 0 being 0.
inline double sum_xlogx(std::ptrdiff_t n, const double* x) {
  const auto term = [](Vector v) { return v > 0.0 ? v * logarithm(v) : Vector{}; };
  std::ptrdiff_t i;
  Vector sum = sum_vectors(n, i, [&](std::ptrdiff_t k) { return term(load(x + k)); });
  if (i < n) {
    Vector rest{};
    std::memcpy(&rest, x + i, static_cast<std::size_t>(n - i) * sizeof(double));
    sum += term(rest);
  }
  return sum_of_lanes(sum);
}

inline double total(std::ptrdiff_t n, const double* x) {
  std::ptrdiff_t i;
  double sum = sum_of_lanes(sum_vectors(n, i, [&](std::ptrdiff_t k) { return load(x + k); }));
  for (; i < n; ++i) sum += x[i];
  return sum;
}

// sum of w x^2.
template <class Real>
double sum_squares(std::ptrdiff_t n, const Real* w, const Real* x) {
  std::ptrdiff_t i;
  double sum = sum_of_lanes(sum_vectors(n, i, [&](std::ptrdiff_t k) {
    const Vector v = load(x + k);
    return load(w + k) * (v * v);
  }));
  for (; i < n; ++i) sum += static_cast<double>(w[i]) * (static_cast<double>(x[i]) * x[i]);
  return sum;
}

inline SplitSum split_at_level(std::ptrdiff_t n, const double* u, const double* v, const double* a,
                               const double* b, double c) {
  Vector below{}, above{};
  std::ptrdiff_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vector w = load(u + i) * load(v + i), x = load(a + i), y = load(b + i);
    const Vector m = x < y ? x : y;
    below += w > c * m ? Vector{} : w;
    above += w > c * m ? m : Vector{};
  }
  SplitSum out{sum_of_lanes(below), sum_of_lanes(above)};
  for (; i < n; ++i) {
    const double w = u[i] * v[i], m = smaller(a[i], b[i]);
    (w > c * m ? out.above : out.below) += w > c * m ? m : w;
  }
  return out;
}

// The largest f(i) of vectors over n >= kLanes numbers; the last two may overlap.
template <class F>
double largest_of_vectors(std::ptrdiff_t n, F&& f) {
  Vector most = f(n - kLanes);
  for (std::ptrdiff_t i = 0; i + kLanes <= n; i += kLanes) {
    const Vector v = f(i);
    most = most < v ? v : most;
  }
  double wide[kLanes];
  std::memcpy(wide, &most, sizeof most);
  double largest = wide[0];
  for (int lane = 1; lane < kLanes; ++lane) largest = larger(largest, wide[lane]);
  return largest;
}

// out[i] = f(x[i]) for a function f of vectors; x and out may be the same.
template <class In, class Out, class F>
void map_vectors(std::ptrdiff_t n, const In* x, Out* out, F&& f) {
  std::ptrdiff_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(f(load(x + i)), out + i);
  if (i == n) return;
  In in[kLanes] = {};
  Out rest[kLanes];
  for (std::ptrdiff_t k = i; k < n; ++k) in[k - i] = x[k];
  store(f(load(in)), rest);
  for (std::ptrdiff_t k = i; k < n; ++k) out[k] = rest[k - i];
}

}  // namespace fastpid
