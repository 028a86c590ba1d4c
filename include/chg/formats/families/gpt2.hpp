// SPDX-License-Identifier: MIT
// GPT-2: layer norms with biases, learned positions, an MLP without a gate.
//
// Its Conv1D layers are stored [in, out] and are transposed here; c_attn is split into W_Q, W_K, W_V.
#pragma once

#include <chg/formats/families/decoder.hpp>

namespace chg::formats::families {

struct Gpt2 {
  static constexpr std::string_view name = "gpt2";

  static ModelDescription read(JsonObject const& file) {
    ModelDescription d{.model_type = "gpt2",
                       .config = config_of(gpt2_like),
                       .tied = true,
                       .qkv_bias = true,
                       .output_bias = true,
                       .mlp_bias = true};
    auto& c = d.config;
    c.layers = extent(file, "n_layer", "num_hidden_layers", most_layers);
    c.heads = c.kv_heads = extent(file, "n_head", "num_attention_heads", most_channels);
    c.d_model = extent(file, "n_embd", "hidden_size", most_channels);
    check(c.d_model % c.heads == 0, file.at("n_embd"), text("a multiple of n_head = ", c.heads), c.d_model);
    c.head_dim = c.d_model / c.heads;
    c.d_ff = file.integer("n_inner", 1, most_channels, 4 * c.d_model);
    c.vocab = file.integer("vocab_size", 1, most_tokens);
    c.context = extent(file, "n_positions", "max_position_embeddings", most_positions);
    c.norm_epsilon = file.number("layer_norm_epsilon", 0, 1, 1e-5);
    auto const activation = file.string("activation_function", "gelu_new");
    check_activation(file, "activation_function", {"gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu"});
    if (activation == "gelu") c.mlp = Mlp::gelu;
    if (!file.boolean("scale_attn_weights", true)) c.attention_scale = 1;
    for (auto const* key : {"scale_attn_by_inverse_layer_idx", "add_cross_attention"})
      check(!file.boolean(key, false), file.at(key), "false", "true", "This variant of GPT-2 is not supported.");
    d.tied = file.boolean("tie_word_embeddings", true);
    return d;
  }

  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    auto const& c = d.config;
    std::string const model = file.contains("ln_f.weight") ? "" : "transformer.", embedding = model + "wte.weight";
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
    file.take_embedding(w.embedding, embedding, "lm_head.weight", {c.vocab, c.d_model}, d.tied);
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
      file.end_layer(w);
    }
    layer_norm(model + "ln_f", w.final_norm, w.final_norm_bias);
    file.take_head(w.unembedding, embedding, "lm_head.weight", {c.vocab, c.d_model}, d.tied);
    return w;
  }

 private:
  /// A key that transformers knows by two names. Where a file has both they must agree, since the second then counts.
  static Index extent(JsonObject const& file, char const* key, char const* second, Index most) {
    auto const value = file.integer(file.has(key) || !file.has(second) ? key : second, 1, most);
    auto const again = file.integer(second, 1, most, value);
    check(again == value, file.at(second), text(value, ", as ", key), again);
    return value;
  }
};

}  // namespace chg::formats::families
