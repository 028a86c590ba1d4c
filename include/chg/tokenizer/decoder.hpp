// SPDX-License-Identifier: MIT
// From pieces back to text: the decoder of a tokenizer.json, step by step.
#pragma once

#include <chg/tokenizer/byte_level.hpp>
#include <chg/tokenizer/normalizer.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace chg::tokenizer {

/// One piece on its way to text.
struct DecodedPiece {
  std::string text;
  bool added = false;  ///< spelled in characters even where the vocabulary spells bytes
};
using DecodedPieces = std::vector<DecodedPiece>;

/// Printable characters back to bytes; a piece with other characters is kept.
struct DecodeByteLevel {
  void operator()(DecodedPieces& pieces) const {
    for (auto& piece : pieces)
      if (!piece.added)
        if (auto bytes = bytes_of_characters(piece.text)) piece.text = std::move(*bytes);
  }
};

struct DecodeReplace {
  ReplaceStep replace;
  void operator()(DecodedPieces& pieces) const {
    for (auto& piece : pieces) replace(piece.text);
  }
};

/// <0x41> to the byte. What is no UTF-8 together is left as it is.
struct DecodeByteFallback {
  void operator()(DecodedPieces& pieces) const {
    auto const digit = [](char c) {
      return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    for (auto& piece : pieces) {
      auto const& s = piece.text;
      if (s.size() != 6 || !s.starts_with("<0x") || s[5] != '>' || digit(s[3]) < 0 || digit(s[4]) < 0) continue;
      piece.text = std::string(1, static_cast<char>(16 * digit(s[3]) + digit(s[4])));
    }
  }
};

struct DecodeFuse {
  void operator()(DecodedPieces& pieces) const {
    DecodedPiece all;
    for (auto const& piece : pieces) all.text += piece.text;
    pieces.assign(1, std::move(all));
  }
};

/// Takes `content` away, at most `start` times at the beginning of each piece and `stop` times at its end.
struct DecodeStrip {
  std::string content = " ";
  std::size_t start = 0, stop = 0;
  void operator()(DecodedPieces& pieces) const {
    for (auto& piece : pieces) {
      std::string_view rest = piece.text;
      for (std::size_t i = 0; i < start && rest.starts_with(content); ++i) rest.remove_prefix(content.size());
      for (std::size_t i = 0; i < stop && rest.ends_with(content); ++i) rest.remove_suffix(content.size());
      piece.text = std::string(rest);
    }
  }
};

/// The replacement back to a space, and none before the first word.
struct DecodeMetaspace {
  std::string replacement{space_symbol};
  bool prefixed = true;
  void operator()(DecodedPieces& pieces) const {
    for (std::size_t i = 0; i < pieces.size(); ++i) ReplaceStep{replacement, i == 0 && prefixed ? "" : " "}(pieces[i].text);
  }
};

/// Takes the space that encoding put before a text away: that of the first piece, or one of each piece up to the first text.
struct DecodeFirstSpace {
  bool of_each = false;
  void operator()(DecodedPieces& pieces) const {
    for (auto& piece : pieces) {
      if (piece.text.starts_with(' ')) piece.text.erase(0, 1);
      if (!of_each || !piece.text.empty()) return;
    }
  }
};

/// A space between pieces, for vocabularies of whole words.
struct DecodeWords {
  void operator()(DecodedPieces& pieces) const {
    for (std::size_t i = 1; i < pieces.size(); ++i) pieces[i].text.insert(0, 1, ' ');
  }
};

using DecoderStep = std::variant<DecodeByteLevel, DecodeReplace, DecodeByteFallback, DecodeFuse, DecodeStrip, DecodeMetaspace,
                                 DecodeFirstSpace, DecodeWords>;

inline std::string decoded(std::vector<DecoderStep> const& steps, DecodedPieces pieces) {
  for (auto const& step : steps) std::visit([&](auto const& s) { s(pieces); }, step);
  std::string all;
  for (auto const& piece : pieces) all += piece.text;
  return all;
}

}  // namespace chg::tokenizer
