// SPDX-License-Identifier: MIT
// GPT-NeoX (Pythia): layer norms with biases, attention and MLP side by side or one after the other, rotary positions of some
// channels.
//
// query_key_value is stored head by head: rows (3 h + i) D .. (3 h + i + 1) D - 1 are those of query, key or value (i = 0, 1, 2)
// of head h.
#pragma once

#include <chg/formats/families/decoder.hpp>

namespace chg::formats::families {

struct GptNeox {
  static constexpr std::string_view name = "gpt_neox";

  static ModelDescription read(JsonObject const& file) {
    ModelDescription d{.model_type = std::string(name), .config = config_of(neox_like), .mlp_bias = true};
    auto& c = d.config;
    c.layers = file.integer("num_hidden_layers", 1, most_layers);
    c.heads = c.kv_heads = file.integer("num_attention_heads", 1, most_channels);
    c.d_model = file.integer("hidden_size", 1, most_channels);
    check(c.d_model % c.heads == 0, file.at("hidden_size"), text("a multiple of num_attention_heads = ", c.heads), c.d_model);
    c.head_dim = c.d_model / c.heads;
    check(file.integer("head_dim", 1, most_channels, c.head_dim) == c.head_dim, file.at("head_dim"),
          text(c.head_dim, " = hidden_size / num_attention_heads"), "another number");
    c.d_ff = file.integer("intermediate_size", 1, most_channels);
    c.vocab = file.integer("vocab_size", 1, most_tokens);
    c.context = file.integer("max_position_embeddings", 1, most_positions);
    c.norm_epsilon = file.number("layer_norm_eps", 0, 1, 1e-5);
    c.rotary = formats::detail::read_rotary(file, {.theta = "rotary_emb_base", .share = "rotary_pct", .share_otherwise = 0.25})
                   .of_heads(c.head_dim, file.name());
    check_activation(file, "hidden_act", {"gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh"});
    if (file.string("hidden_act", "gelu") != "gelu") c.mlp = Mlp::gelu_tanh;
    c.parallel = file.boolean("use_parallel_residual", true);
    d.qkv_bias = d.output_bias = file.boolean("attention_bias", true);
    d.tied = file.boolean("tie_word_embeddings", false);
    return d;
  }

  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    auto const& c = d.config;
    std::string const model = file.contains("final_layer_norm.weight") ? "" : "gpt_neox.", embedding = model + "embed_in.weight";
    Weights<Real> w;
    auto const norm = [&](std::string const& name, RowVector<Real>& scale, RowVector<Real>& bias) {
      file.take(name + ".weight", scale, {c.d_model});
      file.take(name + ".bias", bias, {c.d_model});
    };
    auto const linear =
        [&](std::string const& name, Matrix<Real>& weight, RowVector<Real>& bias, Index out, Index in, bool biased) {
      file.take(name + ".weight", weight, {out, in});
      if (biased) file.take(name + ".bias", bias, {out});
    };
    file.take_embedding(w.embedding, embedding, "embed_out.weight", {c.vocab, c.d_model}, d.tied);
    for (Index l = 0; l < c.layers; ++l) {
      auto const layer = text(model, "layers.", l, "."), attention = layer + "attention.", qkv = attention + "query_key_value";
      auto& to = w.layers.emplace_back();
      norm(layer + "input_layernorm", to.attention_norm, to.attention_norm_bias);
      file.take_by_head(qkv + ".weight", c.heads, c.head_dim, c.d_model, {&to.W_Q, &to.W_K, &to.W_V});
      if (d.qkv_bias) file.take_by_head(qkv + ".bias", c.heads, c.head_dim, {&to.b_Q, &to.b_K, &to.b_V});
      linear(attention + "dense", to.W_O, to.b_O, c.d_model, c.d_model, d.output_bias);
      norm(layer + "post_attention_layernorm", to.mlp_norm, to.mlp_norm_bias);
      linear(layer + "mlp.dense_h_to_4h", to.W_up, to.b_up, c.d_ff, c.d_model, true);
      linear(layer + "mlp.dense_4h_to_h", to.W_down, to.b_down, c.d_model, c.d_ff, true);
      file.pass_over(attention + "bias");  // the causal mask
      file.pass_over(attention + "masked_bias");
      file.pass_over(attention + "rotary_emb.inv_freq");
      file.end_layer(w);
    }
    file.pass_over(model + "rotary_emb.inv_freq");
    norm(model + "final_layer_norm", w.final_norm, w.final_norm_bias);
    file.take_head(w.unembedding, embedding, "embed_out.weight", {c.vocab, c.d_model}, d.tied);
    return w;
  }
};

}  // namespace chg::formats::families
