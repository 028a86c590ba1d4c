// SPDX-License-Identifier: MIT
// The model in a GGUF file: its metadata as a ModelDescription, its tensors as Weights.
//
// Keys and tensor names are those of llama.cpp. Keys of the model's own (ARCHITECTURE.*) that are not known here are refused by
// name, since they may change the computation.
//
// A window of attention that the converters leave out, as they do for Mistral 0.1, cannot be known here: attention is then over
// all positions, as in llama.cpp. The window of a Phi-3 is that of its file, as in transformers; llama.cpp leaves it out.
//
// Norms' scales of the Gemmas are stored whole here, without 1 subtracted, and attn_qkv of GPT-NeoX holds all queries, all keys,
// all values. Llama files store the rows of a head of W_Q and W_K for the pairs of channels (2 i, 2 i + 1), since llama.cpp turns
// those; here they are put back to the pairs (i, i + D/2) of Hugging Face, so that a model is the same from both formats.
#pragma once

#include <chg/formats/gguf.hpp>
#include <chg/formats/gguf_family.hpp>
#include <chg/formats/tensor_taker.hpp>
#include <chg/model/weights.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace chg::formats {

namespace detail {

/// rope_freqs.weight has what llama.cpp divides the frequency of each pair by. Llama 3.1 and later are published with the numbers
/// of Llama3Scaling{}, but for `factor`, which the slowest pair shows: that scaling is then read, since the file has it rounded to
/// float. Any other divisors are taken as they stand.
inline void read_rope_factors(Gguf const& file, Index head_dim, Rotary& rotary) {
  static constexpr auto name = "rope_freqs.weight";
  if (!file.contains(name)) return;
  auto const& info = file.info(name);
  auto const pairs = ops::rotary_channels(rotary, head_dim) / 2;
  check(info.shape == std::vector<Index>{pairs}, file.describe(name) + " has the wrong shape",
        shape_text({pairs}) + ", half of the channels that turn", shape_text(info.shape));
  std::vector<double> factors(static_cast<std::size_t>(pairs));
  file.read(name, std::span<double>(factors));
  for (std::size_t i = 0; i < factors.size(); ++i)
    check(factors[i] >= 1e-6 && factors[i] <= 1e6, file.describe(name) + text(": factor of pair ", i),
          "a number from 1e-6 to 1e6", factors[i]);
  auto scaled = rotary;
  scaled.scaled = true;
  scaled.scaling.factor = factors.back();
  // The converter works in float: ln(theta) u in a frequency, up to high_freq_factor turns, and up to factor times that here.
  constexpr auto tolerance = 1e-4;
  auto llama3 = true, ones = true;
  for (Index i = 0; i < pairs; ++i) {
    auto const factor = factors[static_cast<std::size_t>(i)];
    auto const expected = ops::rotary_frequency(rotary, head_dim, i) / ops::rotary_frequency(scaled, head_dim, i);
    llama3 = llama3 && std::abs(factor - expected) <= tolerance * expected;
    ones = ones && factor == 1;
  }
  if (ones) return;
  if (llama3)
    rotary = scaled;
  else
    rotary.divisors = std::move(factors);
}

/// Puts the rows of every head back from the pairs (2 i, 2 i + 1) to (i, i + D/2). rows: [heads D, columns].
template <class Real>
void halves_from_neighbours(Real* rows, Index heads, Index head_dim, Index columns) {
  std::vector<Real> stored(static_cast<std::size_t>(head_dim * columns));
  for (Index h = 0; h < heads; ++h, rows += head_dim * columns) {
    std::copy_n(rows, stored.size(), stored.begin());
    for (Index i = 0; i < head_dim; ++i) {
      auto const from = i < head_dim / 2 ? 2 * i : 2 * (i - head_dim / 2) + 1;
      std::copy_n(stored.begin() + from * columns, columns, rows + i * columns);
    }
  }
}

/// A bias that a family cannot be without is not taken for none.
inline void check_gguf_biases(Gguf const& file, GgufFamily const& family) {
  auto const need = [&](char const* name) { file.info(text("blk.0.", name, ".bias")); };
  if (family.qkv_bias)
    for (auto const* const name : {"attn_q", "attn_k", "attn_v"}) need(name);
  if (family.all_biases)
    for (auto const* const name : {"attn_qkv", "attn_output", "ffn_up", "ffn_down"}) need(name);
}

}  // namespace detail

/// What the metadata say. `tied` where there is no output.weight; biases where the first layer has them. Throws Error naming the
/// key that is missing, of another type, out of bounds, inconsistent with another one, or not supported.
inline ModelDescription describe_gguf(Gguf const& file) {
  auto const& metadata = file.metadata();
  auto const& family = detail::gguf_family(metadata);
  auto const prefix = std::string(family.name) + ".";
  auto const key = [&](char const* name) { return prefix + name; };
  ModelDescription d{.model_type = std::string(family.model_type), .config = config_of(family.architecture)};
  auto& c = d.config;
  c.layers = metadata.integer(key("block_count"), 1, detail::most_layers);
  c.heads = metadata.integer(key("attention.head_count"), 1, detail::most_channels);
  c.kv_heads = metadata.integer(key("attention.head_count_kv"), 1, detail::most_channels, c.heads);
  c.d_model = metadata.integer(key("embedding_length"), 1, detail::most_channels);
  check(metadata.has(key("attention.key_length")) || c.d_model % c.heads == 0, metadata.at(key("embedding_length")),
        text("a multiple of attention.head_count = ", c.heads, ", or an attention.key_length"), c.d_model);
  c.head_dim = metadata.integer(key("attention.key_length"), 1, detail::most_channels, c.d_model / c.heads);
  auto const turned = metadata.integer(key("rope.dimension_count"), 0, detail::most_channels, c.head_dim);
  if (family.some_channels && turned >= 2 && turned < c.head_dim) c.rotary.channels = turned;
  auto const same = [&](char const* name, Index extent) {
    check(extent == c.head_dim, metadata.at(key(name)), text(c.head_dim, ", the width of a head"), extent,
          "This variant is not supported.");
  };
  same("attention.value_length", metadata.integer(key("attention.value_length"), 0, detail::most_channels, c.head_dim));
  same("rope.dimension_count", c.rotary.channels > 0 ? c.head_dim : turned);
  c.d_ff = metadata.integer(key("feed_forward_length"), 1, detail::most_channels);
  c.context = metadata.integer(key("context_length"), 1, detail::most_positions);
  auto const rms = c.norm == Norm::rms;
  c.norm_epsilon = metadata.number(key(rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"), 0, 1);
  detail::refuse_gguf_variants(metadata, family, prefix, c.context);
  c.vocab = metadata.integer(key("vocab_size"), 1, detail::most_tokens, file.info("token_embd.weight").shape.front());
  c.rotary.theta = metadata.number(key("rope.freq_base"), 1, 1e15, c.rotary.theta);
  if (metadata.string(key("rope.scaling.type"), "none") == "linear")
    c.rotary.linear_factor = metadata.number(key("rope.scaling.factor"), 1, 1e6);
  if (family.read != nullptr) family.read(metadata, prefix, d);
  validate(d, file.name());
  if (c.position == Position::rotary) detail::read_rope_factors(file, c.head_dim, c.rotary);
  d.tied = !file.contains("output.weight");
  d.qkv_bias = file.contains("blk.0.attn_q.bias") || file.contains("blk.0.attn_qkv.bias");
  d.output_bias = file.contains("blk.0.attn_output.bias");
  d.mlp_bias = file.contains("blk.0.ffn_up.bias");
  detail::check_gguf_biases(file, family);
  return d;
}

/// Reads the weights, float or double, of the model that `description` is; with `take`, the layers go there and are not returned.
/// Throws Error for the first tensor that is missing, surplus, of another shape, of a type that is not decoded, or not finite; the
/// file name and the tensor name are in it. A bias that the first layer has or has not, all of them must have or not have.
template <class Real>
Weights<Real> read_gguf_weights(Gguf const& file, ModelDescription const& description, ReadProgress const& progress = {},
                                LayerSink<Real> const& take = {}) {
  auto const& c = description.config;
  auto const H_D = c.heads * c.head_dim, H_kv_D = c.kv_heads * c.head_dim;
  auto const& family = detail::gguf_family(file.metadata());
  detail::TensorTaker<Real, Gguf> taker(file, "the metadata of the file", progress, take);
  Weights<Real> w;
  auto const norm = [&](std::string const& name, RowVector<Real>& scale, RowVector<Real>& bias) {
    taker.take(name + ".weight", scale, {c.d_model});
    if (c.norm == Norm::layer) taker.take(name + ".bias", bias, {c.d_model});
  };
  taker.take("token_embd.weight", w.embedding, {c.vocab, c.d_model});
  if (c.position == Position::learned) taker.take("position_embd.weight", w.positions, {c.context, c.d_model});
  for (Index l = 0; l < c.layers; ++l) {
    auto& to = w.layers.emplace_back();
    auto const layer = text("blk.", l, ".");
    auto const biased = [&](std::string const& name) { return taker.contains("blk.0." + name + ".bias"); };
    auto const linear = [&](std::string const& name, Matrix<Real>& weight, RowVector<Real>& bias, Index out, Index in) {
      taker.take(layer + name + ".weight", weight, {out, in});
      if (biased(name)) taker.take(layer + name + ".bias", bias, {out});
    };
    auto const turned = [&](std::string const& name, Matrix<Real>& weight, RowVector<Real>& bias, Index heads) {
      linear(name, weight, bias, heads * c.head_dim, c.d_model);
      if (!family.neighbours) return;
      detail::halves_from_neighbours(weight.data(), heads, c.head_dim, c.d_model);
      if (bias.size() > 0) detail::halves_from_neighbours(bias.data(), heads, c.head_dim, Index{1});
    };
    norm(layer + "attn_norm", to.attention_norm, to.attention_norm_bias);
    if (family.fused_qkv) {
      taker.take_rows(layer + "attn_qkv.weight", c.d_model, {{&to.W_Q, H_D}, {&to.W_K, H_kv_D}, {&to.W_V, H_kv_D}});
      if (biased("attn_qkv")) taker.take_parts(layer + "attn_qkv.bias", {{&to.b_Q, H_D}, {&to.b_K, H_kv_D}, {&to.b_V, H_kv_D}});
    } else {
      turned("attn_q", to.W_Q, to.b_Q, c.heads);
      turned("attn_k", to.W_K, to.b_K, c.kv_heads);
      linear("attn_v", to.W_V, to.b_V, H_kv_D, c.d_model);
    }
    if (c.query_key_norm == true) {
      taker.take(layer + "attn_q_norm.weight", to.q_norm, {c.head_dim});
      taker.take(layer + "attn_k_norm.weight", to.k_norm, {c.head_dim});
    }
    linear("attn_output", to.W_O, to.b_O, c.d_model, H_D);
    if (c.post_norms == true) norm(layer + "post_attention_norm", to.attention_post_norm, to.attention_post_norm_bias);
    norm(layer + "ffn_norm", to.mlp_norm, to.mlp_norm_bias);
    if (family.fused_mlp) {
      taker.take_rows(layer + "ffn_up.weight", c.d_model, {{&to.W_gate, c.d_ff}, {&to.W_up, c.d_ff}});
    } else {
      if (gated(c.mlp.value)) linear("ffn_gate", to.W_gate, to.b_gate, c.d_ff, c.d_model);
      linear("ffn_up", to.W_up, to.b_up, c.d_ff, c.d_model);
    }
    linear("ffn_down", to.W_down, to.b_down, c.d_model, c.d_ff);
    if (c.post_norms == true) norm(layer + "post_ffw_norm", to.mlp_post_norm, to.mlp_post_norm_bias);
    taker.end_layer(w);
  }
  norm("output_norm", w.final_norm, w.final_norm_bias);
  if (!description.tied) taker.take("output.weight", w.unembedding, {c.vocab, c.d_model});
  if (c.position == Position::rotary) taker.pass_over("rope_freqs.weight");  // read as a scaling already
  taker.finish();
  return w;
}

}  // namespace chg::formats
