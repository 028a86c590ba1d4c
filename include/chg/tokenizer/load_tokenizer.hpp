// SPDX-License-Identifier: MIT
// Loads a tokenizer from a file or from a model directory, whichever format is there.
//
//     auto const tokenizer = chg::load_tokenizer("path/to/model");
//     auto const ids = tokenizer.encode("The capital of France is");
#pragma once

#include <chg/tokenizer/gguf_file.hpp>
#include <chg/tokenizer/tokenizer_json.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chg {

struct LoadTokenizerOptions {
  std::string pretokenizer{};  ///< for files that name none: a name of tokenizer::named_patterns, or one of its aliases
  std::string family{};        ///< the model_type of the model, which decides when `pretokenizer` is empty
};

namespace tokenizer::detail {

inline constexpr std::array<std::array<char const*, 2>, 2> vocab_and_merges{
    {{"vocab.json", "merges.txt"}, {"encoder.json", "vocab.bpe"}}};

/// What the files beside a tokenizer say about it, as far as it does not say it itself.
struct Neighbours {
  std::optional<bool> add_bos, legacy;
  std::optional<std::string> bos_token;
  std::string tokenizer_class, model_type;
  std::vector<std::pair<AddedToken, Index>> added;  ///< of added_tokens.json, and of tokenizer_config.json
};

/// A token as a string, or as an object with its content.
inline std::optional<std::string> read_token_name(JsonObject const& file, std::string const& key) {
  if (!file.has(key)) return std::nullopt;
  auto const& value = file.items()[key];
  return value.is_string() ? value.get<std::string>() : file.object(key).string("content");
}

inline Neighbours read_neighbours(std::filesystem::path const& directory) {
  constexpr Index most_tokens = 1 << 28;
  Neighbours n;
  auto const each = [&](char const* name, auto&& read) {
    auto const path = directory / name;
    if (!std::filesystem::exists(path)) return;
    auto const json = formats::read_json(path, {.bytes = 100'000'000});
    read(JsonObject(json, path.string()));
  };
  each("config.json", [&](JsonObject const& file) { n.model_type = file.string("model_type", ""); });
  each("special_tokens_map.json", [&](JsonObject const& file) { n.bos_token = read_token_name(file, "bos_token"); });
  each("added_tokens.json", [&](JsonObject const& file) {
    for (auto const& item : file.items().items())
      n.added.push_back({{.content = item.key()}, file.integer(item.key(), 0, most_tokens)});
  });
  each("tokenizer_config.json", [&](JsonObject const& file) {
    if (file.has("add_bos_token")) n.add_bos = file.boolean("add_bos_token", false);
    if (file.has("legacy")) n.legacy = file.boolean("legacy", true);
    if (auto name = read_token_name(file, "bos_token")) n.bos_token = std::move(name);
    n.tokenizer_class = file.string("tokenizer_class", "");
    if (!file.has("added_tokens_decoder")) return;
    auto const tokens = file.object("added_tokens_decoder");
    for (auto const& item : tokens.items().items()) {
      auto const object = tokens.object(item.key());
      Index id = -1;
      auto const& digits = item.key();
      auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
      check(error == std::errc() && end == digits.data() + digits.size() && id >= 0, tokens.name(), "token ids",
            in_quotes(digits));
      n.added.push_back({{.content = object.string("content"),
                          .special = object.boolean("special", false),
                          .single_word = object.boolean("single_word", false),
                          .lstrip = object.boolean("lstrip", false),
                          .rstrip = object.boolean("rstrip", false),
                          .normalized = object.boolean("normalized", false)},
                         id});
    }
  });
  return n;
}

/// Added tokens and the BOS rule of the files beside a vocabulary that holds neither.
inline Parts with_neighbours(Parts parts, Neighbours const& n, std::string const& name) {
  for (auto [token, id] : n.added) {
    token.normalized = false;  // the tokenizers that read such files look in the text as given
    add_token(parts, std::move(token), id, name);
  }
  if (n.bos_token)
    if (auto const bos = parts.vocabulary.find(*n.bos_token); bos != no_token) parts.bos = bos;
  if (n.add_bos) {
    check(!*n.add_bos || parts.bos, name + ": add_bos_token", "a bos_token of the vocabulary", "none");
    parts.before = *n.add_bos ? std::vector<Token>{*parts.bos} : std::vector<Token>{};
  }
  return parts;
}

/// The pre-tokenizer that goes with a vocabulary of `size` tokens.
inline NamedPattern const& choose_pattern(LoadTokenizerOptions const& options, Neighbours const& n, Index size,
                                          std::string const& name) {
  if (!options.pretokenizer.empty()) {
    auto const* const pattern = find_pattern(options.pretokenizer);
    check(pattern != nullptr, "--pretokenizer", "one of " + pattern_names(), in_quotes(options.pretokenizer));
    return *pattern;
  }
  auto const family = options.family.empty() ? n.model_type : options.family;
  for (auto const& word : {options.family, n.tokenizer_class, family})
    if (auto const* const pattern = find_pattern(word)) return *pattern;
  constexpr Index llama3_tokens = 128'000;
  if (family == "llama" && size >= llama3_tokens) return *find_pattern("llama3");
  throw Error({name + " names no pre-tokenizer", "one of " + pattern_names(),
               family.empty() ? "none" : "none, for the family " + in_quotes(family),
               "Name the one that the model was trained with (--pretokenizer NAME)."});
}

inline Parts read_vocab_merges(std::filesystem::path const& vocab, std::filesystem::path const& merges,
                               LoadTokenizerOptions const& options, Neighbours const& n) {
  auto const json = formats::read_json(vocab);
  formats::MappedFile const lines(merges);
  auto const& pattern = choose_pattern(options, n, static_cast<Index>(json.size()), vocab.string());
  return with_neighbours(parse_vocab_merges(json, lines.chars(), pattern, vocab.string(), merges.string()), n, vocab.string());
}

inline Parts read_model_file(std::filesystem::path const& path, LoadTokenizerOptions const& options, Neighbours const& n) {
  formats::MappedFile const file(path);
  auto const name = path.string();
  if (looks_like_ranks(file.chars())) {
    auto const lines = std::count(file.chars().begin(), file.chars().end(), '\n');
    return with_neighbours(parse_ranks(file.chars(), choose_pattern(options, n, lines, name), name), n, name);
  }
  check(file.chars().starts_with('\n'), name, "a SentencePiece model, or tiktoken ranks", "neither",
        "A tokenizer.json, or vocab.json with merges.txt, is read too.");
  SentencePieceOptions const sentencepiece{n.add_bos, n.legacy.value_or(true)};
  return with_neighbours(sentencepiece_parts(parse_sentencepiece(file.chars(), name), name, sentencepiece), n, name);
}

inline Parts read_parts(std::filesystem::path const& path, LoadTokenizerOptions const& options) {
  if (path.extension() == ".gguf")
    return gguf_parts(read_gguf_vocabulary(formats::Gguf(path)), path.string(), options.pretokenizer);
  auto const n = read_neighbours(path.parent_path());
  auto const name = path.filename().string();
  for (auto const& pair : vocab_and_merges)
    if (name == pair[0] || name == pair[1])
      return read_vocab_merges(path.parent_path() / pair[0], path.parent_path() / pair[1], options, n);
  if (path.extension() != ".json") return read_model_file(path, options, n);
  // Its post_processor is the rule, whatever tokenizer_config.json says of BOS; tokens that are listed there alone are added.
  auto parts = read_tokenizer_json(path);
  for (auto const& [token, id] : n.added) {
    auto const known = parts.vocabulary.find(token.content);
    if (known == id || (known == no_token && !parts.vocabulary.contains(id))) add_token(parts, token, id, path.string());
  }
  if (n.bos_token)
    if (auto const bos = parts.vocabulary.find(*n.bos_token); bos != no_token) parts.bos = bos;
  return parts;
}

/// The file of a directory that is read: a GGUF, tokenizer.json, tokenizer.model, vocab.json, encoder.json, in this order.
inline std::filesystem::path choose_file(std::filesystem::path const& directory) {
  std::vector<std::filesystem::path> gguf;
  for (auto const& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".gguf") gguf.push_back(entry.path());
  std::sort(gguf.begin(), gguf.end());
  if (!gguf.empty()) return gguf.front();
  for (auto const* name : {"tokenizer.json", "tokenizer.model"})
    if (std::filesystem::exists(directory / name)) return directory / name;
  for (auto const& pair : vocab_and_merges)
    if (std::filesystem::exists(directory / pair[0]) && std::filesystem::exists(directory / pair[1])) return directory / pair[0];
  throw Error({directory.string() + " holds no tokenizer",
               "a GGUF file, tokenizer.json, tokenizer.model, vocab.json with merges.txt, or encoder.json with vocab.bpe",
               "none of these", ""});
}

}  // namespace tokenizer::detail

/// The tokenizer of `path`: a tokenizer.json, a tokenizer.model (SentencePiece or tiktoken ranks, told apart by content),
/// vocab.json or encoder.json (with merges.txt or vocab.bpe beside it), a GGUF, or a directory with one of these. The rule on
/// BOS is that of the file; where a format has none, that of tokenizer_config.json beside it. Throws Error naming the file.
inline Tokenizer load_tokenizer(std::filesystem::path const& path, LoadTokenizerOptions const& options = {}) {
  auto const file = std::filesystem::is_directory(path) ? tokenizer::detail::choose_file(path) : path;
  auto parts = tokenizer::detail::read_parts(file, options);
  check(parts.vocabulary.size() > 0, file.string() + ": vocabulary", "one token or more", "none");
  return Tokenizer(std::move(parts));
}

}  // namespace chg
