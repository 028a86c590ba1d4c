// SPDX-License-Identifier: MIT
// Text as UTF-8: its characters, whether it is valid, and properties that tokenizers ask for (by ICU).
//
// Properties are those of ICU's version of Unicode: a character that a newer version added may split otherwise elsewhere.
#pragma once

#include <chg/formats/text_file.hpp>
#include <chg/tensor/error.hpp>

#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace chg::tokenizer {

/// The longest text that a tokenizer takes, in bytes: positions are 32-bit numbers, and normal forms may be longer.
inline constexpr std::size_t longest_text = 100'000'000;

/// Bytes of the character that starts with `lead`, in valid UTF-8.
inline std::size_t character_length(char lead) {
  auto const byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The first character of text that is valid UTF-8 and not empty.
inline char32_t first_character(std::string_view text) {
  std::int32_t at = 0;
  UChar32 character = 0;
  auto const* const bytes = text.data();
  U8_NEXT_UNSAFE(bytes, at, character);
  return static_cast<char32_t>(character);
}

/// The last character of text that is valid UTF-8 and not empty.
inline char32_t last_character(std::string_view text) {
  auto begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0u) == 0x80) --begin;
  return first_character(text.substr(begin));
}

inline void append_character(std::string& text, char32_t character) {
  char bytes[U8_MAX_LENGTH];
  std::int32_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, static_cast<UChar32>(character));
  text.append(bytes, static_cast<std::size_t>(length));
}

/// The first character beyond ASCII in valid UTF-8 for which `wanted` holds.
template <class Wanted>
std::optional<char32_t> find_character(std::string_view text, Wanted&& wanted) {
  for (std::size_t at = 0; at < text.size();) {
    if (text.size() - at >= 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080'8080'8080'8080u) == 0) {
        at += 8;
        continue;
      }
    }
    auto const length = character_length(text[at]);
    if (length > 1)
      if (auto const character = first_character(text.substr(at, length)); wanted(character)) return character;
    at += length;
  }
  return std::nullopt;
}

/// "U+0041"
inline std::string code_point(char32_t character) {
  char digits[16];
  std::snprintf(digits, sizeof(digits), "U+%04X", static_cast<unsigned>(character));
  return digits;
}

/// Where valid UTF-8 ends: the size of `text` when all of it is valid.
inline std::size_t valid_length(std::string_view text) { return formats::first_not_utf8(text).value_or(text.size()); }

/// Throws Error naming `what` unless `text` is valid UTF-8 (no surrogates, no overlong forms) within the longest text.
inline void check_text(std::string_view text, std::string_view what) {
  check(text.size() <= longest_text, what, "at most 100000000 bytes", text.size(), "Cut it into parts.");
  auto const valid = valid_length(text);
  if (valid != text.size())
    throw Error({std::string(what), "valid UTF-8", chg::text("an invalid byte at offset ", valid), "Convert it to UTF-8 first."});
}

/// `bytes` with U+FFFD for each longest invalid part, as the Unicode standard recommends (section 3.9).
inline std::string valid_utf8(std::string_view bytes) {
  std::string out;
  auto const* const source = bytes.data();
  auto const size = static_cast<std::int32_t>(bytes.size());
  for (std::int32_t at = 0; at < size;) {
    UChar32 character = 0;
    U8_NEXT_OR_FFFD(source, at, size, character);
    append_character(out, static_cast<char32_t>(character));
  }
  return out;
}

inline bool is_space(char32_t character) { return u_isUWhiteSpace(static_cast<UChar32>(character)) != 0; }

/// A letter, mark, decimal digit, connector or joiner: what `\w` means in Unicode's regular expressions (UTS 18).
inline bool is_word(char32_t character) {
  auto const c = static_cast<UChar32>(character);
  return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || (U_GET_GC_MASK(c) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
         u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL);
}

/// Each character in lower case by itself: a capital sigma becomes the same letter wherever it stands.
inline std::string lowercase(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    auto const length = character_length(text[at]);
    if (length == 1) {
      auto const c = text[at];
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    } else {
      auto status = U_ZERO_ERROR;
      icu::StringByteSink<std::string> sink(&out);
      icu::CaseMap::utf8ToLower("", 0, icu::StringPiece(text.data() + at, static_cast<std::int32_t>(length)), sink, nullptr,
                                status);
      check(U_SUCCESS(status), "lower case with ICU", "success", u_errorName(status));
    }
    at += length;
  }
  return out;
}

}  // namespace chg::tokenizer
