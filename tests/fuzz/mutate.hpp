// SPDX-License-Identifier: MIT
// Structure-aware mutation. A target that knows its format defines
//
//     std::optional<std::string> mutated(std::string_view bytes, Random& random)
//
// another file made of the parts of this one, framed as the format asks, or nothing where the bytes are not of the format. Every
// eighth mutation is libFuzzer's own, of bytes, so that the framing is attacked too.
#pragma once

#include "fuzz/fuzz.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <random>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace chg::fuzz {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  /// 0 .. n - 1; n is 1 or more.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class Items>
  auto& of(Items& items) {
    return items[below(std::size(items))];
  }
  std::uint64_t bits() { return engine_(); }

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

  /// `s` with a few bytes changed, by libFuzzer.
  std::string bytes_like(std::string_view s) {
    std::vector<std::uint8_t> buffer(s.begin(), s.end());
    buffer.resize(s.size() + 16);
    auto const size = LLVMFuzzerMutate(buffer.data(), s.size(), buffer.size());
    return {reinterpret_cast<char const*>(buffer.data()), size};
  }

 private:
  std::mt19937_64 engine_;
};

std::optional<std::string> mutated(std::string_view bytes, Random& random);

}  // namespace chg::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  chg::fuzz::Random random(seed);
  if (random.one_in(8)) return LLVMFuzzerMutate(data, size, most);
  auto const all = chg::fuzz::mutated(std::string_view(reinterpret_cast<char const*>(data), size), random);
  if (!all || all->size() > most || all->empty()) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, all->data(), all->size());
  return all->size();
}
