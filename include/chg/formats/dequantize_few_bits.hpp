// SPDX-License-Identifier: MIT
// The types of GGUF files with elements of one bit, of three values, and of four-bit floating point.
//
//     Q1_0            d or -d by a bit                                  128 elements, d is F16
//     TQ1_0, TQ2_0    d times -1, 0 or 1: five in a byte, four in one   256 elements, d is F16
//     MXFP4           2^(e - 128) v[q], e of eight bits                 32 elements
//     NVFP4           d_k v[q], d_k half an unsigned E4M3               64 elements, k = 0 .. 3 for every 16
//
// v are the numbers of E2M1 doubled. Every product is exact in float.
#pragma once

#include <chg/formats/dequantize_k.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace chg::formats::detail {

/// 18 bytes: d; bits [16], 1 for d.
inline void decode_q1_0(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int j = 0; j < 128; ++j) y[j] = (block[2 + j / 8] >> j % 8 & 1) != 0 ? d : -d;
}

/// The digit of a byte that says q / 256 in base 3, from the highest (0) down.
inline float ternary(unsigned byte, int digit) {
  static constexpr std::array<unsigned, 5> powers{1, 3, 9, 27, 81};
  auto const left = byte * powers[static_cast<std::size_t>(digit)] & 255;
  return static_cast<float>(static_cast<int>(left * 3 >> 8) - 1);
}

/// 54 bytes: q [32], digit n of byte j is element 32 n + j; q [16], likewise, from element 160 on; q [4], of four digits each,
/// from element 240 on; d.
inline void decode_tq1_0(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block + 52);
  auto const take = [&](int bytes, int digits) {
    for (int n = 0; n < digits; ++n)
      for (int j = 0; j < bytes; ++j) *y++ = d * ternary(block[j], n);
    block += bytes;
  };
  take(32, 5), take(16, 5), take(4, 4);
}

/// 66 bytes: q [64]: byte j of each half has elements j, j + 32, j + 64 and j + 96 of 128, two bits each from the lowest up; d.
inline void decode_tq2_0(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block + 64);
  for (int i = 0; i < 256; ++i) y[i] = d * static_cast<float>((block[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3) - 1);
}

inline constexpr std::array<float, 16> e2m1_doubled{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// 17 bytes: e; q [16]: byte j has element j in its low half and element j + 16 in its high one.
inline void decode_mxfp4(std::uint8_t const* block, float* y) {
  // 2^(e - 128), half of what e means, since the numbers are doubled; the smallest two are subnormal.
  auto const e = unsigned{block[0]};
  auto const step = std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
  for (std::size_t j = 0; j < 32; ++j) y[j] = step * e2m1_doubled[block[1 + j % 16] >> (j / 16 * 4) & 15];
}

/// Half of the number of four bits of exponent and three of mantissa; 127 would be NaN and stands for 0, as in the reference.
inline float half_e4m3(unsigned byte) {
  auto const exponent = static_cast<int>(byte >> 3 & 15);
  auto const mantissa = static_cast<float>(byte & 7);
  if (byte == 127) return 0;
  return exponent == 0 ? std::ldexp(mantissa, -10) : std::ldexp(8 + mantissa, exponent - 11);
}

/// 36 bytes: d_k [4]; q [32], eight bytes for every 16 elements: byte j has element j in its low half, j + 8 in its high one.
inline void decode_nvfp4(std::uint8_t const* block, float* y) {
  for (int k = 0; k < 4; ++k, y += 16) {
    auto const step = half_e4m3(block[k]);
    auto const* const qs = block + 4 + 8 * k;
    for (std::size_t j = 0; j < 16; ++j) y[j] = step * e2m1_doubled[qs[j % 8] >> (j / 8 * 4) & 15];
  }
}

}  // namespace chg::formats::detail
