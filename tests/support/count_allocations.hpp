// SPDX-License-Identifier: MIT
// Counts every malloc of the program, operator new and Eigen included, and keeps the largest. For one file of a program. CHG_TEST_OWN_MALLOC is 0, and
// nothing is counted, under the address sanitizer, which brings a malloc of its own, and without glibc.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define CHG_TEST_OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHG_TEST_OWN_MALLOC 0
#endif
#endif
#if !defined(CHG_TEST_OWN_MALLOC) && defined(__GLIBC__)
#define CHG_TEST_OWN_MALLOC 1
#endif

#if CHG_TEST_OWN_MALLOC

namespace {
std::atomic<long> allocations = 0;
std::atomic<std::size_t> largest_allocation = 0;  ///< bytes

inline std::size_t counted(std::size_t bytes) {
  ++allocations;
  for (auto seen = largest_allocation.load(); bytes > seen && !largest_allocation.compare_exchange_weak(seen, bytes);) {
  }
  return bytes;
}
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept { return __libc_malloc(counted(bytes)); }
void* calloc(std::size_t n, std::size_t bytes) noexcept { return counted(n * bytes), __libc_calloc(n, bytes); }
void* realloc(void* p, std::size_t bytes) noexcept { return __libc_realloc(p, counted(bytes)); }
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return __libc_memalign(alignment, counted(bytes)); }
int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) noexcept {
  *p = __libc_memalign(alignment, counted(bytes));
  return *p ? 0 : ENOMEM;
}
}

#endif
