// SPDX-License-Identifier: MIT
// What the families with Llama's names have in common: keys of config.json, and names of tensors.
#pragma once

#include <chg/formats/config_rotary.hpp>
#include <chg/formats/model_description.hpp>
#include <chg/formats/sharded_safetensors.hpp>
#include <chg/formats/tensor_taker.hpp>
#include <chg/model/weights.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace chg::formats::families {

template <class Real>
using CheckpointTaker = formats::detail::TensorTaker<Real, ShardedSafetensors>;

using formats::detail::most_channels, formats::detail::most_layers, formats::detail::most_positions, formats::detail::most_tokens;

/// What transformers takes where a file is silent. 0: what the other extents give.
struct DecoderDefaults {
  Index kv_heads = 0, head_dim = 0;
  double norm_epsilon = 1e-6;
  bool tied = false;
};

/// Reads the keys that all of these families have, all but the rotary positions.
inline ModelDescription read_decoder(JsonObject const& file, std::string_view family, Architecture const& architecture,
                                     DecoderDefaults const& otherwise = {}) {
  ModelDescription d{.model_type = std::string(family), .config = config_of(architecture)};
  auto& c = d.config;
  auto const absent = [&](char const* key) { return !file.items().contains(key); };  // null means something else
  c.layers = file.integer("num_hidden_layers", 1, most_layers);
  c.heads = file.integer("num_attention_heads", 1, most_channels);
  c.kv_heads = file.integer("num_key_value_heads", 1, most_channels,
                            absent("num_key_value_heads") && otherwise.kv_heads > 0 ? otherwise.kv_heads : c.heads);
  c.d_model = file.integer("hidden_size", 1, most_channels);
  auto const derived = !file.has("head_dim") && !(absent("head_dim") && otherwise.head_dim > 0);
  check(!derived || c.d_model % c.heads == 0, file.at("hidden_size"),
        text("a multiple of num_attention_heads = ", c.heads, ", or a head_dim"), c.d_model);
  c.head_dim = file.integer("head_dim", 1, most_channels, derived ? c.d_model / c.heads : otherwise.head_dim);
  c.d_ff = file.integer("intermediate_size", 1, most_channels);
  c.vocab = file.integer("vocab_size", 1, most_tokens);
  c.context = file.integer("max_position_embeddings", 1, most_positions);
  c.norm_epsilon = file.number("rms_norm_eps", 0, 1, otherwise.norm_epsilon);
  d.tied = file.boolean("tie_word_embeddings", otherwise.tied);
  return d;
}

inline void check_activation(JsonObject const& file, char const* key, std::initializer_list<std::string_view> allowed) {
  auto const activation = file.string(key, std::string(*allowed.begin()));
  std::string wanted;
  for (auto const name : allowed) wanted += text(wanted.empty() ? "" : " or ", name);
  check(std::find(allowed.begin(), allowed.end(), activation) != allowed.end(), file.at(key), wanted, in_quotes(activation),
        "This activation is not supported in a model of this family.");
}

inline void refuse_true(JsonObject const& file, char const* key, char const* advice) {
  check(!file.boolean(key, false), file.at(key), "false", "true", advice);
}

/// The window of the layers that have one; 0: null, none.
inline Index read_window(JsonObject const& file, Index otherwise) {
  if (!file.items().contains("sliding_window")) return otherwise;
  return file.has("sliding_window") ? file.integer("sliding_window", 1, most_tokens) : 0;
}

/// One window a layer, by layer_types or, where the file has none, by slides(layer); none where no layer slides.
template <class Slides>
std::vector<Index> read_windows(JsonObject const& file, Index layers, Index window, Slides const& slides) {
  std::vector<Index> windows(static_cast<std::size_t>(layers));
  if (file.has("layer_types")) {
    auto const& types = file.array("layer_types");
    check(types.size() == windows.size(), file.at("layer_types"), text("one a layer (", layers, ")"), types.size());
    for (std::size_t l = 0; l < windows.size(); ++l) {
      auto const sliding = types[l] == "sliding_attention";
      check(sliding || types[l] == "full_attention", file.at(text("layer_types[", l, "]")), "full_attention or sliding_attention",
            shown(types[l]), "This kind of layer is not supported.");
      check(!sliding || window > 0, file.at("sliding_window"), text("a number, since layer ", l, " is sliding_attention"),
            "none");
      windows[l] = sliding ? window : 0;
    }
  } else {
    for (Index l = 0; l < layers; ++l) windows[static_cast<std::size_t>(l)] = slides(l) ? window : 0;
  }
  if (std::ranges::all_of(windows, [](Index w) { return w == 0; })) windows.clear();
  return windows;
}

/// How the tensors of a family differ from Llama's.
struct DecoderTensors {
  double norm_offset = 0;  ///< added to the scale of every norm as it is read
  bool fused = false;      ///< W_Q, W_K, W_V in one tensor, W_gate and W_up in another
};

template <class Real>
Weights<Real> take_decoder(CheckpointTaker<Real>& file, ModelDescription const& d, DecoderTensors const& how = {}) {
  auto const& c = d.config;
  auto const H_D = c.heads * c.head_dim, H_kv_D = c.kv_heads * c.head_dim;
  std::string const model = file.contains("norm.weight") ? "" : "model.", embedding = model + "embed_tokens.weight";
  Weights<Real> w;
  auto const norm = [&](std::string const& name, RowVector<Real>& scale, Index extent) {
    file.take(name + ".weight", scale, {extent});
    scale.array() += static_cast<Real>(how.norm_offset);
  };
  auto const linear =
      [&](std::string const& name, Matrix<Real>& weight, RowVector<Real>& bias, Index out, Index in, bool biased) {
    file.take(name + ".weight", weight, {out, in});
    if (biased) file.take(name + ".bias", bias, {out});
  };
  file.take_embedding(w.embedding, embedding, "lm_head.weight", {c.vocab, c.d_model}, d.tied);
  for (Index l = 0; l < c.layers; ++l) {
    auto const layer = text(model, "layers.", l, "."), attention = layer + "self_attn.", mlp = layer + "mlp.";
    auto& to = w.layers.emplace_back();
    norm(layer + "input_layernorm", to.attention_norm, c.d_model);
    if (how.fused) {
      file.take_rows(attention + "qkv_proj.weight", c.d_model, {{&to.W_Q, H_D}, {&to.W_K, H_kv_D}, {&to.W_V, H_kv_D}});
      file.take_rows(mlp + "gate_up_proj.weight", c.d_model, {{&to.W_gate, c.d_ff}, {&to.W_up, c.d_ff}});
    } else {
      linear(attention + "q_proj", to.W_Q, to.b_Q, H_D, c.d_model, d.qkv_bias);
      linear(attention + "k_proj", to.W_K, to.b_K, H_kv_D, c.d_model, d.qkv_bias);
      linear(attention + "v_proj", to.W_V, to.b_V, H_kv_D, c.d_model, d.qkv_bias);
      linear(mlp + "gate_proj", to.W_gate, to.b_gate, c.d_ff, c.d_model, d.mlp_bias);
      linear(mlp + "up_proj", to.W_up, to.b_up, c.d_ff, c.d_model, d.mlp_bias);
    }
    if (c.query_key_norm == true) {
      norm(attention + "q_norm", to.q_norm, c.head_dim);
      norm(attention + "k_norm", to.k_norm, c.head_dim);
    }
    linear(attention + "o_proj", to.W_O, to.b_O, c.d_model, H_D, d.output_bias);
    linear(mlp + "down_proj", to.W_down, to.b_down, c.d_model, c.d_ff, d.mlp_bias);
    if (c.post_norms == true) {
      norm(layer + "post_attention_layernorm", to.attention_post_norm, c.d_model);
      norm(layer + "pre_feedforward_layernorm", to.mlp_norm, c.d_model);
      norm(layer + "post_feedforward_layernorm", to.mlp_post_norm, c.d_model);
    } else {
      norm(layer + "post_attention_layernorm", to.mlp_norm, c.d_model);
    }
    file.pass_over(attention + "rotary_emb.inv_freq");
    file.end_layer(w);
  }
  file.pass_over(model + "rotary_emb.inv_freq");
  norm(model + "norm", w.final_norm, c.d_model);
  file.take_head(w.unembedding, embedding, "lm_head.weight", {c.vocab, c.d_model}, d.tied);
  return w;
}

}  // namespace chg::formats::families
