// SPDX-License-Identifier: MIT
// The IQ types of GGUF files: 256 elements, 8 or 4 neighbours at a time a point of a grid, under scales and signs.
//
//     y = d (2 s + 1) c point sign      IQ2_XXS, IQ2_XS, IQ2_S: c = 1/8      IQ3_XXS: c = 1/4      IQ3_S: c = 1
//     y = d (2 s + 1) (point + delta)   IQ1_S, IQ1_M: delta = 1/8 or -1/8
//     y = d s v[q]                      IQ4_NL (s = 1, 32 elements), IQ4_XS: 16 uneven steps v
//
// s is a small integer for 16 or 32 elements, and d is F16. IQ2_XXS, IQ2_XS and IQ3_XXS keep the signs of eight elements in seven
// bits: the eighth makes the number of minus signs even. Every product here has at most 23 significant bits, so a float holds it
// exactly: every processor gives the same bits.
#pragma once

#include <chg/formats/dequantize_k.hpp>
#include <chg/formats/gguf_grids.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace chg::formats::detail {

template <class Number>
Number number_at(std::uint8_t const* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

/// 16 uneven steps.
inline constexpr std::array<float, 16> iq4_steps{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// 18 bytes: d; qs [16]: byte j has element j in its low half and element j + 16 in its high one, each the index of a step.
inline void decode_iq4_nl(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (std::size_t j = 0; j < 32; ++j) y[j] = d * iq4_steps[block[2 + j % 16] >> (j / 16 * 4) & 15];
}

/// 136 bytes: d; high [2]; low [4]; qs [128], 16 bytes as in IQ4_NL for every 32 elements. The scale of 32 elements is stored
/// with 32 added: its low four bits are those of a half of `low`, its high two those of `high`, both from the lowest up.
inline void decode_iq4_xs(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  auto const high = number_at<std::uint16_t>(block + 2);
  for (int k = 0; k < 8; ++k, y += 32) {
    auto const scale = (block[4 + k / 2] >> (k % 2 * 4) & 15) | (high >> (2 * k) & 3) << 4;
    auto const step = d * static_cast<float>(scale - 32);
    auto const* const qs = block + 8 + 16 * k;
    for (std::size_t j = 0; j < 32; ++j) y[j] = step * iq4_steps[qs[j % 16] >> (j / 16 * 4) & 15];
  }
}

/// Seven bits, and an eighth that makes their number even.
inline unsigned eight_signs(std::uint32_t seven) { return (seven | static_cast<unsigned>(std::popcount(seven) & 1) << 7) & 255; }

/// Bit j of `signs` is the sign of element j.
template <std::size_t Width>
void write_point(std::array<std::int8_t, Width> const& point, unsigned signs, float step, float* y) {
  for (std::size_t j = 0; j < Width; ++j) y[j] = step * static_cast<float>((signs >> j & 1) != 0 ? -point[j] : point[j]);
}

/// 66 bytes: d; for every 32 elements four points [4] and a number of 32 bits: four times seven signs, then s in the top four.
inline void decode_iq2_xxs(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (auto const* part = block + 2; part < block + 66; part += 8) {
    auto const signs = number_at<std::uint32_t>(part + 4);
    auto const step = d * static_cast<float>(2 * (signs >> 28) + 1) * 0.125f;
    for (int i = 0; i < 4; ++i, y += 8) write_point(iq2_xxs_grid()[part[i]], eight_signs(signs >> (7 * i) & 127), step, y);
  }
}

/// 74 bytes: d; for every 8 elements 16 bits, a point in the low nine and seven signs; scales [8]: s for every 16 elements, low
/// half first.
inline void decode_iq2_xs(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int i = 0; i < 32; ++i, y += 8) {
    auto const q = number_at<std::uint16_t>(block + 2 + 2 * i);
    auto const s = block[66 + i / 4] >> (i / 2 % 2 * 4) & 15;
    write_point(iq2_xs_grid()[q & 511u], eight_signs(q >> 9), d * static_cast<float>(2 * s + 1) * 0.125f, y);
  }
}

/// 82 bytes: d; points [32]; signs [32]; high [8]: the top two bits of four points, from the lowest up; scales as in IQ2_XS.
inline void decode_iq2_s(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int i = 0; i < 32; ++i, y += 8) {
    auto const point = static_cast<std::size_t>(block[2 + i] | (block[66 + i / 4] >> (i % 4 * 2) & 3) << 8);
    auto const s = block[74 + i / 4] >> (i / 2 % 2 * 4) & 15;
    write_point(iq2_s_grid()[point], block[34 + i], d * static_cast<float>(2 * s + 1) * 0.125f, y);
  }
}

/// 98 bytes: d; points [64]; for every 32 elements 32 bits as in IQ2_XXS.
inline void decode_iq3_xxs(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int i = 0; i < 32; ++i, y += 8) {
    auto const signs = number_at<std::uint32_t>(block + 66 + i / 4 * 4);
    auto const step = d * static_cast<float>(2 * (signs >> 28) + 1) * 0.25f;
    auto const eight = eight_signs(signs >> (7 * (i % 4)) & 127);
    write_point(iq3_xxs_grid()[block[2 + 2 * i]], eight, step, y);
    write_point(iq3_xxs_grid()[block[3 + 2 * i]], eight >> 4, step, y + 4);
  }
}

/// 110 bytes: d; points [64]; high [8]: the ninth bit of eight points; signs [32]; scales [4]: s for every 32 elements, low half
/// first.
inline void decode_iq3_s(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int i = 0; i < 64; ++i, y += 4) {
    auto const point = static_cast<std::size_t>(block[2 + i] | (block[66 + i / 8] >> i % 8 & 1) << 8);
    auto const s = block[106 + i / 16] >> (i / 8 % 2 * 4) & 15;
    write_point(iq3_s_grid()[point], block[74 + i / 2] >> (i % 2 * 4), d * static_cast<float>(2 * s + 1), y);
  }
}

inline void write_shifted_point(std::size_t point, bool minus, float step, float* y) {
  auto const& levels = iq1_grid()[point];
  for (std::size_t j = 0; j < 8; ++j) y[j] = step * (static_cast<float>(levels[j]) + (minus ? -0.125f : 0.125f));
}

/// 50 bytes: d; points [32]; for every 32 elements 16 bits: the top three bits of four points, s (three bits), and the sign of
/// delta.
inline void decode_iq1_s(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int i = 0; i < 32; ++i, y += 8) {
    auto const high = number_at<std::uint16_t>(block + 34 + i / 4 * 2);
    auto const point = static_cast<std::size_t>(block[2 + i] | (high >> (i % 4 * 3) & 7) << 8);
    write_shifted_point(point, high >> 15 != 0, d * static_cast<float>(2 * (high >> 12 & 7) + 1), y);
  }
}

/// 56 bytes: points [32]; high [16]: for every point three bits more and the sign of delta; scales [8]: four numbers of 16 bits,
/// each s (three bits) for four times 16 elements, and in the top four bits a quarter of d, its lowest first.
inline void decode_iq1_m(std::uint8_t const* block, float* y) {
  std::array<std::uint16_t, 4> scales;
  std::memcpy(scales.data(), block + 48, sizeof scales);
  unsigned bits = 0;
  for (std::size_t k = 0; k < 4; ++k) bits |= static_cast<unsigned>(scales[k] >> 12) << (4 * k);
  auto const d = float_from_f16(static_cast<std::uint16_t>(bits));
  for (int i = 0; i < 32; ++i, y += 8) {
    auto const high = block[32 + i / 2] >> (i % 2 * 4);
    auto const s = scales[static_cast<std::size_t>(i / 8)] >> (i / 2 % 4 * 3) & 7;
    write_shifted_point(static_cast<std::size_t>(block[i] | (high & 7) << 8), (high & 8) != 0, d * static_cast<float>(2 * s + 1),
                        y);
  }
}

}  // namespace chg::formats::detail
