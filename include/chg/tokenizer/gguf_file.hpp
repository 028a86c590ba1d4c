// SPDX-License-Identifier: MIT
// The vocabulary in the metadata of a GGUF file: the keys tokenizer.ggml.*.
#pragma once

#include <chg/formats/gguf.hpp>
#include <chg/tokenizer/gguf_vocabulary.hpp>

#include <limits>
#include <optional>
#include <string>

namespace chg::tokenizer {

/// Throws Error naming file and key for a value of another type, and for a file that holds no vocabulary.
inline GgufVocabulary read_gguf_vocabulary(formats::Gguf const& file) {
  auto const& metadata = file.metadata();
  auto const key = [](char const* name) { return std::string("tokenizer.ggml.") + name; };
  auto const id = [&](char const* name) -> std::optional<Index> {
    if (!metadata.has(key(name))) return std::nullopt;
    return metadata.integer(key(name), 0, std::numeric_limits<Token>::max());
  };
  auto const flag = [&](char const* name) -> std::optional<bool> {
    if (!metadata.has(key(name))) return std::nullopt;
    return metadata.boolean(key(name), false);
  };
  GgufVocabulary v;
  v.name = metadata.string("general.name", ""), v.architecture = metadata.string("general.architecture", "");
  v.model = metadata.string(key("model"));
  v.pre = metadata.string(key("pre"), "");
  for (auto const piece : metadata.strings(key("tokens"))) v.tokens.emplace_back(piece);
  if (v.model == "llama" && metadata.has(key("scores")))  // byte-level BPE has no use for them
    for (auto const score : metadata.numbers(key("scores"))) v.scores.push_back(static_cast<float>(score));
  constexpr Index most_types = 1 << 16;
  if (metadata.has(key("token_type")))
    for (auto const type : metadata.integers(key("token_type"), 0, most_types))
      v.token_type.push_back(static_cast<std::int32_t>(type));
  if (metadata.has(key("merges")))
    for (auto const merge : metadata.strings(key("merges"))) v.merges.emplace_back(merge);
  v.bos_token_id = id("bos_token_id"), v.eos_token_id = id("eos_token_id"), v.unknown_token_id = id("unknown_token_id");
  v.add_bos_token = flag("add_bos_token"), v.add_eos_token = flag("add_eos_token");
  v.add_space_prefix = flag("add_space_prefix"), v.remove_extra_whitespaces = flag("remove_extra_whitespaces");
  if (metadata.has(key("precompiled_charsmap")))
    for (auto const byte : metadata.integers(key("precompiled_charsmap"), -128, 255))
      v.precompiled_charsmap.push_back(static_cast<char>(byte));
  return v;
}

}  // namespace chg::tokenizer
