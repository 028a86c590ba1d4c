// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/arena.hpp>
#include <chg/tensor/dual.hpp>

#include <cstdint>
#include <numeric>
#include <vector>

using namespace chg;

namespace {

auto address(void const* p) { return reinterpret_cast<std::uintptr_t>(p); }

}  // namespace

TEST_CASE("arena: every allocation is aligned to 64 bytes and overlaps no other", "[tensor]") {
  Arena arena;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> taken;
  for (Index n = 1; n < 20'000; n = n * 3 / 2 + 1) {
    auto const* const floats = arena.allocate<float>(n);
    auto const* const bytes = arena.allocate<char>(n);
    auto const* const duals = arena.allocate<Dual<double>>(n);
    taken.emplace_back(address(floats), address(floats + n));
    taken.emplace_back(address(bytes), address(bytes + n));
    taken.emplace_back(address(duals), address(duals + n));
    for (auto const* p : {static_cast<void const*>(floats), static_cast<void const*>(bytes), static_cast<void const*>(duals)})
      CHECK(address(p) % 64 == 0);
  }
  std::sort(taken.begin(), taken.end());
  for (std::size_t i = 1; i < taken.size(); ++i) CHECK(taken[i - 1].second <= taken[i].first);
}

TEST_CASE("arena: numbers stay until reset, and the second round fits in the memory of the first", "[tensor]") {
  Arena arena;
  auto const round = [&] {
    std::vector<double*> blocks;
    for (Index n : {10, 5000, 100'000, 3, 40'000}) {
      blocks.push_back(arena.allocate<double>(n));
      std::iota(blocks.back(), blocks.back() + n, double(n));
    }
    auto intact = true;
    auto b = blocks.begin();
    for (Index n : {10, 5000, 100'000, 3, 40'000}) {
      for (Index i = 0; i < n; ++i) intact = intact && (*b)[i] == double(n + i);
      ++b;
    }
    CHECK(intact);
    return blocks;
  };
  round();
  arena.reset();
  auto const second = round();
  auto const capacity = arena.capacity();
  arena.reset();
  CHECK(round() == second);  // the same places, hence the same alignment and the same roundings
  CHECK(arena.capacity() == capacity);
}

TEST_CASE("arena: rewind takes back what came after the mark, and nothing else", "[tensor]") {
  Arena arena;
  auto const empty = arena.mark();
  arena.rewind(empty);
  auto* const kept = arena.allocate<int>(100);
  std::iota(kept, kept + 100, 0);
  auto const mark = arena.mark();
  auto* const first = arena.allocate<double>(50);
  arena.allocate<double>(1'000'000);  // a block of its own
  auto const capacity = arena.capacity();
  for (auto repeat = 0; repeat < 3; ++repeat) {
    arena.rewind(mark);
    CHECK(arena.allocate<double>(50) == first);
    arena.allocate<double>(1'000'000);
  }
  CHECK(arena.capacity() == capacity);
  CHECK(std::accumulate(kept, kept + 100, 0) == 4950);
  arena.rewind(empty);
  CHECK(arena.allocate<int>(100) == kept);
}

TEST_CASE("arena: nothing asked for is a valid request", "[tensor]") {
  Arena arena;
  arena.allocate<float>(0);
  CHECK(arena.matrix<float>(0, 5).size() == 0);
  auto m = arena.matrix<float>(3, 5);
  m.setOnes();
  CHECK(m.sum() == 15);
}

TEST_CASE("arena: what is expected fits into one block from the start, and so does what comes to be expected", "[tensor]") {
  Arena arena;
  arena.reset(1'000'000);
  auto const capacity = arena.capacity();
  CHECK(capacity >= 1'000'000);
  auto* const first = arena.allocate<std::byte>(400'000);
  auto* const second = arena.allocate<std::byte>(600'000 / 64 * 64);
  CHECK(second == first + 400'000);
  CHECK(arena.capacity() == capacity);
  arena.reset(900'000);
  CHECK(arena.allocate<std::byte>(1) == first);
  arena.reset(5'000'000);
  auto const larger = arena.capacity();
  CHECK(larger >= 5'000'000);
  arena.allocate<std::byte>(5'000'000);
  CHECK(arena.capacity() == larger);
}
