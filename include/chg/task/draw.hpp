// SPDX-License-Identifier: MIT
// Draws that the task generators share. Every one is a pure function of a seed and of the number of the example, so that
// two data sets of one seed match line by line, and a longer one begins with the shorter.
#pragma once

#include <chg/tensor/examples.hpp>
#include <chg/tensor/random.hpp>

#include <numeric>
#include <span>
#include <vector>

namespace chg::task::detail {

/// Substreams of Stream::task: example i uses i; the other purposes begin beyond.
inline constexpr std::uint32_t kShuffledOutputs = 0x4000'0000, kQueries = 0x8000'0000, kSplit = 0xFFFF'FFFF;
inline constexpr Index kMostExamples = 0x4000'0000;

/// `count` different members of `pool`, each ordered choice equally likely. Needs count <= pool.size().
template <class T>
std::vector<T> draw_distinct(Random& random, std::vector<T> pool, Index count) {
  auto const n = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < n; ++i) std::swap(pool[i], pool[i + random.below(pool.size() - i)]);
  pool.resize(n);
  return pool;
}

inline std::vector<Index> iota(Index count) {
  std::vector<Index> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), Index{0});
  return all;
}

/// A number in [0, 1) that depends on the tokens alone: which side of a split a prompt is on, whatever the seed.
inline double content_fraction(std::span<Token const> tokens) {
  std::array<std::uint32_t, 2> state{};
  for (auto const token : tokens) {
    auto const block = philox4x32({static_cast<std::uint32_t>(token), 0, 0, kSplit}, state);
    state = {block[0], block[1]};
  }
  return static_cast<double>(((std::uint64_t{state[1]} << 32) | state[0]) >> 11) * 0x1p-53;
}

}  // namespace chg::task::detail
