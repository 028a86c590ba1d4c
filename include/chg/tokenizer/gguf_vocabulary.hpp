// SPDX-License-Identifier: MIT
// Makes a tokenizer of the metadata tokenizer.ggml.* of a GGUF file, which somebody else has read.
#pragma once

#include <chg/tensor/notice.hpp>
#include <chg/tokenizer/gguf_pre_tokenizers.hpp>
#include <chg/tokenizer/ranks.hpp>
#include <chg/tokenizer/sentencepiece.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::tokenizer {

/// The values of the keys tokenizer.ggml.NAME; what a file leaves out stays empty.
struct GgufVocabulary {
  std::string name{}, architecture{};      ///< general.name, general.architecture
  std::string model;                       ///< "llama" (SentencePiece BPE) or "gpt2" (byte-level BPE)
  std::string pre;                         ///< the pre-tokenizer of "gpt2", by name
  std::vector<std::string> tokens{};       ///< by id
  std::vector<float> scores{};             ///< by id, for "llama"
  std::vector<std::int32_t> token_type{};  ///< by id, numbered as PieceType is; none: all are normal
  std::vector<std::string> merges{};       ///< "a b" by rank, for "gpt2"
  std::optional<Index> bos_token_id{}, eos_token_id{}, unknown_token_id{};  ///< by default 1, 2 and 0 for "llama"
  std::optional<bool> add_bos_token{};  ///< by default yes for "llama", and for "gpt2" with some pre-tokenizers
  std::optional<bool> add_eos_token{};
  std::optional<bool> add_space_prefix{};  ///< by default yes for "llama"; "gpt2" has none
  std::optional<bool> remove_extra_whitespaces{};
  std::string precompiled_charsmap{};
};

namespace detail {

inline PieceType type_of(GgufVocabulary const& v, std::size_t id) {
  return v.token_type.empty() ? PieceType::normal : static_cast<PieceType>(v.token_type[id]);
}

/// Tokens that are cut out of a text before anything else happens to it.
inline bool is_cut_out(PieceType type) {
  return type == PieceType::control || type == PieceType::user_defined || type == PieceType::unknown;
}

/// Of two tokens with one string the first is the one that texts give.
inline Vocabulary gguf_tokens(GgufVocabulary const& v, std::string const& name) {
  Vocabulary vocabulary(v.tokens.size());
  for (std::size_t i = 0; i < v.tokens.size(); ++i) vocabulary.add(v.tokens[i], static_cast<Index>(i), name);
  return vocabulary;
}

inline void add_cut_out_tokens(Parts& parts, GgufVocabulary const& v, std::string const& name) {
  for (std::size_t i = 0; i < v.tokens.size(); ++i)
    if (is_cut_out(type_of(v, i)) && !v.tokens[i].empty() && parts.vocabulary.find(v.tokens[i]) == static_cast<Token>(i))
      add_token(parts, {.content = v.tokens[i], .special = type_of(v, i) != PieceType::user_defined}, static_cast<Index>(i),
                name);
  parts.overlaps = Overlaps::longest_first;
  parts.added_are_spelled = true;
}

/// Phi-3's tokens take the white space after them along. No key of a GGUF says so; other readers go by general.name.
inline void add_phi3_stripping(Parts& parts, GgufVocabulary const& v, std::string const& name) {
  auto lower = v.name;
  for (auto& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  auto const named = lower.find("phi-3") != std::string::npos || lower.find("phi3") != std::string::npos;
  if (!named && (v.architecture != "phi3" || v.model != "llama")) return;
  for (auto& token : parts.added_tokens)
    token.rstrip = token.content != "<unk>" && token.content != "<s>" && token.content != "<|endoftext|>";
  if (!named)
    notice(name +
           ": special tokens take the white space after them along, as Phi-3's do, since the architecture is phi3; its "
           "general.name does not say which model it is");
}

/// As llama.cpp reads them: pieces that are cut out are looked for in the text as given, and what is left between them begins with
/// a space, if the model has one before a text.
inline Parts gguf_sentencepiece(GgufVocabulary const& v, std::string const& name) {
  check(v.scores.size() == v.tokens.size(), name + ": scores", text(v.tokens.size(), ", one a token"), v.scores.size());
  auto vocabulary = gguf_tokens(v, name);
  auto unknown = static_cast<Token>(v.unknown_token_id.value_or(0));
  auto any_bytes = false;
  std::vector<SentencePiece> pieces;
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    check(std::isfinite(v.scores[i]), name + ": score of token " + std::to_string(i), "a finite number", v.scores[i]);
    auto const type = type_of(v, i);
    pieces.push_back({v.tokens[i], v.scores[i], type});
    if (type == PieceType::unknown && !v.unknown_token_id) unknown = static_cast<Token>(i);
    any_bytes = any_bytes || type == PieceType::byte;
  }
  ByteTokens bytes{};
  if (any_bytes) {
    bytes = byte_tokens(vocabulary);
    for (auto const id : bytes)
      check(id != no_token && pieces[static_cast<std::size_t>(id)].type == PieceType::byte, name + ": tokens of the type byte",
            "the 256 pieces <0x00> to <0xFF>", "fewer");
  }
  PieceBpe bpe({.unknown = unknown, .byte_fallback = any_bytes}, bytes);
  auto const ranks = score_ranks(pieces);
  for (std::size_t i = 0; i < pieces.size(); ++i)
    if (pieces[i].type != PieceType::control && pieces[i].type != PieceType::unknown && !pieces[i].piece.empty())
      bpe.add_piece(pieces[i].piece, static_cast<Token>(i), ranks[i]);
  Parts parts{TokenizerKind::sentencepiece_bpe, std::move(bpe), std::move(vocabulary)};
  auto const prefix = v.add_space_prefix.value_or(true), collapse = v.remove_extra_whitespaces.value_or(false);
  parts.normalizer.emplace_back(
      SentencePieceNormalizer{CharacterMap(v.precompiled_charsmap, name), nullptr, prefix, collapse, true, false});
  parts.decoder = {DecodeReplace{{std::string(space_symbol), " "}}, DecodeByteFallback{.keep_bytes = true}};
  if (collapse || prefix) parts.decoder.emplace_back(DecodeFirstSpace{collapse});
  return parts;
}

inline Parts gguf_byte_level(GgufVocabulary const& v, std::string const& name, bool whole_words_first) {
  if (v.merges.empty())
    for (std::size_t i = 0; i < v.tokens.size(); ++i) {
      auto const& token = v.tokens[i];
      auto const merged = type_of(v, i) == PieceType::normal && !token.empty() && character_length(token.front()) < token.size();
      check(!merged, name + ": tokenizer.ggml.merges", "the merges that make " + formats::in_quotes(token), "none",
            "The file was converted without them: convert the model again.");
    }
  std::vector<std::string_view> const merges(v.merges.begin(), v.merges.end());
  return merges_parts(gguf_tokens(v, name), merges, whole_words_first, name);
}

}  // namespace detail

/// `pretokenizer` overrides the name in the file. Throws Error naming `name` and the key for another model, another number of
/// scores or types than tokens, a type or an id out of bounds, a token that is no UTF-8, or a pre-tokenizer that is not known.
inline Parts gguf_parts(GgufVocabulary const& v, std::string const& name, std::string const& pretokenizer = "") {
  check(v.model == "llama" || v.model == "gpt2", name + ": tokenizer.ggml.model", "llama or gpt2", formats::in_quotes(v.model),
        "This kind of tokenizer is not supported.");
  check(!v.tokens.empty(), name + ": tokenizer.ggml.tokens", "one or more", "none");
  check(v.token_type.empty() || v.token_type.size() == v.tokens.size(), name + ": tokenizer.ggml.token_type",
        text(v.tokens.size(), ", one a token"), v.token_type.size());
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    if (!v.token_type.empty() && (v.token_type[i] < 1 || v.token_type[i] > 6))
      throw Error({name + ": type of token " + std::to_string(i), "a number from 1 to 6", text(v.token_type[i]), ""});
    if (valid_length(v.tokens[i]) != v.tokens[i].size())
      throw Error({name + ": token " + std::to_string(i), "valid UTF-8", formats::in_quotes(v.tokens[i]), ""});
  }
  auto const count = static_cast<Index>(v.tokens.size());
  for (auto const& id : {v.bos_token_id, v.eos_token_id, v.unknown_token_id})
    check(!id || (*id >= 0 && *id < count), name + ": ids of special tokens", text("from 0 to ", count - 1), id.value_or(0));

  auto const llama = v.model == "llama";
  auto const pre = pretokenizer.empty() ? v.pre : pretokenizer;
  auto const* const named = llama ? nullptr : find_pattern(pre);
  // Files from before there were names have none, or "default".
  auto const* const other = llama || named ? nullptr : find_gguf_pre_tokenizer(pre.empty() ? "default" : pre);
  check(llama || named || other, name + ": tokenizer.ggml.pre", "one of " + gguf_pre_tokenizer_names(), formats::in_quotes(pre),
        "Name the one that the model was trained with (--pretokenizer NAME).");
  if (other && pre.empty())
    notice(name +
           " names no pre-tokenizer (tokenizer.ggml.pre): texts are split as llama.cpp splits them then, which may not be "
           "how the model was trained; --pretokenizer NAME says it");
  auto parts = llama ? detail::gguf_sentencepiece(v, name)
                     : detail::gguf_byte_level(v, name, named ? named->whole_words_first : other->whole_words_first);
  if (named) add_named_steps(parts, *named);
  if (other) parts.pre_tokenizer = gguf_pre_tokenizer_steps(*other);
  detail::add_cut_out_tokens(parts, v, name);
  detail::add_phi3_stripping(parts, v, name);
  auto const token_of = [&](std::optional<Index> id, Index otherwise) -> std::optional<Token> {
    if (id) return static_cast<Token>(*id);
    return llama && otherwise < count ? std::optional(static_cast<Token>(otherwise)) : std::nullopt;
  };
  parts.bos = token_of(v.bos_token_id, 1);
  auto const add_bos = v.add_bos_token.value_or(llama || (named && named->name == "llama3") || (other && other->add_bos));
  if (add_bos) {
    check(parts.bos || !v.add_bos_token, name + ": tokenizer.ggml.bos_token_id", "an id, since add_bos_token is true", "none");
    if (parts.bos) parts.before = {*parts.bos};
  }
  if (v.add_eos_token.value_or(false)) {
    auto const eos = token_of(v.eos_token_id, 2);
    check(eos.has_value(), name + ": tokenizer.ggml.eos_token_id", "an id, since add_eos_token is true", "none");
    parts.after = {*eos};
  }
  return parts;
}

}  // namespace chg::tokenizer
