// SPDX-License-Identifier: MIT
// A tokenizer: text to token ids and back, whichever file format it came from.
//
//     text -> added tokens | normalizer -> pre-tokenizer (words) -> model (ids of each word) -> BOS
#pragma once

#include <chg/tokenizer/added_tokens.hpp>
#include <chg/tokenizer/decoder.hpp>
#include <chg/tokenizer/normalizer.hpp>
#include <chg/tokenizer/pair_bpe.hpp>
#include <chg/tokenizer/piece_bpe.hpp>
#include <chg/tokenizer/pre_tokenizer.hpp>
#include <chg/tokenizer/unigram.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace chg {

/// Whether a text begins with the token of that meaning. `automatic`: as the tokenizer's own files say.
enum class Bos { automatic, on, off };
/// Whether "<s>" in a text is the special token or three characters.
enum class SpecialTokens { recognised, plain_text };
enum class TokenizerKind { byte_level_bpe, sentencepiece_bpe, unigram, word_level };

constexpr char const* kind_name(TokenizerKind kind) {
  return kind == TokenizerKind::byte_level_bpe      ? "byte-level BPE"
         : kind == TokenizerKind::sentencepiece_bpe ? "SentencePiece BPE"
         : kind == TokenizerKind::unigram           ? "unigram"
                                                    : "whole words";
}

struct EncodeOptions {
  Bos bos = Bos::automatic;
  SpecialTokens special = SpecialTokens::recognised;
};
struct DecodeOptions {
  bool skip_special = false;  ///< leave special tokens out
};

namespace tokenizer {

/// A vocabulary of whole words.
struct WordLevel {
  Token unknown = no_token;

  /// Throws Error when the word is not in the vocabulary and there is no unknown token.
  void encode(Vocabulary const& vocabulary, std::string_view word, std::vector<Token>& ids) const {
    auto const id = vocabulary.find(word);
    check(id != no_token || unknown != no_token, "a text to encode", "words of the vocabulary, which has no unknown token",
          formats::in_quotes(word));
    ids.push_back(id != no_token ? id : unknown);
  }
};

using Model = std::variant<PairBpe, PieceBpe, Unigram, WordLevel>;

/// What a file format reads and a Tokenizer is made of.
struct Parts {
  TokenizerKind kind;
  Model model;
  Vocabulary vocabulary{};  ///< with the added tokens
  std::vector<AddedToken> added_tokens{};
  std::vector<NormalizerStep> normalizer{};
  std::vector<PreTokenizerStep> pre_tokenizer{};
  std::vector<DecoderStep> decoder{};
  std::vector<Token> before{}, after{};  ///< what the files' rule puts around a text
  std::optional<Token> bos{};
};

/// Adds a token that is recognised in texts. Throws Error naming `name` when the vocabulary has it under another id, or another
/// token under this one.
inline void add_token(Parts& parts, AddedToken token, Index id, std::string const& name) {
  auto const known = parts.vocabulary.find(token.content);
  if (known == no_token) parts.vocabulary.add(token.content, id, name);
  check(known == no_token || known == id, name + ": id of " + formats::in_quotes(token.content),
        text(known, ", as in the vocabulary"), id);
  token.id = static_cast<Token>(id);
  token.in_model = known != no_token;
  check(token.content.size() <= longest_piece, name + ": size of a token", text("at most ", longest_piece, " bytes"),
        token.content.size());
  for (auto const& other : parts.added_tokens)
    if (other.id == token.id) return;
  parts.added_tokens.push_back(std::move(token));
}

}  // namespace tokenizer

/// A value: copies share what they are made of, which never changes. Const use from several threads is safe.
class Tokenizer {
 public:
  explicit Tokenizer(tokenizer::Parts parts) {
    tokenizer::AddedTokens added;
    std::unordered_map<Token, Shown> shown;
    for (auto const& token : parts.added_tokens) {
      auto content = token.normalized ? tokenizer::normalized(parts.normalizer, token.content) : token.content;
      added.add(token, content);
      shown.emplace(token.id, Shown{std::move(content), token.special, token.in_model});
    }
    parts_ = std::make_shared<All const>(All{std::move(parts), std::move(added), std::move(shown)});
  }

  /// The ids of a text. Throws Error when it is not valid UTF-8 or longer than 100 MB, when a pattern of the file needs too much
  /// effort on it, and for Bos::on when the tokenizer has no such token.
  std::vector<Token> encode(std::string_view text, EncodeOptions const& options = {}) const {
    tokenizer::check_text(text, "a text to encode");
    auto const& p = parts_->parts;
    std::vector<Token> ids;
    if (options.bos == Bos::on && p.before.empty()) {
      check(p.bos.has_value(), "the token for the beginning of a text (--bos on)", "one in the tokenizer's files", "none",
            "Encode without it (--bos off).");
      ids.push_back(*p.bos);
    }
    if (options.bos != Bos::off) ids.insert(ids.end(), p.before.begin(), p.before.end());
    tokenizer::MergeBuffers buffers;
    auto const special = options.special == SpecialTokens::recognised;
    auto const push = [&](tokenizer::AddedToken const& token) { ids.push_back(token.id); };
    parts_->added.split(text, false, special, push, [&](std::size_t begin, std::size_t end) {
      auto const string = tokenizer::normalized(p.normalizer, text.substr(begin, end - begin));
      parts_->added.split(string, true, special, push, [&](std::size_t from, std::size_t to) {
        encode_words(std::string_view(string).substr(from, to - from), begin == 0 && from == 0, buffers, ids);
      });
    });
    if (options.bos != Bos::off) ids.insert(ids.end(), p.after.begin(), p.after.end());
    return ids;
  }

  /// The bytes that ids stand for: a part of a text may begin or end inside a character. Throws Error for an id of no token.
  std::string decode(std::span<Token const> ids, DecodeOptions const& options = {}) const {
    tokenizer::DecodedPieces pieces;
    for (auto const id : ids) {
      auto const added = parts_->shown.find(id);
      auto const is_added = added != parts_->shown.end();
      if (is_added && added->second.special && options.skip_special) continue;
      pieces.push_back({is_added ? added->second.content : piece(id), is_added && !added->second.in_model});
    }
    return tokenizer::decoded(parts_->parts.decoder, std::move(pieces));
  }

  /// The string of a token as its vocabulary spells it. Throws Error when no token has this id.
  std::string const& piece(Token id) const { return parts_->parts.vocabulary.piece(id); }
  bool contains(Token id) const { return parts_->parts.vocabulary.contains(id); }
  /// The id of a token by its string in the vocabulary.
  std::optional<Token> find(std::string_view piece) const {
    auto const id = parts_->parts.vocabulary.find(piece);
    return id == tokenizer::no_token ? std::nullopt : std::optional(id);
  }
  /// The largest id plus one.
  Index vocab_size() const { return parts_->parts.vocabulary.size(); }
  /// The token for the beginning of a text, if the files name one.
  std::optional<Token> bos() const { return parts_->parts.bos; }
  /// Whether Bos::automatic puts it there.
  bool adds_bos() const { return bos() && !parts_->parts.before.empty() && parts_->parts.before.front() == *bos(); }
  TokenizerKind kind() const { return parts_->parts.kind; }
  std::vector<tokenizer::AddedToken> const& added_tokens() const { return parts_->parts.added_tokens; }

 private:
  struct Shown {
    std::string content;  ///< as it is looked for, in its normal form if it has one
    bool special, in_model;
  };
  struct All {
    tokenizer::Parts parts;
    tokenizer::AddedTokens added;
    std::unordered_map<Token, Shown> shown;  ///< the added tokens, by id
  };

  void encode_words(std::string_view text, bool starts_text, tokenizer::MergeBuffers& buffers, std::vector<Token>& ids) const {
    auto const& p = parts_->parts;
    tokenizer::Words words{std::string(text), {{0, text.size()}}, starts_text};
    tokenizer::pre_tokenize(p.pre_tokenizer, words);
    struct Stretch {
      std::size_t begin, count;
    };
    std::unordered_map<std::string_view, Stretch> seen;  // where the ids of a word stand already
    auto const remember = words.ranges.size() > 16 && p.kind == TokenizerKind::byte_level_bpe;
    for (auto const range : words.ranges) {
      auto const word = words.word(range);
      auto const begin = ids.size();
      if (remember)
        if (auto const found = seen.find(word); found != seen.end()) {
          auto const [from, count] = found->second;
          for (std::size_t i = 0; i < count; ++i) ids.push_back(Token{ids[from + i]});
          continue;
        }
      std::visit([&](auto const& model) { encode_word(model, word, buffers, ids); }, p.model);
      if (remember) seen.emplace(word, Stretch{begin, ids.size() - begin});
    }
  }

  void encode_word(tokenizer::PairBpe const& model, std::string_view word, tokenizer::MergeBuffers& buffers,
                   std::vector<Token>& ids) const {
    model.encode(parts_->parts.vocabulary, word, buffers, ids);
  }
  void encode_word(tokenizer::PieceBpe const& model, std::string_view word, tokenizer::MergeBuffers& buffers,
                   std::vector<Token>& ids) const {
    model.encode(word, buffers, ids);
  }
  void encode_word(tokenizer::Unigram const& model, std::string_view word, tokenizer::MergeBuffers&,
                   std::vector<Token>& ids) const {
    model.encode(word, ids);
  }
  void encode_word(tokenizer::WordLevel const& model, std::string_view word, tokenizer::MergeBuffers&,
                   std::vector<Token>& ids) const {
    model.encode(parts_->parts.vocabulary, word, ids);
  }

  std::shared_ptr<All const> parts_;
};

}  // namespace chg
