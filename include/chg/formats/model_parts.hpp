// SPDX-License-Identifier: MIT
// The weights of a Hugging Face model directory, from published tensor names to Weights.
//
// Llama:  linear layers are stored [out, in], as Weights has them.
// GPT-2:  its Conv1D layers are stored [in, out] and are transposed here; c_attn is split into W_Q, W_K, W_V.
#pragma once

#include <chg/formats/config_json.hpp>
#include <chg/formats/sharded_safetensors.hpp>
#include <chg/formats/tensor_taker.hpp>
#include <chg/model/weights.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace chg::formats {

namespace detail {

template <class Real>
Weights<Real> take_llama(TensorTaker<Real, ShardedSafetensors>& file, ModelDescription const& d) {
  auto const& c = d.config;
  auto const H_D = c.heads * c.head_dim, H_kv_D = c.kv_heads * c.head_dim;
  std::string const model = file.contains("embed_tokens.weight") ? "" : "model.";
  Weights<Real> w;
  auto const linear =
      [&](std::string const& name, Matrix<Real>& weight, RowVector<Real>& bias, Index out, Index in, bool biased) {
    file.take(name + ".weight", weight, {out, in});
    if (biased) file.take(name + ".bias", bias, {out});
  };
  file.take(model + "embed_tokens.weight", w.embedding, {c.vocab, c.d_model});
  for (Index l = 0; l < c.layers; ++l) {
    auto const layer = text(model, "layers.", l, ".");
    auto& to = w.layers.emplace_back();
    file.take(layer + "input_layernorm.weight", to.attention_norm, {c.d_model});
    linear(layer + "self_attn.q_proj", to.W_Q, to.b_Q, H_D, c.d_model, d.attention_bias);
    linear(layer + "self_attn.k_proj", to.W_K, to.b_K, H_kv_D, c.d_model, d.attention_bias);
    linear(layer + "self_attn.v_proj", to.W_V, to.b_V, H_kv_D, c.d_model, d.attention_bias);
    linear(layer + "self_attn.o_proj", to.W_O, to.b_O, c.d_model, H_D, d.attention_bias);
    file.take(layer + "post_attention_layernorm.weight", to.mlp_norm, {c.d_model});
    linear(layer + "mlp.gate_proj", to.W_gate, to.b_gate, c.d_ff, c.d_model, d.mlp_bias);
    linear(layer + "mlp.up_proj", to.W_up, to.b_up, c.d_ff, c.d_model, d.mlp_bias);
    linear(layer + "mlp.down_proj", to.W_down, to.b_down, c.d_model, c.d_ff, d.mlp_bias);
    file.pass_over(layer + "self_attn.rotary_emb.inv_freq");
  }
  file.pass_over(model + "rotary_emb.inv_freq");
  file.take(model + "norm.weight", w.final_norm, {c.d_model});
  if (d.tied)
    file.pass_over_tied("lm_head.weight", model + "embed_tokens.weight");
  else
    file.take("lm_head.weight", w.unembedding, {c.vocab, c.d_model});
  return w;
}

template <class Real>
Weights<Real> take_gpt2(TensorTaker<Real, ShardedSafetensors>& file, ModelDescription const& d) {
  auto const& c = d.config;
  std::string const model = file.contains("wte.weight") ? "" : "transformer.";
  Weights<Real> w;
  auto const layer_norm = [&](std::string const& name, RowVector<Real>& scale, RowVector<Real>& bias) {
    file.take(name + ".weight", scale, {c.d_model});
    file.take(name + ".bias", bias, {c.d_model});
  };
  auto const conv1d = [&](std::string const& name, Index in, Index out, std::vector<Matrix<Real>*> const& weights,
                          std::vector<RowVector<Real>*> const& biases) {
    file.take_transposed(name + ".weight", in, out, weights);
    file.take_parts(name + ".bias", out, biases);
  };
  file.take(model + "wte.weight", w.embedding, {c.vocab, c.d_model});
  file.take(model + "wpe.weight", w.positions, {c.context, c.d_model});
  for (Index l = 0; l < c.layers; ++l) {
    auto const layer = text(model, "h.", l, ".");
    auto& to = w.layers.emplace_back();
    layer_norm(layer + "ln_1", to.attention_norm, to.attention_norm_bias);
    conv1d(layer + "attn.c_attn", c.d_model, 3 * c.d_model, {&to.W_Q, &to.W_K, &to.W_V}, {&to.b_Q, &to.b_K, &to.b_V});
    conv1d(layer + "attn.c_proj", c.d_model, c.d_model, {&to.W_O}, {&to.b_O});
    layer_norm(layer + "ln_2", to.mlp_norm, to.mlp_norm_bias);
    conv1d(layer + "mlp.c_fc", c.d_model, c.d_ff, {&to.W_up}, {&to.b_up});
    conv1d(layer + "mlp.c_proj", c.d_ff, c.d_model, {&to.W_down}, {&to.b_down});
    file.pass_over(layer + "attn.bias");  // the causal mask
    file.pass_over(layer + "attn.masked_bias");
  }
  layer_norm(model + "ln_f", w.final_norm, w.final_norm_bias);
  if (d.tied)
    file.pass_over_tied("lm_head.weight", model + "wte.weight");
  else
    file.take("lm_head.weight", w.unembedding, {c.vocab, c.d_model});
  return w;
}

}  // namespace detail

/// Reads the checkpoint of a directory, in one file or in shards, float or double, for the model that `description` is. Throws
/// Error for the first tensor that is missing, surplus, of another shape or dtype, or not finite; the file name and the tensor
/// name are in it.
template <class Real>
Weights<Real> read_weights(std::filesystem::path const& directory, ModelDescription const& description) {
  ShardedSafetensors const files(directory);
  detail::TensorTaker<Real, ShardedSafetensors> taker(files, "config.json");
  auto weights =
      description.model_type == "llama" ? detail::take_llama(taker, description) : detail::take_gpt2(taker, description);
  taker.finish();
  return weights;
}

}  // namespace chg::formats
