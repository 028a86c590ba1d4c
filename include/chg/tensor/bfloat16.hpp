// SPDX-License-Identifier: MIT
// bfloat16: the upper half of a float, 8 bits of precision at a float's range. For storage and as a factor; sums are floats.
#pragma once

#include <bit>
#include <cstdint>

namespace chg {

/// Half the spacing of bfloat16 numbers around 1: how far rounding moves a number, relative to it.
inline constexpr double bfloat16_round_off = 0x1p-8;

/// The bits of the nearest bfloat16, ties to even; NaN stays NaN, what is too large becomes infinite.
constexpr std::uint16_t to_bfloat16(float x) {
  auto const bits = std::bit_cast<std::uint32_t>(x);
  auto const nearest = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  auto const quiet_nan = (bits >> 16) | 0x40u;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : nearest);
}

constexpr float from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

/// x rounded to a bfloat16.
constexpr float as_bfloat16(float x) { return from_bfloat16(to_bfloat16(x)); }

}  // namespace chg
