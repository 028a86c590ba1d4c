// SPDX-License-Identifier: MIT
// Reads a tokenizer.json (Hugging Face tokenizers): BPE, Unigram, WordPiece and WordLevel models and the steps around them.
//
// Where that library is lenient with a file this reader is strict: an id that two tokens claim is an Error. Added tokens take ids
// in order, as there. truncation and padding are not applied, as transformers does not, and a notice says so.
#pragma once

#include <chg/tensor/notice.hpp>
#include <chg/tokenizer/json_steps.hpp>
#include <chg/tokenizer/tokenizer.hpp>

#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::tokenizer {

namespace detail {

/// The id of unk_token. It may be missing from the vocabulary: then no text may need it.
inline Token read_unknown(JsonObject const& model, Vocabulary const& vocabulary) {
  return model.has("unk_token") ? vocabulary.find(model.string("unk_token")) : no_token;
}

inline Vocabulary read_vocabulary(nlohmann::json const& entries, std::size_t more, std::string const& name) {
  check(entries.is_object(), name, "an object of ids", formats::shown(entries));
  Vocabulary vocabulary(entries.size() + more);
  JsonObject const object(entries, name);
  for (auto const& item : entries.items())
    vocabulary.add(item.key(), object.integer(item.key(), 0, vocabulary.highest_id()), name);
  return vocabulary;
}

/// Merges as ["a", "b"] or "a b".
inline void add_json_merges(PairBpe& bpe, Vocabulary const& vocabulary, nlohmann::json const& merges, std::string const& name) {
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    auto const& merge = merges[rank];
    auto const fail = [&] {
      throw Error({name + "[" + std::to_string(rank) + "]", "two pieces, [\"a\", \"b\"] or \"a b\"", formats::shown(merge), ""});
    };
    if (merge.is_array()) {
      if (merge.size() != 2 || !merge[0].is_string() || !merge[1].is_string()) fail();
      bpe.add_merge(vocabulary, merge[0].get_ref<std::string const&>(), merge[1].get_ref<std::string const&>(),
                    static_cast<std::uint32_t>(rank), name);
    } else {
      if (!merge.is_string()) fail();
      std::string_view const both = merge.get_ref<std::string const&>();
      auto const space = both.find(' ');
      if (space == std::string_view::npos || both.find(' ', space + 1) != std::string_view::npos) fail();
      bpe.add_merge(vocabulary, both.substr(0, space), both.substr(space + 1), static_cast<std::uint32_t>(rank), name);
    }
  }
}

inline PairBpe read_bpe(JsonObject const& model, Vocabulary const& vocabulary) {
  check(model.number("dropout", 0, 1, 0) == 0, model.at("dropout"), "null or 0", "a probability",
        "Random merges are not supported.");
  PairBpeOptions options;
  options.unknown = read_unknown(model, vocabulary);
  options.drop_unknown = !model.has("unk_token");
  options.fuse_unknown = model.boolean("fuse_unk", false);
  options.byte_fallback = model.boolean("byte_fallback", false);
  options.ignore_merges = model.boolean("ignore_merges", false);
  options.prefix = model.string("continuing_subword_prefix", "");
  options.suffix = model.string("end_of_word_suffix", "");
  auto const& merges = model.array("merges");
  PairBpe bpe(options, vocabulary, merges.size());
  add_json_merges(bpe, vocabulary, merges, model.at("merges"));
  return bpe;
}

/// The double that the tokenizers library makes of a number in a JSON file: its digits as a whole number, rounded, times or by a
/// power of ten, rounded again (serde_json 1.0 without float_roundtrip). Which of two segmentations wins may hang on that last
/// bit. The digits are the shortest that name `value`, which is how every program that saves tokenizers prints them.
inline double as_serde_reads(double value) {
  std::array<char, 32> buffer{};
  auto const* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  std::uint64_t digits = 0;
  int exponent = 0, point = 0;
  auto const* c = buffer.data();
  auto const negative = *c == '-';
  if (negative) ++c;
  for (auto fraction = false; c != end && *c != 'e'; ++c) {
    if (*c == '.') {
      fraction = true;
      continue;
    }
    digits = 10 * digits + static_cast<std::uint64_t>(*c - '0');
    point -= fraction ? 1 : 0;
  }
  if (c != end) std::from_chars(c[1] == '+' ? c + 2 : c + 1, end, exponent);
  exponent += point;
  auto result = static_cast<double>(digits);
  for (; exponent < -308; exponent += 308) result /= 1e308;
  auto const power = std::stod("1e" + std::to_string(std::abs(exponent)));
  result = exponent < 0 ? result / power : result * power;
  return negative ? -result : result;
}

/// The WordPiece model.
inline WordPiece read_word_piece(JsonObject const& model, Vocabulary const& vocabulary) {
  WordPieceOptions options;
  options.unknown = vocabulary.find(model.string("unk_token"));
  options.prefix = model.string("continuing_subword_prefix");
  options.longest_word =
      static_cast<std::size_t>(model.integer("max_input_chars_per_word", 0, std::numeric_limits<Index>::max()));
  WordPiece words(options);
  for (Index id = 0; id < vocabulary.size(); ++id)
    if (vocabulary.contains(id)) words.add_piece(vocabulary.piece(id), static_cast<Token>(id));
  return words;
}

/// The Unigram model; its vocabulary, a list of [piece, log-probability], is added to `vocabulary`.
inline Unigram read_unigram(JsonObject const& model, Vocabulary& vocabulary, std::size_t more) {
  auto const& entries = model.array("vocab");
  check(!entries.empty(), model.at("vocab"), "one piece or more", "none");
  vocabulary = Vocabulary(entries.size() + more);
  StringMap<std::size_t> last;  // of two entries with one string the later one counts
  auto const scored = [&](nlohmann::json const& e) {
    return e.is_array() && e.size() == 2 && e[0].is_string() && e[1].is_number();
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!scored(entries[i]))
      throw Error(
          {model.at("vocab") + "[" + std::to_string(i) + "]", "[piece, log-probability]", formats::shown(entries[i]), ""});
    last.insert_or_assign(entries[i][0].get_ref<std::string const&>(), i);
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto const& piece = entries[i][0].get_ref<std::string const&>();
    if (last.find(piece)->second == i)
      vocabulary.add(piece, static_cast<Index>(i), model.at("vocab"));
    else
      vocabulary.add_shadowed(piece, static_cast<Index>(i), model.at("vocab"));
  }
  UnigramOptions options;
  if (model.has("unk_id"))
    options.unknown = static_cast<Token>(model.integer("unk_id", 0, static_cast<Index>(entries.size()) - 1));
  options.byte_fallback = model.boolean("byte_fallback", false);
  Unigram unigram(options, options.byte_fallback ? byte_tokens(vocabulary) : ByteTokens{});
  auto least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto const score = as_serde_reads(entries[i][1].get<double>());
    least = std::min(least, score);
    auto const& piece = entries[i][0].get_ref<std::string const&>();
    if (!piece.empty() && last.find(piece)->second == i) unigram.add_piece(piece, static_cast<Token>(i), score);
  }
  unigram.set_least_score(least);
  return unigram;
}

/// The attributes of an added token, as {"content": ..., "lstrip": ...}.
inline AddedToken read_added_token(JsonObject const& object) {
  AddedToken token;
  token.content = object.string("content");
  token.special = object.boolean("special", false);
  token.single_word = object.boolean("single_word", false);
  token.lstrip = object.boolean("lstrip", false);
  token.rstrip = object.boolean("rstrip", false);
  token.normalized = object.boolean("normalized", !token.special);
  return token;
}

/// Says once which of the ids that a file names for its added tokens are others, as the tokenizers library warns.
inline void notice_other_ids(Parts const& parts, std::vector<std::pair<std::string, Index>> const& named,
                             std::string const& name) {
  std::string all;
  for (auto const& [content, id] : named)
    if (auto const got = parts.vocabulary.find_any(content); got != no_token && got != id)
      all += (all.empty() ? "" : ", ") + in_quotes(content) + text(" has the id ", got, ", not ", id);
  if (!all.empty())
    notice(name + ": " + all +
           ": added tokens have the id of the vocabulary or the next one that is free, as in the tokenizers library");
}

inline void read_added_tokens(JsonObject const& file, Parts& parts) {
  if (!file.has("added_tokens")) return;
  std::vector<AddedToken> tokens;
  std::vector<std::pair<std::string, Index>> named;
  for (auto const& item : file.array("added_tokens")) {
    JsonObject const object(item, file.at("added_tokens"));
    tokens.push_back(read_added_token(object));
    named.emplace_back(tokens.back().content, object.integer("id", 0, std::numeric_limits<std::uint32_t>::max()));
  }
  add_in_order(parts, std::move(tokens), file.at("added_tokens"));
  notice_other_ids(parts, named, file.name());
}

/// Puts ids around what earlier steps have made.
inline void put_around(Parts& parts, std::vector<Token> before, std::vector<Token> const& after) {
  before.insert(before.end(), parts.before.begin(), parts.before.end());
  parts.before = std::move(before);
  parts.after.insert(parts.after.end(), after.begin(), after.end());
}

/// The ids that a template puts around a text.
inline void read_template(JsonObject const& step, Parts& parts) {
  std::vector<Token> before, after;
  auto text_seen = false;
  auto const& single = step.array("single");
  for (auto const& item : single) {
    JsonObject const object(item, step.at("single"));
    if (object.has("Sequence")) {
      auto const id = object.object("Sequence").string("id");
      check(id == "A" && !text_seen, object.name(), "the sequence A once", in_quotes(id));
      text_seen = true;
      continue;
    }
    auto const name = object.object("SpecialToken").string("id");
    auto const special = step.object("special_tokens").object(name);
    for (auto const& id : special.array("ids")) {
      check(id.is_number_unsigned() && id.get<std::uint64_t>() < static_cast<std::uint64_t>(parts.vocabulary.size()) &&
                parts.vocabulary.contains(id.get<Index>()),
            special.at("ids"), "ids of tokens", formats::shown(id));
      (text_seen ? after : before).push_back(id.get<Token>());
    }
  }
  check(text_seen, step.at("single"), "the sequence A once", "never");
  put_around(parts, std::move(before), after);
}

/// ["</s>", 2]
inline Token read_processing_token(JsonObject const& step, std::string const& key, Parts const& parts) {
  auto const& pair = step.array(key);
  check(pair.size() == 2 && pair[0].is_string() && pair[1].is_number_unsigned() &&
            pair[1].get<std::uint64_t>() < static_cast<std::uint64_t>(parts.vocabulary.size()) &&
            parts.vocabulary.contains(pair[1].get<Index>()),
        step.at(key), "a token and its id", pair.size() == 2 ? formats::shown(pair[1]) : "another list");
  return pair[1].get<Token>();
}

/// Each step goes around what the one before made. The library takes what a template has put together from several parts for a pair
/// of texts in the step after it: such a sequence is refused.
inline void read_post_processor(JsonObject const& step, Parts& parts) {
  auto const type = step.string("type");
  if (type == "Sequence") {
    auto in_parts = false;
    each_step(step, "processors", [&](JsonObject const& inner) {
      auto const before = parts.before.size() + parts.after.size();
      check(!in_parts || inner.string("type") == "ByteLevel", inner.at("type"), "ByteLevel after a template",
            in_quotes(inner.string("type")), "Several steps that add tokens are not supported.");
      read_post_processor(inner, parts);
      in_parts = in_parts || (inner.string("type") == "TemplateProcessing" && parts.before.size() + parts.after.size() > before);
    });
  } else if (type == "TemplateProcessing") {
    read_template(step, parts);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    put_around(parts, {read_processing_token(step, "cls", parts)}, {read_processing_token(step, "sep", parts)});
  } else if (type != "ByteLevel") {  // which changes offsets alone
    refuse_type(step, type, "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel or a Sequence of these");
  }
}

}  // namespace detail

/// Reads a parsed tokenizer.json; `name` stands for it in errors. Throws Error naming the key that is missing, of another type,
/// out of bounds, or not supported.
inline Parts parse_tokenizer_json(nlohmann::json const& json, std::string const& name) {
  formats::JsonObject const file(json, name);
  auto const model = file.object("model");
  // Files of the first versions leave the type out.
  auto const type = model.string("type", model.has("merges") ? "BPE" : "");
  auto const more = file.has("added_tokens") ? file.array("added_tokens").size() : 0;

  auto parts = [&] {
    if (type == "Unigram") {
      Vocabulary vocabulary;
      auto unigram = detail::read_unigram(model, vocabulary, more);
      return Parts{TokenizerKind::unigram, std::move(unigram), std::move(vocabulary)};
    }
    check(type == "BPE" || type == "WordLevel" || type == "WordPiece", model.at("type"), "BPE, Unigram, WordLevel or WordPiece",
          formats::in_quotes(type), "This kind of tokenizer is not supported.");
    check(model.has("vocab"), model.at("vocab"), "an object of ids", "no such key");
    auto vocabulary = detail::read_vocabulary(model.items()["vocab"], more, model.at("vocab"));
    if (type == "WordLevel")
      return Parts{TokenizerKind::word_level, WordLevel{detail::read_unknown(model, vocabulary)}, std::move(vocabulary)};
    if (type == "WordPiece") {
      auto words = detail::read_word_piece(model, vocabulary);
      return Parts{TokenizerKind::word_piece, std::move(words), std::move(vocabulary)};
    }
    auto bpe = detail::read_bpe(model, vocabulary);
    return Parts{TokenizerKind::sentencepiece_bpe, std::move(bpe), std::move(vocabulary)};
  }();
  if (file.has("normalizer")) detail::read_normalizer(file.object("normalizer"), parts.normalizer);
  if (file.has("pre_tokenizer")) detail::read_pre_tokenizer(file.object("pre_tokenizer"), parts.pre_tokenizer);
  for (auto const& step : parts.pre_tokenizer)
    if (type == "BPE" && std::holds_alternative<ByteLevel>(step)) parts.kind = TokenizerKind::byte_level_bpe;
  for (auto const& step : parts.normalizer)
    if (type == "BPE" && std::holds_alternative<ByteLevelStep>(step)) parts.kind = TokenizerKind::byte_level_bpe;
  detail::read_added_tokens(file, parts);
  if (file.has("post_processor")) detail::read_post_processor(file.object("post_processor"), parts);
  if (parts.before.size() == 1) parts.bos = parts.before.front();
  for (auto const* key : {"truncation", "padding"})
    if (file.has(key)) notice(file.at(key) + " is not applied to texts, as transformers does not either unless it is asked to");
  if (file.has("decoder"))
    detail::read_decoder(file.object("decoder"), parts.decoder);
  else
    parts.decoder.emplace_back(DecodeWords{});
  return parts;
}

/// Reads a tokenizer.json. Throws Error as parse_tokenizer_json does, and when the file cannot be read.
inline Parts read_tokenizer_json(std::filesystem::path const& path) {
  return parse_tokenizer_json(formats::read_json(path), path.string());
}

}  // namespace chg::tokenizer
