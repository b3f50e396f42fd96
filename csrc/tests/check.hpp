// A test is a function registered by TEST; a check that fails is reported and the test goes on.
#pragma once

#include <cstdio>
#include <vector>

namespace fastpid::testing {

struct Test {
  const char* name;
  void (*body)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, void (*body)()) { tests().push_back({name, body}); }
};

inline void fail(const char* file, int line, const char* what) {
  std::printf("%s:%d: %s\n", file, line, what);
  ++failures();
}

inline void fail(const char* file, int line, const char* what, double left, double right) {
  std::printf("%s:%d: %s, but %.17g against %.17g (difference %.3g)\n", file, line, what, left,
              right, left - right);
  ++failures();
}

}  // namespace fastpid::testing

#define TEST(name)                                                          \
  static void name();                                                       \
  static const fastpid::testing::Registration register_##name(#name, name); \
  static void name()

#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) fastpid::testing::fail(__FILE__, __LINE__, "not " #condition); \
  } while (false)

// False for NaN on either side.
#define CHECK_LE(left, right)                                                                   \
  do {                                                                                          \
    const double left_ = (left), right_ = (right);                                              \
    if (!(left_ <= right_)) {                                                                   \
      fastpid::testing::fail(__FILE__, __LINE__, "wanted " #left " <= " #right, left_, right_); \
    }                                                                                           \
  } while (false)

#define CHECK_NEAR(left, right, tolerance)                                                   \
  do {                                                                                       \
    const double left_ = (left), right_ = (right);                                           \
    if (!(left_ - right_ <= (tolerance) && right_ - left_ <= (tolerance))) {                 \
      fastpid::testing::fail(__FILE__, __LINE__,                                             \
                             #left " and " #right " differ by more than " #tolerance, left_, \
                             right_);                                                        \
    }                                                                                        \
  } while (false)
