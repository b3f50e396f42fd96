// Views of a problem and the arena that its workspace is carved from. Nothing here owns memory.
#pragma once

#include <cstddef>

#include "macros.hpp"

namespace fastpid {

// Numbers of symbols of X, Y and the target Z.
struct Shape {
  int nx = 0;
  int ny = 0;
  int nz = 0;
};

// Carves arrays out of one block of memory. With a null base it only counts, so that the code that
// lays a workspace out also says how large it is.
class Arena {
 public:
  FASTPID_HD explicit Arena(void* base = nullptr) : base_(static_cast<char*>(base)) {}

  template <class T>
  FASTPID_HD T* take(std::ptrdiff_t count) {
    static_assert(alignof(T) <= kAlign);
    const std::size_t offset = used_;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + kAlign - 1) / kAlign * kAlign;
    return base_ ? reinterpret_cast<T*>(base_ + offset) : nullptr;
  }

  FASTPID_HD std::size_t used() const { return used_; }

  static constexpr std::size_t kAlign = 64;

 private:
  char* base_;
  std::size_t used_ = 0;
};

// The pairwise marginals of a table, dense and row-major: xz[x * nz + z] = p(x, z), yz likewise.
struct Marginals {
  Shape shape;
  const double* xz = nullptr;
  const double* yz = nullptr;
};

// One source's half of the reduced problem: the support of its marginal with the target in
// compressed rows. Entry k of row i, ptr[i] <= k < ptr[i + 1], is symbol idx[k] of the target.
struct Side {
  int count = 0;   // symbols of the source
  int size = 0;    // entries, nnz of the marginal
  int target = 0;  // symbols of the target
  const int* ptr = nullptr;
  const int* idx = nullptr;
  const double* mass = nullptr;

  FASTPID_HD int begin(int i) const { return ptr[i]; }
  FASTPID_HD int end(int i) const { return ptr[i + 1]; }
  FASTPID_HD int width(int i) const { return ptr[i + 1] - ptr[i]; }

  // f(k, z) over the entries of row i. A full row is told apart so that its loop is contiguous.
  template <class F>
  FASTPID_HD void row(int i, F&& f) const {
    const int first = ptr[i];
    const int n = ptr[i + 1] - first;
    if (n == target) {
      for (int z = 0; z < n; ++z) f(first + z, z);
    } else {
      for (int k = first; k < first + n; ++k) f(k, idx[k]);
    }
  }
};

// min over q of sum q log(q / q(x, y)) given the two marginals, after the exact reductions. The
// side with more entries is `a`, the one that the interior point eliminates; `swapped` says that it
// is Y's. Pair arrays are a.count x b.count, row-major.
struct Reduced {
  Side a;
  Side b;
  bool swapped = false;

  FASTPID_HD std::ptrdiff_t pairs() const { return static_cast<std::ptrdiff_t>(a.count) * b.count; }
};

// A primal-dual iterate on a Reduced problem: q = S exp(lam + mu). The potentials log_a and log_b
// lie on the entries of the two sides; exp_a and exp_b are their exponentials, dense (count x
// target), zero off the support.
struct Iterate {
  double* s = nullptr;
  double* log_a = nullptr;
  double* log_b = nullptr;
  double* exp_a = nullptr;
  double* exp_b = nullptr;

  FASTPID_HD static Iterate take(Arena& arena, const Reduced& r) {
    Iterate it;
    it.s = arena.take<double>(r.pairs());
    it.log_a = arena.take<double>(r.a.size);
    it.log_b = arena.take<double>(r.b.size);
    it.exp_a = arena.take<double>(static_cast<std::ptrdiff_t>(r.a.count) * r.a.target);
    it.exp_b = arena.take<double>(static_cast<std::ptrdiff_t>(r.b.count) * r.b.target);
    return it;
  }
};

}  // namespace fastpid
