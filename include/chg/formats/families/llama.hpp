// SPDX-License-Identifier: MIT
// Llama and Mistral: the decoder that the others vary. Mistral may see a window of positions only, in every layer.
#pragma once

#include <chg/formats/families/decoder.hpp>

namespace chg::formats::families {

struct Llama {
  static constexpr std::string_view name = "llama";

  static ModelDescription read(JsonObject const& file) {
    auto d = read_decoder(file, name, llama_like);
    d.config.rotary = formats::detail::read_whole_rotary(file);
    check_activation(file, "hidden_act", {"silu", "swish"});
    d.qkv_bias = d.output_bias = file.boolean("attention_bias", false);
    d.mlp_bias = file.boolean("mlp_bias", false);
    return d;
  }

  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    return take_decoder(file, d);
  }
};

struct Mistral {
  static constexpr std::string_view name = "mistral";

  static ModelDescription read(JsonObject const& file) {
    auto d = read_decoder(file, name, llama_like, {.kv_heads = 8});
    auto& c = d.config;
    c.rotary = formats::detail::read_whole_rotary(file);
    check_activation(file, "hidden_act", {"silu", "swish"});
    auto const window = read_window(file, 4096);
    c.windows = read_windows(file, c.layers, window, [&](Index) { return window > 0; });
    // transformers gives every layer the window, whatever layer_types says.
    auto const alike = c.windows.empty() ? window == 0 : std::ranges::count(c.windows, window) == c.layers;
    check(alike, file.at("layer_types"), "layers that all have the sliding_window, or all have none", "some of each",
          "This variant of Mistral is not supported.");
    return d;
  }

  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    return take_decoder(file, d);
  }
};

}  // namespace chg::formats::families
