// SPDX-License-Identifier: MIT
// The K-quants of GGUF files: 256 elements in sub-blocks, whose scales are small integers under a scale d of the whole block.
//
//     y = d s_k q                     Q3_K, Q6_K: 16 sub-blocks of 16 elements; s_k and q have signs
//     y = d s_k q - dmin m_k          Q2_K: 16 sub-blocks of 16; Q4_K, Q5_K: 8 sub-blocks of 32; s_k, m_k and q have none
//
// Below, k is the sub-block of element e; bytes of fields as they follow each other; d and dmin are F16. Elements are cut into
// slices of 32, and a byte of packed bits belongs to one place in several slices, so that a processor unpacks 32 bytes at once.
// A product of the integers with d has at most 23 significant bits, so a float holds it exactly and only the difference is
// rounded: every processor, with or without fused multiply-add, gives the same bits.
#pragma once

#include <chg/formats/float16.hpp>

#include <cstdint>
#include <cstring>

namespace chg::formats::detail {

inline float f16_at(std::uint8_t const* bytes) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return float_from_f16(bits);
}

/// 84 bytes: scales [16], low four bits s_k, high four m_k; qs [64]; d; dmin. Byte l of half n of qs (32 bytes each) holds
/// elements 128 n + 32 j + l for j = 0 .. 3, two bits each, from the lowest up.
inline void decode_q2_k(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block + 80), dmin = f16_at(block + 82);
  for (int k = 0; k < 16; ++k, y += 16) {
    auto const* const qs = block + 16 + k / 8 * 32 + k % 2 * 16;
    auto const shift = k / 2 % 4 * 2;
    auto const step = d * static_cast<float>(block[k] & 15), least = dmin * static_cast<float>(block[k] >> 4);
    for (int l = 0; l < 16; ++l) y[l] = step * static_cast<float>(qs[l] >> shift & 3) - least;
  }
}

/// 110 bytes: hmask [32]; qs [64], two bits an element as in Q2_K; scales [12]; d. Bit e / 32 of hmask[e % 32] is the third bit
/// of element e, and q is the three bits less 4. A scale has six bits and is stored with 32 added: its low four are in the first
/// eight bytes (low halves for k < 8, then high halves), its high two in the last four (byte k % 4, at bit 2 (k / 4)).
inline void decode_q3_k(std::uint8_t const* block, float* y) {
  auto const* const packed = block + 96;
  auto const d = f16_at(block + 108);
  for (int k = 0; k < 16; ++k, y += 16) {
    auto const* const hmask = block + k % 2 * 16;
    auto const* const qs = block + 32 + k / 8 * 32 + k % 2 * 16;
    auto const shift = k / 2 % 4 * 2, slice = k / 2;
    auto const low = packed[k % 8] >> (k / 8 * 4) & 15, high = packed[8 + k % 4] >> (k / 4 * 2) & 3;
    auto const step = d * static_cast<float>((low | high << 4) - 32);
    for (int l = 0; l < 16; ++l) y[l] = step * static_cast<float>(((qs[l] >> shift & 3) | (hmask[l] >> slice & 1) << 2) - 4);
  }
}

struct ScaleAndMinimum {
  int scale, minimum;
};

/// Q4_K and Q5_K pack 8 scales and 8 minima of six bits in 12 bytes. For k < 4 they are the low six bits of bytes k and k + 4;
/// for k >= 4 their low four bits are the halves of byte k + 4, their high two the spare bits of bytes k - 4 and k.
inline ScaleAndMinimum six_bit_pair(std::uint8_t const* packed, int k) {
  if (k < 4) return {packed[k] & 63, packed[k + 4] & 63};
  return {(packed[k + 4] & 15) | packed[k - 4] >> 6 << 4, packed[k + 4] >> 4 | packed[k] >> 6 << 4};
}

/// 144 bytes: d; dmin; scales [12]; qs [128]. Bytes 32 n .. 32 n + 31 of qs hold sub-block 2 n in their low halves and sub-block
/// 2 n + 1 in their high ones.
inline void decode_q4_k(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block), dmin = f16_at(block + 2);
  auto const* const qs = block + 16;
  for (int k = 0; k < 8; ++k, y += 32) {
    auto const [scale, minimum] = six_bit_pair(block + 4, k);
    auto const step = d * static_cast<float>(scale), least = dmin * static_cast<float>(minimum);
    for (int l = 0; l < 32; ++l) y[l] = step * static_cast<float>(qs[k / 2 * 32 + l] >> (k % 2 * 4) & 15) - least;
  }
}

/// 176 bytes: d; dmin; scales [12]; qh [32]; qs [128]. As Q4_K, and bit k of qh[l] is the fifth bit of element l of sub-block k.
inline void decode_q5_k(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block), dmin = f16_at(block + 2);
  auto const* const qh = block + 16;
  auto const* const qs = block + 48;
  for (int k = 0; k < 8; ++k, y += 32) {
    auto const [scale, minimum] = six_bit_pair(block + 4, k);
    auto const step = d * static_cast<float>(scale), least = dmin * static_cast<float>(minimum);
    for (int l = 0; l < 32; ++l) {
      auto const q = (qs[k / 2 * 32 + l] >> (k % 2 * 4) & 15) | (qh[l] >> k & 1) << 4;
      y[l] = step * static_cast<float>(q) - least;
    }
  }
}

/// 210 bytes: ql [128]; qh [64]; scales [16], signed; d. Each half n of the elements (128) has 64 bytes of ql, whose low halves
/// are its first 64 elements and whose high halves the others, and 32 bytes of qh: byte l has the high two bits of its elements
/// 32 j + l, j = 0 .. 3, from the lowest up. q is the six bits less 32.
inline void decode_q6_k(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block + 208);
  for (int k = 0; k < 16; ++k, y += 16) {
    auto const* const ql = block + k / 8 * 64 + k % 4 * 16;
    auto const* const qh = block + 128 + k / 8 * 32 + k % 2 * 16;
    auto const low_shift = k % 8 / 4 * 4, high_shift = k / 2 % 4 * 2;
    auto const step = d * static_cast<float>(static_cast<std::int8_t>(block[192 + k]));
    for (int l = 0; l < 16; ++l)
      y[l] = step * static_cast<float>(((ql[l] >> low_shift & 15) | (qh[l] >> high_shift & 3) << 4) - 32);
  }
}

}  // namespace chg::formats::detail
