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

struct ModelDescription {
  std::string model_type;  ///< as config.json names the family: "llama", "gpt2", "gemma3_text", ...
  Config config;           ///< with every policy
  bool tied = false;         ///< the unembedding is the embedding
  bool qkv_bias = false;     ///< biases of W_Q, W_K and W_V
  bool output_bias = false;  ///< bias of W_O
  bool mlp_bias = false;     ///< biases of the MLP

  /// The policies of the config; every extent is chg::dynamic.
  Architecture architecture() const { return architecture_of(config); }

  bool operator==(ModelDescription const&) const = default;
};

/// C++ that spells the policies of an architecture, for advice in errors.
inline std::string architecture_text(Architecture const& a) {
  auto const policy = [](std::string_view type, auto const& p) {
    return p.known ? text("chg::", type, "::", name_of(p.value)) : std::string("chg::dynamic");
  };
  auto all = text("chg::Architecture{.norm = ", policy("Norm", a.norm), ", .mlp = ", policy("Mlp", a.mlp),
                  ", .position = ", policy("Position", a.position));
  auto const choice = [&](std::string_view name, Policy<bool> const& p) {
    if (p != false) all += text(", .", name, " = ", p.known ? "true" : "chg::dynamic");
  };
  choice("query_key_norm", a.query_key_norm);
  choice("post_norms", a.post_norms);
  choice("parallel", a.parallel);
  return all + "}";
}

/// Throws Error, with `name` before it, when no transformer can be like that.
inline void validate(ModelDescription const& description, std::string const& name) {
  try {
    chg::validate(any_architecture, description.config);
  } catch (Error const& e) {
    auto complaint = e.complaint();
    complaint.what = name + ": " + complaint.what;
    throw Error(std::move(complaint));
  }
}

/// Throws Error unless the policies that `wanted` fixes are those of the file; extents are compared when the model is made.
inline void check_architecture(Architecture const& wanted, ModelDescription const& file, std::string const& name) {
  struct Named {
    char const* name;
    Architecture architecture;
  };
  static constexpr std::array named{Named{"llama_like", llama_like},   Named{"gpt2_like", gpt2_like},
                                    Named{"qwen3_like", qwen3_like},   Named{"gemma_like", gemma_like},
                                    Named{"gemma2_like", gemma2_like}, Named{"gemma3_like", gemma3_like},
                                    Named{"neox_like", neox_like},     Named{"neox_sequential_like", neox_sequential_like}};
  auto const is = file.architecture();
  auto agree = true;
  for_each_policy(wanted, is, [&](char const*, auto const& fixed, auto const& policy) {
    agree = agree && (!fixed.known || fixed == policy);
  });
  if (agree) return;
  auto advice = "Use " + architecture_text(is);
  for (auto const& known : named)
    if (known.architecture == is) advice = text("Use chg::", known.name);
  throw Error({name + ": model_type " + file.model_type, "a model of " + architecture_text(wanted) + ", the template argument",
               architecture_text(is), advice + ", with fixed extents if you like."});
}

}  // namespace chg::formats
