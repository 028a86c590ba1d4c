// SPDX-License-Identifier: MIT
// WordPiece: the longest piece that a word begins with, then the longest that its rest begins with, and so on (BERT). A word that
// cannot be cut up is unknown as a whole.
#pragma once

#include <chg/tokenizer/unicode.hpp>
#include <chg/tokenizer/vocabulary.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace chg::tokenizer {

struct WordPieceOptions {
  Token unknown = no_token;
  std::string prefix = "##";       ///< of the pieces that continue a word
  std::size_t longest_word = 100;  ///< in characters; a longer word is unknown
};

class WordPiece {
 public:
  explicit WordPiece(WordPieceOptions options) : options_(std::move(options)) {}

  void add_piece(std::string_view piece, Token id) {
    if (piece.size() > longest_piece || piece.empty()) return;
    first_.add(piece, id);
    if (piece.starts_with(options_.prefix) && piece.size() > options_.prefix.size())
      next_.add(piece.substr(options_.prefix.size()), id);
  }

  /// Appends the ids of a word, valid UTF-8. Throws Error when it is unknown and there is no unknown token.
  void encode(std::string_view word, std::vector<Token>& ids) const {
    auto const before = ids.size();
    std::size_t characters = 0;
    for (std::size_t at = 0; at < word.size() && characters <= options_.longest_word; at += character_length(word[at]))
      ++characters;
    auto known = characters <= options_.longest_word;
    for (std::size_t at = 0; known && at < word.size();) {
      auto const piece = (at == 0 ? first_ : next_).longest_prefix(word.substr(at));
      known = piece.length > 0;
      if (known) ids.push_back(piece.id);
      at += piece.length;
    }
    if (known) return;
    check(options_.unknown != no_token, "a text to encode", "words of the vocabulary, which has no unknown token",
          formats::in_quotes(word));
    ids.resize(before);
    ids.push_back(options_.unknown);
  }

 private:
  WordPieceOptions options_;
  PrefixTree first_, next_;
};

}  // namespace chg::tokenizer
