// SPDX-License-Identifier: MIT
// Text out of files: UTF-8, with or without a byte order mark. Other encodings are refused by name.
#pragma once

#include <chg/tensor/error.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace chg::formats {

/// Place of the first byte that is no part of UTF-8 (RFC 3629: no surrogates, no longer form than needed), or none.
inline std::optional<std::size_t> first_not_utf8(std::string_view text) {
  auto const byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto const follows = [&](std::size_t i, unsigned lowest = 0x80, unsigned highest = 0xBF) {
    return byte(i) >= lowest && byte(i) <= highest;
  };
  for (std::size_t i = 0; i < text.size();) {
    auto const c = byte(i);
    if (c < 0x80) {
      ++i;
    } else if (c >= 0xC2 && c < 0xE0) {
      if (!follows(i + 1)) return i;
      i += 2;
    } else if (c >= 0xE0 && c < 0xF0) {
      if (!follows(i + 1, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF) || !follows(i + 2)) return i;
      i += 3;
    } else if (c >= 0xF0 && c < 0xF5) {
      if (!follows(i + 1, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF) || !follows(i + 2) || !follows(i + 3)) return i;
      i += 4;
    } else {
      return i;
    }
  }
  return std::nullopt;
}

/// ", line N" of a place in a text of several lines, for an error message; nothing where there is one line.
inline std::string line_of(std::string_view text, std::size_t place) {
  auto const newline = text.find('\n');
  if (newline == std::string_view::npos || newline + 1 == text.size()) return "";
  return ", line " + std::to_string(1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(place), '\n'));
}

/// The characters of a text file without its byte order mark; `name` stands for the file in errors. Throws Error for UTF-16 and
/// UTF-32, known by their marks or, since the first character of every text here is an ASCII one, by zero bytes beside it.
inline std::string_view text_without_mark(std::string_view bytes, std::string const& name) {
  auto const marked = bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF");
  auto const zero = bytes.substr(0, 2).find('\0') != std::string_view::npos;
  check(!marked && !zero, name + ": encoding", "UTF-8", marked ? "UTF-16" : "a zero byte: UTF-16, UTF-32, or no text",
        "Save it as UTF-8.");
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  return bytes;
}

/// Throws Error naming the line unless `text` is UTF-8.
inline void check_utf8(std::string_view text, std::string const& name) {
  auto const wrong = first_not_utf8(text);
  if (!wrong) return;
  static constexpr auto digits = "0123456789ABCDEF";
  auto const byte = static_cast<unsigned char>(text[*wrong]);
  throw Error({name + line_of(text, *wrong) + ": encoding", "UTF-8",
               std::string("the byte 0x") + digits[byte >> 4] + digits[byte & 15] + ", as in Latin-1 or Windows-1252",
               "Save it as UTF-8."});
}

}  // namespace chg::formats
