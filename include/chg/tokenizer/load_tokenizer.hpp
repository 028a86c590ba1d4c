// SPDX-License-Identifier: MIT
// Loads a tokenizer from a file or from a model directory, whichever format is there.
//
//     auto const tokenizer = chg::load_tokenizer("path/to/model");
//     auto const ids = tokenizer.encode("The capital of France is");
#pragma once

#include <chg/tensor/list_folder.hpp>
#include <chg/tokenizer/gguf_file.hpp>
#include <chg/tokenizer/neighbours.hpp>

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

/// A space before the text, or before each word that the pattern of a name cuts: where the ByteLevel of its tokenizer.json has it.
inline void add_prefix_space(Parts& parts, NamedPattern const& pattern) {
  auto& steps = parts.pre_tokenizer;
  ByteLevel level{true, {}};
  steps.pop_back();
  if (pattern.pattern.empty()) {  // GPT-2's, which ByteLevel splits by itself
    level.split.push_back(std::get<Split>(steps.back()));
    steps.pop_back();
  }
  steps.emplace_back(std::move(level));
}

inline Parts read_vocab_merges(std::filesystem::path const& vocab, std::filesystem::path const& merges,
                               LoadTokenizerOptions const& options, Neighbours const& n) {
  auto const json = formats::read_json(vocab);
  formats::MappedFile const lines(merges);
  auto const& pattern = choose_pattern(options, n, static_cast<Index>(json.size()), vocab.string());
  auto parts = parse_vocab_merges(json, formats::text_without_mark(lines.chars(), merges.string()), pattern, vocab.string(),
                                  merges.string());
  if (n.add_prefix_space.value_or(false)) add_prefix_space(parts, pattern);
  return with_neighbours(std::move(parts), n, vocab.string());
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
  auto model = parse_sentencepiece(file.chars(), name);
  if (n.add_prefix_space == false) model.add_dummy_prefix = false;
  return with_neighbours(sentencepiece_parts(model, name, sentencepiece), n, name);
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
  auto const json = formats::read_json(path);
  auto parts = parse_tokenizer_json(json, path.string());
  auto const pre = json.find("pre_tokenizer");
  auto const only_byte_level = pre != json.end() && pre->is_object() && pre->value("type", nlohmann::json()) == "ByteLevel";
  return with_neighbours_of_json(std::move(parts), n, only_byte_level, path.string());
}

/// The file of a directory that is read: a GGUF, tokenizer.json, tokenizer.model, spiece.model, vocab.json, encoder.json, in this
/// order. Beside the config.json of a model, whose weights are never those of a GGUF, a GGUF comes last.
inline std::filesystem::path choose_file(std::filesystem::path const& directory) {
  std::vector<std::filesystem::path> gguf;
  for (auto const& name : names_in_folder(directory))
    if (std::filesystem::path(name).extension() == ".gguf") gguf.push_back(directory / name);
  auto const of_model = std::filesystem::exists(directory / "config.json");
  if (!gguf.empty() && !of_model) return gguf.front();
  for (auto const* name : {"tokenizer.json", "tokenizer.model", "spiece.model"})
    if (std::filesystem::exists(directory / name)) return directory / name;
  for (auto const& pair : vocab_and_merges)
    if (std::filesystem::exists(directory / pair[0]) && std::filesystem::exists(directory / pair[1])) return directory / pair[0];
  if (!gguf.empty()) {
    notice("the tokenizer is that of " + gguf.front().string() + ", since no other file of its directory holds one");
    return gguf.front();
  }
  throw Error({directory.string() + " holds no tokenizer",
               "a GGUF file, tokenizer.json, tokenizer.model, spiece.model, vocab.json with merges.txt, or encoder.json with "
               "vocab.bpe",
               "none of these", ""});
}

}  // namespace tokenizer::detail

/// The tokenizer of `path`: a tokenizer.json, a tokenizer.model (SentencePiece or tiktoken ranks, told apart by content),
/// vocab.json or encoder.json (with merges.txt or vocab.bpe beside it), a GGUF, or a directory with one of these. Files beside it
/// are read as neighbours.hpp says. Throws Error naming the file.
inline Tokenizer load_tokenizer(std::filesystem::path const& path, LoadTokenizerOptions const& options = {}) {
  auto const file = std::filesystem::is_directory(path) ? tokenizer::detail::choose_file(path) : path;
  auto parts = tokenizer::detail::read_parts(file, options);
  check(parts.vocabulary.size() > 0, file.string() + ": vocabulary", "one token or more", "none");
  return Tokenizer(std::move(parts));
}

}  // namespace chg
