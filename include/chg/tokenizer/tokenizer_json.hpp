// SPDX-License-Identifier: MIT
// Reads a tokenizer.json (Hugging Face tokenizers): BPE, Unigram and WordLevel models and the steps around them.
//
// Where that library is lenient with a file this reader is strict: an id that two tokens claim and a merge of unknown pieces are
// Errors. truncation and padding are not applied, as transformers does not.
#pragma once

#include <chg/tokenizer/json_steps.hpp>
#include <chg/tokenizer/tokenizer.hpp>

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
  for (auto const* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    check(model.string(key, "").empty(), model.at(key), "no such key, null or an empty string", in_quotes(model.string(key, "")),
          "This kind of BPE is not supported.");
  check(model.number("dropout", 0, 1, 0) == 0, model.at("dropout"), "null or 0", "a probability",
        "Random merges are not supported.");
  PairBpeOptions options;
  options.unknown = read_unknown(model, vocabulary);
  options.drop_unknown = !model.has("unk_token");
  options.fuse_unknown = model.boolean("fuse_unk", false);
  options.byte_fallback = model.boolean("byte_fallback", false);
  options.ignore_merges = model.boolean("ignore_merges", false);
  auto const& merges = model.array("merges");
  PairBpe bpe(options, vocabulary, merges.size());
  add_json_merges(bpe, vocabulary, merges, model.at("merges"));
  return bpe;
}

/// The Unigram model; its vocabulary, a list of [piece, log-probability], is added to `vocabulary`.
inline Unigram read_unigram(JsonObject const& model, Vocabulary& vocabulary, std::size_t more) {
  auto const& entries = model.array("vocab");
  check(!entries.empty(), model.at("vocab"), "one piece or more", "none");
  vocabulary = Vocabulary(entries.size() + more);
  auto const scored = [&](nlohmann::json const& e) {
    return e.is_array() && e.size() == 2 && e[0].is_string() && e[1].is_number();
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!scored(entries[i]))
      throw Error(
          {model.at("vocab") + "[" + std::to_string(i) + "]", "[piece, log-probability]", formats::shown(entries[i]), ""});
    vocabulary.add(entries[i][0].get_ref<std::string const&>(), static_cast<Index>(i), model.at("vocab"));
  }
  UnigramOptions options;
  if (model.has("unk_id"))
    options.unknown = static_cast<Token>(model.integer("unk_id", 0, static_cast<Index>(entries.size()) - 1));
  options.byte_fallback = model.boolean("byte_fallback", false);
  Unigram unigram(options, options.byte_fallback ? byte_tokens(vocabulary) : ByteTokens{});
  auto least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto const score = entries[i][1].get<double>();
    least = std::min(least, score);
    auto const& piece = entries[i][0].get_ref<std::string const&>();
    if (!piece.empty()) unigram.add_piece(piece, static_cast<Token>(i), score);
  }
  unigram.set_least_score(least);
  return unigram;
}

inline void read_added_tokens(JsonObject const& file, Parts& parts) {
  if (!file.has("added_tokens")) return;
  for (auto const& item : file.array("added_tokens")) {
    JsonObject const object(item, file.at("added_tokens"));
    AddedToken token;
    token.content = object.string("content");
    token.special = object.boolean("special", false);
    token.single_word = object.boolean("single_word", false);
    token.lstrip = object.boolean("lstrip", false);
    token.rstrip = object.boolean("rstrip", false);
    token.normalized = object.boolean("normalized", !token.special);
    add_token(parts, std::move(token), object.integer("id", 0, parts.vocabulary.highest_id()), object.name());
  }
}

/// The ids that a template puts around a text.
inline void read_template(JsonObject const& step, Parts& parts) {
  auto after = false;
  auto const& single = step.array("single");
  for (auto const& item : single) {
    JsonObject const object(item, step.at("single"));
    if (object.has("Sequence")) {
      auto const id = object.object("Sequence").string("id");
      check(id == "A" && !after, object.name(), "the sequence A once", in_quotes(id));
      after = true;
      continue;
    }
    auto const name = object.object("SpecialToken").string("id");
    auto const special = step.object("special_tokens").object(name);
    for (auto const& id : special.array("ids")) {
      check(id.is_number_unsigned() && id.get<std::uint64_t>() < static_cast<std::uint64_t>(parts.vocabulary.size()) &&
                parts.vocabulary.contains(id.get<Index>()),
            special.at("ids"), "ids of tokens", formats::shown(id));
      (after ? parts.after : parts.before).push_back(id.get<Token>());
    }
  }
  check(after, step.at("single"), "the sequence A once", "never");
  if (parts.before.size() == 1) parts.bos = parts.before.front();
}

inline void read_post_processor(JsonObject const& step, Parts& parts) {
  auto const type = step.string("type");
  if (type == "Sequence")
    each_step(step, "processors", [&](JsonObject const& inner) { read_post_processor(inner, parts); });
  else if (type == "TemplateProcessing")
    read_template(step, parts);
  else if (type != "ByteLevel")  // which changes offsets alone
    refuse_type(step, type, "TemplateProcessing, ByteLevel or a Sequence of these");
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
    check(type == "BPE" || type == "WordLevel", model.at("type"), "BPE, Unigram or WordLevel", formats::in_quotes(type),
          "This kind of tokenizer is not supported.");
    check(model.has("vocab"), model.at("vocab"), "an object of ids", "no such key");
    auto vocabulary = detail::read_vocabulary(model.items()["vocab"], more, model.at("vocab"));
    if (type == "WordLevel")
      return Parts{TokenizerKind::word_level, WordLevel{detail::read_unknown(model, vocabulary)}, std::move(vocabulary)};
    auto bpe = detail::read_bpe(model, vocabulary);
    return Parts{TokenizerKind::sentencepiece_bpe, std::move(bpe), std::move(vocabulary)};
  }();
  if (file.has("normalizer")) detail::read_normalizer(file.object("normalizer"), parts.normalizer);
  if (file.has("pre_tokenizer")) detail::read_pre_tokenizer(file.object("pre_tokenizer"), parts.pre_tokenizer);
  for (auto const& step : parts.pre_tokenizer)
    if (type == "BPE" && std::holds_alternative<ByteLevel>(step)) parts.kind = TokenizerKind::byte_level_bpe;
  detail::read_added_tokens(file, parts);
  if (file.has("post_processor")) detail::read_post_processor(file.object("post_processor"), parts);
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
