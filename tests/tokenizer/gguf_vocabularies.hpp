// SPDX-License-Identifier: MIT
// Small vocabularies as GGUF files hold them.
#pragma once

#include <chg/tokenizer/gguf_vocabulary.hpp>

#include "formats/gguf_files.hpp"
#include "formats/test_files.hpp"

namespace chg::test {

using tokenizer::GgufVocabulary;

inline GgufVocabulary gguf_llama() {
  return {.model = "llama",
          .pre = "",
          .tokens = {"<unk>", "<s>", "\u2581", "a", "\u2581a"},
          .scores = {0, 0, -1, -2, -0.5F},
          .token_type = {2, 3, 1, 1, 1},
          .bos_token_id = 1};
}
inline GgufVocabulary gguf_gpt2() {
  return {.model = "gpt2",
          .pre = "llama-bpe",
          .tokens = {"a", "b", "ab", "<|x|>", "[y]"},
          .token_type = {1, 1, 1, 3, 4},
          .merges = {"a b"},
          .bos_token_id = 3};
}
inline std::string gguf_strings(std::vector<std::string> const& strings) {
  auto all = u32(8) + u64(strings.size());
  for (auto const& s : strings) all += gguf_string(s);
  return all;
}
template <class Number>
std::string gguf_numbers(std::uint32_t type, std::vector<Number> const& numbers) {
  auto all = u32(type) + u64(numbers.size());
  for (auto const number : numbers) all += raw(number);
  return all;
}
/// The file that has this vocabulary in its metadata, and no tensors.
inline std::string gguf_file(GgufVocabulary const& v, bool whole_scores = false) {
  constexpr std::uint32_t int32 = 5, float32 = 6, boolean = 7, array = 9;
  GgufBuilder file;
  std::string const prefix = "tokenizer.ggml.";
  file.string(prefix + "model", v.model).string(prefix + "pre", v.pre);
  file.value(prefix + "tokens", array, gguf_strings(v.tokens)).value(prefix + "merges", array, gguf_strings(v.merges));
  if (whole_scores)
    file.value(prefix + "scores", array, gguf_numbers(int32, std::vector<std::int32_t>(v.scores.begin(), v.scores.end())));
  else
    file.value(prefix + "scores", array, gguf_numbers(float32, v.scores));
  file.value(prefix + "token_type", array, gguf_numbers(int32, v.token_type));
  if (v.bos_token_id) file.integer(prefix + "bos_token_id", static_cast<std::uint32_t>(*v.bos_token_id));
  if (v.add_bos_token) file.value(prefix + "add_bos_token", boolean, std::string(1, *v.add_bos_token ? '\1' : '\0'));
  return file.file();
}

}  // namespace chg::test
