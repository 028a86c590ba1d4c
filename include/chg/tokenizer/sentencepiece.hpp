// SPDX-License-Identifier: MIT
// Makes a tokenizer of a SentencePiece model: BPE by score, or unigram.
//
// Control pieces such as <s> are recognised in a text as special tokens, as transformers does and the SentencePiece library does
// not (EncodeOptions::special chooses); what lies between two of them is normalised, and gets the space of add_dummy_prefix, by
// itself. An unknown piece is decoded as it is spelled, <unk>.
#pragma once

#include <chg/tokenizer/sentencepiece_model.hpp>
#include <chg/tokenizer/tokenizer.hpp>

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chg::tokenizer {

namespace detail {

/// Ranks by score: 0 for the highest, the same for equal ones.
inline std::vector<std::uint32_t> score_ranks(std::vector<SentencePiece> const& pieces) {
  std::vector<float> scores;
  for (auto const& p : pieces) scores.push_back(p.score);
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  std::vector<std::uint32_t> ranks;
  for (auto const& p : pieces)
    ranks.push_back(
        static_cast<std::uint32_t>(std::lower_bound(scores.begin(), scores.end(), p.score, std::greater<>()) - scores.begin()));
  return ranks;
}

inline bool in_lattice(PieceType type) { return type == PieceType::normal || type == PieceType::user_defined; }

inline PieceBpe make_piece_bpe(SentencePieceModel const& m, PieceBpeOptions options, ByteTokens const& bytes) {
  PieceBpe bpe(std::move(options), bytes);
  auto const ranks = score_ranks(m.pieces);
  for (std::size_t i = 0; i < m.pieces.size(); ++i)
    if (in_lattice(m.pieces[i].type) || m.pieces[i].type == PieceType::unused)
      bpe.add_piece(m.pieces[i].piece, static_cast<Token>(i), ranks[i], m.pieces[i].type == PieceType::unused);
  return bpe;
}

inline Unigram make_unigram(SentencePieceModel const& m, UnigramOptions const& options, ByteTokens const& bytes) {
  Unigram unigram(options, bytes);
  auto least = std::numeric_limits<float>::max(), most = std::numeric_limits<float>::lowest();
  for (auto const& p : m.pieces)
    if (p.type == PieceType::normal) least = std::min(least, p.score), most = std::max(most, p.score);
  for (std::size_t i = 0; i < m.pieces.size(); ++i) {
    auto const& p = m.pieces[i];
    // A user-defined symbol counts as its bytes would if each were the most probable piece, less a little.
    auto const score = p.type == PieceType::user_defined ? static_cast<float>(p.piece.size()) * most - 0.1 : double{p.score};
    if (in_lattice(p.type)) unigram.add_piece(p.piece, static_cast<Token>(i), score);
  }
  unigram.set_least_score(least);
  return unigram;
}

}  // namespace detail

struct SentencePieceOptions {
  std::optional<bool> add_bos;    ///< the rule for Bos::automatic; by default BPE models begin with BOS and others do not
  bool prefix_every_part = true;  ///< add_dummy_prefix after every special token, not at the start of the text alone
};

/// Throws Error naming `name` when the model is of another kind, or its special pieces are not as SentencePiece wants them.
inline Parts sentencepiece_parts(SentencePieceModel const& m, std::string const& name, SentencePieceOptions const& options = {}) {
  check(m.kind == SentencePieceKind::bpe || m.kind == SentencePieceKind::unigram, name + ": model type", "BPE or unigram",
        m.kind == SentencePieceKind::word ? "word" : "char", "This kind of SentencePiece model is not supported.");
  Vocabulary vocabulary(m.pieces.size());
  auto user_defined = std::make_shared<PrefixTree>();
  std::vector<AddedToken> special;
  auto unknown = no_token;
  for (std::size_t i = 0; i < m.pieces.size(); ++i) {
    auto const& p = m.pieces[i];
    auto const id = static_cast<Token>(i);
    if (auto const other = vocabulary.find(p.piece); other != no_token)
      throw Error({name + ": piece " + std::to_string(i), "a string of its own",
                   formats::in_quotes(p.piece) + text(", as piece ", other), ""});
    vocabulary.add(p.piece, static_cast<Index>(i), name);
    if (p.type == PieceType::user_defined) user_defined->add(p.piece, id);
    if (p.type == PieceType::unknown) {
      check(unknown == no_token, name + ": pieces of the type unknown", "one", "two or more");
      unknown = id;
    }
    if (p.type == PieceType::control || p.type == PieceType::unknown)
      special.push_back({.content = p.piece, .id = id, .special = true});
  }
  check(unknown != no_token, name + ": pieces of the type unknown", "one", "none");
  ByteTokens bytes{};
  if (m.byte_fallback) {
    bytes = byte_tokens(vocabulary);
    for (auto const id : bytes)
      check(id != no_token && m.pieces[static_cast<std::size_t>(id)].type == PieceType::byte, name + ": byte_fallback",
            "the 256 pieces <0x00> to <0xFF> of the type byte", "fewer");
  }
  auto const symbols = user_defined->empty() ? nullptr : std::shared_ptr<PrefixTree const>(user_defined);

  auto const bpe = m.kind == SentencePieceKind::bpe;
  auto model = bpe ? Model(detail::make_piece_bpe(
                         m, {.unknown = unknown, .byte_fallback = m.byte_fallback, .user_defined = symbols}, bytes))
                   : Model(detail::make_unigram(m, {unknown, m.byte_fallback, true}, bytes));
  Parts parts{bpe ? TokenizerKind::sentencepiece_bpe : TokenizerKind::unigram, std::move(model), std::move(vocabulary)};
  for (auto& token : special) add_token(parts, token, token.id, name);
  SentencePieceNormalizer normalizer{
      CharacterMap(m.charsmap, name), symbols, m.add_dummy_prefix, m.remove_extra_whitespaces, m.escape_whitespaces,
      m.whitespace_as_suffix};
  if (m.add_dummy_prefix && !m.whitespace_as_suffix && !options.prefix_every_part) {
    normalizer.add_dummy_prefix = false;
    parts.pre_tokenizer.emplace_back(Metaspace{std::string(space_symbol), Metaspace::Prefix::first, false});
  }
  parts.normalizer.emplace_back(std::move(normalizer));
  parts.decoder = {DecodeReplace{{std::string(space_symbol), " "}}, DecodeByteFallback{.keep_bytes = true}};
  if (m.remove_extra_whitespaces || (m.add_dummy_prefix && !m.whitespace_as_suffix))
    parts.decoder.emplace_back(DecodeFirstSpace{m.remove_extra_whitespaces});

  auto const bos = parts.vocabulary.find(m.bos_piece);
  if (m.bos_id >= 0 && bos != no_token && m.pieces[static_cast<std::size_t>(bos)].type == PieceType::control) parts.bos = bos;
  if (parts.bos && options.add_bos.value_or(bpe)) parts.before = {*parts.bos};
  check(parts.bos || !options.add_bos.value_or(false), name + ": add_bos_token", "a control piece for the beginning of a text",
        "none");
  return parts;
}

}  // namespace chg::tokenizer
