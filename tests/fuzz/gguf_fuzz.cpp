// SPDX-License-Identifier: MIT
// Any bytes as a GGUF file: its header, every value of the metadata, every tensor that is not large, the model, the tokenizer.
#include <chg/formats/gguf_model.hpp>
#include <chg/tokenizer/gguf_file.hpp>

#include "formats/gguf_models.hpp"
#include "fuzz/mutate_gguf.hpp"
#include "fuzz/tokenizer.hpp"

namespace {

void read_values(chg::formats::GgufMetadata const& metadata) {
  constexpr auto least = std::numeric_limits<chg::Index>::min(), most = std::numeric_limits<chg::Index>::max();
  for (auto const& [key, value] : metadata.values()) {
    static_cast<void>(metadata.shown(value));
    try {
      using chg::formats::GgufType;
      if (value.type == GgufType::string)
        value.is_array ? static_cast<void>(metadata.strings(key)) : static_cast<void>(metadata.string(key));
      else if (value.type == GgufType::boolean)
        metadata.boolean(key, false);
      else if (value.type == GgufType::f32 || value.type == GgufType::f64)
        value.is_array ? static_cast<void>(metadata.numbers(key)) : static_cast<void>(metadata.number(key, 0, 1));
      else
        value.is_array ? static_cast<void>(metadata.integers(key, least, most))
                       : static_cast<void>(metadata.integer(key, least, most));
    } catch (chg::Error const&) {
    }
  }
}

void read_tensors(chg::formats::Gguf const& file) {
  constexpr chg::Index large = 1 << 16;
  for (auto const& [name, tensor] : file.tensors()) {
    if (tensor.elements > large) continue;
    try {
      std::vector<float> floats(static_cast<std::size_t>(tensor.elements));
      file.read(name, std::span(floats));
    } catch (chg::Error const&) {
    }
  }
}

}  // namespace

void chg::fuzz::read(std::string_view bytes) {
  formats::Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
  read_values(file.metadata());
  read_tensors(file);
  if (file.metadata().has("tokenizer.ggml.model"))
    encode_and_decode(tokenizer::gguf_parts(tokenizer::read_gguf_vocabulary(file), "FILE"), kText);
  if (file.metadata().has("general.architecture")) formats::read_gguf_weights<float>(file, formats::describe_gguf(file));
}

std::vector<std::string> chg::fuzz::seeds() {
  constexpr std::uint32_t i32 = 5, f32 = 6, boolean = 7, string = 8, array = 9, f64 = 12;
  auto const strings = [](std::vector<std::string> const& all) {
    auto bytes = test::u32(string) + test::u64(all.size());
    for (auto const& s : all) bytes += test::gguf_string(s);
    return bytes;
  };
  auto const numbers = [](std::uint32_t type, auto one, std::size_t count) {
    auto bytes = test::u32(type) + test::u64(count);
    for (std::size_t i = 0; i < count; ++i) bytes += test::raw(one);
    return bytes;
  };
  auto const bpe = [&](test::GgufBuilder file) {
    return file.string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", "gpt-2")
        .value("tokenizer.ggml.tokens", array, strings({"a", "b", "ab", "\u0120", "<s>"}))
        .value("tokenizer.ggml.token_type", array, numbers(i32, std::int32_t{1}, 5))
        .value("tokenizer.ggml.merges", array, strings({"a b"}))
        .value("tokenizer.ggml.add_bos_token", boolean, std::string(1, '\0'))
        .integer("tokenizer.ggml.bos_token_id", 4);
  };
  test::GgufBuilder pieces;
  pieces.string("tokenizer.ggml.model", "llama")
      .value("tokenizer.ggml.tokens", array, strings({"<unk>", "<s>", "</s>", "He", "l", "ll"}))
      .value("tokenizer.ggml.scores", array, numbers(f32, -1.5f, 6))
      .value(
          "tokenizer.ggml.token_type", array,
          test::u32(i32) + test::u64(6) + test::u32(2) + test::u32(3) + test::u32(3) + test::u32(1) + test::u32(1) + test::u32(1))
      .integer("tokenizer.ggml.unknown_token_id", 0)
      .value("tokenizer.ggml.more", f64, test::raw(1.0));

  auto c = test::gguf_config();
  c.layers = 1;
  test::GgufBuilder model;
  test::add_llama_metadata(model, c);
  test::add_llama_tensors(model, c, random_weights<float>(llama_like, c, {.seed = 1, .biases = true, .random_norms = true}));

  test::GgufBuilder blocks;  // one block of every type
  for (auto const& type : formats::ggml_types)
    blocks.tensor(std::string("t.") + std::string(type.name), {static_cast<std::uint64_t>(type.block)}, type.name,
                  std::string(static_cast<std::size_t>(type.bytes), '\0'));
  std::vector<std::string> all{model.file(), bpe({}).file(), bpe(model).file(), pieces.file(), blocks.file()};
  for (auto const* const name : {"F32", "F16", "Q8_0", "Q4_K", "Q6_K"}) {  // small ones, which are read soon
    auto const type =
        std::find_if(formats::ggml_types.begin(), formats::ggml_types.end(), [&](auto const& t) { return t.name == name; });
    test::GgufBuilder one;
    one.integer("general.alignment", 32);
    one.tensor("t", {static_cast<std::uint64_t>(type->block), 2}, type->name,
               std::string(2 * static_cast<std::size_t>(type->bytes), '\0'));
    all.push_back(one.file());
  }
  test::GgufBuilder values;
  values.string("general.type", "model").integer("general.quantization_version", 2);
  values.value("a", f64, test::raw(0.5)).value("b", boolean, std::string(1, '\1')).value("c", array, strings({"x", "y"}));
  values.value("d", array, numbers(i32, std::int32_t{-1}, 3));
  all.push_back(values.file());
  return all;
}

namespace {

constexpr std::array<std::string_view, 62> kWords{"general.architecture",
                                                  "general.alignment",
                                                  "general.type",
                                                  "general.quantization_version",
                                                  "split.count",
                                                  "llama",
                                                  "qwen2",
                                                  "qwen3",
                                                  "gemma",
                                                  "gemma2",
                                                  "gemma3",
                                                  "phi3",
                                                  "gptneox",
                                                  "gpt2",
                                                  "llama.block_count",
                                                  "llama.context_length",
                                                  "llama.embedding_length",
                                                  "llama.feed_forward_length",
                                                  "llama.attention.head_count",
                                                  "llama.attention.head_count_kv",
                                                  "llama.attention.key_length",
                                                  "llama.attention.value_length",
                                                  "llama.attention.sliding_window",
                                                  "llama.attention.layer_norm_rms_epsilon",
                                                  "llama.rope.freq_base",
                                                  "llama.rope.dimension_count",
                                                  "llama.rope.scaling.type",
                                                  "llama.rope.scaling.factor",
                                                  "llama.vocab_size",
                                                  "llama.expert_count",
                                                  "llama.attention.causal",
                                                  "none",
                                                  "linear",
                                                  "yarn",
                                                  "tokenizer.ggml.model",
                                                  "tokenizer.ggml.pre",
                                                  "tokenizer.ggml.tokens",
                                                  "tokenizer.ggml.token_type",
                                                  "tokenizer.ggml.scores",
                                                  "tokenizer.ggml.merges",
                                                  "tokenizer.ggml.bos_token_id",
                                                  "tokenizer.ggml.eos_token_id",
                                                  "tokenizer.ggml.unknown_token_id",
                                                  "tokenizer.ggml.add_bos_token",
                                                  "tokenizer.ggml.add_eos_token",
                                                  "tokenizer.ggml.add_space_prefix",
                                                  "gpt-2",
                                                  "llama-bpe",
                                                  "default",
                                                  "a b",
                                                  "ab",
                                                  "<0x0A>",
                                                  "\xE2\x96\x81",
                                                  "\xC4\xA0",
                                                  "rope_freqs.weight",
                                                  "token_embd.weight",
                                                  "output.weight",
                                                  "output_norm.weight",
                                                  "blk.0.attn_q.weight",
                                                  "blk.0.attn_q.bias",
                                                  "blk.1.ffn_down.weight",
                                                  "adapter"};

}  // namespace

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) { return gguf_mutator(bytes, kWords); }
