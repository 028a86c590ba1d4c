// SPDX-License-Identifier: MIT
// What a file says of its model before the weights are read: family, Architecture, Config, and which biases there are.
#pragma once

#include <chg/model/architecture.hpp>

#include <array>
#include <string>

namespace chg::formats {

namespace detail {
// Far above every published model, and small enough that no product of two of them overflows.
inline constexpr Index most_layers = 10'000, most_channels = 1 << 24, most_positions = 1 << 24, most_tokens = 1 << 28;
}  // namespace detail

/// Every extent of `architecture` is chg::dynamic; `config` holds the numbers.
struct ModelDescription {
  std::string model_type;  ///< as config.json names the family: "llama", "gpt2", "gemma3_text", ...
  Architecture architecture;
  Config config;
  bool tied = false;         ///< the unembedding is the embedding
  bool qkv_bias = false;     ///< biases of W_Q, W_K and W_V
  bool output_bias = false;  ///< bias of W_O
  bool mlp_bias = false;     ///< biases of the MLP

  bool operator==(ModelDescription const&) const = default;
};

/// C++ that spells the policies of an architecture, for advice in errors.
inline std::string architecture_text(Architecture const& a) {
  static constexpr std::array norms{"rms", "layer", "none"}, positions{"rotary", "learned", "none"};
  static constexpr std::array mlps{"swiglu", "geglu_tanh", "gelu", "gelu_tanh", "none"};
  return text("chg::Architecture{.norm = chg::Norm::", norms[static_cast<std::size_t>(a.norm)],
              ", .mlp = chg::Mlp::", mlps[static_cast<std::size_t>(a.mlp)],
              ", .position = chg::Position::", positions[static_cast<std::size_t>(a.position)],
              a.query_key_norm ? ", .query_key_norm = true" : "", a.post_norms ? ", .post_norms = true" : "",
              a.parallel ? ", .parallel = true" : "", "}");
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

/// Throws Error unless the policies of `wanted` are those of the file; extents are compared when the model is made.
inline void check_architecture(Architecture const& wanted, ModelDescription const& file, std::string const& name) {
  struct Named {
    char const* name;
    Architecture architecture;
  };
  static constexpr std::array named{Named{"llama_like", llama_like},   Named{"gpt2_like", gpt2_like},
                                    Named{"qwen3_like", qwen3_like},   Named{"gemma_like", gemma_like},
                                    Named{"gemma2_like", gemma2_like}, Named{"gemma3_like", gemma3_like},
                                    Named{"neox_like", neox_like},     Named{"neox_sequential_like", neox_sequential_like}};
  auto policies = wanted;
  policies.layers = policies.heads = policies.kv_heads = policies.head_dim = dynamic;
  policies.d_model = policies.d_ff = policies.vocab = dynamic;
  if (policies == file.architecture) return;
  auto advice = "Use " + architecture_text(file.architecture);
  for (auto const& known : named)
    if (known.architecture == file.architecture) advice = text("Use chg::", known.name);
  throw Error({name + ": model_type " + file.model_type, "a model of " + architecture_text(wanted) + ", the template argument",
               architecture_text(file.architecture), advice + ", with fixed extents if you like."});
}

}  // namespace chg::formats
