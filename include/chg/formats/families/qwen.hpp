// SPDX-License-Identifier: MIT
// Qwen2 (Qwen 1.5, 2 and 2.5): biases of queries, keys and values. Qwen3: norms of queries and keys instead.
#pragma once

#include <chg/formats/families/decoder.hpp>

namespace chg::formats::families {

/// The last layers have a window, from max_window_layers on, where use_sliding_window says so.
inline std::vector<Index> read_qwen_windows(JsonObject const& file, Index layers) {
  auto const window = file.boolean("use_sliding_window", false) ? read_window(file, 4096) : 0;
  auto const first = file.integer("max_window_layers", 0, most_layers, 28);
  return read_windows(file, layers, window, [&](Index layer) { return layer >= first; });
}

struct Qwen2 {
  static constexpr std::string_view name = "qwen2";

  static ModelDescription read(JsonObject const& file) {
    auto d = read_decoder(file, name, llama_like, {.kv_heads = 32});
    d.config.rotary = formats::detail::read_whole_rotary(file);
    check_activation(file, "hidden_act", {"silu", "swish"});
    d.config.windows = read_qwen_windows(file, d.config.layers);
    d.qkv_bias = true;
    return d;
  }

  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    return take_decoder(file, d);
  }
};

struct Qwen3 {
  static constexpr std::string_view name = "qwen3";

  static ModelDescription read(JsonObject const& file) {
    auto d = read_decoder(file, name, qwen3_like, {.kv_heads = 32, .head_dim = 128});
    d.config.rotary = formats::detail::read_whole_rotary(file);
    check_activation(file, "hidden_act", {"silu", "swish"});
    d.config.windows = read_qwen_windows(file, d.config.layers);
    d.qkv_bias = d.output_bias = file.boolean("attention_bias", false);
    return d;
  }

  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    return take_decoder(file, d);
  }
};

}  // namespace chg::formats::families
