// SPDX-License-Identifier: MIT
#include <chg/formats/gguf_model.hpp>

#include "formats/gguf_models.hpp"
#include "formats/weights_difference.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using chg::Index;
using chg::Matrix;
using chg::Weights;
using chg::formats::Gguf;

namespace {

std::string load_and_compare(GgufModelOptions const& o) {
  auto const bytes = gguf_llama(o).file();
  Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
  auto const d = chg::formats::describe_gguf(file);
  REQUIRE(d.architecture() == chg::llama_like);
  REQUIRE(d.model_type == "llama");
  REQUIRE(d.config == gguf_config());
  REQUIRE(d.tied == o.tied);
  REQUIRE(d.qkv_bias == o.biases);
  REQUIRE(d.output_bias == o.biases);
  REQUIRE(d.mlp_bias == o.biases);
  auto const weights = gguf_weights(o);
  return difference(gguf_config(), weights, chg::formats::read_gguf_weights<float>(file, d)) +
         difference(gguf_config(), weights, chg::formats::read_gguf_weights<double>(file, d));
}

std::string complaint(GgufBuilder const& builder) {
  auto const bytes = builder.file();
  return message_of([&] {
    Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
    chg::formats::read_gguf_weights<float>(file, chg::formats::describe_gguf(file));
  });
}

/// A model with one more value.
std::string with(std::string const& key, std::uint32_t type, std::string const& bytes) {
  return complaint(gguf_llama().value(key, type, bytes));
}

/// A model of which the value at `key` is the number instead.
GgufBuilder changed(std::string const& key, std::uint32_t number) {
  auto file = gguf_llama();
  auto const at = file.value_bytes.find(gguf_string(key));
  if (at == std::string::npos) throw std::logic_error(key);
  file.value_bytes.replace(at + gguf_string(key).size() + 4, 4, u32(number));
  return file;
}

/// A model without the value at `key`.
GgufBuilder without(std::string const& key) {
  auto file = gguf_llama();
  auto const at = file.value_bytes.find(gguf_string(key));
  if (at == std::string::npos) throw std::logic_error(key);
  file.value_bytes.erase(at, gguf_string(key).size() + 8);
  --file.values;
  return file;
}

chg::formats::ModelDescription describe(GgufBuilder const& builder) {
  auto const bytes = builder.file();
  return chg::formats::describe_gguf(Gguf(std::as_bytes(std::span(bytes)), "FILE"));
}

std::string const kFine = "(no chg::Error was thrown)";

}  // namespace

TEST_CASE("gguf_model: a Llama file gives every weight in its place, with and without biases, tied and untied", "[formats]") {
  for (bool const biases : {false, true})
    for (bool const tied : {false, true}) CHECK(load_and_compare({.biases = biases, .tied = tied}) == "");
}

TEST_CASE("gguf_model: the rows of W_Q and W_K are put back from neighbours to halves", "[formats]") {
  std::vector<int> rows{0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15};  // two heads of six, one column
  chg::formats::detail::halves_from_neighbours(rows.data(), 2, 6, 1);
  REQUIRE(rows == std::vector<int>{0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15});
}

TEST_CASE("gguf_model: what a file is silent about takes the defaults of llama.cpp", "[formats]") {
  REQUIRE(describe(without("llama.rope.freq_base")).config.rotary.theta == 10'000);
  REQUIRE(describe(without("llama.attention.head_count_kv")).config.kv_heads == 3);
  REQUIRE(describe(without("llama.rope.dimension_count")).config == gguf_config());
  REQUIRE(describe(without("llama.attention.value_length")).config == gguf_config());
  REQUIRE(describe(gguf_llama().integer("llama.vocab_size", 11)).config == gguf_config());
  CHECK(ordered(complaint(without("llama.attention.key_length")),
                {"FILE: \"llama.embedding_length\"", "multiple of attention.head_count = 3"}));
  auto square = changed("llama.embedding_length", 18);  // then a head has 18 / 3 channels
  auto const key = gguf_string("llama.attention.key_length");
  square.value_bytes.erase(square.value_bytes.find(key), key.size() + 8);
  --square.values;
  REQUIRE(describe(square).config.head_dim == 6);
}

TEST_CASE("gguf_model: a key that is missing, of another type or out of bounds is refused by file and key", "[formats]") {
  for (auto const* key : {"llama.block_count", "llama.context_length", "llama.embedding_length", "llama.feed_forward_length",
                          "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon"})
    CHECK(ordered(complaint(without(key)), {"FILE: \"", key, "no such key"}));
  for (auto const* key : {"llama.block_count", "llama.context_length", "llama.embedding_length", "llama.feed_forward_length",
                          "llama.attention.head_count", "llama.attention.head_count_kv", "llama.attention.key_length"}) {
    CHECK(ordered(complaint(changed(key, 0)), {"FILE: \"", key, "got u32 0"}));
    CHECK(ordered(complaint(changed(key, 0xFFFF'FFFF)), {"FILE: \"", key, "got u32 4294967295"}));
  }
  CHECK(ordered(complaint(changed("llama.attention.head_count_kv", 2)), {"FILE: config: kv_heads", "divisor of heads = 3"}));
  CHECK(ordered(with("llama.vocab_size", 8, gguf_string("11")), {"FILE: \"llama.vocab_size\"", "a whole number", "\"11\""}));
}

TEST_CASE("gguf_model: other families and files that are no whole model are refused by name", "[formats]") {
  for (auto const* family : {"qwen2moe", "gemma4", "phi2", "mamba"}) {
    auto file = GgufBuilder().string("general.architecture", family);
    CHECK(ordered(complaint(file), {"FILE: \"general.architecture\"", "Expected llama or qwen2 or", family, "not supported"}));
  }
  CHECK(ordered(complaint(GgufBuilder()), {"FILE: \"general.architecture\"", "no such key"}));
  CHECK(with("general.type", 8, gguf_string("model")) == kFine);
  CHECK(ordered(with("general.type", 8, gguf_string("adapter")), {"FILE: \"general.type\"", "\"adapter\""}));
  CHECK(with("split.count", 2, raw(std::uint16_t{1})) == kFine);
  for (std::uint16_t const parts : {2, 3})
    CHECK(ordered(with("split.count", 2, raw(parts)), {"FILE: \"split.count\"", "one file", "Merge"}));
  CHECK(with("general.quantization_version", 4, u32(2)) == kFine);
  CHECK(ordered(with("general.quantization_version", 4, u32(1)),
                {"FILE: \"general.quantization_version\"", "Expected 2", "got 1"}));
}

TEST_CASE("gguf_model: variants that change the computation are refused by key", "[formats]") {
  auto const refused = [](std::string const& key, std::uint32_t neutral, std::uint32_t other) {
    CHECK(with(key, 4, u32(neutral)) == kFine);
    CHECK(ordered(with(key, 4, u32(other)), {"FILE: \"" + key + "\"", "not supported"}));
  };
  refused("llama.expert_count", 0, 8);
  refused("llama.expert_used_count", 0, 2);
  refused("llama.attention.sliding_window", 13, 12);
  refused("llama.attention.sliding_window", 0, 4);
  for (auto const* key : {"llama.rope.scale_linear", "llama.rope.scaling.factor", "llama.logit_scale", "llama.embedding_scale",
                          "llama.residual_scale"}) {
    CHECK(with(key, 6, raw(1.0f)) == kFine);
    CHECK(ordered(with(key, 6, raw(2.0f)), {std::string("FILE: \"") + key, "Expected 1, got 2", "not supported"}));
  }
  CHECK(with("llama.rope.scaling.type", 8, gguf_string("none")) == kFine);
  CHECK(ordered(with("llama.rope.scaling.type", 8, gguf_string("yarn")),
                {"\"llama.rope.scaling.type\"", "\"yarn\"", "not supported"}));
  CHECK(with("llama.tensor_data_layout", 8, gguf_string("Meta AI original pth")) == kFine);
  CHECK(ordered(with("llama.tensor_data_layout", 8, gguf_string("other")), {"tensor_data_layout", "Meta AI", "\"other\""}));
  CHECK(
      ordered(with("llama.attention.output_scale", 6, raw(2.0f)), {"\"llama.attention.output_scale\"", "no such key", "f32 2"}));
  CHECK(with("tokenizer.ggml.model", 8, gguf_string("llama")) == kFine);  // keys of others are not the model's
  CHECK(ordered(complaint(changed("llama.rope.dimension_count", 4)),
                {"\"llama.rope.dimension_count\"", "6, the width of a head", "got 4"}));
  CHECK(ordered(complaint(changed("llama.attention.value_length", 4)), {"\"llama.attention.value_length\"", "6", "got 4"}));
}

TEST_CASE("gguf_model: a missing, surplus or misshapen tensor is refused by file and name", "[formats]") {
  for (auto const* name : {"token_embd.weight", "blk.1.attn_k.weight", "blk.0.ffn_down.weight", "output_norm.weight"})
    CHECK(ordered(complaint(gguf_llama({.without = name})), {"FILE: tensor \"" + std::string(name) + "\" is missing"}));
  CHECK(ordered(complaint(gguf_llama({.biases = true, .without = "blk.1.attn_v.bias"})), {"\"blk.1.attn_v.bias\" is missing"}));
  CHECK(ordered(complaint(gguf_llama({.biases = true, .without = "blk.0.attn_v.bias"})), {"\"blk.1.attn_v.bias\" has no place"}));
  CHECK(ordered(complaint(gguf_llama().tensor("blk.0.attn_q_norm.weight", {6}, "F32", bytes_of(std::vector<float>(6)))),
                {"FILE: tensor \"blk.0.attn_q_norm.weight\" has no place", "the metadata of the file"}));
  auto shape = gguf_llama({.without = "blk.0.attn_q.weight"});
  shape.tensor("blk.0.attn_q.weight", {18, 5}, "F32", bytes_of(std::vector<float>(90)));
  CHECK(ordered(complaint(shape), {"\"blk.0.attn_q.weight\" has the wrong shape", "[18, 5], by the metadata", "got [5, 18]"}));
  CHECK(ordered(with("llama.vocab_size", 4, u32(12)), {"\"token_embd.weight\" has the wrong shape", "[12, 5]", "got [11, 5]"}));
}

TEST_CASE("gguf_model: NaN, infinity and types that are not decoded are refused by tensor", "[formats]") {
  auto const norm = [](std::string_view type, std::string const& bytes) {
    return complaint(gguf_llama({.without = "output_norm.weight"}).tensor("output_norm.weight", {5}, type, bytes));
  };
  for (auto const bad : {std::nanf(""), std::numeric_limits<float>::infinity()})
    CHECK(ordered(norm("F32", bytes_of({1, 1, bad, 1, 1})), {"FILE: tensor \"output_norm.weight\"", "finite numbers"}));
  CHECK(ordered(norm("I32", std::string(20, '\0')), {"FILE: tensor \"output_norm.weight\": type", "got I32", "Convert"}));
}

namespace {
/// A model of heads as wide as Llama 3's, with those rope_freqs.weight, then described.
GgufBuilder with_rope(std::vector<float> const& factors) {
  auto c = gguf_config();
  c.head_dim = 64, c.rotary.theta = 500'000;
  GgufBuilder file;
  add_llama_metadata(file, c);
  auto const w = chg::random_weights<float>(chg::llama_like, c, {.seed = 1, .tied = true});
  add_llama_tensors(file, c, w);
  return file.tensor("rope_freqs.weight", {factors.size()}, "F32", bytes_of(factors));
}

/// The formula of the converter (llama.cpp, Llama 3.1), in float.
std::vector<float> llama3_factors(float factor, float low, float high, float original) {
  std::vector<float> all;
  for (int i = 0; i < 32; ++i) {
    auto const wavelength = 2 * 3.14159265f * std::pow(500'000.0f, static_cast<float>(2 * i) / 64);
    auto const smooth = (original / wavelength - low) / (high - low);
    all.push_back(wavelength < original / high ? 1 : wavelength > original / low ? factor : 1 / ((1 - smooth) / factor + smooth));
  }
  return all;
}
}  // namespace

TEST_CASE("gguf_model: rope_freqs.weight is read as the scaling of Llama 3, or as it stands when it is another one",
          "[formats]") {
  for (float const factor : {8.0f, 32.0f}) {
    auto const file = with_rope(llama3_factors(factor, 1, 4, 8192));
    auto const rotary = describe(file).config.rotary;
    REQUIRE(rotary.scaled);
    REQUIRE(rotary.scaling ==
            chg::Llama3Scaling{.factor = factor, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 8192});
    REQUIRE(complaint(file) == kFine);
  }
  REQUIRE_FALSE(describe(with_rope(std::vector<float>(32, 1))).config.rotary.scaled);
  auto first = std::vector<float>(32, 1), first_of_llama = llama3_factors(8, 1, 4, 8192);
  first[0] = first_of_llama[0] = 2;
  for (auto const& factors : {llama3_factors(8, 1, 2, 8192), llama3_factors(8, 1, 4, 4096), std::vector<float>(32, 8), first,
                              first_of_llama}) {
    auto const file = with_rope(factors);
    auto const rotary = describe(file).config.rotary;
    CHECK_FALSE(rotary.scaled);
    CHECK(rotary.divisors == std::vector<double>(factors.begin(), factors.end()));
    CHECK(complaint(file) == kFine);
  }
  CHECK(ordered(complaint(with_rope(std::vector<float>(31, 1))),
                {"\"rope_freqs.weight\" has the wrong shape", "[32]", "got [31]"}));
  auto ends = std::vector<float>(32, 1e6f);
  CHECK(complaint(with_rope(ends)) == kFine);
  for (float const bad : {0.0f, -1.0f, std::nanf(""), 0.9e-6f, 1.1e6f})
    CHECK(ordered(complaint(with_rope(std::vector<float>(32, bad))),
                  {"\"rope_freqs.weight\": factor of pair 0", "a number from 1e-6 to 1e6"}));
  auto one_nan = llama3_factors(8, 1, 4, 8192);
  one_nan[5] = std::nanf("");
  CHECK(ordered(complaint(with_rope(one_nan)), {"\"rope_freqs.weight\": factor of pair 5", "got nan"}));
}
