// Blocks of workspace of one thread, reused from table to table.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "../core/views.hpp"

namespace fastpid::cpu {

class Rooms {
 public:
  // All blocks are free again.
  void rewind() { next_ = 0; }

  void* operator()(std::size_t bytes) {
    if (next_ == blocks_.size()) blocks_.emplace_back();
    Block& block = blocks_[next_++];
    if (block.size < bytes) {
      block.memory.reset();
      block.memory.reset(static_cast<char*>(::operator new(bytes, kAlignment)));
      block.size = bytes;
    }
    return block.memory.get();
  }

 private:
  static constexpr std::align_val_t kAlignment{Arena::kAlign};
  struct Free {
    void operator()(char* p) const { ::operator delete(p, kAlignment); }
  };
  struct Block {
    std::unique_ptr<char, Free> memory;
    std::size_t size = 0;
  };
  std::vector<Block> blocks_;
  std::size_t next_ = 0;
};

}  // namespace fastpid::cpu
