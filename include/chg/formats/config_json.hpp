// SPDX-License-Identifier: MIT
// Reads the config.json of a Hugging Face model directory: which Architecture it is, and its Config.
//
// Keys and defaults are those of transformers (LlamaConfig, GPT2Config), as its versions 4 (rope_theta, rope_scaling) and 5
// (rope_parameters) write them. What would change the computation and is not supported here is refused by name.
#pragma once

#include <chg/formats/json.hpp>
#include <chg/model/architecture.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>

namespace chg::formats {

/// What a config.json says. Every extent of `architecture` is chg::dynamic; `config` holds the numbers.
struct ModelDescription {
  std::string model_type;  ///< "llama" or "gpt2"
  Architecture architecture;
  Config config;
  bool tied = false;            ///< the unembedding is the embedding
  bool attention_bias = false;  ///< biases of W_Q, W_K, W_V and W_O
  bool mlp_bias = false;        ///< biases of the MLP
};

/// C++ that spells the policies of an architecture, for advice in errors.
inline std::string architecture_text(Architecture const& a) {
  auto const norm = a.norm == Norm::rms ? "rms" : a.norm == Norm::layer ? "layer" : "none";
  auto const mlp = a.mlp == Mlp::swiglu ? "swiglu" : a.mlp == Mlp::gelu ? "gelu" : a.mlp == Mlp::gelu_tanh ? "gelu_tanh" : "none";
  auto const position = a.position == Position::rotary ? "rotary" : a.position == Position::learned ? "learned" : "none";
  return text("chg::Architecture{.norm = chg::Norm::", norm, ", .mlp = chg::Mlp::", mlp,
              ", .position = chg::Position::", position, "}");
}

/// Throws Error, with `name` before it, when no transformer can be like that.
inline void validate(ModelDescription const& description, std::string const& name) {
  try {
    chg::validate(description.architecture, description.config);
  } catch (Error const& e) {
    auto complaint = e.complaint();
    complaint.what = name + ": " + complaint.what;
    throw Error(std::move(complaint));
  }
}

namespace detail {

// Far above every published model, and small enough that no product of two of them overflows.
inline constexpr Index most_layers = 10'000, most_channels = 1 << 24, most_tokens = 1 << 28;

inline void read_llama3_scaling(JsonObject const& rope, Rotary& rotary) {
  rotary.scaled = true;
  rotary.scaling.factor = rope.number("factor", 1, 1e6);
  rotary.scaling.low_freq_factor = rope.number("low_freq_factor", 1e-6, 1e6);
  rotary.scaling.high_freq_factor = rope.number("high_freq_factor", 1e-6, 1e6);
  check(rotary.scaling.low_freq_factor < rotary.scaling.high_freq_factor, rope.at("high_freq_factor"),
        text("more than low_freq_factor = ", rotary.scaling.low_freq_factor), rotary.scaling.high_freq_factor);
  rotary.scaling.original_context = rope.integer("original_max_position_embeddings", 1, most_tokens);
}

/// rope_theta and rope_scaling (transformers 4), or rope_parameters, which holds both (transformers 5).
inline Rotary read_rotary(JsonObject const& file) {
  static constexpr std::array known{"rope_theta",
                                    "rope_type",
                                    "type",
                                    "factor",
                                    "low_freq_factor",
                                    "high_freq_factor",
                                    "original_max_position_embeddings",
                                    "partial_rotary_factor"};
  Rotary rotary;
  auto const theta = [](JsonObject const& o, double otherwise) { return o.number("rope_theta", 1, 1e15, otherwise); };
  rotary.theta = theta(file, rotary.theta);
  check(file.number("partial_rotary_factor", 0, 1, 1) == 1, file.at("partial_rotary_factor"), "1, every channel of a head turned",
        "less");
  for (auto const* key : {"rope_scaling", "rope_parameters"}) {
    if (!file.has(key)) continue;
    auto const rope = file.object(key);
    for (auto const& item : rope.items().items())
      check(std::find(known.begin(), known.end(), item.key()) != known.end() || item.value().is_null(),
            rope.at(in_quotes(item.key())), "rotary positions of the type default or llama3, and their keys", shown(item.value()),
            "This kind of rotary scaling is not supported.");
    auto const type = rope.string("rope_type", rope.string("type", "default"));
    check(type == "default" || type == "llama3", rope.at("rope_type"), "default or llama3", in_quotes(type),
          "This kind of rotary scaling is not supported.");
    check(rope.number("partial_rotary_factor", 0, 1, 1) == 1, rope.at("partial_rotary_factor"),
          "1, every channel of a head turned", "less");
    auto const inner = theta(rope, rotary.theta);
    check(!file.has("rope_theta") || inner == rotary.theta, rope.at("rope_theta"),
          text(rotary.theta, ", the rope_theta outside it"), inner);
    rotary.theta = inner;
    auto const before = rotary;
    if (type == "llama3") read_llama3_scaling(rope, rotary);
    check(!before.scaled || before == rotary, rope.name(), "the same as rope_scaling, or only one of them", "another scaling");
  }
  return rotary;
}

inline void refuse(JsonObject const& file, char const* key, char const* advice) {
  if (file.has(key)) throw Error({file.at(key), "no such key", shown(file.items()[key]), advice});
}

inline ModelDescription read_llama(JsonObject const& file) {
  ModelDescription d{.model_type = "llama", .architecture = llama_like, .config = {}};
  auto& c = d.config;
  c.layers = file.integer("num_hidden_layers", 1, most_layers);
  c.heads = file.integer("num_attention_heads", 1, most_channels);
  c.kv_heads = file.integer("num_key_value_heads", 1, most_channels, c.heads);
  c.d_model = file.integer("hidden_size", 1, most_channels);
  check(file.has("head_dim") || c.d_model % c.heads == 0, file.at("hidden_size"),
        text("a multiple of num_attention_heads = ", c.heads, ", or a head_dim"), c.d_model);
  c.head_dim = file.integer("head_dim", 1, most_channels, c.d_model / c.heads);
  c.d_ff = file.integer("intermediate_size", 1, most_channels);
  c.vocab = file.integer("vocab_size", 1, most_tokens);
  c.context = file.integer("max_position_embeddings", 1, most_tokens);
  c.norm_epsilon = file.number("rms_norm_eps", 0, 1);
  c.rotary = read_rotary(file);
  auto const activation = file.string("hidden_act", "silu");
  check(activation == "silu" || activation == "swish", file.at("hidden_act"), "silu", in_quotes(activation),
        "This activation is not supported in a Llama model.");
  d.tied = file.boolean("tie_word_embeddings", false);
  d.attention_bias = file.boolean("attention_bias", false);
  d.mlp_bias = file.boolean("mlp_bias", false);
  return d;
}

inline ModelDescription read_gpt2(JsonObject const& file) {
  ModelDescription d{
      .model_type = "gpt2", .architecture = gpt2_like, .config = {}, .tied = true, .attention_bias = true, .mlp_bias = true};
  auto& c = d.config;
  c.layers = file.integer("n_layer", 1, most_layers);
  c.heads = c.kv_heads = file.integer("n_head", 1, most_channels);
  c.d_model = file.integer("n_embd", 1, most_channels);
  check(c.d_model % c.heads == 0, file.at("n_embd"), text("a multiple of n_head = ", c.heads), c.d_model);
  c.head_dim = c.d_model / c.heads;
  c.d_ff = file.integer("n_inner", 1, most_channels, 4 * c.d_model);
  c.vocab = file.integer("vocab_size", 1, most_tokens);
  c.context = file.integer("n_positions", 1, most_tokens);
  c.norm_epsilon = file.number("layer_norm_epsilon", 0, 1, 1e-5);
  auto const activation = file.string("activation_function", "gelu_new");
  check(activation == "gelu_new" || activation == "gelu_pytorch_tanh" || activation == "gelu", file.at("activation_function"),
        "gelu_new, gelu_pytorch_tanh or gelu", in_quotes(activation), "This activation is not supported in a GPT-2 model.");
  if (activation == "gelu") d.architecture.mlp = Mlp::gelu;
  if (!file.boolean("scale_attn_weights", true)) c.attention_scale = 1;
  for (auto const* key : {"scale_attn_by_inverse_layer_idx", "add_cross_attention"})
    check(!file.boolean(key, false), file.at(key), "false", "true", "This variant of GPT-2 is not supported.");
  d.tied = file.boolean("tie_word_embeddings", true);
  return d;
}

}  // namespace detail

/// Reads a parsed config.json; `name` stands for it in errors. Throws Error naming the key that is missing, of another type,
/// out of bounds, inconsistent with another one, or not supported.
inline ModelDescription parse_config(nlohmann::json const& json, std::string const& name) {
  JsonObject const file(json, name);
  detail::refuse(file, "quantization_config", "Quantised checkpoints are not supported: use one in F32, F16 or BF16.");
  auto const type = file.string("model_type");
  check(type == "llama" || type == "gpt2", file.at("model_type"), "llama or gpt2", in_quotes(type),
        "This family is not supported.");
  auto description = type == "llama" ? detail::read_llama(file) : detail::read_gpt2(file);
  validate(description, name);
  return description;
}

/// Reads directory/config.json. Throws Error as parse_config does, and when the file cannot be read.
inline ModelDescription read_config(std::filesystem::path const& directory) {
  auto const path = directory / "config.json";
  return parse_config(read_json(path, {.bytes = 10'000'000}), path.string());
}

/// Throws Error unless the policies of `wanted` are those of the file; extents are compared when the model is made.
inline void check_architecture(Architecture const& wanted, ModelDescription const& file, std::string const& name) {
  auto const& a = file.architecture;
  if (wanted.norm == a.norm && wanted.mlp == a.mlp && wanted.position == a.position) return;
  auto const advice = a == llama_like  ? std::string("Use chg::llama_like")
                      : a == gpt2_like ? std::string("Use chg::gpt2_like")
                                       : "Use " + architecture_text(a);
  throw Error({name + ": model_type " + file.model_type, "a model of " + architecture_text(wanted) + ", the template argument",
               architecture_text(a), advice + ", with fixed extents if you like."});
}

}  // namespace chg::formats
