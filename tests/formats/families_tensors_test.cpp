// SPDX-License-Identifier: MIT
// The tensors of every family: one missing, one too many, one of another shape; buffers that are passed over.
#include <chg/formats/model_parts.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <functional>

using chg::Index;
using namespace chg::test;

namespace {

struct Tensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};
using Tensors = std::map<std::string, Tensor>;

std::filesystem::path directory_of(std::string const& family) { return repository("tests/formats/families/" + family); }

Tensors tensors_of(std::string const& family) {
  chg::formats::Safetensors const file(directory_of(family) / "model.safetensors");
  Tensors all;
  for (auto const& [name, info] : file.tensors()) {
    auto const bytes = file.bytes(name);
    all[name] = {std::string(info.dtype),
                 {info.shape.begin(), info.shape.end()},
                 std::string(reinterpret_cast<char const*>(bytes.data()), bytes.size())};
  }
  return all;
}

/// What reading a family's checkpoint complains about after an edit.
std::string complaint(std::string const& family, std::function<void(Tensors&)> const& edit) {
  auto tensors = tensors_of(family);
  edit(tensors);
  SafetensorsBuilder file;
  for (auto const& [name, t] : tensors) file.add(name, t.dtype, t.shape, t.bytes);
  TemporaryDirectory const directory;
  directory.write("config.json", contents(directory_of(family) / "config.json"));
  directory.write("model.safetensors", file.file());
  return message_of([&] { chg::formats::read_weights<float>(directory.path(), chg::formats::read_config(directory.path())); });
}

constexpr auto kNone = "(no chg::Error was thrown)";
std::vector<std::string> const kNames{
    "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "gpt_neox", "gpt_neox_sequential", "gpt2"};

}  // namespace

TEST_CASE("families: every tensor of a checkpoint is needed, and no other is taken", "[formats]") {
  for (auto const& family : kNames) {
    INFO(family);
    CHECK(complaint(family, [](Tensors&) {}) == kNone);
    for (auto const& item : tensors_of(family)) {
      auto const& name = item.first;
      auto const quoted = "\"" + name + "\"";
      CHECK(ordered(complaint(family, [&](Tensors& all) { all.erase(name); }), {quoted, "is missing"}));
    }
    CHECK(ordered(complaint(
                      family,
                      [](Tensors& all) {
      all["model.layers.0.extra.weight"] = {"F32", {1}, bytes_of({1})};
                      }),
                  {"\"model.layers.0.extra.weight\" has no place in this model"}));
  }
}

TEST_CASE("families: a tensor of another shape is refused with both shapes", "[formats]") {
  auto const reshaped = [](std::string const& family, std::string const& name, std::vector<std::int64_t> const& shape) {
    return complaint(family, [&](Tensors& all) { all.at(name).shape = shape; });
  };
  // The same numbers in another shape: 24 x 12 and 28 x 12 fused, 72 x 24 and 72 head by head.
  CHECK(ordered(reshaped("phi3", "model.layers.1.self_attn.qkv_proj.weight", {12, 24}),
                {"qkv_proj.weight\" has the wrong shape", "[24, 12]", "got [12, 24]"}));
  CHECK(ordered(reshaped("phi3", "model.layers.1.mlp.gate_up_proj.weight", {14, 24}),
                {"gate_up_proj.weight\" has the wrong shape", "[28, 12]", "got [14, 24]"}));
  CHECK(ordered(reshaped("gpt_neox", "gpt_neox.layers.0.attention.query_key_value.weight", {24, 72}),
                {"query_key_value.weight\" has the wrong shape", "[72, 24]", "got [24, 72]"}));
  CHECK(ordered(reshaped("gpt_neox", "gpt_neox.layers.0.attention.query_key_value.bias", {3, 24}),
                {"query_key_value.bias\" has the wrong shape", "[72]", "got [3, 24]"}));
  CHECK(ordered(reshaped("qwen3", "model.layers.0.self_attn.q_norm.weight", {2, 2}),
                {"q_norm.weight\" has the wrong shape", "[4]", "got [2, 2]"}));
  CHECK(ordered(reshaped("qwen2", "model.layers.2.self_attn.k_proj.bias", {2, 3}),
                {"k_proj.bias\" has the wrong shape", "[6]", "got [2, 3]"}));
  CHECK(ordered(reshaped("gemma2", "model.layers.0.pre_feedforward_layernorm.weight", {3, 4}),
                {"pre_feedforward_layernorm.weight\" has the wrong shape", "[12]"}));
}

TEST_CASE("families: buffers and tied heads are passed over by name", "[formats]") {
  for (auto const* family : {"gpt_neox", "gpt_neox_sequential"}) {
    auto const layer = std::string("gpt_neox.layers.1.attention.");
    auto const add = [&](Tensors& all) {
      all[layer + "bias"] = {"BOOL", {1, 1, 2, 2}, std::string("\1\0\1\1", 4)};
      all[layer + "masked_bias"] = {"F32", {}, bytes_of({-1e9f})};
      all[layer + "rotary_emb.inv_freq"] = {"F32", {1}, bytes_of({1})};
    };
    CHECK(complaint(family, add) == kNone);
    CHECK(ordered(complaint(
                      family,
                      [](Tensors& all) {
      all["gpt_neox.layers.9.attention.bias"] = {"F32", {1}, bytes_of({1})};
                      }),
                  {"layers.9.attention.bias\" has no place"}));
  }
  for (auto const* family : {"qwen2", "gemma", "gemma2", "gemma3_text"}) {
    CHECK(complaint(family, [](Tensors& all) { all["lm_head.weight"] = all["model.embed_tokens.weight"]; }) == kNone);
    CHECK(ordered(complaint(
                      family,
                      [](Tensors& all) {
      all["lm_head.weight"] = all["model.embed_tokens.weight"];
      all["lm_head.weight"].bytes[2] ^= 1;
                      }),
                  {"\"lm_head.weight\"", "the same numbers as", "tie_word_embeddings"}));
  }
  CHECK(complaint("gpt_neox_sequential", [](Tensors& all) { all["embed_out.weight"] = all["gpt_neox.embed_in.weight"]; }) ==
        kNone);
}

TEST_CASE("families: the one matrix of a tied model is read under the head's name too", "[formats]") {
  struct Names {
    char const *family, *embedding, *head;
  };
  for (auto const& [family, embedding, head] : {Names{"qwen2", "model.embed_tokens.weight", "lm_head.weight"},
                                                Names{"gemma", "model.embed_tokens.weight", "lm_head.weight"},
                                                Names{"gemma3_text", "model.embed_tokens.weight", "lm_head.weight"},
                                                Names{"gpt2", "transformer.wte.weight", "lm_head.weight"},
                                                Names{"gpt_neox_sequential", "gpt_neox.embed_in.weight", "embed_out.weight"}}) {
    INFO(family);
    auto const renamed = [&, embedding = embedding, head = head](Tensors& all) {
      auto node = all.extract(embedding);
      node.key() = head;
      all.insert(std::move(node));
    };
    CHECK(complaint(family, renamed) == kNone);
    auto const description = chg::formats::read_config(directory_of(family));
    auto tensors = tensors_of(family);
    renamed(tensors);
    SafetensorsBuilder file;
    for (auto const& [name, t] : tensors) file.add(name, t.dtype, t.shape, t.bytes);
    TemporaryDirectory const directory;
    directory.write("model.safetensors", file.file());
    CHECK(chg::formats::read_weights<float>(directory.path(), description).embedding ==
          chg::formats::read_weights<float>(directory_of(family), description).embedding);
  }
  for (auto const& [family, head] : {std::pair("llama", "lm_head.weight"), std::pair("gpt_neox", "embed_out.weight")})
    CHECK(ordered(complaint(family, [head = head](Tensors& all) { all.erase(head); }),
                  {head, "is missing", "tie_word_embeddings is false", "set tie_word_embeddings to true"}));
}

TEST_CASE("families: the norms' scales of the Gemmas are stored less 1", "[formats]") {
  for (auto const* family : {"gemma", "gemma2", "gemma3_text", "qwen3"}) {
    INFO(family);
    auto const directory = directory_of(family);
    auto const description = chg::formats::read_config(directory);
    auto const weights = chg::formats::read_weights<double>(directory, description);
    chg::formats::Safetensors const file(directory / "model.safetensors");
    auto const offset = std::string(family) == "qwen3" ? 0.0 : 1.0;
    auto const same = [&](std::string const& name, chg::RowVector<double> const& read) {
      chg::RowVector<double> stored(read.size());
      file.read(name, std::span<double>(stored.data(), static_cast<std::size_t>(stored.size())));
      return read == chg::RowVector<double>(stored.array() + offset);
    };
    auto const& layer = weights.layers[1];
    CHECK(same("model.norm.weight", weights.final_norm));
    CHECK(same("model.layers.1.input_layernorm.weight", layer.attention_norm));
    if (description.config.post_norms == true) {
      CHECK(same("model.layers.1.post_attention_layernorm.weight", layer.attention_post_norm));
      CHECK(same("model.layers.1.pre_feedforward_layernorm.weight", layer.mlp_norm));
      CHECK(same("model.layers.1.post_feedforward_layernorm.weight", layer.mlp_post_norm));
    } else {
      CHECK(same("model.layers.1.post_attention_layernorm.weight", layer.mlp_norm));
    }
    if (description.config.query_key_norm == true) {
      CHECK(same("model.layers.1.self_attn.q_norm.weight", layer.q_norm));
      CHECK(same("model.layers.1.self_attn.k_norm.weight", layer.k_norm));
    }
  }
}
