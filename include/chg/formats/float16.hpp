// SPDX-License-Identifier: MIT
// F16, a 16-bit floating-point format of published weights, as bits, to float: exact for every pattern. BF16, the other one, is
// chg::from_bfloat16 of the room tensor.
//
//     F16 (IEEE 754 binary16): sign 1, exponent 5, fraction 10
#pragma once

#include <bit>
#include <cstdint>

namespace chg::formats {

/// Subnormals are products of exact numbers, so that a processor which flushes subnormal floats to zero converts them too.
inline float float_from_f16(std::uint16_t bits) {
  auto const sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  auto const magnitude = static_cast<std::uint32_t>(bits & 0x7FFFu);
  constexpr std::uint32_t smallest_normal = 0x0400, infinity = 0x7C00;
  if (magnitude >= infinity) return std::bit_cast<float>(sign | 0x7F80'0000u | (magnitude & 0x03FFu) << 13);  // infinity, NaN
  if (magnitude >= smallest_normal)
    return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));  // exponent bias 15 to 127
  auto const subnormal = static_cast<float>(magnitude) * 0x1p-24f;
  return sign != 0 ? -subnormal : subnormal;
}

}  // namespace chg::formats
