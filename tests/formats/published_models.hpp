// SPDX-License-Identifier: MIT
// Random Llama and GPT-2 models as published files name and store them, written independently of the reader.
#pragma once

#include <chg/formats/config_json.hpp>
#include <chg/model/tensors.hpp>

#include "formats/test_files.hpp"

#include <string>

namespace chg::test {

// Odd sizes, so that no two extents agree by luck: 3 heads of 2 over 1 key-value head in a model of width 5.
inline char const* const kLlamaConfig =
    R"({"model_type": "llama", "hidden_size": 5, "intermediate_size": 7, "num_hidden_layers": 2, "num_attention_heads": 3,
  "num_key_value_heads": 1, "head_dim": 2, "vocab_size": 11, "max_position_embeddings": 13, "rms_norm_eps": 1e-5)";
inline char const* const kGpt2Config =
    R"({"model_type": "gpt2", "n_layer": 2, "n_head": 3, "n_embd": 6, "n_inner": 7, "n_positions": 13, "vocab_size": 11)";

struct PublishedOptions {
  bool biases = false, tied = true;
  std::string prefix = "";
  std::string without = "";     // a tensor to leave out
  std::string transposed = "";  // a matrix to store the other way round
};

/// Random weights of a llama or gpt2 model (float), as the published files name and store them.
struct Published {
  formats::ModelDescription description;
  std::string config;
  Weights<float> weights;
  SafetensorsBuilder file;
  PublishedOptions options;

  Published(bool llama, PublishedOptions const& o) : options(o) {
    config = std::string(llama ? kLlamaConfig : kGpt2Config) + ", \"tie_word_embeddings\": " + (o.tied ? "true" : "false");
    if (llama)
      config += std::string(", \"attention_bias\": ") + (o.biases ? "true" : "false") +
                ", \"mlp_bias\": " + (o.biases ? "true" : "false");
    config += "}";
    description = formats::parse_config(formats::parse_json(config, "config"), "config");
    weights = random_weights<float>(description.architecture(), description.config,
                                    {.seed = 1, .biases = true, .tied = o.tied, .random_norms = true});
    weights.unembedding_bias.resize(0);  // neither family has one
    if (!o.biases && llama)
      for (auto& layer : weights.layers)
        for (auto* bias : {&layer.b_Q, &layer.b_K, &layer.b_V, &layer.b_O, &layer.b_gate, &layer.b_up, &layer.b_down})
          bias->resize(0);
    llama ? store_llama() : store_gpt2();
  }

  template <class Dense>
  void store(std::string const& name, Dense const& tensor, int rank) {
    if (tensor.size() == 0 || options.prefix + name == options.without || name == options.without) return;
    auto const full = name == "lm_head.weight" ? name : options.prefix + name;
    if (full == options.transposed)
      file.add_f32(full, Matrix<float>(tensor.transpose()), rank);
    else
      file.add_f32(full, tensor, rank);
  }

  void store_llama() {
    store("embed_tokens.weight", weights.embedding, 2);
    for (std::size_t l = 0; l < weights.layers.size(); ++l) {
      auto const& w = weights.layers[l];
      auto const name = "layers." + std::to_string(l) + ".";
      store(name + "input_layernorm.weight", w.attention_norm, 1);
      store(name + "self_attn.q_proj.weight", w.W_Q, 2);
      store(name + "self_attn.k_proj.weight", w.W_K, 2);
      store(name + "self_attn.v_proj.weight", w.W_V, 2);
      store(name + "self_attn.o_proj.weight", w.W_O, 2);
      store(name + "self_attn.q_proj.bias", w.b_Q, 1);
      store(name + "self_attn.k_proj.bias", w.b_K, 1);
      store(name + "self_attn.v_proj.bias", w.b_V, 1);
      store(name + "self_attn.o_proj.bias", w.b_O, 1);
      store(name + "post_attention_layernorm.weight", w.mlp_norm, 1);
      store(name + "mlp.gate_proj.weight", w.W_gate, 2);
      store(name + "mlp.up_proj.weight", w.W_up, 2);
      store(name + "mlp.down_proj.weight", w.W_down, 2);
      store(name + "mlp.gate_proj.bias", w.b_gate, 1);
      store(name + "mlp.up_proj.bias", w.b_up, 1);
      store(name + "mlp.down_proj.bias", w.b_down, 1);
    }
    store("norm.weight", weights.final_norm, 1);
    store("lm_head.weight", weights.unembedding, 2);
  }

  void store_gpt2() {
    store("wte.weight", weights.embedding, 2);
    store("wpe.weight", weights.positions, 2);
    for (std::size_t l = 0; l < weights.layers.size(); ++l) {
      auto const& w = weights.layers[l];
      auto const name = "h." + std::to_string(l) + ".";
      auto const C = w.W_O.rows();
      Matrix<float> qkv(C, 3 * C), bias(1, 3 * C);  // y = x W + b
      for (Index in = 0; in < C; ++in)
        for (Index out = 0; out < C; ++out) {
          qkv(in, out) = w.W_Q(out, in);
          qkv(in, C + out) = w.W_K(out, in);
          qkv(in, 2 * C + out) = w.W_V(out, in);
        }
      bias << w.b_Q, w.b_K, w.b_V;
      store(name + "ln_1.weight", w.attention_norm, 1);
      store(name + "ln_1.bias", w.attention_norm_bias, 1);
      store(name + "attn.c_attn.weight", qkv, 2);
      store(name + "attn.c_attn.bias", bias, 1);
      store(name + "attn.c_proj.weight", Matrix<float>(w.W_O.transpose()), 2);
      store(name + "attn.c_proj.bias", w.b_O, 1);
      store(name + "ln_2.weight", w.mlp_norm, 1);
      store(name + "ln_2.bias", w.mlp_norm_bias, 1);
      store(name + "mlp.c_fc.weight", Matrix<float>(w.W_up.transpose()), 2);
      store(name + "mlp.c_fc.bias", w.b_up, 1);
      store(name + "mlp.c_proj.weight", Matrix<float>(w.W_down.transpose()), 2);
      store(name + "mlp.c_proj.bias", w.b_down, 1);
    }
    store("ln_f.weight", weights.final_norm, 1);
    store("ln_f.bias", weights.final_norm_bias, 1);
    store("lm_head.weight", weights.unembedding, 2);
  }

  void write(TemporaryDirectory const& directory) const {
    directory.write("config.json", config);
    directory.write("model.safetensors", file.file());
  }
};

inline Published published_llama(PublishedOptions o = {}) {
  if (o.prefix.empty()) o.prefix = "model.";
  return {true, o};
}
inline Published published_gpt2(PublishedOptions o = {}) {
  if (o.prefix.empty()) o.prefix = "transformer.";
  return {false, o};
}

}  // namespace chg::test
