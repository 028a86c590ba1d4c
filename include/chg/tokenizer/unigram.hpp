// SPDX-License-Identifier: MIT
// The segmentation of a word into pieces of the highest total log-probability (Kudo, arXiv 1804.10959, section 3.2; Viterbi).
//
// A character that is no piece by itself may also count as an unknown one, 10 nats below the least probable piece.
#pragma once

#include <chg/tokenizer/unicode.hpp>
#include <chg/tokenizer/vocabulary.hpp>

#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::tokenizer {

struct UnigramOptions {
  Token unknown = no_token;       ///< one for neighbouring unknown characters
  bool byte_fallback = false;     ///< the pieces <0x00> to <0xFF> of the bytes instead, when all of them are there
  bool single_precision = false;  ///< sums are kept as float, as SentencePiece keeps them; Hugging Face keeps double
};

class Unigram {
 public:
  explicit Unigram(UnigramOptions const& options, ByteTokens const& bytes = {}) : options_(options), bytes_(bytes) {}

  /// A piece and its log-probability in nats. Throws Error when that is not finite.
  void add_piece(std::string_view piece, Token id, double score) {
    check(std::isfinite(score), "log-probability of " + formats::in_quotes(piece), "a finite number", score);
    if (static_cast<std::size_t>(id) >= scores_.size()) scores_.resize(static_cast<std::size_t>(id) + 1, 0.0);
    scores_[static_cast<std::size_t>(id)] = score;
    tree_.add(piece, id);
  }
  /// What an unknown character scores: 10 below the least of the scores that count.
  void set_least_score(double least) { unknown_score_ = least - 10; }

  /// Appends the ids of a word, valid UTF-8. Throws Error when a character is unknown and there is no unknown token.
  void encode(std::string_view word, std::vector<Token>& ids) const {
    options_.single_precision ? encode<float>(word, ids) : encode<double>(word, ids);
  }

 private:
  static constexpr std::uint32_t unreached = 0xFFFF'FFFF;
  template <class Sum>
  struct Place {
    Sum best = 0;
    std::uint32_t begin = unreached;  ///< of the piece that ends here
    Token id = no_token;
  };

  template <class Sum>
  void encode(std::string_view word, std::vector<Token>& ids) const {
    std::vector<Place<Sum>> places(word.size() + 1);
    auto const unknown_score = static_cast<Sum>(unknown_score_);
    for (std::size_t at = 0; at < word.size();) {
      auto const length = character_length(word[at]);
      auto const so_far = places[at].best;
      auto whole_character = false;
      auto const offer = [&](std::size_t size, Token id, double sum) {
        auto& place = places[at + size];
        if (place.begin == unreached || sum > place.best) place = {static_cast<Sum>(sum), static_cast<std::uint32_t>(at), id};
      };
      tree_.each_prefix(word.substr(at), [&](std::size_t size, Token id) {
        offer(size, id, scores_[static_cast<std::size_t>(id)] + static_cast<double>(so_far));
        whole_character = whole_character || size == length;
      });
      if (!whole_character) offer(length, no_token, static_cast<double>(unknown_score + so_far));
      at += length;
    }

    std::vector<Place<Sum>> path;  // last piece first
    std::vector<std::uint32_t> ends;
    for (auto end = static_cast<std::uint32_t>(word.size()); end > 0; end = places[end].begin) {
      path.push_back(places[end]);
      ends.push_back(end);
    }
    for (auto i = path.size(); i-- > 0;) {
      auto const begin = path[i].begin;
      if (!is_unknown(path[i].id)) {
        ids.push_back(path[i].id);
        continue;
      }
      // Neighbours that are unknown, or spell the unknown piece, are one; their bytes are taken together.
      while (i > 0 && is_unknown(path[i - 1].id)) --i;
      append_unknown(word.substr(begin, ends[i] - begin), ids);
    }
  }

  bool is_unknown(Token id) const { return id == no_token || id == options_.unknown; }
  bool has_bytes(std::string_view string) const {
    if (!options_.byte_fallback) return false;
    for (auto const c : string)
      if (bytes_[static_cast<unsigned char>(c)] == no_token) return false;
    return true;
  }
  void append_unknown(std::string_view string, std::vector<Token>& ids) const {
    Token whole = no_token;
    tree_.each_prefix(string, [&](std::size_t length, Token id) {
      if (length == string.size()) whole = id;
    });
    if (whole == no_token && has_bytes(string)) {
      for (auto const c : string) ids.push_back(bytes_[static_cast<unsigned char>(c)]);
      return;
    }
    check(whole != no_token || options_.unknown != no_token, "a text to encode",
          "characters of the vocabulary, which has no unknown token", formats::in_quotes(string));
    ids.push_back(whole != no_token ? whole : options_.unknown);
  }

  UnigramOptions options_;
  ByteTokens bytes_;
  PrefixTree tree_;
  std::vector<double> scores_;
  double unknown_score_ = -10;
};

}  // namespace chg::tokenizer
