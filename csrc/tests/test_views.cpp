#include <cstdint>

#include "check.hpp"
#include "problem.hpp"

namespace fastpid::testing {
namespace {

// The layout of Iterate, InteriorWork and the like must not depend on whether memory is there.
template <class T, class... Args>
void counting_equals_carving(Blocks& blocks, const Args&... args) {
  Arena count;
  T::take(count, args...);
  Arena arena(blocks(count.used()));
  T::take(arena, args...);
  CHECK(count.used() == arena.used());
}

}  // namespace

TEST(arena_counts_what_it_carves) {
  Rng rng(1);
  for (const Shape s : small_shapes()) {
    const Problem problem(empirical(rng, s, 2 + s.nx * s.ny * s.nz / 4));
    const Reduced& r = problem.reduced();
    counting_equals_carving<Presolved>(problem.blocks, s);
    counting_equals_carving<Iterate>(problem.blocks, r);
    counting_equals_carving<CertificateWork>(problem.blocks, r);
    counting_equals_carving<ProxyWork>(problem.blocks, r);
    counting_equals_carving<BinaryWork>(problem.blocks, r);
    counting_equals_carving<InteriorWork>(problem.blocks, r);
  }
}

TEST(arena_arrays_are_aligned_and_apart) {
  Rng rng(2);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<std::ptrdiff_t> counts(12);
    for (std::ptrdiff_t& count : counts) count = below(rng, 40);
    const auto lay_out = [&](Arena& arena) {
      std::vector<std::pair<char*, std::size_t>> arrays;
      for (std::size_t n = 0; n < counts.size(); ++n) {
        if (n % 3 == 0) {
          arrays.emplace_back(reinterpret_cast<char*>(arena.take<int>(counts[n])),
                              static_cast<std::size_t>(counts[n]) * sizeof(int));
        } else if (n % 3 == 1) {
          arrays.emplace_back(reinterpret_cast<char*>(arena.take<double>(counts[n])),
                              static_cast<std::size_t>(counts[n]) * sizeof(double));
        } else {
          arrays.emplace_back(arena.take<char>(counts[n]), static_cast<std::size_t>(counts[n]));
        }
      }
      return arrays;
    };
    Arena count;
    for (const auto& array : lay_out(count)) CHECK(array.first == nullptr);
    Blocks blocks;
    char* base = static_cast<char*>(blocks(count.used()));
    Arena arena(base);
    const char* end = base;
    for (const auto& [start, bytes] : lay_out(arena)) {
      CHECK(reinterpret_cast<std::uintptr_t>(start) % Arena::kAlign == 0);
      CHECK(start >= end);
      end = start + bytes;
    }
    CHECK(end <= base + count.used());
    CHECK(arena.used() == count.used());
  }
}

TEST(side_row_visits_the_entries_of_full_and_ragged_rows) {
  Rng rng(3);
  for (const double keep : {0.4, 1.0}) {
    Table t = dense(rng, {4, 3, 5});
    for (double& value : t.p) value *= uniform(rng) < keep ? 1.0 : 0.0;
    const Problem problem(t.normalize());
    for (const Side* side : {&problem.reduced().a, &problem.reduced().b}) {
      for (int i = 0; i < side->count; ++i) {
        int next = side->begin(i);
        side->row(i, [&](int k, int z) {
          CHECK(k == next++);
          CHECK(z == side->idx[k]);
        });
        CHECK(next == side->end(i));
        CHECK(side->width(i) == side->end(i) - side->begin(i));
      }
      CHECK(side->end(side->count - 1) == side->size);
    }
  }
}

}  // namespace fastpid::testing
