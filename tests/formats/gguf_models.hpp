// SPDX-License-Identifier: MIT
// Llama models as GGUF files, written independently of the reader.
#pragma once

#include <chg/model/tensors.hpp>

#include "formats/gguf_files.hpp"

namespace chg::test {

/// Odd sizes, so that no two extents agree by luck: 3 heads of 6 over 1 key-value head in a model of width 5.
inline Config gguf_config() {
  auto c = config_of(llama_like);
  c.layers = 2, c.heads = 3, c.kv_heads = 1, c.head_dim = 6, c.d_model = 5, c.d_ff = 7, c.vocab = 11, c.context = 13;
  c.norm_epsilon = 0.5e-5f;
  return c;
}

/// What the converters of llama.cpp store: within a head, channel i of the first half is row 2 i, of the second half row 2 i + 1.
template <class Dense>
Dense as_neighbours(Dense const& weight, Index head_dim) {
  Dense stored = weight;
  bool const bias = weight.rows() == 1;
  auto const rows = bias ? weight.cols() : weight.rows();
  for (Index r = 0; r < rows; ++r) {
    auto const in_head = r % head_dim, half = in_head / (head_dim / 2), i = in_head % (head_dim / 2);
    auto const to = r - in_head + 2 * i + half;
    if (bias)
      stored(0, to) = weight(0, r);
    else
      stored.row(to) = weight.row(r);
  }
  return stored;
}

inline void add_llama_metadata(GgufBuilder& file, Config const& c) {
  auto const n = [](Index extent) { return static_cast<std::uint32_t>(extent); };
  file.string("general.architecture", "llama")
      .integer("llama.block_count", n(c.layers))
      .integer("llama.context_length", n(c.context))
      .integer("llama.embedding_length", n(c.d_model))
      .integer("llama.feed_forward_length", n(c.d_ff))
      .integer("llama.attention.head_count", n(c.heads))
      .integer("llama.attention.head_count_kv", n(c.kv_heads))
      .integer("llama.attention.key_length", n(c.head_dim))
      .integer("llama.attention.value_length", n(c.head_dim))
      .integer("llama.rope.dimension_count", n(c.head_dim))
      .number("llama.attention.layer_norm_rms_epsilon", static_cast<float>(c.norm_epsilon))
      .number("llama.rope.freq_base", static_cast<float>(c.rotary.theta));
}

/// Matrices and vectors as F32, in the order of llama.cpp; a bias where the weights have one. `without`: a tensor to leave out.
inline void add_llama_tensors(GgufBuilder& file, Config const& c, Weights<float> const& w, std::string const& without = "") {
  auto const store = [&](std::string const& name, auto const& tensor, int rank) {
    if (tensor.size() > 0 && name != without) file.add_f32(name, tensor, rank);
  };
  store("token_embd.weight", w.embedding, 2);
  for (std::size_t l = 0; l < w.layers.size(); ++l) {
    auto const& layer = w.layers[l];
    auto const name = "blk." + std::to_string(l) + ".";
    store(name + "attn_norm.weight", layer.attention_norm, 1);
    store(name + "attn_q.weight", as_neighbours(layer.W_Q, c.head_dim), 2);
    store(name + "attn_q.bias", as_neighbours(layer.b_Q, c.head_dim), 1);
    store(name + "attn_k.weight", as_neighbours(layer.W_K, c.head_dim), 2);
    store(name + "attn_k.bias", as_neighbours(layer.b_K, c.head_dim), 1);
    store(name + "attn_v.weight", layer.W_V, 2);
    store(name + "attn_v.bias", layer.b_V, 1);
    store(name + "attn_output.weight", layer.W_O, 2);
    store(name + "attn_output.bias", layer.b_O, 1);
    store(name + "ffn_norm.weight", layer.mlp_norm, 1);
    store(name + "ffn_gate.weight", layer.W_gate, 2);
    store(name + "ffn_gate.bias", layer.b_gate, 1);
    store(name + "ffn_up.weight", layer.W_up, 2);
    store(name + "ffn_up.bias", layer.b_up, 1);
    store(name + "ffn_down.weight", layer.W_down, 2);
    store(name + "ffn_down.bias", layer.b_down, 1);
  }
  store("output_norm.weight", w.final_norm, 1);
  store("output.weight", w.unembedding, 2);
}

struct GgufModelOptions {
  bool biases = false, tied = true;
  std::string without = "";
};

inline Weights<float> gguf_weights(GgufModelOptions const& o = {}) {
  auto w =
      random_weights<float>(llama_like, gguf_config(), {.seed = 1, .biases = o.biases, .tied = o.tied, .random_norms = true});
  w.unembedding_bias.resize(0);
  return w;
}

inline GgufBuilder gguf_llama(GgufModelOptions const& o = {}) {
  GgufBuilder file;
  add_llama_metadata(file, gguf_config());
  add_llama_tensors(file, gguf_config(), gguf_weights(o), o.without);
  return file;
}

}  // namespace chg::test
