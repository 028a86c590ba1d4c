// SPDX-License-Identifier: MIT
// What the fuzz targets of tokenizer files do with a tokenizer that was read: encode, and decode what came out.
#pragma once

#include "fuzz/fuzz.hpp"

#include <chg/tokenizer/tokenizer.hpp>

namespace chg::fuzz {

inline constexpr std::string_view kText = "Hello <s> w\u00f6rld  12345";

inline void encode_and_decode(tokenizer::Parts parts, std::string_view text) {
  Tokenizer const tokenizer(std::move(parts));
  for (auto const special : {SpecialTokens::recognised, SpecialTokens::plain_text}) {
    auto const ids = tokenizer.encode(text, {.special = special});
    for (auto const id : ids) require(tokenizer.contains(id));
    tokenizer.decode(ids);
  }
}

/// A file in a text format, and after its last zero byte a text to encode.
struct FileAndText {
  explicit FileAndText(std::string_view bytes) : file(bytes), text(kText) {
    auto const zero = bytes.rfind('\0');
    if (zero == std::string_view::npos) return;
    file = bytes.substr(0, zero);
    text = bytes.substr(zero + 1);
  }
  std::string_view file, text;
};

}  // namespace chg::fuzz
