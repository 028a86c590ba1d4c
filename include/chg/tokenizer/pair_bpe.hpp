// SPDX-License-Identifier: MIT
// Byte-pair encoding from a list of merges, as a tokenizer.json of type BPE and vocab.json with merges.txt hold it.
#pragma once

#include <chg/tokenizer/merging.hpp>
#include <chg/tokenizer/unicode.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace chg::tokenizer {

struct PairBpeOptions {
  Token unknown = no_token;    ///< for characters that are not in the vocabulary
  bool drop_unknown = false;   ///< leave such characters out; otherwise they are an Error when there is no token for them
  bool fuse_unknown = false;   ///< one unknown token for neighbours
  bool byte_fallback = false;  ///< before `unknown`: the pieces <0x00> to <0xFF> of the character's bytes
  bool ignore_merges = false;  ///< a word that is a piece is that piece, whatever the merges say
  std::string prefix{};        ///< before every character of a word but the first
  std::string suffix{};        ///< behind the last character of a word, as </w>
};

/// Encodes one word after the other. Const use from several threads is safe; the Vocabulary is passed in, and must be the same.
class PairBpe {
 public:
  PairBpe(PairBpeOptions options, Vocabulary const& vocabulary, std::size_t merges)
      : options_(std::move(options)), merges_(merges) {
    characters_.assign(0x800, no_token);
    for (char32_t c = 1; c < 0x800; ++c) {
      std::string character;
      append_character(character, c);
      characters_[c] = vocabulary.find(character);
    }
    bytes_.fill(no_token);
    if (options_.byte_fallback) bytes_ = byte_tokens(vocabulary);
  }

  /// Merge number `rank`, of two pieces of which both and their concatenation, without the prefix of the second, must be in the
  /// vocabulary.
  void add_merge(Vocabulary const& vocabulary, std::string_view left, std::string_view right, std::uint32_t rank,
                 std::string const& file) {
    auto const known = [&](std::string_view piece) {
      auto const id = vocabulary.find(piece);
      if (id == no_token)
        throw Error({file + ": merge " + text(rank) + " of " + formats::in_quotes(left) + " and " + formats::in_quotes(right),
                     "pieces of the vocabulary", formats::in_quotes(piece),
                     "The vocabulary and the merges belong to different tokenizers."});
      return id;
    };
    auto const a = known(left), b = known(right);
    auto const rest = right.substr(std::min(options_.prefix.size(), right.size()));
    merges_.set(a, b, {rank, known(std::string(left).append(rest))});
  }

  /// Appends the ids of a word, valid UTF-8. Throws Error for an unknown character as the options say.
  void encode(Vocabulary const& vocabulary, std::string_view word, MergeBuffers& buffers, std::vector<Token>& ids) const {
    if (options_.ignore_merges)
      if (auto const whole = vocabulary.find(word); whole != no_token) {
        ids.push_back(whole);
        return;
      }
    auto& symbols = buffers.symbols;
    symbols.clear();
    // An unknown character waits for the next that is known, so that neighbours may fuse; bytes do not end the wait.
    Symbol waiting{0, 0, no_token};
    auto const flush = [&] {
      if (waiting.id != no_token) symbols.push_back(waiting);
      waiting.id = no_token;
    };
    std::string spelled;
    auto const affixes = !options_.prefix.empty() || !options_.suffix.empty();
    for (std::uint32_t at = 0, size = static_cast<std::uint32_t>(word.size()); at < size;) {
      auto const length = static_cast<std::uint32_t>(character_length(word[at]));
      auto character = word.substr(at, length);
      if (affixes) {
        spelled = (at > 0 ? options_.prefix : "") + std::string(character) + (at + length == size ? options_.suffix : "");
        character = spelled;
      }
      if (auto const id = find_character(vocabulary, character); id != no_token) {
        flush();
        symbols.push_back({at, at + length, id});
      } else if (has_bytes(character)) {
        for (auto const c : character) symbols.push_back({at, at + length, bytes_[static_cast<unsigned char>(c)]});
      } else if (options_.unknown != no_token) {
        if (!options_.fuse_unknown) flush();
        if (waiting.id == no_token) waiting = {at, at, options_.unknown};
        waiting.end = at + length;
      } else {
        check(options_.drop_unknown, "a text to encode", "characters of the vocabulary, which has no unknown token",
              formats::in_quotes(word.substr(at, length)));
      }
      at += length;
    }
    flush();
    // Where a symbol stands in the word no longer matters, only in which order.
    for (std::uint32_t i = 0; i < symbols.size(); ++i) symbols[i].begin = i, symbols[i].end = i + 1;
    if (symbols.size() > 1) merge_symbols(buffers, [&](Symbol const& a, Symbol const& b) { return merges_.find(a.id, b.id); });
    for (auto const& symbol : symbols) ids.push_back(symbol.id);
  }

 private:
  Token find_character(Vocabulary const& vocabulary, std::string_view character) const {
    auto const code = first_character(character);
    auto const alone = character.size() == character_length(character.front());
    return alone && code < characters_.size() && code != 0 ? characters_[code] : vocabulary.find(character);
  }
  bool has_bytes(std::string_view character) const {
    return options_.byte_fallback && std::all_of(character.begin(), character.end(),
                                                 [&](char c) { return bytes_[static_cast<unsigned char>(c)] != no_token; });
  }

  PairBpeOptions options_;
  MergeTable merges_;
  std::vector<Token> characters_;  ///< of U+0001 to U+07FF, which hold every character of a byte-level alphabet
  ByteTokens bytes_;
};

}  // namespace chg::tokenizer
