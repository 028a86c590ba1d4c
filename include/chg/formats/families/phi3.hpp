// SPDX-License-Identifier: MIT
// Phi-3 and Phi-4: Llama with W_Q, W_K, W_V in one tensor and W_gate, W_up in another, and rotary positions of some channels.
#pragma once

#include <chg/formats/families/decoder.hpp>

namespace chg::formats::families {

struct Phi3 {
  static constexpr std::string_view name = "phi3";

  static ModelDescription read(JsonObject const& file) {
    auto d = read_decoder(file, name, llama_like, {.norm_epsilon = 1e-5});
    auto& c = d.config;
    auto const rotary = formats::detail::read_rotary(file);
    check(!rotary.rotary.scaled && rotary.rotary.linear_factor == 1, file.at("rope_scaling: rope_type"), "default", "another one",
          "This kind of rotary scaling is not supported in a model of this family.");
    c.rotary = rotary.of_heads(c.head_dim, file.name());
    check_activation(file, "hidden_act", {"silu", "swish"});
    for (auto const* key : {"attention_bias", "mlp_bias"}) refuse_true(file, key, "The tensors of this family have no biases.");
    auto const window = read_window(file, 0);
    c.windows = read_windows(file, c.layers, window, [&](Index) { return window > 0; });
    check(c.windows.empty() ? window == 0 : std::ranges::count(c.windows, window) == c.layers, file.at("layer_types"),
          "layers that all have the sliding_window, or all have none", "some of each");
    return d;
  }

  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    return take_decoder(file, d, {.fused = true});
  }
};

}  // namespace chg::formats::families
