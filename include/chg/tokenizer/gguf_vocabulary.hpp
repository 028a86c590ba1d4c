// SPDX-License-Identifier: MIT
// Makes a tokenizer of the metadata tokenizer.ggml.* of a GGUF file, which somebody else has read.
#pragma once

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
  std::string model;                       ///< "llama" (SentencePiece BPE) or "gpt2" (byte-level BPE)
  std::string pre;                         ///< the pre-tokenizer of "gpt2", by name
  std::vector<std::string> tokens{};       ///< by id
  std::vector<float> scores{};             ///< by id, for "llama"
  std::vector<std::int32_t> token_type{};  ///< by id, numbered as PieceType is
  std::vector<std::string> merges{};       ///< "a b" by rank, for "gpt2"
  std::optional<Index> bos_token_id{}, eos_token_id{}, unknown_token_id{};
  std::optional<bool> add_bos_token{};  ///< by default yes for "llama" and for "gpt2" with the pre-tokenizer llama3
  std::optional<bool> add_eos_token{};
  std::optional<bool> add_space_prefix{};  ///< by default yes for "llama"
  std::optional<bool> remove_extra_whitespaces{};
  std::string precompiled_charsmap{};
};

namespace detail {

inline Parts gguf_sentencepiece(GgufVocabulary const& v, std::string const& name) {
  SentencePieceModel model;
  model.kind = SentencePieceKind::bpe;
  check(v.scores.size() == v.tokens.size(), name + ": scores", text(v.tokens.size(), ", one a token"), v.scores.size());
  auto unknown_there = false;
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    check(std::isfinite(v.scores[i]), name + ": score of token " + std::to_string(i), "a finite number", v.scores[i]);
    auto const type = static_cast<PieceType>(v.token_type[i]);
    model.pieces.push_back({v.tokens[i], v.scores[i], type});
    unknown_there = unknown_there || type == PieceType::unknown;
    model.byte_fallback = model.byte_fallback || type == PieceType::byte;
  }
  if (!unknown_there && v.unknown_token_id) model.pieces[static_cast<std::size_t>(*v.unknown_token_id)].type = PieceType::unknown;
  model.add_dummy_prefix = v.add_space_prefix.value_or(true);
  model.remove_extra_whitespaces = v.remove_extra_whitespaces.value_or(false);
  model.charsmap = v.precompiled_charsmap;
  model.bos_id = -1;
  return sentencepiece_parts(model, name);
}

inline Parts gguf_byte_level(GgufVocabulary const& v, std::string const& name, NamedPattern const& pattern) {
  check(!v.add_space_prefix.value_or(false), name + ": add_space_prefix", "false for byte-level BPE", "true",
        "This is not supported.");
  Vocabulary vocabulary(v.tokens.size());
  for (std::size_t i = 0; i < v.tokens.size(); ++i) vocabulary.add(v.tokens[i], static_cast<Index>(i), name);
  std::vector<std::string_view> const merges(v.merges.begin(), v.merges.end());
  auto parts = merges_parts(std::move(vocabulary), merges, pattern, name);
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    auto const type = static_cast<PieceType>(v.token_type[i]);
    // Of two tokens with one string the first is the one that texts give.
    if (parts.vocabulary.find(v.tokens[i]) != static_cast<Token>(i)) continue;
    if (type == PieceType::control || type == PieceType::user_defined || type == PieceType::unknown)
      add_token(parts, {.content = v.tokens[i], .special = type != PieceType::user_defined}, static_cast<Index>(i), name);
  }
  return parts;
}

}  // namespace detail

/// `pretokenizer` overrides the name in the file. Throws Error naming `name` and the key for another model, another number of
/// scores or types than tokens, a type or an id out of bounds, a token that is no UTF-8, or a pre-tokenizer that is not known.
inline Parts gguf_parts(GgufVocabulary const& v, std::string const& name, std::string const& pretokenizer = "") {
  check(v.model == "llama" || v.model == "gpt2", name + ": tokenizer.ggml.model", "llama or gpt2", formats::in_quotes(v.model),
        "This kind of tokenizer is not supported.");
  check(!v.tokens.empty(), name + ": tokenizer.ggml.tokens", "one or more", "none");
  check(v.token_type.size() == v.tokens.size(), name + ": tokenizer.ggml.token_type", text(v.tokens.size(), ", one a token"),
        v.token_type.size());
  for (std::size_t i = 0; i < v.tokens.size(); ++i) {
    if (v.token_type[i] < 1 || v.token_type[i] > 6)
      throw Error({name + ": type of token " + std::to_string(i), "a number from 1 to 6", text(v.token_type[i]), ""});
    if (valid_length(v.tokens[i]) != v.tokens[i].size())
      throw Error({name + ": token " + std::to_string(i), "valid UTF-8", formats::in_quotes(v.tokens[i]), ""});
  }
  auto const count = static_cast<Index>(v.tokens.size());
  for (auto const& id : {v.bos_token_id, v.eos_token_id, v.unknown_token_id})
    check(!id || (*id >= 0 && *id < count), name + ": ids of special tokens", text("from 0 to ", count - 1), id.value_or(0));

  auto const llama = v.model == "llama";
  auto const pre = pretokenizer.empty() ? v.pre : pretokenizer;
  auto const* const pattern = llama ? nullptr : find_pattern(pre);
  check(llama || pattern != nullptr, name + ": tokenizer.ggml.pre", "one of " + pattern_names(),
        pre.empty() ? "none" : formats::in_quotes(pre), "Name the one that the model was trained with (--pretokenizer NAME).");
  auto parts = llama ? detail::gguf_sentencepiece(v, name) : detail::gguf_byte_level(v, name, *pattern);
  parts.bos.reset();
  parts.before.clear();
  if (v.bos_token_id) parts.bos = static_cast<Token>(*v.bos_token_id);
  auto const add_bos = v.add_bos_token.value_or(llama || pattern->name == "llama3");
  if (add_bos) {
    check(parts.bos || !v.add_bos_token, name + ": tokenizer.ggml.bos_token_id", "an id, since add_bos_token is true", "none");
    if (parts.bos) parts.before = {*parts.bos};
  }
  if (v.add_eos_token.value_or(false)) {
    check(v.eos_token_id.has_value(), name + ": tokenizer.ggml.eos_token_id", "an id, since add_eos_token is true", "none");
    parts.after = {static_cast<Token>(*v.eos_token_id)};
  }
  return parts;
}

}  // namespace chg::tokenizer
