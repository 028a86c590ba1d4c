// SPDX-License-Identifier: MIT
// Tokens that are recognised in a text before anything else happens to it: <s>, <|endoftext|> and what users add.
//
// Where two of them overlap, the tokenizers library goes through the text from left to right and takes the longest at each place;
// llama.cpp takes the longest tokens of the whole text first. White space that a token takes along is Unicode's in the one and
// C's in the other.
#pragma once

#include <chg/tokenizer/character_classes.hpp>
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
};

enum class Overlaps { leftmost_first, longest_first };

/// Finds added tokens in a text.
class AddedTokens {
 public:
  explicit AddedTokens(Overlaps overlaps = Overlaps::leftmost_first) : overlaps_(overlaps) {}

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
    if (overlaps_ == Overlaps::longest_first && !tree.empty()) return split_by_length(tree, text, special, token, other);
    std::size_t end = 0;  // of the part that was passed on last
    std::size_t space_begin = 0, space_end = 0;
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
      if (added.single_word && ((begin > 0 && is_word_character(last_character(text.substr(0, begin)))) ||
                                (stop < text.size() && is_word_character(first_character(text.substr(stop))))))
        continue;
      while (added.lstrip && begin > end && is_space(last_character(text.substr(end, begin - end)))) {
        begin -= last_length(text.substr(end, begin - end));
      }
      // Tokens within white space that another one took along take the rest of it: it is looked through once.
      if (added.rstrip && stop >= space_begin && stop < space_end) {
        stop = space_end;
      } else if (added.rstrip) {
        space_begin = stop;
        while (stop < text.size() && is_space(first_character(text.substr(stop)))) stop += character_length(text[stop]);
        space_end = stop;
      }
      if (end < begin) other(end, begin);
      token(added);
      end = stop;
    }
    if (end < text.size()) other(end, text.size());
  }

 private:
  static std::size_t last_length(std::string_view text) {
    std::size_t length = 1;
    while (length < text.size() && (static_cast<unsigned char>(text[text.size() - length]) & 0xC0u) == 0x80) ++length;
    return length;
  }
  static bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  /// Every occurrence is found once, then the longest token gives way to none, its occurrences from left to right, and so on.
  template <class OnToken, class OnText>
  void split_by_length(PrefixTree const& tree, std::string_view text, bool special, OnToken&& on_token, OnText&& other) const {
    struct Occurrence {
      std::size_t begin, length;
      Token token;
    };
    std::vector<Occurrence> all, kept;
    for (std::size_t at = 0; at < text.size(); at += character_length(text[at]))
      tree.each_prefix(text.substr(at), [&](std::size_t length, Token token) {
        if (special || !tokens_[static_cast<std::size_t>(token)].special) all.push_back({at, length, token});
      });
    std::stable_sort(all.begin(), all.end(), [](auto const& a, auto const& b) {
      return a.length != b.length ? a.length > b.length : a.token != b.token ? a.token < b.token : a.begin < b.begin;
    });
    std::vector<bool> taken(all.empty() ? 0 : text.size());
    for (auto const& o : all) {
      auto const& token = tokens_[static_cast<std::size_t>(o.token)];
      auto begin = o.begin, end = o.begin + o.length;
      if (taken[begin] || taken[end - 1]) continue;  // what is taken is at least as long, so it lies not within
      while (token.lstrip && begin > 0 && !taken[begin - 1] && is_ascii_space(text[begin - 1])) --begin;
      while (token.rstrip && end < text.size() && !taken[end] && is_ascii_space(text[end])) ++end;
      std::fill(taken.begin() + std::ptrdiff_t(begin), taken.begin() + std::ptrdiff_t(end), true);
      kept.push_back({begin, end - begin, o.token});
    }
    std::sort(kept.begin(), kept.end(), [](auto const& a, auto const& b) { return a.begin < b.begin; });
    std::size_t end = 0;
    for (auto const& o : kept) {
      if (end < o.begin) other(end, o.begin);
      on_token(tokens_[static_cast<std::size_t>(o.token)]);
      end = o.begin + o.length;
    }
    if (end < text.size()) other(end, text.size());
  }

  Overlaps overlaps_;
  std::vector<AddedToken> tokens_;
  PrefixTree raw_, normalized_;
};

}  // namespace chg::tokenizer
