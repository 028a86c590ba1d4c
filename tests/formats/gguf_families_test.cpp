// SPDX-License-Identifier: MIT
// The tiny models of the families as GGUF files: keys and tensors as llama.cpp's converters write them.
#include <chg/formats/load.hpp>

#include "formats/gguf_models.hpp"
#include "formats/weights_difference.hpp"
#include "support/catch.hpp"

#include <functional>

using chg::Config;
using chg::Index;
using chg::Weights;
using chg::formats::Gguf;
using chg::formats::ModelDescription;
using namespace chg::test;

namespace {

struct Family {
  std::string directory, architecture;  // of tests/formats/families, and general.architecture
  bool fused_qkv = false, fused_mlp = false;
};
std::vector<Family> const kFamilies{{"qwen2", "qwen2"},
                                    {"qwen3", "qwen3"},
                                    {"gemma", "gemma"},
                                    {"gemma2", "gemma2"},
                                    {"gemma3_text", "gemma3"},
                                    {"phi3", "phi3", true, true},
                                    {"gpt_neox", "gptneox", true},
                                    {"gpt_neox_sequential", "gptneox", true},
                                    {"gpt2", "gpt2", true}};

/// What the safetensors twin is.
struct Twin {
  ModelDescription description;
  Weights<float> weights;
};
Twin twin_of(Family const& f) {
  chg::formats::ModelSource const source(repository("tests/formats/families/" + f.directory));
  auto d = source.description();
  auto w = source.weights<float>();
  // Not in a GGUF file: the windows of Qwen 2, a scale of the scores other than the published Gemmas', some rotary bases. Its
  // numbers are floats.
  if (f.architecture == "qwen2") d.config.windows.clear();
  if (f.architecture.starts_with("gemma") && f.architecture != "gemma") d.config.attention_scale = 0.5;  // heads of 4
  if (f.architecture == "gemma3") d.config.local_rotary->theta = 10'000;
  if (f.architecture == "gemma" || f.architecture == "gemma2" || f.architecture == "gptneox") d.config.rotary.theta = 10'000;
  d.config.norm_epsilon = static_cast<double>(static_cast<float>(d.config.norm_epsilon));
  for (auto* cap : {&d.config.attention_soft_cap, &d.config.logit_soft_cap}) *cap = static_cast<double>(static_cast<float>(*cap));
  return {d, w};
}

chg::Matrix<float> stacked(std::vector<chg::Matrix<float> const*> const& parts) {
  Index rows = 0;
  for (auto const* part : parts) rows += part->rows();
  chg::Matrix<float> all(rows, parts[0]->cols());
  rows = 0;
  for (auto const* part : parts) {
    all.middleRows(rows, part->rows()) = *part;
    rows += part->rows();
  }
  return all;
}

void add_metadata(GgufBuilder& file, Family const& f, ModelDescription const& d) {
  auto const& c = d.config;
  auto const n = [](Index extent) { return static_cast<std::uint32_t>(extent); };
  auto const key = [&](char const* name) { return f.architecture + "." + name; };
  auto const& a = f.architecture;
  file.string("general.architecture", a)
      .integer(key("block_count"), n(c.layers))
      .integer(key("context_length"), n(c.context))
      .integer(key("embedding_length"), n(c.d_model))
      .integer(key("feed_forward_length"), n(c.d_ff))
      .integer(key("attention.head_count"), n(c.heads))
      .number(key(d.config.norm == chg::Norm::rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"),
              static_cast<float>(c.norm_epsilon))
      .integer("general.file_type", 0);
  if (a != "gpt2" && a != "gptneox") file.integer(key("attention.head_count_kv"), n(c.kv_heads));
  if (a == "qwen3" || a.starts_with("gemma"))
    file.integer(key("attention.key_length"), n(c.head_dim)).integer(key("attention.value_length"), n(c.head_dim));
  if (a == "qwen2" || a == "qwen3" || a == "gemma3" || a == "phi3")
    file.number(key("rope.freq_base"), static_cast<float>(c.rotary.theta));
  if (a == "gemma2")
    file.number(key("attn_logit_softcapping"), static_cast<float>(c.attention_soft_cap))
        .number(key("final_logit_softcapping"), static_cast<float>(c.logit_soft_cap));
  if (a == "gemma2" || a == "gemma3" || a == "phi3") file.integer(key("attention.sliding_window"), n(c.windows[0]));
  if (a == "gemma3")
    file.string(key("rope.scaling.type"), "linear")
        .number(key("rope.scaling.factor"), static_cast<float>(c.rotary.linear_factor));
  if (a == "phi3") file.integer(key("rope.scaling.original_context_length"), 4096);
  if (a == "phi3" || a == "gptneox") file.integer(key("rope.dimension_count"), n(c.rotary.channels));
  if (a == "gptneox") file.value(key("use_parallel_residual"), 7, d.config.parallel.value ? "\1" : std::string(1, '\0'));
}

void add_tensors(GgufBuilder& file, Family const& f, Weights<float> const& w, std::string const& without) {
  auto const store = [&](std::string const& name, auto const& tensor, int rank) {
    if (tensor.size() > 0 && name != without) file.add_f32(name, tensor, rank);
  };
  auto const both = [&](std::string const& name, auto const& weight, auto const& bias, int rank) {
    store(name + ".weight", weight, rank);
    store(name + ".bias", bias, 1);
  };
  store("token_embd.weight", w.embedding, 2);
  store("position_embd.weight", w.positions, 2);
  for (std::size_t l = 0; l < w.layers.size(); ++l) {
    auto const& layer = w.layers[l];
    auto const name = "blk." + std::to_string(l) + ".";
    both(name + "attn_norm", layer.attention_norm, layer.attention_norm_bias, 1);
    if (f.fused_qkv) {
      chg::RowVector<float> bias(layer.b_Q.size() + layer.b_K.size() + layer.b_V.size());
      bias << layer.b_Q, layer.b_K, layer.b_V;
      both(name + "attn_qkv", stacked({&layer.W_Q, &layer.W_K, &layer.W_V}), bias, 2);
    } else {
      both(name + "attn_q", layer.W_Q, layer.b_Q, 2);
      both(name + "attn_k", layer.W_K, layer.b_K, 2);
      both(name + "attn_v", layer.W_V, layer.b_V, 2);
    }
    store(name + "attn_q_norm.weight", layer.q_norm, 1);
    store(name + "attn_k_norm.weight", layer.k_norm, 1);
    both(name + "attn_output", layer.W_O, layer.b_O, 2);
    store(name + "post_attention_norm.weight", layer.attention_post_norm, 1);
    both(name + "ffn_norm", layer.mlp_norm, layer.mlp_norm_bias, 1);
    if (f.fused_mlp) {
      store(name + "ffn_up.weight", stacked({&layer.W_gate, &layer.W_up}), 2);
    } else {
      store(name + "ffn_gate.weight", layer.W_gate, 2);
      both(name + "ffn_up", layer.W_up, layer.b_up, 2);
    }
    both(name + "ffn_down", layer.W_down, layer.b_down, 2);
    store(name + "post_ffw_norm.weight", layer.mlp_post_norm, 1);
  }
  both("output_norm", w.final_norm, w.final_norm_bias, 1);
  store("output.weight", w.unembedding, 2);
}

GgufBuilder gguf_of(Family const& f, std::string const& without = "") {
  auto const twin = twin_of(f);
  GgufBuilder file;
  add_metadata(file, f, twin.description);
  add_tensors(file, f, twin.weights, without);
  return file;
}

Family const& family(std::string const& architecture) {
  return *std::ranges::find(kFamilies, architecture, &Family::architecture);
}

ModelDescription describe(GgufBuilder const& builder) {
  auto const bytes = builder.file();
  return chg::formats::describe_gguf(Gguf(std::as_bytes(std::span(bytes)), "FILE"));
}

std::string complaint(GgufBuilder const& builder) {
  auto const bytes = builder.file();
  return message_of([&] {
    Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
    chg::formats::read_gguf_weights<float>(file, chg::formats::describe_gguf(file));
  });
}

std::string const kFine = "(no chg::Error was thrown)";

}  // namespace

TEST_CASE("gguf_families: a GGUF file of every family is the model of its safetensors twin", "[formats]") {
  for (auto const& f : kFamilies) {
    INFO(f.directory);
    auto const twin = twin_of(f);
    auto const bytes = gguf_of(f).file();
    Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
    auto const d = chg::formats::describe_gguf(file);
    CHECK(d.model_type == twin.description.model_type);
    CHECK(d.architecture() == twin.description.architecture());
    CHECK(d.config == twin.description.config);
    CHECK(d == twin.description);
    CHECK(difference(d.config, twin.weights, chg::formats::read_gguf_weights<float>(file, d)) == "");
    CHECK(difference(d.config, twin.weights, chg::formats::read_gguf_weights<double>(file, d)) == "");
  }
}

TEST_CASE("gguf_families: every tensor of a file is needed, and no other is taken", "[formats]") {
  for (auto const& f : kFamilies) {
    INFO(f.directory);
    auto const whole = gguf_of(f);
    auto const bytes = whole.file();
    Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
    for (auto const& item : file.tensors()) {
      auto const& name = item.first;
      if (name == "output.weight") continue;  // without it the embedding is used
      // Biases of products are there or not as in the first layer, but for families that are never without.
      auto const first_bias = name.starts_with("blk.0.") && name.ends_with(".bias") && name.find("norm") == std::string::npos &&
                              f.architecture != "gpt2" && f.architecture != "qwen2";
      CHECK(ordered(complaint(gguf_of(f, name)), {first_bias ? "has no place" : "\"" + name + "\" is missing"}));
    }
    auto surplus = gguf_of(f);
    surplus.tensor("blk.0.extra.weight", {1}, "F32", bytes_of({1}));
    CHECK(ordered(complaint(surplus), {"\"blk.0.extra.weight\" has no place"}));
  }
  for (auto const& [architecture, name] : {std::pair("phi3", "blk.1.attn_qkv.weight"), std::pair("phi3", "blk.0.ffn_up.weight"),
                                           std::pair("gptneox", "blk.0.attn_qkv.weight")}) {
    auto file = gguf_of(family(architecture), name);
    file.tensor(name, {12, 5}, "F32", bytes_of(std::vector<float>(60)));
    CHECK(ordered(complaint(file), {std::string("\"") + name + "\" has the wrong shape", "got [5, 12]"}));
  }
}

TEST_CASE("gguf_families: which layers of a Gemma have a window is read, as a period or one by one", "[formats]") {
  constexpr std::uint32_t boolean = 7, array = 9;
  auto const windows = [](GgufBuilder const& builder) {
    auto const bytes = builder.file();
    return chg::formats::describe_gguf(Gguf(std::as_bytes(std::span(bytes)), "FILE")).config.windows;
  };
  for (auto const& [name, period] : {std::pair("gemma2", 2u), std::pair("gemma3", 6u)}) {
    INFO(name);
    auto const key = std::string(name) + ".attention.sliding_window_pattern";
    auto const plain = windows(gguf_of(family(name)));
    auto const layers = plain.size();
    CHECK(windows(gguf_of(family(name)).integer(key, period)) == plain);
    CHECK(windows(gguf_of(family(name)).integer(key, 1)).empty());
    auto const all = windows(gguf_of(family(name)).integer(key, 0));
    CHECK(std::ranges::count(all, plain[0]) == static_cast<std::ptrdiff_t>(layers));
    auto one = std::string(layers, '\0');
    one[1] = 1;
    auto expected = std::vector<Index>(layers);
    expected[1] = plain[0];
    CHECK(windows(gguf_of(family(name)).value(key, array, u32(boolean) + u64(layers) + one)) == expected);
    CHECK(ordered(complaint(gguf_of(family(name)).value(key, array, u32(boolean) + u64(1) + '\1')),
                  {"sliding_window_pattern", "one a layer", "got 1"}));
    CHECK(ordered(complaint(gguf_of(family(name)).string(key, "six")), {"sliding_window_pattern", "a whole number"}));
  }
  CHECK(ordered(complaint(gguf_of(family("qwen2")).integer("qwen2.attention.sliding_window_pattern", 6)),
                {"sliding_window_pattern", "no such key"}));
}

TEST_CASE("gguf_families: where a Gemma 2 file is silent on windows and caps, they are those of the published models",
          "[formats]") {
  auto const twin = twin_of(family("gemma2"));
  auto const& c = twin.description.config;
  auto const n = [](Index extent) { return static_cast<std::uint32_t>(extent); };
  GgufBuilder file;
  file.string("general.architecture", "gemma2")
      .integer("gemma2.block_count", n(c.layers))
      .integer("gemma2.context_length", 8192)
      .integer("gemma2.embedding_length", n(c.d_model))
      .integer("gemma2.feed_forward_length", n(c.d_ff))
      .integer("gemma2.attention.head_count", n(c.heads))
      .integer("gemma2.attention.head_count_kv", n(c.kv_heads))
      .integer("gemma2.attention.key_length", n(c.head_dim))
      .integer("gemma2.attention.value_length", n(c.head_dim))
      .number("gemma2.attention.layer_norm_rms_epsilon", 1e-6f);
  add_tensors(file, family("gemma2"), twin.weights, "");
  auto const d = describe(file);
  CHECK(d.config.attention_soft_cap == 50);
  CHECK(d.config.logit_soft_cap == 30);
  CHECK(std::ranges::max(d.config.windows) == 4096);
}

TEST_CASE("gguf_families: a key that says what is so anyway is passed over, and refused with any other value", "[formats]") {
  constexpr std::uint32_t boolean = 7;
  auto const none = std::string("(no chg::Error was thrown)");
  for (auto const* name : {"expert_count", "expert_used_count", "expert_shared_count", "leading_dense_block_count",
                           "nextn_predict_layers", "pooling_type", "attention.shared_kv_layers", "attn_logit_softcapping"}) {
    INFO(name);
    CHECK(complaint(gguf_of(family("qwen3")).integer(std::string("qwen3.") + name, 0)) == none);
    CHECK(ordered(complaint(gguf_of(family("qwen3")).integer(std::string("qwen3.") + name, 1)), {name, "got 1"}));
  }
  CHECK(complaint(gguf_of(family("qwen3")).value("qwen3.attention.causal", boolean, std::string(1, '\1'))) == none);
  CHECK(ordered(complaint(gguf_of(family("qwen3")).value("qwen3.attention.causal", boolean, std::string(1, '\0'))),
                {"attention.causal", "got 0"}));
  CHECK(complaint(gguf_of(family("qwen3")).number("qwen3.logit_scale", 1)) == none);
  CHECK(ordered(complaint(gguf_of(family("qwen3")).number("qwen3.logit_scale", 0.5f)), {"logit_scale", "got 0.5"}));
}

TEST_CASE("gguf_families: what the files leave out is as llama.cpp has it", "[formats]") {
  auto const tall = [](std::string const& architecture, std::uint32_t layers) {
    auto file = gguf_of(family(architecture));
    auto const key = gguf_string(architecture + ".block_count");
    file.value_bytes.replace(file.value_bytes.find(key) + key.size() + 4, 4, u32(layers));
    return describe(file).config;
  };
  // The 27B models: C / H = 12 / 4.
  CHECK(tall("gemma2", 42).attention_scale == 0.5);
  CHECK(tall("gemma2", 46).attention_scale == 1 / std::sqrt(3.0));
  CHECK(tall("gemma3", 62).attention_scale == 1 / std::sqrt(3.0));
  CHECK(tall("gemma2", 4).windows == std::vector<Index>{5, 0, 5, 0});
  CHECK(tall("gemma3", 13).windows == std::vector<Index>{5, 5, 5, 5, 5, 0, 5, 5, 5, 5, 5, 0, 5});
  auto file = gguf_of(family("gemma3"));
  file.number("gemma3.rope.freq_base_swa", 500);
  CHECK(describe(file).config.local_rotary == chg::Rotary{.theta = 500});
  CHECK(describe(gguf_of(family("phi3"))).config.windows == std::vector<Index>(3, 5));
}

TEST_CASE("gguf_families: a key of another family, or a value that none has, is refused by key", "[formats]") {
  auto const with = [](std::string const& architecture, std::string const& key, std::uint32_t type, std::string const& bytes) {
    return complaint(gguf_of(family(architecture)).value(architecture + "." + key, type, bytes));
  };
  for (auto const* architecture : {"qwen2", "qwen3", "gemma", "phi3", "gptneox", "gpt2"}) {
    CHECK(ordered(with(architecture, "attn_logit_softcapping", 6, raw(50.0f)), {"attn_logit_softcapping", "not supported"}));
    CHECK(ordered(with(architecture, "attention.scale", 6, raw(0.1f)), {"attention.scale", "not supported"}));
  }
  for (auto const* architecture : {"qwen2", "qwen3", "gemma", "gptneox", "gpt2"})
    CHECK(ordered(with(architecture, "attention.sliding_window", 4, u32(5)), {"attention.sliding_window", "not supported"}));
  CHECK(ordered(with("gemma2", "rope.freq_base_swa", 6, raw(1e4f)), {"rope.freq_base_swa", "not supported"}));
  CHECK(ordered(with("gemma3", "final_logit_softcapping", 6, raw(-1.0f)), {"final_logit_softcapping", "got f32 -1"}));
  CHECK(with("gemma3", "final_logit_softcapping", 6, raw(30.0f)) == kFine);
  CHECK(ordered(with("qwen2", "rope.dimension_count", 4, u32(4)), {"rope.dimension_count", "6, the width of a head", "got 4"}));
  CHECK(ordered(with("qwen3", "rope.scaling.type", 8, gguf_string("yarn")), {"rope.scaling.type", "\"yarn\""}));
  CHECK(ordered(with("qwen3", "rope.scaling.type", 8, gguf_string("linear")), {"rope.scaling.factor", "no such key"}));
  CHECK(ordered(with("qwen2", "rope.scaling.factor", 6, raw(2.0f)), {"rope.scaling.factor", "Expected 1, got 2"}));
  CHECK(ordered(with("qwen3", "use_parallel_residual", 7, "\1"), {"use_parallel_residual", "not supported"}));
  for (auto const& f : kFamilies) {
    auto file = gguf_of(f);
    auto const key = gguf_string(f.architecture + ".attention.head_count");
    file.value_bytes.replace(file.value_bytes.find(key) + key.size() + 4, 4, u32(0));
    CHECK(ordered(complaint(file), {"attention.head_count", "got u32 0"}));
  }
  auto neox = gguf_of(family("gptneox"));
  auto const key = gguf_string("gptneox.rope.dimension_count");
  auto const at = neox.value_bytes.find(key) + key.size() + 4;
  for (auto const& [count, what] : {std::pair(3, "an even number"), std::pair(0, "the width of a head"),
                                    std::pair(10, "the width of a head"), std::pair(1, "the width of a head")}) {
    neox.value_bytes.replace(at, 4, u32(static_cast<std::uint64_t>(count)));
    CHECK(ordered(complaint(neox), {what, "got " + std::to_string(count)}));
  }
  neox.value_bytes.replace(at, 4, u32(8));
  CHECK(describe(neox).config.rotary.channels == 0);
}
