// SPDX-License-Identifier: MIT
// Counter-based random numbers: Philox4x32-10, a pure function of (seed, stream, index).
//
//     Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
//
// The same numbers on every machine and standard library, in any order, from any thread: a resumed fit needs no stored
// generator, and gate set s of a run draws what a run with that seed alone would draw.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace chg {

/// One Philox4x32-10 block: 128 random bits of a 128-bit counter under a 64-bit key.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    auto const product0 = kMultiplier0 * counter[0], product1 = kMultiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

/// What a stream of random numbers is for: two purposes never share numbers.
enum class Stream : std::uint32_t {
  gates = 1,
  order = 2,
  task = 3,
  null_targets = 4,
  replacement = 5,
  weights = 6,
  verify = 7,
  user = 100
};

/// A sequence of random numbers: draws number `index()` of (seed, stream, substream), and moves on by one.
class Random {
 public:
  constexpr Random(std::uint64_t seed, Stream stream, std::uint32_t substream = 0)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        stream_(static_cast<std::uint32_t>(stream)),
        substream_(substream) {}

  /// 64 random bits. Consumes one index.
  constexpr std::uint64_t bits() {
    auto const block =
        philox4x32({static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32), substream_, stream_}, key_);
    ++index_;
    return (std::uint64_t{block[1]} << 32) | block[0];
  }

  /// Uniform in the open interval (0, 1): (k + 1/2) / 2^52 for a 52-bit k, so neither end can occur.
  constexpr double uniform() { return (static_cast<double>(bits() >> 12) + 0.5) * 0x1p-52; }

  /// Uniform in {0, ..., n - 1}, without bias: values in the incomplete last period of 2^64 are drawn again. n >= 1.
  constexpr std::uint64_t below(std::uint64_t n) {
    auto const limit = ~std::uint64_t{0} - (~std::uint64_t{0} % n + 1) % n;
    for (;;)
      if (auto const b = bits(); b <= limit) return b % n;
  }

  /// Standard normal (Box-Muller, cosine branch). Consumes two indices.
  double normal() {
    auto const radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(6.283185307179586477 * uniform());
  }

  /// Shuffles in place, every order equally likely (Fisher-Yates).
  template <class T>
  constexpr void shuffle(std::span<T> items) {
    for (auto i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

  constexpr std::uint64_t index() const { return index_; }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t stream_, substream_;
  std::uint64_t index_ = 0;
};

/// A permutation of 0 .. n - 1 that leaves nothing in its place, each equally likely: uniform permutations are drawn until one
/// moves everything, about e of them. Throws Error when n is below 2.
inline std::vector<Index> derangement(Index n, std::uint64_t seed, Stream stream) {
  check(n >= 2, "derangement: number of items", "2 or more, so that each can take the place of another", n);
  std::vector<Index> order(static_cast<std::size_t>(n));
  for (std::uint32_t draw = 0;; ++draw) {
    std::iota(order.begin(), order.end(), Index{0});
    Random(seed, stream, draw).shuffle(std::span(order));
    auto stays = false;
    for (Index i = 0; i < n; ++i) stays = stays || order[static_cast<std::size_t>(i)] == i;
    if (!stays) return order;
  }
}

}  // namespace chg
