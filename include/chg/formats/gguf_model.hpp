// SPDX-License-Identifier: MIT
// The model in a GGUF file: its metadata as a ModelDescription, its tensors as Weights.
//
// Keys and tensor names are those of llama.cpp. Keys of the model's own (ARCHITECTURE.*) that are not known here are refused by
// name, since they may change the computation.
//
// A window of attention that the converters leave out, as they do for Mistral 0.1, cannot be known here: attention is then over
// all positions, as in llama.cpp.
//
// Llama files store the rows of a head of W_Q and W_K for the pairs of channels (2 i, 2 i + 1), since llama.cpp turns those;
// here they are put back to the pairs (i, i + D/2) of Hugging Face, so that a model is the same from both formats.
#pragma once

#include <chg/formats/config_json.hpp>
#include <chg/formats/gguf.hpp>
#include <chg/formats/tensor_taker.hpp>
#include <chg/model/weights.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace chg::formats {

/// What tells one family of GGUF files from another.
struct GgufFamily {
  std::string_view name;      ///< general.architecture, and the model_type of config.json
  Architecture architecture;  ///< every extent dynamic
  bool neighbours = false;    ///< W_Q and W_K are stored for the pairs (2 i, 2 i + 1)
};

inline constexpr std::array gguf_families{GgufFamily{.name = "llama", .architecture = llama_like, .neighbours = true}};

namespace detail {

inline GgufFamily const& gguf_family(GgufMetadata const& metadata) {
  auto const name = metadata.string("general.architecture");
  auto const found = std::ranges::find(gguf_families, name, &GgufFamily::name);
  std::string known;
  for (auto const& family : gguf_families) known += text(known.empty() ? "" : " or ", family.name);
  check(found != gguf_families.end(), metadata.at("general.architecture"), known, in_quotes(name),
        "This family is not supported in GGUF files.");
  return *found;
}

/// Throws Error for a file that is no whole model, and for keys of the model that are not known, or not with this value.
inline void refuse_gguf_variants(GgufMetadata const& metadata, std::string const& prefix, Index context) {
  auto const type = metadata.string("general.type", "model");
  check(type == "model", metadata.at("general.type"), "model", in_quotes(type), "Load the model that this file belongs to.");
  check(metadata.integer("split.count", 0, 1 << 20, 1) <= 1, metadata.at("split.count"), "a model in one file", "a part of one",
        "Merge the parts with llama-gguf-split --merge.");
  auto const quantization = metadata.integer("general.quantization_version", 0, 1 << 20, 2);
  check(quantization == 2, metadata.at("general.quantization_version"), "2, the layout of blocks that is read here",
        quantization);

  static constexpr std::array<std::string_view, 16> read{"vocab_size",
                                                         "context_length",
                                                         "embedding_length",
                                                         "block_count",
                                                         "feed_forward_length",
                                                         "attention.head_count",
                                                         "attention.head_count_kv",
                                                         "attention.key_length",
                                                         "attention.value_length",
                                                         "attention.layer_norm_rms_epsilon",
                                                         "rope.freq_base",
                                                         "rope.dimension_count",
                                                         "rope.scaling.type",
                                                         "rope.scaling.original_context_length",
                                                         "rope.scaling.finetuned",
                                                         "attention.sliding_window"};
  struct Neutral {
    std::string_view key;
    double value;
  };
  static constexpr std::array neutral{
      Neutral{"expert_count", 0},        Neutral{"expert_used_count", 0},   Neutral{"rope.scale_linear", 1},
      Neutral{"rope.scaling.factor", 1}, Neutral{"logit_scale", 1},         Neutral{"embedding_scale", 1},
      Neutral{"residual_scale", 1},      Neutral{"attention.clamp_kqv", 0}, Neutral{"attention.max_alibi_bias", 0}};
  constexpr auto huge = 1e300;
  for (auto const& item : metadata.values()) {
    std::string_view const key = item.first;
    if (!key.starts_with(prefix)) continue;
    auto const own = key.substr(prefix.size());
    if (own == "tensor_data_layout") {
      auto const layout = metadata.string(key);
      check(layout == "Meta AI original pth", metadata.at(key), "\"Meta AI original pth\"", in_quotes(layout));
    } else if (auto const found = std::ranges::find(neutral, own, &Neutral::key); found != neutral.end()) {
      auto const value = metadata.number(key, -huge, huge);
      check(value == found->value, metadata.at(key), text(found->value), value, "This variant is not supported.");
    } else if (std::ranges::find(read, own) == read.end()) {
      throw Error({metadata.at(key), "no such key", metadata.shown(item.second), "This variant is not supported."});
    }
  }
  auto const scaling = metadata.string(prefix + "rope.scaling.type", "none");
  check(scaling == "none", metadata.at(prefix + "rope.scaling.type"), "none", in_quotes(scaling),
        "This kind of rotary scaling is not supported.");
  auto const window = metadata.integer(prefix + "attention.sliding_window", 0, most_tokens, 0);
  check(window == 0 || window >= context, metadata.at(prefix + "attention.sliding_window"),
        text("0, or ", context, " or more, the context_length"), window, "Attention windows are not supported in GGUF files.");
}

/// rope_freqs.weight has what llama.cpp divides the frequency of each pair by. Llama 3.1 and later are published with the numbers
/// of Llama3Scaling{}, but for `factor`, which the slowest pair shows; other factors are refused.
inline void read_rope_factors(Gguf const& file, Index head_dim, Rotary& rotary) {
  static constexpr auto name = "rope_freqs.weight";
  if (!file.contains(name)) return;
  auto const& info = file.info(name);
  auto const pairs = head_dim / 2;
  check(info.shape == std::vector<Index>{pairs}, file.describe(name) + " has the wrong shape",
        shape_text({pairs}) + ", half of a head", shape_text(info.shape));
  std::vector<double> factors(static_cast<std::size_t>(pairs));
  file.read(name, std::span<double>(factors));
  auto scaled = rotary;
  scaled.scaled = true;
  scaled.scaling.factor = factors.back();
  check(scaled.scaling.factor >= 1 && scaled.scaling.factor <= 1e6, file.describe(name) + ": last factor",
        "a number from 1 to 1e6", scaled.scaling.factor);
  // The converter works in float: ln(theta) u in a frequency, up to high_freq_factor turns, and up to factor times that here.
  constexpr auto tolerance = 1e-4;
  for (Index i = 0; i < pairs; ++i) {
    auto const factor = factors[static_cast<std::size_t>(i)];
    auto const expected = ops::rotary_frequency(rotary, head_dim, i) / ops::rotary_frequency(scaled, head_dim, i);
    check(std::abs(factor - expected) <= tolerance * expected, file.describe(name) + text(": factor of pair ", i),
          text(expected, ", as in Llama 3 (low_freq_factor 1, high_freq_factor 4, original_context 8192, factor ",
               scaled.scaling.factor, ")"),
          factor, "This kind of rotary scaling is not supported.");
  }
  if (scaled.scaling.factor != 1) rotary = scaled;
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

}  // namespace detail

/// What the metadata say. `tied` where there is no output.weight; biases where the first layer has them. Throws Error naming the
/// key that is missing, of another type, out of bounds, inconsistent with another one, or not supported.
inline ModelDescription describe_gguf(Gguf const& file) {
  auto const& metadata = file.metadata();
  auto const& family = detail::gguf_family(metadata);
  auto const prefix = std::string(family.name) + ".";
  auto const key = [&](char const* name) { return prefix + name; };
  ModelDescription d{.model_type = std::string(family.name), .architecture = family.architecture, .config = {}};
  auto& c = d.config;
  c.layers = metadata.integer(key("block_count"), 1, detail::most_layers);
  c.heads = metadata.integer(key("attention.head_count"), 1, detail::most_channels);
  c.kv_heads = metadata.integer(key("attention.head_count_kv"), 1, detail::most_channels, c.heads);
  c.d_model = metadata.integer(key("embedding_length"), 1, detail::most_channels);
  check(metadata.has(key("attention.key_length")) || c.d_model % c.heads == 0, metadata.at(key("embedding_length")),
        text("a multiple of attention.head_count = ", c.heads, ", or an attention.key_length"), c.d_model);
  c.head_dim = metadata.integer(key("attention.key_length"), 1, detail::most_channels, c.d_model / c.heads);
  for (auto const* same : {"attention.value_length", "rope.dimension_count"}) {
    auto const extent = metadata.integer(key(same), 0, detail::most_channels, c.head_dim);
    check(extent == c.head_dim, metadata.at(key(same)), text(c.head_dim, ", the width of a head"), extent,
          "This variant is not supported.");
  }
  c.d_ff = metadata.integer(key("feed_forward_length"), 1, detail::most_channels);
  c.context = metadata.integer(key("context_length"), 1, detail::most_tokens);
  c.norm_epsilon = metadata.number(key("attention.layer_norm_rms_epsilon"), 0, 1);
  detail::refuse_gguf_variants(metadata, prefix, c.context);
  c.vocab = metadata.integer(key("vocab_size"), 1, detail::most_tokens, file.info("token_embd.weight").shape.front());
  c.rotary.theta = metadata.number(key("rope.freq_base"), 1, 1e15, c.rotary.theta);
  validate(d, file.name());
  detail::read_rope_factors(file, c.head_dim, c.rotary);
  d.tied = !file.contains("output.weight");
  d.qkv_bias = file.contains("blk.0.attn_q.bias");
  d.output_bias = file.contains("blk.0.attn_output.bias");
  d.mlp_bias = file.contains("blk.0.ffn_up.bias");
  return d;
}

/// Reads the weights, float or double, of the model that `description` is. Throws Error for the first tensor that is missing,
/// surplus, of another shape, of a type that is not decoded, or not finite; the file name and the tensor name are in it. A bias
/// that the first layer has or has not, all of them must have or not have.
template <class Real>
Weights<Real> read_gguf_weights(Gguf const& file, ModelDescription const& description, ReadProgress const& progress = {}) {
  auto const& c = description.config;
  auto const H_D = c.heads * c.head_dim, H_kv_D = c.kv_heads * c.head_dim;
  auto const neighbours = detail::gguf_family(file.metadata()).neighbours;
  detail::TensorTaker<Real, Gguf> taker(file, "the metadata of the file", progress);
  Weights<Real> w;
  taker.take("token_embd.weight", w.embedding, {c.vocab, c.d_model});
  for (Index l = 0; l < c.layers; ++l) {
    auto& to = w.layers.emplace_back();
    auto const linear = [&](std::string const& name, Matrix<Real>& weight, RowVector<Real>& bias, Index out, Index in) {
      taker.take(text("blk.", l, ".", name, ".weight"), weight, {out, in});
      if (taker.contains("blk.0." + name + ".bias")) taker.take(text("blk.", l, ".", name, ".bias"), bias, {out});
    };
    auto const turned = [&](std::string const& name, Matrix<Real>& weight, RowVector<Real>& bias, Index heads) {
      linear(name, weight, bias, heads * c.head_dim, c.d_model);
      if (!neighbours) return;
      detail::halves_from_neighbours(weight.data(), heads, c.head_dim, c.d_model);
      if (bias.size() > 0) detail::halves_from_neighbours(bias.data(), heads, c.head_dim, Index{1});
    };
    taker.take(text("blk.", l, ".attn_norm.weight"), to.attention_norm, {c.d_model});
    turned("attn_q", to.W_Q, to.b_Q, c.heads);
    turned("attn_k", to.W_K, to.b_K, c.kv_heads);
    linear("attn_v", to.W_V, to.b_V, H_kv_D, c.d_model);
    linear("attn_output", to.W_O, to.b_O, c.d_model, H_D);
    taker.take(text("blk.", l, ".ffn_norm.weight"), to.mlp_norm, {c.d_model});
    linear("ffn_gate", to.W_gate, to.b_gate, c.d_ff, c.d_model);
    linear("ffn_up", to.W_up, to.b_up, c.d_ff, c.d_model);
    linear("ffn_down", to.W_down, to.b_down, c.d_model, c.d_ff);
  }
  taker.take("output_norm.weight", w.final_norm, {c.d_model});
  if (!description.tied) taker.take("output.weight", w.unembedding, {c.vocab, c.d_model});
  taker.pass_over("rope_freqs.weight");  // read as a scaling already
  taker.finish();
  return w;
}

}  // namespace chg::formats
