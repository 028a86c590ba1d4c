// SPDX-License-Identifier: MIT
// The normalizer, pre_tokenizer and decoder of a tokenizer.json, read into steps. A type or a setting that is not supported is
// refused by its name.
#pragma once

#include <chg/tokenizer/base64.hpp>
#include <chg/tokenizer/decoder.hpp>
#include <chg/tokenizer/named_patterns.hpp>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace chg::tokenizer {

namespace detail {

using formats::in_quotes;
using formats::JsonObject;

[[noreturn]] inline void refuse_type(JsonObject const& step, std::string const& type, std::string_view supported) {
  throw Error({step.at("type"), std::string(supported), in_quotes(type), "This step is not supported."});
}

/// {"String": ...} or {"Regex": ...}
template <class Pattern>
Pattern read_pattern(JsonObject const& step) {
  auto const pattern = step.object("pattern");
  if (pattern.has("Regex")) return Regex(pattern.string("Regex"), pattern.at("Regex"));
  check(pattern.has("String"), pattern.name(), "a String or a Regex", "neither");
  return pattern.string("String");
}

inline SplitBehavior read_behavior(JsonObject const& step, std::string const& otherwise) {
  auto const behavior = step.string("behavior", otherwise);
  if (behavior == "Removed") return SplitBehavior::removed;
  if (behavior == "Isolated") return SplitBehavior::isolated;
  if (behavior == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (behavior == "MergedWithNext") return SplitBehavior::merged_with_next;
  check(behavior == "Contiguous", step.at("behavior"), "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous",
        in_quotes(behavior));
  return SplitBehavior::contiguous;
}

/// Calls read(object) for each member of a Sequence. A null is no step at all.
template <class Read>
void each_step(JsonObject const& sequence, std::string const& key, Read&& read) {
  auto const& items = sequence.array(key);
  check(items.size() <= 100, sequence.at(key), "at most 100 steps", items.size());
  for (std::size_t i = 0; i < items.size(); ++i) read(JsonObject(items[i], sequence.at(key) + "[" + std::to_string(i) + "]"));
}

inline void read_normalizer(JsonObject const& step, std::vector<NormalizerStep>& steps) {
  auto const type = step.string("type");
  if (type == "Sequence")
    each_step(step, "normalizers", [&](JsonObject const& inner) { read_normalizer(inner, steps); });
  else if (type == "NFC")
    steps.emplace_back(NormalFormStep{NormalForm::nfc});
  else if (type == "NFD")
    steps.emplace_back(NormalFormStep{NormalForm::nfd});
  else if (type == "NFKC")
    steps.emplace_back(NormalFormStep{NormalForm::nfkc});
  else if (type == "NFKD")
    steps.emplace_back(NormalFormStep{NormalForm::nfkd});
  else if (type == "Lowercase")
    steps.emplace_back(LowercaseStep{});
  else if (type == "Strip")
    steps.emplace_back(StripStep{step.boolean("strip_left", true), step.boolean("strip_right", true)});
  else if (type == "Replace")
    steps.emplace_back(ReplaceStep{read_pattern<std::variant<Regex, std::string>>(step), step.string("content")});
  else if (type == "Prepend")
    steps.emplace_back(PrependStep{step.string("prepend")});
  else if (type == "StripAccents")
    steps.emplace_back(StripAccentsStep{});
  else if (type == "Nmt")
    steps.emplace_back(NmtStep{});
  else if (type == "ByteLevel")
    steps.emplace_back(ByteLevelStep{});
  else if (type == "BertNormalizer") {
    auto const lower = step.boolean("lowercase", true);
    steps.emplace_back(BertStep{step.boolean("clean_text", true), step.boolean("handle_chinese_chars", true),
                                step.boolean("strip_accents", lower), lower});
  } else if (type == "Precompiled") {
    auto const code = step.string("precompiled_charsmap");
    auto const map = from_base64(code);
    check(map.has_value() || code.empty(), step.at("precompiled_charsmap"), "base64", in_quotes(code));
    steps.emplace_back(PrecompiledStep{CharacterMap(map.value_or(""), step.name())});
  } else {
    refuse_type(step, type,
                "NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend, Nmt, Precompiled, BertNormalizer, "
                "ByteLevel or a Sequence of these");
  }
}

/// A string of one character.
inline std::string read_character(JsonObject const& step, std::string const& key) {
  auto character = step.string(key);
  check(!character.empty() && character_length(character.front()) == character.size(), step.at(key), "one character",
        in_quotes(character));
  return character;
}

inline bool metaspace_prefixed(JsonObject const& step, std::string const& scheme) {
  return step.boolean("add_prefix_space", true) && scheme != "never";
}

inline Metaspace read_metaspace(JsonObject const& step) {
  Metaspace m;
  m.replacement = read_character(step, "replacement");
  auto const scheme = step.string("prepend_scheme", "always");
  check(scheme == "always" || scheme == "first" || scheme == "never", step.at("prepend_scheme"), "always, first or never",
        in_quotes(scheme));
  m.prefix = !metaspace_prefixed(step, scheme) ? Metaspace::Prefix::never
             : scheme == "first"               ? Metaspace::Prefix::first
                                               : Metaspace::Prefix::always;
  m.split = step.boolean("split", true);
  return m;
}

inline void read_pre_tokenizer(JsonObject const& step, std::vector<PreTokenizerStep>& steps) {
  auto const type = step.string("type");
  if (type == "Sequence") {
    each_step(step, "pretokenizers", [&](JsonObject const& inner) { read_pre_tokenizer(inner, steps); });
  } else if (type == "Split") {
    steps.emplace_back(Split{read_pattern<std::variant<Regex, std::string, CharacterSet>>(step), read_behavior(step, "?"),
                             step.boolean("invert", false)});
  } else if (type == "ByteLevel") {
    ByteLevel level{step.boolean("add_prefix_space", true), {}};
    if (step.boolean("use_regex", true)) level.split.push_back({Regex(gpt2_pattern, step.name()), SplitBehavior::isolated});
    steps.emplace_back(std::move(level));
  } else if (type == "Metaspace") {
    steps.emplace_back(read_metaspace(step));
  } else if (type == "Digits") {
    steps.emplace_back(
        Split{is_number, step.boolean("individual_digits", false) ? SplitBehavior::isolated : SplitBehavior::contiguous});
  } else if (type == "Punctuation") {
    steps.emplace_back(Split{is_punctuation, read_behavior(step, "Isolated")});
  } else if (type == "Whitespace") {
    steps.emplace_back(SplitWords{});
  } else if (type == "WhitespaceSplit") {
    steps.emplace_back(Split{is_space, SplitBehavior::removed});
  } else if (type == "BertPreTokenizer") {
    steps.emplace_back(Split{is_space, SplitBehavior::removed});
    steps.emplace_back(Split{is_punctuation, SplitBehavior::isolated});
  } else if (type == "UnicodeScripts") {
    steps.emplace_back(SplitByScript{});
  } else if (type == "FixedLength") {
    steps.emplace_back(SplitByLength{static_cast<std::size_t>(step.integer("length", 1, 1 << 30, 5))});
  } else if (type == "CharDelimiterSplit") {
    steps.emplace_back(Split{read_character(step, "delimiter"), SplitBehavior::removed});
  } else {
    refuse_type(step, type,
                "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation, Split, "
                "UnicodeScripts, Whitespace, WhitespaceSplit or a Sequence of these");
  }
}

inline void read_decoder(JsonObject const& step, std::vector<DecoderStep>& steps) {
  auto const type = step.string("type");
  if (type == "Sequence")
    each_step(step, "decoders", [&](JsonObject const& inner) { read_decoder(inner, steps); });
  else if (type == "ByteLevel")
    steps.emplace_back(DecodeByteLevel{});
  else if (type == "Replace")
    steps.emplace_back(DecodeReplace{{read_pattern<std::variant<Regex, std::string>>(step), step.string("content")}});
  else if (type == "ByteFallback")
    steps.emplace_back(DecodeByteFallback{});
  else if (type == "Fuse")
    steps.emplace_back(DecodeFuse{});
  else if (type == "Strip")
    steps.emplace_back(DecodeStrip{read_character(step, "content"), static_cast<std::size_t>(step.integer("start", 0, 1 << 20)),
                                   static_cast<std::size_t>(step.integer("stop", 0, 1 << 20))});
  else if (type == "Metaspace") {
    auto const metaspace = read_metaspace(step);
    steps.emplace_back(DecodeMetaspace{metaspace.replacement, metaspace.prefix != Metaspace::Prefix::never});
  } else if (type == "WordPiece") {
    steps.emplace_back(DecodeWordPiece{step.string("prefix", "##"), step.boolean("cleanup", true)});
  } else if (type == "BPEDecoder") {
    steps.emplace_back(DecodeSuffix{step.string("suffix", "</w>")});
  } else if (type == "CTC") {
    steps.emplace_back(
        DecodeCtc{step.string("pad_token", "<pad>"), step.string("word_delimiter_token", "|"), step.boolean("cleanup", true)});
  } else {
    refuse_type(step, type,
                "BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, Metaspace, Replace, Strip, WordPiece or a Sequence of these");
  }
}

}  // namespace detail
}  // namespace chg::tokenizer
