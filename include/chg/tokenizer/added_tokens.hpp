// SPDX-License-Identifier: MIT
// Tokens that are recognised in a text before anything else happens to it: <s>, <|endoftext|> and what users add.
#pragma once

#include <chg/tokenizer/unicode.hpp>
#include <chg/tokenizer/vocabulary.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::tokenizer {

struct AddedToken {
  std::string content;
  Token id = no_token;
  bool special = false;      ///< marks a structure, such as the beginning of a text
  bool single_word = false;  ///< not inside a word
  bool lstrip = false;       ///< takes the white space before it along
  bool rstrip = false;       ///< takes the white space after it along
  bool normalized = false;   ///< is searched for in the normalised text, not in the text as given
  bool in_model = false;     ///< the model's own vocabulary has this string too
};

/// Finds added tokens in a text: at each place the longest, from left to right.
class AddedTokens {
 public:
  /// `content`: the string to look for, which for a token that is `normalized` is the normal form of token.content.
  void add(AddedToken const& token, std::string_view content) {
    if (content.empty()) return;
    auto& tree = token.normalized ? normalized_ : raw_;
    tree.add(content, static_cast<Token>(tokens_.size()));
    tokens_.push_back(token);
  }

  std::vector<AddedToken> const& tokens() const { return tokens_; }

  /// Calls token(AddedToken) and other(begin, end) for the parts of `text`, in order. `normalized` says which tokens to look for;
  /// special ones are passed over unless `special`.
  template <class OnToken, class OnText>
  void split(std::string_view text, bool normalized, bool special, OnToken&& token, OnText&& other) const {
    auto const& tree = normalized ? normalized_ : raw_;
    std::size_t end = 0;  // of the part that was passed on last
    for (std::size_t at = 0; !tree.empty() && at < text.size();) {
      auto const match = tree.longest_prefix(text.substr(at));
      if (match.length == 0) {
        at += character_length(text[at]);
        continue;
      }
      auto const& added = tokens_[static_cast<std::size_t>(match.id)];
      auto begin = at;
      auto stop = at += match.length;
      if (added.special && !special) continue;
      if (added.single_word && ((begin > 0 && is_word(last_character(text.substr(0, begin)))) ||
                                (stop < text.size() && is_word(first_character(text.substr(stop))))))
        continue;
      while (added.lstrip && begin > end && is_space(last_character(text.substr(end, begin - end)))) {
        do --begin;
        while ((static_cast<unsigned char>(text[begin]) & 0xC0u) == 0x80);
      }
      while (added.rstrip && stop < text.size() && is_space(first_character(text.substr(stop))))
        stop += character_length(text[stop]);
      if (end < begin) other(end, begin);
      token(added);
      end = stop;
    }
    if (end < text.size()) other(end, text.size());
  }

 private:
  std::vector<AddedToken> tokens_;
  PrefixTree raw_, normalized_;
};

}  // namespace chg::tokenizer
