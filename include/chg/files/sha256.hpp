// SPDX-License-Identifier: MIT
// SHA-256 (NIST FIPS 180-4), by which a run names the files and data it was made from.
//
// Written here because every library that has it must be linked (libmd, libcrypto, nettle), and chg links none of them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace chg::files {

/// Takes bytes in any portions, then gives the digest.
class Sha256 {
 public:
  Sha256& add(std::span<std::byte const> bytes) {
    length_ += bytes.size();
    while (!bytes.empty()) {
      if (held_ == 0 && bytes.size() >= kBlock) {
        mix(bytes.data());
        bytes = bytes.subspan(kBlock);
        continue;
      }
      auto const n = std::min(kBlock - held_, bytes.size());
      std::memcpy(block_.data() + held_, bytes.data(), n);
      held_ += n;
      bytes = bytes.subspan(n);
      if (held_ == kBlock) {
        mix(block_.data());
        held_ = 0;
      }
    }
    return *this;
  }
  Sha256& add(std::string_view text) { return add(std::as_bytes(std::span(text.data(), text.size()))); }

  /// The digest of all bytes so far as 64 hexadecimal digits; more bytes may follow.
  std::string hex() const {
    auto last = *this;
    auto const bits = length_ * 8;
    last.block_[last.held_++] = std::byte{0x80};
    if (last.held_ > kBlock - 8) {
      std::fill(last.block_.begin() + static_cast<std::ptrdiff_t>(last.held_), last.block_.end(), std::byte{0});
      last.mix(last.block_.data());
      last.held_ = 0;
    }
    std::fill(last.block_.begin() + static_cast<std::ptrdiff_t>(last.held_), last.block_.end(), std::byte{0});
    for (std::size_t i = 0; i < 8; ++i) last.block_[kBlock - 1 - i] = static_cast<std::byte>(bits >> (8 * i));
    last.mix(last.block_.data());
    std::string digits;
    for (auto const word : last.state_)
      for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[word >> shift & 15];
    return digits;
  }

 private:
  static constexpr std::size_t kBlock = 64;

  // FIPS 180-4, section 6.2.2, with the names of its variables.
  void mix(std::byte const* block) {
    static constexpr std::array<std::uint32_t, 64> K{
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
        0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
        0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
        0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
        0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
        0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    std::array<std::uint32_t, 64> W;
    for (std::size_t t = 0; t < 16; ++t) {
      W[t] = 0;
      for (std::size_t i = 0; i < 4; ++i) W[t] = W[t] << 8 | std::to_integer<std::uint32_t>(block[4 * t + i]);
    }
    for (std::size_t t = 16; t < 64; ++t) {
      auto const s0 = std::rotr(W[t - 15], 7) ^ std::rotr(W[t - 15], 18) ^ W[t - 15] >> 3;
      auto const s1 = std::rotr(W[t - 2], 17) ^ std::rotr(W[t - 2], 19) ^ W[t - 2] >> 10;
      W[t] = W[t - 16] + s0 + W[t - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t t = 0; t < 64; ++t) {
      auto const T1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + K[t] + W[t];
      auto const T2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + T1, d = c, c = b, b = a, a = T1 + T2;
    }
    std::array const mixed{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += mixed[i];
  }

  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, kBlock> block_{};
  std::size_t held_ = 0;
  std::uint64_t length_ = 0;
};

inline std::string sha256(std::string_view bytes) { return Sha256().add(bytes).hex(); }

}  // namespace chg::files
