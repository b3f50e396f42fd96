// One block of memory for everything that a problem takes.
#pragma once

#include "arena.hpp"

namespace fastpid {

// Pieces of one block of memory, handed out in order. Every thread of a block has a room of its own
// and gets the same pieces.
class Room {
 public:
  FASTPID_HD explicit Room(void* base = nullptr) : base_(static_cast<char*>(base)) {}

  FASTPID_HD void* operator()(std::size_t bytes) {
    const std::size_t at = used_;
    used_ += (bytes + Arena::kAlign - 1) / Arena::kAlign * Arena::kAlign;
    return base_ ? base_ + at : nullptr;
  }
  FASTPID_HD std::size_t used() const { return used_; }

 private:
  char* base_;
  std::size_t used_ = 0;
};

}  // namespace fastpid
