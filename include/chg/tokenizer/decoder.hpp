// SPDX-License-Identifier: MIT
// From pieces back to text: the decoder of a tokenizer.json, step by step.
#pragma once

#include <chg/tokenizer/byte_level.hpp>
#include <chg/tokenizer/normalizer.hpp>

#include <algorithm>
#include <array>
#include <optional>
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

/// Printable characters back to bytes, all in one piece; a piece with other characters is kept as it is.
struct DecodeByteLevel {
  void operator()(DecodedPieces& pieces) const {
    DecodedPiece all;
    for (auto const& piece : pieces) {
      auto const bytes = piece.added ? std::nullopt : bytes_of_characters(piece.text);
      all.text += bytes ? *bytes : piece.text;
    }
    pieces.assign(1, std::move(all));
  }
};

struct DecodeReplace {
  ReplaceStep replace;
  void operator()(DecodedPieces& pieces) const {
    for (auto& piece : pieces) replace(piece.text);
  }
};

/// <0x41> to the byte. Neighbours that are no UTF-8 together are U+FFFD each, unless a caller wants the bytes.
struct DecodeByteFallback {
  bool keep_bytes = false;

  void operator()(DecodedPieces& pieces) const {
    auto const digit = [](char c) {
      return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    DecodedPieces out;
    std::string bytes;
    auto const flush = [&] {
      if (bytes.empty()) return;
      if (keep_bytes || valid_length(bytes) == bytes.size())
        out.push_back({bytes});
      else
        out.insert(out.end(), bytes.size(), {"\uFFFD"});
      bytes.clear();
    };
    for (auto& piece : pieces) {
      auto const& s = piece.text;
      if (s.size() == 6 && s.starts_with("<0x") && s[5] == '>' && digit(s[4]) >= 0 && (digit(s[3]) >= 0 || s[3] == '+')) {
        bytes += static_cast<char>(16 * std::max(digit(s[3]), 0) + digit(s[4]));
        continue;
      }
      flush();
      out.push_back(std::move(piece));
    }
    flush();
    pieces = std::move(out);
  }
};

struct DecodeFuse {
  void operator()(DecodedPieces& pieces) const {
    DecodedPiece all;
    for (auto const& piece : pieces) all.text += piece.text;
    pieces.assign(1, std::move(all));
  }
};

/// Takes a character away, at most `start` times at the beginning of each piece and `stop` times at its end.
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

/// What English tokenization puts before punctuation and contractions is taken away again (BERT).
inline std::string cleaned_up(std::string text) {
  static constexpr std::array<std::array<std::string_view, 2>, 11> rules{{{" .", "."},
                                                                          {" ?", "?"},
                                                                          {" !", "!"},
                                                                          {" ,", ","},
                                                                          {" ' ", "'"},
                                                                          {" n't", "n't"},
                                                                          {" 'm", "'m"},
                                                                          {" do not", " don't"},
                                                                          {" 's", "'s"},
                                                                          {" 've", "'ve"},
                                                                          {" 're", "'re"}}};
  for (auto const& [from, to] : rules) ReplaceStep{std::string(from), std::string(to)}(text);
  return text;
}

/// Pieces with the prefix continue a word, the others begin one.
struct DecodeWordPiece {
  std::string prefix = "##";
  bool clean_up = true;
  void operator()(DecodedPieces& pieces) const {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      auto& text = pieces[i].text;
      if (i > 0 && text.starts_with(prefix))
        text.erase(0, prefix.size());
      else if (i > 0)
        text.insert(0, 1, ' ');
      if (clean_up) text = cleaned_up(std::move(text));
    }
  }
};

/// The suffix that ends a word becomes a space, that of the last piece nothing.
struct DecodeSuffix {
  std::string suffix = "</w>";
  void operator()(DecodedPieces& pieces) const {
    for (std::size_t i = 0; i < pieces.size(); ++i) ReplaceStep{suffix, i + 1 == pieces.size() ? "" : " "}(pieces[i].text);
  }
};

/// Connectionist temporal classification: neighbours that are alike count once, padding goes, the delimiter becomes a space.
struct DecodeCtc {
  std::string pad = "<pad>", delimiter = "|";
  bool clean_up = true;
  void operator()(DecodedPieces& pieces) const {
    DecodedPieces out;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (i > 0 && pieces[i].text == pieces[i - 1].text) continue;
      auto text = pieces[i].text;
      ReplaceStep{pad, ""}(text);
      if (clean_up) {
        text = cleaned_up(std::move(text));
        ReplaceStep{delimiter, " "}(text);
      }
      if (!text.empty()) out.push_back({std::move(text)});
    }
    pieces = std::move(out);
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
                                 DecodeFirstSpace, DecodeWords, DecodeWordPiece, DecodeSuffix, DecodeCtc>;

inline std::string decoded(std::vector<DecoderStep> const& steps, DecodedPieces pieces) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::visit([&](auto const& s) { s(pieces); }, steps[i]);
    // Bytes that are no text stay only where no other step reads them.
    if (std::holds_alternative<DecodeByteLevel>(steps[i]) && i + 1 < steps.size())
      for (auto& piece : pieces) piece.text = valid_utf8(piece.text);
  }
  std::string all;
  for (auto const& piece : pieces) all += piece.text;
  return all;
}

}  // namespace chg::tokenizer
