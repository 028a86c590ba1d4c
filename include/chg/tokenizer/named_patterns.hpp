// SPDX-License-Identifier: MIT
// The pre-tokenizers of published byte-level tokenizers, by name, for vocabularies that come without one: tiktoken ranks,
// vocab.json with merges.txt, and GGUF, which names them.
#pragma once

#include <chg/tokenizer/pre_tokenizer.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace chg::tokenizer {

/// GPT-2's pattern, which a ByteLevel pre-tokenizer splits by unless told otherwise.
inline constexpr std::string_view gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view llama3_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view qwen2_pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view o200k_pattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct NamedPattern {
  std::string_view name;
  std::string_view aliases;        ///< other names, each between spaces: families, and the `pre` of GGUF files
  std::string_view pattern;        ///< one Split, isolated; empty: GPT-2's pattern
  bool single_digits = false;      ///< every digit is a word of its own, before the pattern
  bool compose = false;            ///< the text is brought into the normal form NFC first
  bool whole_words_first = false;  ///< a word that is a piece is that piece, whatever the merges say
};

/// Sources: the tokenizer.json of the models, and tiktoken's cl100k_base and o200k_base.
inline constexpr std::array named_patterns{
    NamedPattern{"gpt2", " gpt-2 gptj gpt_neo phi phi-2 GPT2Tokenizer GPT2TokenizerFast ", ""},
    NamedPattern{"gpt_neox", " gpt-neox mpt olmo GPTNeoXTokenizer GPTNeoXTokenizerFast ", "", false, true},
    NamedPattern{"llama3", " llama-3 llama-bpe llama-v3 llama3.1 llama3.2 mllama ", llama3_pattern, false, false, true},
    NamedPattern{"qwen2", " qwen2.5 qwen3 qwen2_moe qwen3_moe deepseek-r1-qwen Qwen2Tokenizer Qwen2TokenizerFast ", qwen2_pattern,
                 false, true},
    NamedPattern{"smollm", " smollm2 starcoder refact ", "", true},
    NamedPattern{
        "cl100k", " cl100k_base gpt-4 ",
        R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"},
    NamedPattern{"o200k", " o200k_base gpt-4o ", o200k_pattern},
};

/// The entry of a name or of one of its aliases; null: there is none.
inline NamedPattern const* find_pattern(std::string_view name) {
  auto const alias = " " + std::string(name) + " ";
  for (auto const& entry : named_patterns)
    if (entry.name == name || (!name.empty() && entry.aliases.find(alias) != std::string_view::npos)) return &entry;
  return nullptr;
}

/// "gpt2, llama3, ...", for messages.
inline std::string pattern_names() {
  std::string all;
  for (auto const& entry : named_patterns) all.append(all.empty() ? "" : ", ").append(entry.name);
  return all;
}

/// The steps of a name, up to the words in bytes; `write_bytes` adds the step that writes them as printable characters.
inline std::vector<PreTokenizerStep> named_pre_tokenizer(NamedPattern const& entry, bool write_bytes) {
  std::vector<PreTokenizerStep> steps;
  auto const name = "the pre-tokenizer " + std::string(entry.name);
  if (entry.single_digits) steps.emplace_back(Split{Regex(R"(\p{N})", name), SplitBehavior::isolated});
  steps.emplace_back(Split{Regex(entry.pattern.empty() ? gpt2_pattern : entry.pattern, name), SplitBehavior::isolated});
  if (write_bytes) steps.emplace_back(ByteLevel{false, {}});
  return steps;
}

}  // namespace chg::tokenizer
