// SPDX-License-Identifier: MIT
// The numbers in the blocks of a GGUF tensor, as floats.
//
// Plain types hold one number an element. In the block types a scale d is shared by 32 neighbours, element j of which is
//
//     Q4_0, Q5_0   d (q_j - 8), d (q_j - 16)       q_j of 4 and 5 bits      Q8_0     d q_j, q_j of 8 bits with a sign
//     Q4_1, Q5_1   d q_j + m                       with a minimum m
//
// d and m are F16. Four-bit numbers lie two a byte: byte j has element j in its low half and element j + 16 in its high one; bit
// j of the 32-bit number qh is the fifth bit of element j. A product of an integer of eight bits with an F16 is exact in float,
// so a sum is rounded once: every processor, with or without fused multiply-add, gives the same bits.
#pragma once

#include <chg/formats/dequantize_few_bits.hpp>
#include <chg/formats/dequantize_iq.hpp>
#include <chg/formats/dequantize_k.hpp>
#include <chg/formats/ggml_types.hpp>
#include <chg/tensor/bfloat16.hpp>
#include <chg/tensor/error.hpp>

#include <array>
#include <span>
#include <string>
#include <type_traits>

namespace chg::formats {

namespace detail {

inline void decode_f32(std::uint8_t const* block, float* y) { std::memcpy(y, block, sizeof *y); }
inline void decode_f16(std::uint8_t const* block, float* y) { *y = f16_at(block); }
inline void decode_bf16(std::uint8_t const* block, float* y) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, block, sizeof bits);
  *y = from_bfloat16(bits);
}

/// The four bits of element j in 16 bytes.
inline int four_bits(std::uint8_t const* qs, int j) { return qs[j % 16] >> (j / 16 * 4) & 15; }

/// The five bits of element j: qh [4], qs [16].
inline int five_bits(std::uint8_t const* qh, std::uint8_t const* qs, int j) {
  return four_bits(qs, j) | (qh[j / 8] >> (j % 8) & 1) << 4;
}

/// 18 bytes: d; qs [16].
inline void decode_q4_0(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int j = 0; j < 32; ++j) y[j] = d * static_cast<float>(four_bits(block + 2, j) - 8);
}

/// 20 bytes: d; m; qs [16].
inline void decode_q4_1(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block), m = f16_at(block + 2);
  for (int j = 0; j < 32; ++j) y[j] = d * static_cast<float>(four_bits(block + 4, j)) + m;
}

/// 22 bytes: d; qh [4]; qs [16].
inline void decode_q5_0(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int j = 0; j < 32; ++j) y[j] = d * static_cast<float>(five_bits(block + 2, block + 6, j) - 16);
}

/// 24 bytes: d; m; qh [4]; qs [16].
inline void decode_q5_1(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block), m = f16_at(block + 2);
  for (int j = 0; j < 32; ++j) y[j] = d * static_cast<float>(five_bits(block + 4, block + 8, j)) + m;
}

/// 34 bytes: d; q [32].
inline void decode_q8_0(std::uint8_t const* block, float* y) {
  auto const d = f16_at(block);
  for (int j = 0; j < 32; ++j) y[j] = d * static_cast<float>(static_cast<std::int8_t>(block[2 + j]));
}

template <class Real>
using Decoder = void (*)(std::uint8_t const* from, std::size_t blocks, std::size_t bytes, Real* out);

template <class Real, std::size_t Block, auto decode_block>
void decode_blocks(std::uint8_t const* from, std::size_t blocks, std::size_t bytes, Real* out) {
  for (std::size_t b = 0; b < blocks; ++b, from += bytes, out += Block) {
    if constexpr (std::is_same_v<Real, float>) {
      decode_block(from, out);
    } else {
      std::array<float, Block> y;
      decode_block(from, y.data());
      std::copy(y.begin(), y.end(), out);
    }
  }
}

template <class Real>
struct DecoderEntry {
  std::string_view name;
  Decoder<Real> decode;
};
template <class Real>
inline constexpr std::array decoders{DecoderEntry<Real>{"F32", decode_blocks<Real, 1, decode_f32>},
                                     DecoderEntry<Real>{"F16", decode_blocks<Real, 1, decode_f16>},
                                     DecoderEntry<Real>{"BF16", decode_blocks<Real, 1, decode_bf16>},
                                     DecoderEntry<Real>{"Q8_0", decode_blocks<Real, 32, decode_q8_0>},
                                     DecoderEntry<Real>{"Q4_0", decode_blocks<Real, 32, decode_q4_0>},
                                     DecoderEntry<Real>{"Q4_1", decode_blocks<Real, 32, decode_q4_1>},
                                     DecoderEntry<Real>{"Q5_0", decode_blocks<Real, 32, decode_q5_0>},
                                     DecoderEntry<Real>{"Q5_1", decode_blocks<Real, 32, decode_q5_1>},
                                     DecoderEntry<Real>{"Q2_K", decode_blocks<Real, 256, decode_q2_k>},
                                     DecoderEntry<Real>{"Q3_K", decode_blocks<Real, 256, decode_q3_k>},
                                     DecoderEntry<Real>{"Q4_K", decode_blocks<Real, 256, decode_q4_k>},
                                     DecoderEntry<Real>{"Q5_K", decode_blocks<Real, 256, decode_q5_k>},
                                     DecoderEntry<Real>{"Q6_K", decode_blocks<Real, 256, decode_q6_k>},
                                     DecoderEntry<Real>{"IQ1_S", decode_blocks<Real, 256, decode_iq1_s>},
                                     DecoderEntry<Real>{"IQ1_M", decode_blocks<Real, 256, decode_iq1_m>},
                                     DecoderEntry<Real>{"IQ2_XXS", decode_blocks<Real, 256, decode_iq2_xxs>},
                                     DecoderEntry<Real>{"IQ2_XS", decode_blocks<Real, 256, decode_iq2_xs>},
                                     DecoderEntry<Real>{"IQ2_S", decode_blocks<Real, 256, decode_iq2_s>},
                                     DecoderEntry<Real>{"IQ3_XXS", decode_blocks<Real, 256, decode_iq3_xxs>},
                                     DecoderEntry<Real>{"IQ3_S", decode_blocks<Real, 256, decode_iq3_s>},
                                     DecoderEntry<Real>{"IQ4_NL", decode_blocks<Real, 32, decode_iq4_nl>},
                                     DecoderEntry<Real>{"IQ4_XS", decode_blocks<Real, 256, decode_iq4_xs>},
                                     DecoderEntry<Real>{"TQ1_0", decode_blocks<Real, 256, decode_tq1_0>},
                                     DecoderEntry<Real>{"TQ2_0", decode_blocks<Real, 256, decode_tq2_0>},
                                     DecoderEntry<Real>{"Q1_0", decode_blocks<Real, 128, decode_q1_0>},
                                     DecoderEntry<Real>{"MXFP4", decode_blocks<Real, 32, decode_mxfp4>},
                                     DecoderEntry<Real>{"NVFP4", decode_blocks<Real, 64, decode_nvfp4>}};

/// Null where a type is known, but has no decoder here.
template <class Real>
Decoder<Real> decoder_of(GgmlType const& type) {
  auto const found = std::ranges::find(decoders<Real>, type.name, &DecoderEntry<Real>::name);
  return found == decoders<Real>.end() ? nullptr : found->decode;
}

/// The names of all types that are decoded, for an error message.
inline std::string decoded_names() {
  std::string names;
  for (auto const& entry : decoders<float>) names += text(names.empty() ? "" : ", ", entry.name);
  return names;
}

}  // namespace detail

/// Writes the elements of a tensor to `out`, float or double: exact where the type has no minimum, else rounded to float once.
/// `name` stands for the tensor in errors. Throws Error when the type has no decoder here, or when `bytes` are not those of
/// out.size() elements.
template <class Real>
void dequantize(GgmlType const& type, std::span<std::byte const> bytes, std::span<Real> out, std::string const& name) {
  static_assert(std::is_same_v<Real, float> || std::is_same_v<Real, double>,
                "chg::formats::dequantize: the numbers must be float or double. Decode into one of them and convert.");
  auto const decode = detail::decoder_of<Real>(type);
  check(decode != nullptr, name + ": type", decode != nullptr ? "" : "one of " + detail::decoded_names(), type.name,
        "Convert the checkpoint to one of these types.");
  auto const block = static_cast<std::size_t>(type.block);
  auto const blocks = bytes.size() / type.bytes;
  check(bytes.size() % type.bytes == 0 && out.size() % block == 0 && out.size() / block == blocks, name + ": size",
        text("whole blocks of ", type.block, " elements in ", type.bytes, " bytes"),
        text(out.size(), " elements in ", bytes.size(), " bytes"));
  decode(reinterpret_cast<std::uint8_t const*>(bytes.data()), blocks, type.bytes, out.data());
}

}  // namespace chg::formats
