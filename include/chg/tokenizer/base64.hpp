// SPDX-License-Identifier: MIT
// Base64 (RFC 4648, section 4), in which tokenizer files hold bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chg::tokenizer::detail {

/// The bytes of a base64 string (RFC 4648, section 4), or nothing when it is none.
inline std::optional<std::string> from_base64(std::string_view code) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (code.empty() || code.size() % 4 != 0) return std::nullopt;
  auto const padding = code.ends_with("==") ? 2u : code.ends_with("=") ? 1u : 0u;
  std::string bytes;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < code.size(); ++i) {
    auto const value = i >= code.size() - padding ? 0 : alphabet.find(code[i]);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (auto const shift : {16, 8, 0}) bytes += static_cast<char>(bits >> shift & 0xFF);
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

}  // namespace chg::tokenizer::detail
