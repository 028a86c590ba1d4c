// SPDX-License-Identifier: MIT
// Byte-pair encoding where any two neighbours merge whose concatenation is a piece, the piece's rank deciding: SentencePiece's
// BPE (ranked by score) and tiktoken's (ranked by id).
#pragma once

#include <chg/tokenizer/merging.hpp>
#include <chg/tokenizer/unicode.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::tokenizer {

struct PieceBpeOptions {
  bool from_bytes = false;                           ///< symbols start as bytes, not as characters; every byte must be a piece
  Token unknown = no_token;                          ///< one for neighbouring characters that are no piece
  bool byte_fallback = false;                        ///< before `unknown`: the pieces <0x00> to <0xFF> of the bytes
  std::shared_ptr<PrefixTree const> user_defined{};  ///< symbols that stay whole; null: none
};

class PieceBpe {
 public:
  explicit PieceBpe(PieceBpeOptions options, ByteTokens const& bytes = {}) : options_(std::move(options)), bytes_(bytes) {}

  /// A piece that merges make. Smaller ranks merge first. An unused one is taken apart again, as it was put together.
  void add_piece(std::string_view piece, Token id, std::uint32_t rank, bool unused = false) {
    check(piece.size() <= longest_piece, "a piece of the vocabulary: its size", text("at most ", longest_piece, " bytes"),
          piece.size());
    longest_ = std::max(longest_, piece.size());
    pieces_.emplace(piece, Piece{id, rank, unused});
    any_unused_ = any_unused_ || unused;
  }

  /// Appends the ids of a word. Throws Error when a character has no piece and there is no unknown token either.
  void encode(std::string_view word, MergeBuffers& buffers, std::vector<Token>& ids) const {
    if (options_.from_bytes)
      if (auto const* whole = find(word)) {
        ids.push_back(whole->id);
        return;
      }
    auto& symbols = buffers.symbols;
    symbols.clear();
    for (std::uint32_t at = 0, size = static_cast<std::uint32_t>(word.size()); at < size;) {
      auto const user = options_.user_defined ? options_.user_defined->longest_prefix(word.substr(at)) : PrefixTree::Match{};
      auto const length = user.length > 0       ? static_cast<std::uint32_t>(user.length)
                          : options_.from_bytes ? 1
                                                : static_cast<std::uint32_t>(character_length(word[at]));
      auto const* const piece = user.length > 0 ? nullptr : find(word.substr(at, length));
      symbols.push_back({at, at + length, user.length > 0 ? user.id : piece ? piece->id : no_token, user.length > 0});
      at += length;
    }
    StringMap<std::size_t> made_from;  // of an unused piece: the length of its left part
    merge_symbols(buffers, [&](Symbol const& a, Symbol const& b) {
      auto const string = word.substr(a.begin, b.end - a.begin);
      auto const* const piece = find(string);
      if (piece == nullptr) return Merge{};
      if (piece->unused) made_from.insert_or_assign(std::string(string), a.end - a.begin);
      return Merge{piece->rank, piece->id};
    });
    auto unknown_before = false;
    for (auto const& symbol : symbols)
      append(word.substr(symbol.begin, symbol.end - symbol.begin), symbol, made_from, unknown_before, ids);
  }

 private:
  struct Piece {
    Token id;
    std::uint32_t rank;
    bool unused;
  };

  Piece const* find(std::string_view string) const {
    if (string.size() > longest_) return nullptr;
    auto const found = pieces_.find(string);
    return found == pieces_.end() ? nullptr : &found->second;
  }

  void append(std::string_view string, Symbol const& symbol, StringMap<std::size_t> const& made_from, bool& unknown_before,
              std::vector<Token>& ids) const {
    if (any_unused_ && !symbol.frozen) {
      auto const* const piece = find(string);
      if (piece != nullptr && piece->unused)
        if (auto const parts = made_from.find(string); parts != made_from.end()) {
          for (auto const part : {string.substr(0, parts->second), string.substr(parts->second)}) {
            auto const* const known = find(part);
            append(part, {0, 0, known ? known->id : no_token}, made_from, unknown_before, ids);
          }
          return;
        }
    }
    if (symbol.id != no_token) {
      ids.push_back(symbol.id);
    } else if (options_.byte_fallback) {
      for (auto const c : string) ids.push_back(bytes_[static_cast<unsigned char>(c)]);
    } else {
      check(options_.unknown != no_token, "a text to encode", "characters of the vocabulary, which has no unknown token",
            formats::in_quotes(string));
      if (!unknown_before) ids.push_back(options_.unknown);
    }
    unknown_before = symbol.id == no_token && !options_.byte_fallback;
  }

  PieceBpeOptions options_;
  ByteTokens bytes_;
  StringMap<Piece> pieces_;
  std::size_t longest_ = 0;
  bool any_unused_ = false;
};

}  // namespace chg::tokenizer
