// SPDX-License-Identifier: MIT
// Scratch memory that is handed out by moving a pointer and taken back all at once, so that work which repeats allocates
// only the first time.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace chg {

/// Not thread-safe: one arena a worker. Every allocation starts on a 64-byte boundary (a cache line, an AVX-512 register),
/// and the offsets depend on the sequence of calls alone, so that vectorised loops round alike in every run.
class Arena {
 public:
  /// Takes back everything handed out. Blocks that were needed are merged into one, so the same sequence of allocations
  /// fits without a call to the system from then on.
  /// expected: bytes that will be asked for before the next reset, when known; there is then one block from the start. A block that
  /// is too small makes way for one with room to spare: pages become memory only when they are written to.
  void reset(std::size_t expected = 0) {
    auto const held = capacity();
    if (blocks_.size() > 1 || held < expected) {
      blocks_.clear();
      blocks_.emplace_back(std::max(held, expected + expected / 2));
    }
    for (auto& block : blocks_) block.used = 0;
    current_ = 0;
  }

  /// A place to come back to with rewind().
  struct Mark {
    std::size_t block, used;
  };
  Mark mark() const { return blocks_.empty() ? Mark{0, 0} : Mark{current_, blocks_[current_].used}; }

  /// Takes back what was handed out since `mark`.
  void rewind(Mark mark) {
    if (blocks_.empty()) return;
    for (auto b = mark.block + 1; b < blocks_.size(); ++b) blocks_[b].used = 0;
    current_ = mark.block;
    blocks_[current_].used = mark.used;
  }

  /// Uninitialised room for n numbers, valid until reset() or a rewind() past it. Floating-point numbers hold garbage.
  template <class T>
  T* allocate(Index n) {
    auto* const data = static_cast<T*>(allocate_bytes(static_cast<std::size_t>(n) * sizeof(T)));
    std::uninitialized_default_construct_n(data, n);
    return data;
  }

  /// Uninitialised [rows, cols].
  template <class T>
  MatrixMap<T> matrix(Index rows, Index cols) {
    return map(allocate<T>(rows * cols), rows, cols);
  }

  /// Bytes held, used or not.
  std::size_t capacity() const {
    std::size_t total = 0;
    for (auto const& block : blocks_) total += block.size;
    return total;
  }

 private:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kFirstBlock = std::size_t{1} << 16;

  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{kAlignment}); }
  };
  struct Block {
    explicit Block(std::size_t bytes) : size(bytes), data(new(std::align_val_t{kAlignment}) std::byte[bytes]) {}
    std::size_t size;
    std::size_t used = 0;
    std::unique_ptr<std::byte[], Free> data;
  };

  void* allocate_bytes(std::size_t bytes) {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    while (current_ < blocks_.size() && blocks_[current_].used + bytes > blocks_[current_].size) {
      if (current_ + 1 == blocks_.size()) break;
      ++current_;
    }
    if (blocks_.empty() || blocks_[current_].used + bytes > blocks_[current_].size) {
      blocks_.emplace_back(std::max({bytes, capacity(), kFirstBlock}));
      current_ = blocks_.size() - 1;
    }
    auto* const p = blocks_[current_].data.get() + blocks_[current_].used;
    blocks_[current_].used += bytes;
    return p;
  }

  std::vector<Block> blocks_;
  std::size_t current_ = 0;
};

}  // namespace chg
