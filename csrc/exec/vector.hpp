// One vector register of doubles, and its logarithm. Compilers without GNU's vector types (MSVC),
// and builds with FASTPID_ONE_LANE, do everything by single doubles.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>

#include "../core/numerics.hpp"

namespace fastpid {

#if !defined(__GNUC__) || defined(FASTPID_ONE_LANE)

constexpr int kLanes = 1;

inline double sum_xlogx(std::ptrdiff_t n, const double* x) {
  double sum = 0.0;
  for (std::ptrdiff_t i = 0; i < n; ++i) sum += xlogx(x[i]);
  return sum;
}

#else

#if defined(__AVX512F__)
constexpr int kLanes = 8;
#elif defined(__AVX__)
constexpr int kLanes = 4;
#else
constexpr int kLanes = 2;
#endif

typedef double Vector __attribute__((vector_size(kLanes * sizeof(double))));
using Bits = decltype(Vector{} < Vector{});  // of as many 64-bit integers
typedef unsigned long long Words __attribute__((vector_size(kLanes * sizeof(double))));

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
  constexpr double kLog2High = 0.6931471803691238;             // log 2 to 33 bits: exact times e
  constexpr double kLog2Low = 1.9082149292705877e-10;          // and the rest
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
  for (int k = 5; k >= 0; --k) p = p * w + kP[k];
  const Vector result = e * kLog2High + (2.0 * s + (s * w * p + e * kLog2Low));
  return x < infinity ? result : x;
}

// sum of x log x over n numbers, 0 log 0 being 0.
inline double sum_xlogx(std::ptrdiff_t n, const double* x) {
  const auto term = [](Vector v) { return v > 0.0 ? v * logarithm(v) : Vector{}; };
  const auto load = [&](std::ptrdiff_t i, std::ptrdiff_t count) {
    Vector v{};
    std::memcpy(&v, x + i, static_cast<std::size_t>(count) * sizeof(double));
    return v;
  };
  Vector even{}, odd{};  // two chains, for the latency
  std::ptrdiff_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    even += term(load(i, kLanes));
    odd += term(load(i + kLanes, kLanes));
  }
  if (i + kLanes <= n) {
    even += term(load(i, kLanes));
    i += kLanes;
  }
  if (i < n) odd += term(load(i, n - i));
  even += odd;
  double sum = 0.0;
  for (int lane = 0; lane < kLanes; ++lane) sum += even[lane];
  return sum;
}

#endif

}  // namespace fastpid
