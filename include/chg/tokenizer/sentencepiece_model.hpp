// SPDX-License-Identifier: MIT
// A SentencePiece tokenizer.model: what the protocol buffer holds, as far as it matters for encoding.
//
// Field numbers are those of sentencepiece_model.proto.
#pragma once

#include <chg/tokenizer/protobuf.hpp>
#include <chg/tokenizer/unicode.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::tokenizer {

enum class PieceType { normal = 1, unknown, control, user_defined, unused, byte };
enum class SentencePieceKind { unigram = 1, bpe, word, character };

struct SentencePiece {
  std::string piece;
  float score = 0;
  PieceType type = PieceType::normal;
};

struct SentencePieceModel {
  std::vector<SentencePiece> pieces;
  SentencePieceKind kind = SentencePieceKind::unigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  std::int32_t bos_id = 1;  ///< negative: none
  std::string bos_piece = "<s>";
  std::string charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

namespace detail {

inline SentencePiece read_piece(ProtobufFields fields) {
  SentencePiece piece;
  while (fields.next()) {
    if (fields.number() == 1) piece.piece = std::string(fields.bytes());
    if (fields.number() == 2) piece.score = fields.number32();
    if (fields.number() == 3) {
      auto const type = fields.integer();
      if (type < 1 || type > 6) fields.fail("a type of piece from 1 to 6", text(type));
      piece.type = static_cast<PieceType>(type);
    }
  }
  check(!piece.piece.empty(), fields.name() + ": its string", "one character or more", "none");
  check_text(piece.piece, fields.name() + ": its string");
  check(std::isfinite(piece.score), fields.name() + ": its score", "a finite number", piece.score);
  return piece;
}

inline void read_trainer(ProtobufFields fields, SentencePieceModel& model) {
  while (fields.next()) {
    if (fields.number() == 3) {
      auto const kind = fields.integer();
      if (kind < 1 || kind > 4) fields.fail("a model type from 1 to 4", text(kind));
      model.kind = static_cast<SentencePieceKind>(kind);
    }
    if (fields.number() == 24) model.whitespace_as_suffix = fields.boolean();
    if (fields.number() == 35) model.byte_fallback = fields.boolean();
    if (fields.number() == 41) model.bos_id = fields.integer();
    if (fields.number() == 46) model.bos_piece = std::string(fields.bytes());
  }
}

inline void read_normalizer_spec(ProtobufFields fields, SentencePieceModel& model) {
  while (fields.next()) {
    if (fields.number() == 2) model.charsmap = std::string(fields.bytes());
    if (fields.number() == 3) model.add_dummy_prefix = fields.boolean();
    if (fields.number() == 4) model.remove_extra_whitespaces = fields.boolean();
    if (fields.number() == 5) model.escape_whitespaces = fields.boolean();
  }
}

}  // namespace detail

/// Reads the bytes of a tokenizer.model; `name` stands for them in errors. Throws Error for damage, a field of another type,
/// a piece without a string, or a map for decoding, which is not supported.
inline SentencePieceModel parse_sentencepiece(std::string_view bytes, std::string const& name) {
  constexpr std::size_t most_pieces = 4'000'000;
  SentencePieceModel model;
  ProtobufFields fields(bytes, name);
  while (fields.next()) {
    if (fields.number() == 1) {
      check(model.pieces.size() < most_pieces, name + ": number of pieces", text("at most ", most_pieces), "more");
      model.pieces.push_back(detail::read_piece({fields.bytes(), name + ": piece " + std::to_string(model.pieces.size())}));
    } else if (fields.number() == 2) {
      detail::read_trainer({fields.bytes(), name + ": trainer_spec"}, model);
    } else if (fields.number() == 3) {
      detail::read_normalizer_spec({fields.bytes(), name + ": normalizer_spec"}, model);
    } else if (fields.number() == 5) {
      SentencePieceModel decoding;
      detail::read_normalizer_spec({fields.bytes(), name + ": denormalizer_spec"}, decoding);
      check(decoding.charsmap.empty(), name + ": denormalizer_spec: precompiled_charsmap", "none",
            text(decoding.charsmap.size(), " bytes"), "A map for decoding is not supported.");
    }
  }
  check(!model.pieces.empty(), name + ": pieces", "one or more", "none", "The file is no SentencePiece model.");
  return model;
}

}  // namespace chg::tokenizer
