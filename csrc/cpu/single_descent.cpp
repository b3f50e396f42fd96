#include "single_descent.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "../core/decompose.hpp"
#include "../core/table.hpp"
#include "../exec/serial.hpp"
#include "lanes.hpp"
#include "rooms.hpp"

namespace fastpid::cpu {

#if !defined(__GNUC__) || defined(FASTPID_ONE_LANE)

bool solve_in_single(const Given&, const BatchOptions&, const Results&, double*, double*,
                     const Potentials<double>&, double*, double) {
  return false;
}

#else

namespace {

// A register of floats.
constexpr int kFloats = 2 * kLanes;
typedef float Row __attribute__((vector_size(kFloats * sizeof(float))));
typedef unsigned RowBits __attribute__((vector_size(kFloats * sizeof(unsigned))));
typedef int RowInts __attribute__((vector_size(kFloats * sizeof(int))));

Row multiply_add(Row x, Row y, Row z) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(x, y, z);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(x, y, z);
#else
  return x * y + z;
#endif
}

// A number in all lanes; subtracting zero is for nothing, adding it is not.
Row spread(float x) { return x - Row{}; }

// The natural logarithm to 2e-7, and of what is below the normal numbers that of the least of them.
// x = 2^e m with m in [sqrt(1/2), sqrt(2)); s = (m - 1) / (m + 1), log m = 2 artanh s.
Row logarithm(Row x) {
  constexpr unsigned kSqrtHalf = 0x3f3504f3, kOne = 0x3f800000, kMantissa = 0x007fffff;
  const Row least = spread(std::numeric_limits<float>::min());
  const Row most = spread(std::numeric_limits<float>::max());
  x = x < least ? least : x;
  x = x > most ? most : x;
  RowBits bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits += kOne - kSqrtHalf;
  const RowBits mantissa = (bits & kMantissa) + kSqrtHalf;
  const RowBits biased = bits >> 23;
  RowInts exponent;
  std::memcpy(&exponent, &biased, sizeof exponent);
  const Row e = __builtin_convertvector(exponent - 127, Row);
  Row m;
  std::memcpy(&m, &mantissa, sizeof m);
  const Row s = (m - 1.0f) / (m + 1.0f);
  const Row w = s * s;
  Row p = spread(0.22222222f);
  p = multiply_add(p, w, spread(0.28571429f));
  p = multiply_add(p, w, spread(0.4f));
  p = multiply_add(p, w, spread(0.66666667f));
  return multiply_add(e, spread(0.69314718f), multiply_add(s * w, p, 2.0f * s));
}

// The exponential on [-80, 0], to 3e-7.
Row exponential(Row x) {
  constexpr float kInteger = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const Row shifted = multiply_add(x, spread(1.44269504f), spread(kInteger));
  const Row n = shifted - kInteger;
  Row r = multiply_add(n, spread(-0.693359375f), x);
  r = multiply_add(n, spread(2.12194440e-4f), r);
  Row q = spread(1.3888889e-3f);
  q = multiply_add(q, r, spread(8.3333333e-3f));
  q = multiply_add(q, r, spread(4.1666667e-2f));
  q = multiply_add(q, r, spread(1.6666667e-1f));
  q = multiply_add(q, r, spread(0.5f));
  const Row e = multiply_add(r * r, q, r) + 1.0f;
  RowBits bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127) << 23;
  Row power;
  std::memcpy(&power, &bits, sizeof power);
  return e * power;
}

// A matrix of `count` rows of floats, padded with zeros to registers.
struct Matrix {
  int count = 0, columns = 0, registers = 0;
  Row* rows = nullptr;

  static Matrix take(Arena& arena, int count, int columns) {
    Matrix m{count, columns, (columns + kFloats - 1) / kFloats, nullptr};
    m.rows = arena.take<Row>(static_cast<std::ptrdiff_t>(count) * m.registers);
    return m;
  }
  Row& at(int i, int k) const { return rows[i * registers + k]; }
  std::ptrdiff_t size() const { return static_cast<std::ptrdiff_t>(count) * registers; }
  float* row(int i) const { return reinterpret_cast<float*>(rows + i * registers); }
  std::ptrdiff_t stride() const { return static_cast<std::ptrdiff_t>(registers) * kFloats; }

  template <class Number>
  void read(const Number* from) const {
    std::memset(rows, 0, static_cast<std::size_t>(size()) * sizeof(Row));
    for (int i = 0; i < count; ++i) {
      for (int j = 0; j < columns; ++j) row(i)[j] = static_cast<float>(from[i * columns + j][0]);
    }
  }
  template <class Number>
  void write(Number* to) const {
    for (int i = 0; i < count; ++i) {
      for (int j = 0; j < columns; ++j) to[i * columns + j] = static_cast<double>(row(i)[j]);
    }
  }
};

// out = the transpose of m, whose padding stays zero.
void transpose(const Matrix& m, const Matrix& out) {
  const std::ptrdiff_t stride = out.stride();
  for (int i = 0; i < m.count; ++i) {
    const float* from = m.row(i);
    float* to = out.row(0) + i;
    for (int j = 0; j < m.columns; ++j) to[j * stride] = from[j];
  }
}

// A B of a left factor that has its entry (i, j) at a[i * down + j * right]: the registers of the
// product's rows to done(i, k, sums).
template <class Done>
void multiply(const float* a, std::ptrdiff_t down, std::ptrdiff_t right, int rows, const Matrix& b,
              Done&& done) {
  constexpr int kTogether = 4;
  const std::ptrdiff_t next = b.registers;
  const auto several = [&](int i, int k, auto together) {
    constexpr int n = decltype(together)::value;
    Row sums[n] = {};
    const float* left = a + i * down;
    const Row* of_b = b.rows + k;
    for (int j = 0; j < b.count; ++j, left += right, of_b += next) {
      const Row v = *of_b;
      FASTPID_UNROLL for (int m = 0; m < n; ++m) sums[m] =
          multiply_add(spread(left[m * down]), v, sums[m]);
    }
    FASTPID_UNROLL for (int m = 0; m < n; ++m) done(i + m, k, sums[m]);
  };
  for (int k = 0; k < b.registers; ++k) {
    int i = 0;
    for (; i + kTogether <= rows; i += kTogether)
      several(i, k, std::integral_constant<int, kTogether>());
    for (; i < rows; ++i) several(i, k, std::integral_constant<int, 1>());
  }
}
template <class Done>
void multiply(const Matrix& a, const Matrix& b, Done&& done) {
  multiply(a.row(0), a.stride(), 1, a.count, b, done);
}
template <class Done>
void multiply_transposed(const Matrix& a, const Matrix& b, Done&& done) {
  multiply(a.row(0), 1, a.stride(), a.columns, b, done);
}

float sum_of(Row v) {
  float sum = 0.0f;
  for (int lane = 0; lane < kFloats; ++lane) sum += v[lane];
  return sum;
}

Row rescaled(Row mass, Row sum, Row factor) {
  constexpr float kMost = static_cast<float>(tuning::MirrorDescent::kMostSingle);
  const Row by = mass / sum, most = Row{} + kMost;
  return sum > 0.0f ? (by < most ? by : most) : factor;
}

struct SingleWork {
  Matrix s, t, log_s, last;  // nx x ny
  Matrix mass_a, u;          // nx x nz
  Matrix mass_b, v, v_of_y;  // nz x ny, and ny x nz

  static SingleWork take(Arena& arena, const BasicReduced<Single>& r) {
    const int nx = r.a.count, ny = r.b.count, nz = r.a.target;
    SingleWork w;
    for (Matrix* m : {&w.s, &w.t, &w.log_s, &w.last}) *m = Matrix::take(arena, nx, ny);
    for (Matrix* m : {&w.mass_a, &w.u}) *m = Matrix::take(arena, nx, nz);
    for (Matrix* m : {&w.mass_b, &w.v}) *m = Matrix::take(arena, nz, ny);
    w.v_of_y = Matrix::take(arena, ny, nz);
    return w;
  }
};

// An iterative method in the sense of iteration.hpp, whose certificates come when those of mirror
// descent in double precision do.
class SingleDescent : public MirrorDescent<Serial, Single> {
 public:
  SingleDescent(const Serial& exec, const LaneProblem<Single>& problem, const SingleWork& w,
                double tol, double first)
      : MirrorDescent(exec, problem.r, {}, problem.certificate, problem.it, tol, HUGE_VAL, HUGE_VAL,
                      first),
        exec_(exec),
        r_(problem.r),
        it_(problem.it),
        c_(problem.certificate),
        w_(w),
        enough_(tuning::Certificate::kEnoughShare * tol) {}

  void start() {
    w_.mass_a.read(r_.a.mass);
    w_.v_of_y.read(r_.b.mass);
    std::memset(w_.mass_b.rows, 0, static_cast<std::size_t>(w_.mass_b.size()) * sizeof(Row));
    std::memset(w_.v.rows, 0, static_cast<std::size_t>(w_.v.size()) * sizeof(Row));
    transpose(w_.v_of_y, w_.mass_b);
    w_.s.read(it_.s);
    w_.u.read(it_.exp_a);
    w_.v_of_y.read(it_.exp_b);
    transpose(w_.v_of_y, w_.v);
    for (std::ptrdiff_t p = 0; p < w_.s.size(); ++p) {
      w_.log_s.rows[p] = w_.last.rows[p] = bounded(logarithm(w_.s.rows[p]));
    }
  }

  BasicBounds<Single> certificate(Single::Mask which) {
    write(it_);
    return certify(exec_, r_, it_, enough_, c_, tuning::Certificate::kDescentSweeps, which);
  }

  void write(const BasicIterate<Single>& it) const {
    w_.s.write(it.s);
    w_.u.write(it.exp_a);
    w_.v_of_y.write(it.exp_b);
    logarithms(exec_, r_.a, it.exp_a, it.log_a);
    logarithms(exec_, r_.b, it.exp_b, it.log_b);
  }

  Single::Mask step(Single::Mask running) {
    Row squares{};
    multiply(w_.u, w_.v, [&](int i, int k, Row sum) {
      const Row move = logarithm(sum);
      w_.t.at(i, k) = move;
      squares = multiply_add(w_.s.at(i, k), move * move, squares);
    });
    const float residual = sum_of(squares);
    since_restart_ = residual > residual_ ? 1.0f : since_restart_ + 1.0f;
    residual_ = residual;
    const Row momentum = Row{} + (since_restart_ - 1.0f) / (since_restart_ + 3.0f);
    for (std::ptrdiff_t p = 0; p < w_.s.size(); ++p) {
      const Row plain = bounded(w_.log_s.rows[p] + w_.t.rows[p]);
      const Row ahead = bounded(multiply_add(momentum, plain - w_.last.rows[p], plain));
      w_.last.rows[p] = plain;
      w_.log_s.rows[p] = ahead;
      w_.s.rows[p] = exponential(ahead);
    }
    multiply(w_.s, w_.v_of_y, [&](int i, int k, Row sum) {
      w_.u.at(i, k) = rescaled(w_.mass_a.at(i, k), sum, w_.u.at(i, k));
    });
    multiply_transposed(w_.u, w_.s, [&](int i, int k, Row sum) {
      w_.v.at(i, k) = rescaled(w_.mass_b.at(i, k), sum, w_.v.at(i, k));
    });
    transpose(w_.v, w_.v_of_y);
    return running;
  }

 private:
  static Row bounded(Row log_s) {
    const Row least = Row{} + static_cast<float>(tuning::MirrorDescent::kLeastLog);
    log_s = log_s < least ? least : log_s;
    return log_s > 0.0f ? Row{} : log_s;
  }

  const Serial& exec_;
  const BasicReduced<Single>& r_;
  const BasicIterate<Single>& it_;
  const BasicCertificateWork<Single>& c_;
  const SingleWork& w_;
  const double enough_;
  float residual_ = HUGE_VALF;
  float since_restart_ = 0.0f;
};

bool suits(const Task<Serial>& task) {
  constexpr double kLeastTolerance = 1e-5;
  constexpr std::ptrdiff_t kMostCells = 32768;
  const Reduced& r = task.reduced();
  return task.options().tol >= kLeastTolerance && r.pairs() * r.a.target <= kMostCells;
}

// Returns whether that has led to the tolerance.
bool descend(Task<Serial>& task, double first, Rooms& room) {
  constexpr int kMostSteps = 1000;
  const Serial exec;
  Task<Serial>* const tasks[] = {&task};
  const LaneProblem<Single> problem = gather<Single>(tasks, 1, room);
  const auto work = carve<SingleWork>(room, problem.r);
  BasicBest<Single> best;
  best.iterate = problem.it;  // the last one is the best
  proxy(exec, problem.r, problem.proxy, problem.it);
  const double tol = tuning::Strategy::kInnerShare * task.options().tol;
  SingleDescent method(exec, problem, work, tol,
                       larger(first, tuning::MirrorDescent::kFirstCertificate));
  const auto end = run_method(exec, problem.r, problem.it, method, tol, kMostSteps,
                              Single::Mask(true), best, [] { return false; });
  if (!end.is(Outcome::converged)[0]) return false;
  scatter(problem, 0, task);
  BasicFound<double> found;
  found.bounds = {best.bounds.lower[0], best.bounds.upper[0]};
  found.method = static_cast<double>(Method::gradient);
  found.outcome = end.outcome[0];
  found.iterations = end.iterations[0];
  task.conclude(found);
  return true;
}

}  // namespace

bool solve_in_single(const Given& given, const BatchOptions& options, const Results& results,
                     double* xz, double* yz, const Potentials<double>& potentials, double* s,
                     double first) {
  const Shape shape = given.shape;
  const Serial exec;
  Rooms rooms;
  Options solve = options.solve;
  solve.solution = true;
  KnownTerms known;
  if (!begin_table(exec, given, {solve, options.normalize, options.mass_tolerance},
                   carve<MarginalWork>(rooms, shape), results, 0, xz, yz, known)) {
    return true;
  }
  Task<Serial> task(exec, Marginals{shape, xz, yz}, solve, rooms);
  if (!task.begin(rooms) && !(suits(task) && descend(task, first, rooms))) return false;
  end_table(exec, shape, task, known, carve<PotentialWork>(rooms, shape), results, 0,
            potentials.lam, potentials.mu);
  write_masses(shape, task.presolved(), task.solution().s, task.answer().method != Method::exact,
               s);
  return true;
}

#endif

}  // namespace fastpid::cpu
