// Workspace: arrays are carved out of one block of memory, whose size the same code tells first.
#pragma once

#include <cstddef>

#include "macros.hpp"

namespace fastpid {

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

// T::take(arena, args...) in a block that room(bytes) returns.
template <class T, class Room, class... Args>
FASTPID_HD T carve(Room&& room, const Args&... args) {
  Arena count;
  T::take(count, args...);
  Arena arena(room(count.used()));
  return T::take(arena, args...);
}

}  // namespace fastpid
