// SPDX-License-Identifier: MIT
// Memory for numbers that vector instructions read.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <cstddef>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace chg::detail {

/// Owns uninitialised room for numbers. It starts on a 64-byte boundary, and when large on one of 2 MiB, with a request for pages
/// of that size: a product that walks through hundreds of megabytes of weights then seldom waits for an address to be translated.
template <class T>
class AlignedArray {
 public:
  AlignedArray() = default;
  explicit AlignedArray(Index size) : size_(size) {
    auto const bytes = static_cast<std::size_t>(size) * sizeof(T);
    auto const boundary = std::align_val_t(bytes < kLarge ? kLine : kLargePage);
    data_ = {static_cast<T*>(::operator new(bytes, boundary)), Free{boundary}};
#if defined(__linux__)
    // A wish: where it is refused, only speed is lost.
    if (bytes >= kLarge) madvise(data_.get(), bytes / kLargePage * kLargePage, MADV_HUGEPAGE);
#endif
  }

  T* data() { return data_.get(); }
  T const* data() const { return data_.get(); }
  Index size() const { return size_; }

 private:
  static constexpr std::size_t kLine = 64, kLargePage = std::size_t{1} << 21, kLarge = 2 * kLargePage;
  struct Free {
    std::align_val_t boundary;
    void operator()(T* p) const { ::operator delete(p, boundary); }
  };
  Index size_ = 0;
  std::unique_ptr<T, Free> data_{nullptr, Free{}};
};

}  // namespace chg::detail
