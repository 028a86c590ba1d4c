// SPDX-License-Identifier: MIT
// Structure-aware mutation. A target that knows its format defines
//
//     Mutator mutator(std::string_view bytes)
//
// which takes a file apart, once, and gives what makes another file of its parts at every call, framed as the format asks; nothing
// where the bytes are not of the format. Every eighth mutation is one of bytes, so that the framing is attacked too.
#pragma once

#include "fuzz/fuzz.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <optional>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace chg::fuzz {

/// SplitMix64 (Steele, Lea and Flood, 2014): it starts at any seed at no cost.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  /// 0 .. n - 1; n is 1 or more.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class Items>
  auto& of(Items& items) {
    return items[below(std::size(items))];
  }
  std::uint64_t bits() {
    auto z = state_ += 0x9E37'79B9'7F4A'7C15;
    z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
    return z ^ z >> 31;
  }

  /// A number at which readers break, or one beside it.
  std::uint64_t number() {
    static constexpr std::array<std::uint64_t, 14> edges{0,
                                                         1,
                                                         2,
                                                         4,
                                                         8,
                                                         32,
                                                         255,
                                                         65'536,
                                                         0x7FFF'FFFF,
                                                         0xFFFF'FFFF,
                                                         std::uint64_t{1} << 32,
                                                         std::uint64_t{1} << 53,
                                                         std::uint64_t{1} << 63,
                                                         ~std::uint64_t{0}};
    auto const edge = of(edges);
    return one_in(3) ? edge + below(5) - 2 : one_in(4) ? bits() >> below(64) : edge;
  }

  double real() {
    static constexpr auto infinity = std::numeric_limits<double>::infinity();
    static constexpr std::array<double, 14> edges{
        0.0,   -0.0,   1,      -1,       0.5,       1e-310, 1e-40,
        1e300, 3.5e38, 65'505, infinity, -infinity, 0.999,  std::numeric_limits<double>::quiet_NaN()};
    return of(edges);
  }

  /// `s` with a few bytes changed, by libFuzzer or by the sweep.
  std::string bytes_like(std::string_view s) {
    std::string bytes(s);
    bytes.resize(s.size() + 16);
    bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), s.size(), bytes.size()));
    return bytes;
  }

 private:
  std::uint64_t state_;
};

/// Another file at every call. It may refer to the bytes that it was made for.
using Mutator = std::function<std::optional<std::string>(Random&)>;

Mutator mutator(std::string_view bytes);

/// Puts the file that comes after `size` bytes of `data` in their place, `most` bytes at most. `mutate` is that of the bytes.
inline std::size_t mutate(Mutator const& mutate, std::uint8_t* data, std::size_t size, std::size_t most, Random& random) {
  if (!mutate || random.one_in(8)) return LLVMFuzzerMutate(data, size, most);
  auto const all = mutate(random);
  if (!all || all->size() > most || all->empty()) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, all->data(), all->size());
  return all->size();
}

}  // namespace chg::fuzz

#ifndef CHG_FUZZ_WITHOUT_ENTRY
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  chg::fuzz::Random random(seed);
  return chg::fuzz::mutate(chg::fuzz::mutator({reinterpret_cast<char const*>(data), size}), data, size, most, random);
}
#endif
