// SPDX-License-Identifier: MIT
// The strings of a vocabulary and their ids, both ways, and the prefix tree that finds the longest of some strings in a text.
#pragma once

#include <chg/formats/json.hpp>
#include <chg/tensor/examples.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace chg::tokenizer {

inline constexpr Token no_token = -1;

/// The longest piece that takes part in a search by substrings, in bytes; published ones stay below 300.
inline constexpr std::size_t longest_piece = 4096;

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view string) const { return std::hash<std::string_view>{}(string); }
};

template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// Pieces by id and ids by piece, those of the model apart from tokens that were added beside it: a model never makes the latter.
/// Ids may leave holes.
class Vocabulary {
 public:
  Vocabulary() = default;
  /// Room for `entries` pieces. Ids stay below twice that and a million more, so that a damaged id costs no memory.
  explicit Vocabulary(std::size_t entries) : highest_(static_cast<Index>(2 * entries + 1'000'000)) { ids_.reserve(entries); }

  Index highest_id() const { return highest_; }

  /// Adds a piece of the model. Throws Error naming `file` when the id is out of bounds or taken by another piece. Of two ids for
  /// one piece the first is found by its string.
  void add(std::string_view piece, Index id, std::string const& file) {
    place(piece, id, file);
    ids_.emplace(std::string(piece), static_cast<Token>(id));
  }
  /// Adds a piece of the model that another id has too, and by whose string that other id is found.
  void add_shadowed(std::string_view piece, Index id, std::string const& file) {
    place(piece, id, file);
    ++shadowed_;
  }
  /// Adds a token beside the model. Throws as add does.
  void add_beside(std::string_view piece, Index id, std::string const& file) {
    place(piece, id, file);
    beside_.insert_or_assign(std::string(piece), static_cast<Token>(id));
  }

  /// The id of a piece of the model, or no_token.
  Token find(std::string_view piece) const { return find_in(ids_, piece); }
  /// The id of a token by its string, added or the model's, or no_token.
  Token find_any(std::string_view piece) const {
    auto const beside = beside_.empty() ? no_token : find_in(beside_, piece);
    return beside != no_token ? beside : find(piece);
  }
  bool contains(Index id) const { return id >= 0 && id < size() && pieces_[static_cast<std::size_t>(id)].has_value(); }

  /// Throws Error when no token has this id.
  std::string const& piece(Index id) const {
    check(contains(id), "token id", chg::text("one of the vocabulary, from 0 to ", size() - 1), id);
    return *pieces_[static_cast<std::size_t>(id)];
  }
  /// The largest id plus one.
  Index size() const { return static_cast<Index>(pieces_.size()); }
  /// The number of pieces of the model.
  Index model_size() const { return static_cast<Index>(ids_.size()) + shadowed_; }

 private:
  void place(std::string_view piece, Index id, std::string const& file) {
    if (id < 0 || id > highest_)
      throw Error({file + ": id of " + formats::in_quotes(piece), text("a whole number from 0 to ", highest_), text(id), ""});
    auto const place = static_cast<std::size_t>(id);
    if (place >= pieces_.size()) pieces_.resize(place + 1);
    if (pieces_[place])
      throw Error({file + ": id " + text(id), "one token",
                   formats::in_quotes(*pieces_[place]) + " and " + formats::in_quotes(piece), ""});
    pieces_[place] = std::string(piece);
  }
  static Token find_in(StringMap<Token> const& ids, std::string_view piece) {
    auto const found = ids.find(piece);
    return found == ids.end() ? no_token : found->second;
  }

  Index highest_ = 0, shadowed_ = 0;
  std::vector<std::optional<std::string>> pieces_;
  StringMap<Token> ids_, beside_;
};

/// The ids of the 256 pieces <0x00> to <0xFF>, no_token where there is none.
using ByteTokens = std::array<Token, 256>;

inline ByteTokens byte_tokens(Vocabulary const& vocabulary) {
  ByteTokens tokens{};
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (std::size_t b = 0; b < tokens.size(); ++b)
    tokens[b] = vocabulary.find(std::string("<0x") + digits[b / 16] + digits[b % 16] + ">");
  return tokens;
}

/// A prefix tree over bytes. Looking a text up at one place costs at most the length of the longest string.
class PrefixTree {
 public:
  void add(std::string_view string, Token id) {
    check(!string.empty() && string.size() <= longest_piece, "a token that is searched for in a text: its size",
          text("1 to ", longest_piece, " bytes"), string.size());
    std::uint32_t node = root;
    for (auto const c : string) {
      auto next = child(node, static_cast<unsigned char>(c));
      if (next == 0) {
        next = static_cast<std::uint32_t>(nodes_.size());
        auto& first = node == root ? roots_[static_cast<unsigned char>(c)] : nodes_[node].child;
        nodes_.push_back({.sibling = node == root ? 0 : first, .byte = static_cast<unsigned char>(c)});
        // push_back may move the nodes, so the parent is named anew.
        (node == root ? roots_[static_cast<unsigned char>(c)] : nodes_[node].child) = next;
      }
      node = next;
    }
    nodes_[node].id = id;
  }

  bool empty() const { return nodes_.size() == 1; }

  /// Calls found(length, id) for every string that `text` starts with, shortest first.
  template <class Found>
  void each_prefix(std::string_view text, Found&& found) const {
    std::uint32_t node = root;
    for (std::size_t i = 0; i < text.size(); ++i) {
      node = child(node, static_cast<unsigned char>(text[i]));
      if (node == 0) return;
      if (nodes_[node].id != no_token) found(i + 1, nodes_[node].id);
    }
  }

  struct Match {
    std::size_t length = 0;  ///< 0: none
    Token id = no_token;
  };
  Match longest_prefix(std::string_view text) const {
    Match longest;
    each_prefix(text, [&](std::size_t length, Token id) { longest = {length, id}; });
    return longest;
  }

 private:
  static constexpr std::uint32_t root = 0;
  struct Node {
    std::uint32_t child = 0;    ///< the first, 0: none
    std::uint32_t sibling = 0;  ///< the next child of the same parent
    Token id = no_token;
    unsigned char byte = 0;
  };

  std::uint32_t child(std::uint32_t node, unsigned char byte) const {
    if (node == root) return roots_[byte];
    auto next = nodes_[node].child;
    while (next != 0 && nodes_[next].byte != byte) next = nodes_[next].sibling;
    return next;
  }

  std::vector<Node> nodes_{Node{}};
  std::array<std::uint32_t, 256> roots_{};
};

}  // namespace chg::tokenizer
