// SPDX-License-Identifier: MIT
// The families of GGUF files: names and keys of llama.cpp, and what its loader takes where a file is silent.
//
// Seldom in the files, hence as llama.cpp has it: which layers of Gemma 2 (every other) and 3 (five of six) have a window, the rotary
// base of Gemma 3 where there is one, and the scale of the scores in Gemma 2 and 3, C / H in the 27B models. GPT-NeoX files do not
// say which GELU: it is Pythia's, the exact one.
#pragma once

#include <chg/formats/gguf_metadata.hpp>
#include <chg/formats/model_description.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace chg::formats {

namespace detail {

inline void gguf_gemma(GgufMetadata const&, std::string const&, ModelDescription& d) {
  d.config.embedding_scale = std::sqrt(static_cast<double>(d.config.d_model));
}

/// Which layers have a window: one bool a layer, or all layers but every n-th, where 0 stands for no layer.
inline std::vector<bool> gguf_sliding_layers(GgufMetadata const& metadata, std::string const& key, Index layers, Index period) {
  if (auto const found = metadata.values().find(key); found != metadata.values().end() && found->second.is_array) {
    auto sliding = metadata.booleans(key);
    check(sliding.size() == static_cast<std::size_t>(layers), metadata.at(key), text("one a layer (", layers, ")"),
          sliding.size());
    return sliding;
  }
  period = metadata.integer(key, 0, most_layers, period);
  std::vector<bool> sliding;
  for (Index l = 0; l < layers; ++l) sliding.push_back(period == 0 || (l + 1) % period != 0);
  return sliding;
}

/// Gemma 2 and 3: the scale of the scores, and windows in all layers but every `period`-th unless the file says which.
inline void gguf_gemma_windows(GgufMetadata const& metadata, std::string const& prefix, Config& c, Index layers_of_27b,
                               Index window, Index period) {
  auto const width = c.layers == layers_of_27b ? c.d_model / c.heads : c.head_dim;
  c.attention_scale = 1 / std::sqrt(static_cast<double>(width));
  window = metadata.integer(prefix + "attention.sliding_window", 0, most_tokens, window);
  auto const sliding = gguf_sliding_layers(metadata, prefix + "attention.sliding_window_pattern", c.layers, period);
  if (window == 0 || std::ranges::count(sliding, true) == 0) return;
  for (auto const slides : sliding) c.windows.push_back(slides ? window : 0);
}

inline void gguf_gemma2(GgufMetadata const& metadata, std::string const& prefix, ModelDescription& d) {
  gguf_gemma(metadata, prefix, d);
  gguf_gemma_windows(metadata, prefix, d.config, 46, 4096, 2);
  d.config.attention_soft_cap = metadata.number(prefix + "attn_logit_softcapping", 1e-3, 1e9, 50);
  d.config.logit_soft_cap = metadata.number(prefix + "final_logit_softcapping", 1e-3, 1e9, 30);
}

inline void gguf_gemma3(GgufMetadata const& metadata, std::string const& prefix, ModelDescription& d) {
  gguf_gemma(metadata, prefix, d);
  gguf_gemma_windows(metadata, prefix, d.config, 62, 0, 6);
  d.config.local_rotary = Rotary{.theta = metadata.number(prefix + "rope.freq_base_swa", 1, 1e15, 10'000)};
  d.config.logit_soft_cap = metadata.number(prefix + "final_logit_softcapping", 0, 1e9, 0);
}

/// Every layer has the window.
inline void gguf_phi3(GgufMetadata const& metadata, std::string const& prefix, ModelDescription& d) {
  auto const window = metadata.integer(prefix + "attention.sliding_window", 0, most_tokens, 0);
  if (window > 0) d.config.windows.assign(static_cast<std::size_t>(d.config.layers), window);
}

inline void gguf_neox(GgufMetadata const& metadata, std::string const& prefix, ModelDescription& d) {
  d.config.parallel = metadata.boolean(prefix + "use_parallel_residual", true);
}

}  // namespace detail

/// What tells one family of GGUF files from another.
struct GgufFamily {
  std::string_view name;                      ///< general.architecture
  std::string_view model_type;                ///< of config.json
  Architecture architecture;                  ///< every extent dynamic
  bool neighbours = false;                    ///< W_Q and W_K are stored for the pairs (2 i, 2 i + 1)
  bool windows = false;                       ///< attention.sliding_window is read
  bool some_channels = false;                 ///< rope.dimension_count may be less than the width of a head
  bool fused_qkv = false;                     ///< attn_qkv holds W_Q, W_K, W_V
  bool fused_mlp = false;                     ///< ffn_up holds W_gate, W_up
  std::array<std::string_view, 3> keys{};     ///< that not every family has
  bool qkv_bias = false, all_biases = false;  ///< the file must have these
  /// Reads what other families have not.
  void (*read)(GgufMetadata const&, std::string const& prefix, ModelDescription&) = nullptr;
};

inline constexpr std::array gguf_families{
    GgufFamily{.name = "llama", .model_type = "llama", .architecture = llama_like, .neighbours = true},
    GgufFamily{.name = "qwen2", .model_type = "qwen2", .architecture = llama_like, .qkv_bias = true},
    GgufFamily{.name = "qwen3", .model_type = "qwen3", .architecture = qwen3_like},
    GgufFamily{.name = "gemma", .model_type = "gemma", .architecture = gemma_like, .read = detail::gguf_gemma},
    GgufFamily{.name = "gemma2",
               .model_type = "gemma2",
               .architecture = gemma2_like,
               .windows = true,
               .keys = {"attn_logit_softcapping", "final_logit_softcapping", "attention.sliding_window_pattern"},
               .read = detail::gguf_gemma2},
    GgufFamily{.name = "gemma3",
               .model_type = "gemma3_text",
               .architecture = gemma3_like,
               .windows = true,
               .keys = {"final_logit_softcapping", "rope.freq_base_swa", "attention.sliding_window_pattern"},
               .read = detail::gguf_gemma3},
    GgufFamily{.name = "phi3",
               .model_type = "phi3",
               .architecture = llama_like,
               .windows = true,
               .some_channels = true,
               .fused_qkv = true,
               .fused_mlp = true,
               .read = detail::gguf_phi3},
    GgufFamily{.name = "gptneox",
               .model_type = "gpt_neox",
               .architecture = neox_like,
               .some_channels = true,
               .fused_qkv = true,
               .keys = {"use_parallel_residual"},
               .read = detail::gguf_neox},
    GgufFamily{.name = "gpt2", .model_type = "gpt2", .architecture = gpt2_like, .fused_qkv = true, .all_biases = true}};

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
inline void refuse_gguf_variants(GgufMetadata const& metadata, GgufFamily const& family, std::string const& prefix,
                                 Index context) {
  auto const type = metadata.string("general.type", "model");
  check(type == "model", metadata.at("general.type"), "model", in_quotes(type), "Load the model that this file belongs to.");
  check(metadata.integer("split.count", 0, 1 << 20, 1) <= 1, metadata.at("split.count"), "a model in one file", "a part of one",
        "Merge the parts with llama-gguf-split --merge.");
  auto const quantization = metadata.integer("general.quantization_version", 0, 1 << 20, 2);
  check(quantization == 2, metadata.at("general.quantization_version"), "2, the layout of blocks that is read here",
        quantization);

  static constexpr std::array<std::string_view, 18> read{"vocab_size",
                                                         "context_length",
                                                         "embedding_length",
                                                         "block_count",
                                                         "feed_forward_length",
                                                         "attention.head_count",
                                                         "attention.head_count_kv",
                                                         "attention.key_length",
                                                         "attention.value_length",
                                                         "attention.layer_norm_rms_epsilon",
                                                         "attention.layer_norm_epsilon",
                                                         "rope.freq_base",
                                                         "rope.dimension_count",
                                                         "rope.scaling.type",
                                                         "rope.scaling.factor",
                                                         "rope.scaling.original_context_length",
                                                         "rope.scaling.finetuned",
                                                         "attention.sliding_window"};
  struct Neutral {
    std::string_view key;
    double value;
  };
  // What is not there by another name; a bool counts as 0 or 1.
  static constexpr std::array neutral{Neutral{"expert_count", 0},
                                      Neutral{"expert_used_count", 0},
                                      Neutral{"expert_shared_count", 0},
                                      Neutral{"expert_group_count", 0},
                                      Neutral{"leading_dense_block_count", 0},
                                      Neutral{"nextn_predict_layers", 0},
                                      Neutral{"attention.shared_kv_layers", 0},
                                      Neutral{"attention.causal", 1},
                                      Neutral{"pooling_type", 0},
                                      Neutral{"rope.scale_linear", 1},
                                      Neutral{"rope.scaling.attn_factor", 1},
                                      Neutral{"logit_scale", 1},
                                      Neutral{"embedding_scale", 1},
                                      Neutral{"residual_scale", 1},
                                      Neutral{"attn_logit_softcapping", 0},
                                      Neutral{"final_logit_softcapping", 0},
                                      Neutral{"attention.clamp_kqv", 0},
                                      Neutral{"attention.max_alibi_bias", 0}};
  constexpr auto huge = 1e300;
  for (auto const& item : metadata.values()) {
    std::string_view const key = item.first;
    if (!key.starts_with(prefix)) continue;
    auto const own = key.substr(prefix.size());
    if (own == "tensor_data_layout") {
      auto const layout = metadata.string(key);
      check(layout == "Meta AI original pth", metadata.at(key), "\"Meta AI original pth\"", in_quotes(layout));
    } else if (!own.empty() && std::ranges::find(family.keys, own) != family.keys.end()) {
      continue;
    } else if (auto const found = std::ranges::find(neutral, own, &Neutral::key); found != neutral.end()) {
      auto const value = item.second.type == GgufType::boolean && !item.second.is_array
                             ? static_cast<double>(metadata.boolean(key, false))
                             : metadata.number(key, -huge, huge);
      check(value == found->value, metadata.at(key), text(found->value), value, "This variant is not supported.");
    } else if (std::ranges::find(read, own) == read.end()) {
      throw Error({metadata.at(key), "no such key", metadata.shown(item.second), "This variant is not supported."});
    }
  }
  auto const scaling = metadata.string(prefix + "rope.scaling.type", "none");
  check(scaling == "none" || scaling == "linear", metadata.at(prefix + "rope.scaling.type"), "none or linear", in_quotes(scaling),
        "This kind of rotary scaling is not supported.");
  if (scaling == "none") {
    auto const factor = metadata.number(prefix + "rope.scaling.factor", -huge, huge, 1);
    check(factor == 1, metadata.at(prefix + "rope.scaling.factor"), "1", factor, "This variant is not supported.");
  }
  if (family.windows) return;
  auto const window = metadata.integer(prefix + "attention.sliding_window", 0, most_tokens, 0);
  check(window == 0 || window >= context, metadata.at(prefix + "attention.sliding_window"),
        text("0, or ", context, " or more, the context_length"), window,
        "Attention windows are not supported in GGUF files of this family.");
}

}  // namespace detail

}  // namespace chg::formats
