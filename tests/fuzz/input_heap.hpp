// SPDX-License-Identifier: MIT
// What `new` gives while an input is read: a place that no other object of that input ever has, with
// poisoned bytes on both sides, and poisoned once it is deleted. So every use after the end is found,
// however late in the input, and what an input leaves undeleted is counted. For one thread. All else
// has the heap of the address sanitizer: malloc, large objects, and what is not reading; with that
// heap alone the sweep of safetensors takes 1.4 times as long, and that of run.json 1.7 times.
#pragma once

#include <sanitizer/asan_interface.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace chg::fuzz::heap {

enum class Kind : std::uint32_t { object = 0xC0FFEE01, array = 0xC0FFEE02, deleted = 0xC0FFEE03 };

/// Lies poisoned before every object.
struct Head {
  std::uint64_t size;
  Kind kind;
  std::uint32_t unused;
};
static_assert(sizeof(Head) == 16);

constexpr std::size_t kBytes = std::size_t{64} << 20, kLargest = std::size_t{16} << 20;

inline char *first = nullptr, *end = nullptr;
inline char *begin = nullptr, *at = nullptr;  ///< of what this input uses, and of what it has not
inline std::size_t objects = 0;               ///< of this input that are not deleted
inline bool reading = false;

inline void fail(char const* what) {
  static_cast<void>(!write(2, what, std::strlen(what)));
  std::abort();
}

__attribute__((no_sanitize("address", "undefined"))) inline void* take(std::size_t size,
                                                                       Kind kind) {
  // A margin that grows with the object, as that of the sanitizer does.
  auto const margin = sizeof(Head) + (std::min<std::size_t>(size / 8, 2'048) & ~std::size_t{15});
  auto const whole = margin + ((size + 15) & ~std::size_t{15});
  if (!reading || size > kLargest || whole > static_cast<std::size_t>(end - at))
    return std::malloc(size);
  auto* const object = at + margin;
  auto* const head = reinterpret_cast<Head*>(object) - 1;
  head->size = size, head->kind = kind;
  __asan_unpoison_memory_region(object, size);
  at += whole;
  ++objects;
  return object;
}

__attribute__((no_sanitize("address", "undefined"))) inline void give_back(void* object, Kind kind,
                                                                           std::size_t size) {
  auto* const bytes = static_cast<char*>(object);
  if (bytes < first || bytes >= end) return std::free(object);
  auto* const head = static_cast<Head*>(object) - 1;
  if (head->kind == Kind::deleted) fail("chg: error: an object is deleted twice\n");
  if (head->kind != kind) fail("chg: error: delete of what new[] made, or of no object at all\n");
  if (size != 0 && head->size != size)
    fail("chg: error: an object is deleted as one of another size\n");
  head->kind = Kind::deleted;
  __asan_poison_memory_region(object, (head->size + 7) & ~std::size_t{7});
  if (bytes >= begin) --objects;
}

inline void set_up() {
  first = begin = at = static_cast<char*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  end = first + kBytes;
  __asan_poison_memory_region(first, kBytes);
}

/// Ends an input. False where objects of it live on: their place is used no more.
inline bool all_deleted() {
  auto const none = objects == 0;
  if (!none) begin = at, objects = 0;
  at = begin;
  return none;
}

}  // namespace chg::fuzz::heap

void* operator new(std::size_t n) {
  return chg::fuzz::heap::take(n, chg::fuzz::heap::Kind::object);
}
void* operator new[](std::size_t n) {
  return chg::fuzz::heap::take(n, chg::fuzz::heap::Kind::array);
}
void* operator new(std::size_t n, std::nothrow_t const&) noexcept {
  return chg::fuzz::heap::take(n, chg::fuzz::heap::Kind::object);
}
void* operator new[](std::size_t n, std::nothrow_t const&) noexcept {
  return chg::fuzz::heap::take(n, chg::fuzz::heap::Kind::array);
}
void operator delete(void* p) noexcept {
  chg::fuzz::heap::give_back(p, chg::fuzz::heap::Kind::object, 0);
}
void operator delete[](void* p) noexcept {
  chg::fuzz::heap::give_back(p, chg::fuzz::heap::Kind::array, 0);
}
void operator delete(void* p, std::size_t n) noexcept {
  chg::fuzz::heap::give_back(p, chg::fuzz::heap::Kind::object, n);
}
void operator delete[](void* p, std::size_t n) noexcept {
  chg::fuzz::heap::give_back(p, chg::fuzz::heap::Kind::array, n);
}
