// SPDX-License-Identifier: MIT
// Bytes as printable characters, the alphabet of byte-level vocabularies (GPT-2): a byte that is a printable character of
// Latin-1 other than the space stands for itself, the others, in order, for U+0100 and what follows.
#pragma once

#include <chg/tokenizer/unicode.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace chg::tokenizer {

/// The character of each byte, as UTF-8.
inline std::array<std::string, 256> const& byte_characters() {
  static auto const table = [] {
    std::array<std::string, 256> characters;
    char32_t next = 0x100;
    for (std::size_t b = 0; b < 256; ++b) {
      auto const itself = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      append_character(characters[b], itself ? static_cast<char32_t>(b) : next++);
    }
    return characters;
  }();
  return table;
}

/// The byte of a character, or -1.
inline int byte_of(char32_t character) {
  static auto const table = [] {
    std::array<int, 0x180> bytes;
    bytes.fill(-1);
    for (std::size_t b = 0; b < 256; ++b) bytes[first_character(byte_characters()[b])] = static_cast<int>(b);
    return bytes;
  }();
  return character < table.size() ? table[character] : -1;
}

inline void append_byte_characters(std::string& out, std::string_view bytes) {
  auto const& characters = byte_characters();
  for (auto const c : bytes) out += characters[static_cast<unsigned char>(c)];
}

/// The bytes that a piece of a byte-level vocabulary stands for; nothing when it holds another character.
inline std::optional<std::string> bytes_of_characters(std::string_view piece) {
  std::string bytes;
  for (std::size_t at = 0; at < piece.size(); at += character_length(piece[at])) {
    auto const byte = byte_of(first_character(piece.substr(at)));
    if (byte < 0) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace chg::tokenizer
