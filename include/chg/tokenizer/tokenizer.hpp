// SPDX-License-Identifier: MIT
// A tokenizer: text to token ids and back, whichever file format it came from.
//
//     text -> added tokens | normalizer -> pre-tokenizer (words) -> model (ids of each word) -> BOS
#pragma once

#include <chg/tensor/notice.hpp>
#include <chg/tokenizer/added_tokens.hpp>
#include <chg/tokenizer/decoder.hpp>
#include <chg/tokenizer/normalizer.hpp>
#include <chg/tokenizer/pair_bpe.hpp>
#include <chg/tokenizer/piece_bpe.hpp>
#include <chg/tokenizer/pre_tokenizer.hpp>
#include <chg/tokenizer/unigram.hpp>
#include <chg/tokenizer/word_piece.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace chg {

/// Whether a text begins with the token of that meaning. `automatic`: as the tokenizer's own files say.
enum class Bos { automatic, on, off };
/// Whether "<s>" in a text is the special token or three characters.
enum class SpecialTokens { recognised, plain_text };
enum class TokenizerKind { byte_level_bpe, sentencepiece_bpe, unigram, word_level, word_piece };

constexpr char const* kind_name(TokenizerKind kind) {
  return kind == TokenizerKind::byte_level_bpe      ? "byte-level BPE"
         : kind == TokenizerKind::sentencepiece_bpe ? "SentencePiece BPE"
         : kind == TokenizerKind::unigram           ? "unigram"
         : kind == TokenizerKind::word_piece        ? "WordPiece"
                                                    : "whole words";
}

struct EncodeOptions {
  Bos bos = Bos::automatic;
  SpecialTokens special = SpecialTokens::recognised;
  bool ends = true;  ///< whether what the files' rule puts behind a text is there; a text that goes on has no end
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

using Model = std::variant<PairBpe, PieceBpe, Unigram, WordLevel, WordPiece>;

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
  bool special_are_plain = false;  ///< the files say that special tokens in a text are plain text
  bool added_are_spelled = false;  ///< decoding leaves added tokens as they are, even where the vocabulary spells bytes
  Overlaps overlaps = Overlaps::leftmost_first;
  std::unordered_map<Token, std::size_t> added_places{};  ///< where add_token has put which id
};

/// Adds a token that is recognised in texts, or gives one that is there these attributes; what was special stays so. Throws Error
/// naming `name` when the vocabulary has it under another id, or another token under this one.
inline void add_token(Parts& parts, AddedToken token, Index id, std::string const& name) {
  auto const known = parts.vocabulary.find_any(token.content);
  if (known == no_token) parts.vocabulary.add_beside(token.content, id, name);
  check(known == no_token || known == id, name + ": id of " + formats::in_quotes(token.content),
        text(known, ", as in the vocabulary"), id);
  token.id = static_cast<Token>(id);
  check(token.content.size() <= longest_piece, name + ": size of a token", text("at most ", longest_piece, " bytes"),
        token.content.size());
  auto const [place, fresh] = parts.added_places.emplace(token.id, parts.added_tokens.size());
  if (!fresh) {
    auto& other = parts.added_tokens[place->second];
    token.special = token.special || other.special;
    other = std::move(token);
    return;
  }
  parts.added_tokens.push_back(std::move(token));
}

/// Adds tokens as the tokenizers library does: one that the vocabulary has keeps its id, the others take the next free ones, in
/// order, whatever ids a file writes beside them. A token without characters is none.
inline void add_in_order(Parts& parts, std::vector<AddedToken> tokens, std::string const& name) {
  auto next = parts.vocabulary.model_size();
  for (auto const& token : parts.added_tokens) next = std::max<Index>(next, token.id + 1);
  for (auto& token : tokens) {
    if (token.content.empty()) continue;
    auto const known = parts.vocabulary.find_any(token.content);
    auto const id = known != no_token ? known : next++;
    add_token(parts, std::move(token), id, name);
  }
}

}  // namespace tokenizer

/// A value: copies share what they are made of, which never changes. Const use from several threads is safe.
class Tokenizer {
 public:
  explicit Tokenizer(tokenizer::Parts parts) {
    tokenizer::AddedTokens added(parts.overlaps);
    std::unordered_map<Token, Shown> shown;
    std::unordered_set<std::string_view> special;
    for (auto const& token : parts.added_tokens)
      if (token.special) special.insert(token.content);
    std::unordered_map<std::string, std::string_view> forms;
    for (auto const& token : parts.added_tokens) {
      auto content = token.normalized ? tokenizer::normalized(parts.normalizer, token.content) : token.content;
      auto const [form, fresh] = forms.emplace(content + (token.normalized ? "\1" : "\2"), token.content);
      if (fresh)
        added.add(token, content);
      else
        notice("the added tokens " + formats::in_quotes(form->second) + " and " + formats::in_quotes(token.content) +
               " have one normal form: texts give the first, where the tokenizers library gives either by chance");
      // The library asks whether the string that is shown is that of a special token.
      auto const left_out = special.contains(content);
      shown.emplace(token.id, Shown{std::move(content), left_out});
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
    auto const special = options.special == SpecialTokens::recognised && !p.special_are_plain;
    auto const push = [&](tokenizer::AddedToken const& token) { ids.push_back(token.id); };
    parts_->added.split(text, false, special, push, [&](std::size_t begin, std::size_t end) {
      auto const fragment = tokenizer::normalized_fragment(p.normalizer, text.substr(begin, end - begin), begin == 0);
      parts_->added.split(fragment.string, true, special, push, [&](std::size_t from, std::size_t to) {
        auto const start = fragment.start > from ? std::min(fragment.start, to) - from : 0;
        encode_words(std::string_view(fragment.string).substr(from, to - from), start, buffers, ids);
      });
    });
    if (options.bos != Bos::off && options.ends) ids.insert(ids.end(), p.after.begin(), p.after.end());
    return ids;
  }

  /// The bytes that ids stand for: a part of a text may begin or end inside a character. Throws Error for an id of no token.
  std::string decode(std::span<Token const> ids, DecodeOptions const& options = {}) const {
    tokenizer::DecodedPieces pieces;
    for (auto const id : ids) {
      auto const added = parts_->shown.find(id);
      auto const is_added = added != parts_->shown.end();
      if (is_added && added->second.special && options.skip_special) continue;
      pieces.push_back({is_added ? added->second.content : piece(id), is_added && parts_->parts.added_are_spelled});
    }
    return tokenizer::decoded(parts_->parts.decoder, std::move(pieces));
  }

  /// The string of a token as its vocabulary spells it. Throws Error when no token has this id.
  std::string const& piece(Token id) const { return parts_->parts.vocabulary.piece(id); }
  bool contains(Token id) const { return parts_->parts.vocabulary.contains(id); }
  /// The id of a token by its string in the vocabulary.
  std::optional<Token> find(std::string_view piece) const {
    auto const id = parts_->parts.vocabulary.find_any(piece);
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
    bool special;         ///< left out when special tokens are
  };
  struct All {
    tokenizer::Parts parts;
    tokenizer::AddedTokens added;
    std::unordered_map<Token, Shown> shown;  ///< the added tokens, by id
  };

  /// `start`: how many bytes at the beginning stand for the first character of the whole text.
  void encode_words(std::string_view text, std::size_t start, tokenizer::MergeBuffers& buffers, std::vector<Token>& ids) const {
    auto const& p = parts_->parts;
    tokenizer::Words words{std::string(text), {{0, text.size()}}, start};
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

  void encode_word(tokenizer::WordPiece const& model, std::string_view word, tokenizer::MergeBuffers&,
                   std::vector<Token>& ids) const {
    model.encode(word, ids);
  }

  std::shared_ptr<All const> parts_;
};

}  // namespace chg
