// SPDX-License-Identifier: MIT
// Gemma 1, 2 and 3 (text): embeddings scaled by sqrt(C), norms' scales stored less 1, an MLP gated by the tanh GELU.
//
// Gemma 2 adds norms of the outputs, soft caps and windows in every other layer; Gemma 3 has norms of queries and keys instead of
// the caps, windows in five layers of six, and another rotary base where there is a window.
#pragma once

#include <chg/formats/families/decoder.hpp>
#include <chg/tensor/notice.hpp>

#include <cmath>

namespace chg::formats::families {

inline ModelDescription read_gemma_decoder(JsonObject const& file, std::string_view name, Architecture const& architecture,
                                           Index kv_heads) {
  auto d = read_decoder(file, name, architecture, {.kv_heads = kv_heads, .head_dim = 256, .tied = true});
  d.config.embedding_scale = std::sqrt(static_cast<double>(d.config.d_model));
  d.qkv_bias = d.output_bias = file.boolean("attention_bias", false);
  refuse_true(file, "use_bidirectional_attention", "A gate acts on causal attention: take a decoder.");
  return d;
}

template <class Real>
Weights<Real> take_gemma(CheckpointTaker<Real>& file, ModelDescription const& d) {
  return take_decoder(file, d, {.norm_offset = 1});
}

/// query_pre_attn_scalar^(-1/2).
inline double read_query_scale(JsonObject const& file) {
  return 1 / std::sqrt(file.number("query_pre_attn_scalar", 1e-6, 1e9, 256));
}

/// A soft cap; 0: null, none.
inline double read_soft_cap(JsonObject const& file, char const* key, double otherwise) {
  if (!file.items().contains(key)) return otherwise;
  return file.has(key) ? file.number(key, 1e-3, 1e9) : 0;
}

struct Gemma {
  static constexpr std::string_view name = "gemma";

  static ModelDescription read(JsonObject const& file) {
    auto d = read_gemma_decoder(file, name, gemma_like, 16);
    d.config.rotary = formats::detail::read_whole_rotary(file);
    // hidden_activation counts in no version of transformers. Early files say gelu.
    check_activation(file, "hidden_act", {"gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu"});
    if (file.string("hidden_act", "") == "gelu")
      notice(file.at("hidden_act") +
             ": gelu is taken for the tanh one, as transformers 5 does; version 4 computes the exact one");
    return d;
  }
  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    return take_gemma(file, d);
  }
};

struct Gemma2 {
  static constexpr std::string_view name = "gemma2";

  static ModelDescription read(JsonObject const& file) {
    auto d = read_gemma_decoder(file, name, gemma2_like, 4);
    auto& c = d.config;
    check_activation(file, "hidden_activation", {"gelu_pytorch_tanh", "gelu_new", "gelu_fast"});
    c.rotary = formats::detail::read_whole_rotary(file);
    auto const window = read_window(file, 4096);
    check(window > 0 || file.has("layer_types"), file.at("sliding_window"), "a number, since every other layer has a window",
          "null");
    c.windows = read_windows(file, c.layers, window, [](Index layer) { return layer % 2 == 0; });
    c.attention_scale = read_query_scale(file);
    c.attention_soft_cap = read_soft_cap(file, "attn_logit_softcapping", 50);
    c.logit_soft_cap = read_soft_cap(file, "final_logit_softcapping", 30);
    return d;
  }
  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    return take_gemma(file, d);
  }
};

struct Gemma3 {
  static constexpr std::string_view name = "gemma3_text";

  static ModelDescription read(JsonObject const& file) {
    auto d = read_gemma_decoder(file, name, gemma3_like, 4);
    auto& c = d.config;
    check_activation(file, "hidden_activation", {"gelu_pytorch_tanh", "gelu_new", "gelu_fast"});
    read_rotaries(file, c);
    auto const window = read_window(file, 4096);
    check(window > 0 || file.has("layer_types"), file.at("sliding_window"), "a number, since most layers have a window", "null");
    formats::detail::AgreedNumber pattern(1, most_layers);
    for (auto const* key : {"sliding_window_pattern", "_sliding_window_pattern"}) pattern.read(file, key);
    auto const every = static_cast<Index>(pattern.value_or(6));
    check(static_cast<double>(every) == pattern.value_or(6), file.at("sliding_window_pattern"), "a whole number",
          pattern.value_or(6));
    // transformers looks at the key without the underscore alone, and at neither beside layer_types.
    check(file.has("layer_types") || file.has("sliding_window_pattern") || every == 6, file.at("_sliding_window_pattern"),
          "6, or a sliding_window_pattern, or layer_types", every, "Rename it to sliding_window_pattern.");
    c.windows = read_windows(file, c.layers, window, [&](Index layer) { return (layer + 1) % every != 0; });
    c.attention_scale = read_query_scale(file);
    check(!file.has("attn_logit_softcapping"), file.at("attn_logit_softcapping"), "null, since transformers caps no scores here",
          "a value", "Remove the key.");
    c.logit_soft_cap = read_soft_cap(file, "final_logit_softcapping", 0);
    return d;
  }
  template <class Real>
  static Weights<Real> take(CheckpointTaker<Real>& file, ModelDescription const& d) {
    return take_gemma(file, d);
  }

 private:
  /// rope_theta and rope_scaling are those of the layers without a window, and rope_local_base_freq is the others' (transformers
  /// 4); or rope_parameters has one object for each kind (5).
  static void read_rotaries(JsonObject const& file, Config& c) {
    formats::detail::AgreedNumber theta(1, 1e15), local_theta(1, 1e15);
    theta.read(file, "rope_theta");
    local_theta.read(file, "rope_local_base_freq");
    c.local_rotary = Rotary{};
    if (file.has("rope_scaling")) {
      auto const scaling = file.object("rope_scaling");
      check(!scaling.has("type") || scaling.has("rope_type"), scaling.at("type"), "rope_type, as this family calls it", "type",
            "Rename the key.");
      c.rotary = formats::detail::read_scaling(scaling);
    }
    if (file.has("rope_parameters")) {
      auto const both = file.object("rope_parameters");
      for (auto const& item : both.items().items())
        check(item.key() == "full_attention" || item.key() == "sliding_attention", both.at(in_quotes(item.key())),
              "full_attention and sliding_attention, one object each", shown(item.value()));
      auto const read = [&](char const* key, Rotary& rotary, formats::detail::AgreedNumber& base) {
        if (!both.has(key)) return;
        auto const rope = both.object(key);
        check(rope.number("partial_rotary_factor", 0, 1, 1) == 1, rope.at("partial_rotary_factor"),
              "1, every channel of a head turned", "less");
        auto const scaling = formats::detail::read_scaling(rope);
        check(!file.has("rope_scaling") || rotary == scaling, rope.name(), "the same as rope_scaling, or only one of them",
              "another scaling");
        rotary = scaling;
        base.read(rope, "rope_theta");
      };
      read("full_attention", c.rotary, theta);
      read("sliding_attention", *c.local_rotary, local_theta);
    }
    c.rotary.theta = theta.value_or(1'000'000);
    c.local_rotary->theta = local_theta.value_or(10'000);
  }
};

}  // namespace chg::formats::families
