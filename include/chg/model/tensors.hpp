// SPDX-License-Identifier: MIT
// The one list of a transformer's tensors: checks, random weights and counts are folds over it.
#pragma once

#include <chg/model/mlp.hpp>
#include <chg/model/weights.hpp>
#include <chg/tensor/random.hpp>

#include <cmath>
#include <string>

namespace chg {

/// Calls visit(spec, tensor) for each tensor of the attention that a layer of this config may have.
template <class Layer, class Visit>
void for_each_attention_tensor(Config const& c, Layer& layer, Visit&& visit) {
  auto const queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  visit(TensorSpec{"W_Q", queries, c.d_model, Role::attention, true}, layer.W_Q);
  visit(TensorSpec{"W_K", keys, c.d_model, Role::attention, true}, layer.W_K);
  visit(TensorSpec{"W_V", keys, c.d_model, Role::attention, true}, layer.W_V);
  visit(TensorSpec{"W_O", c.d_model, queries, Role::attention, true}, layer.W_O);
  visit(TensorSpec{"b_Q", 1, queries, Role::attention_bias, false}, layer.b_Q);
  visit(TensorSpec{"b_K", 1, keys, Role::attention_bias, false}, layer.b_K);
  visit(TensorSpec{"b_V", 1, keys, Role::attention_bias, false}, layer.b_V);
  visit(TensorSpec{"b_O", 1, c.d_model, Role::output_bias, false}, layer.b_O);
  if (c.query_key_norm == true) {
    visit(TensorSpec{"q_norm", 1, c.head_dim, Role::norm_scale, true}, layer.q_norm);
    visit(TensorSpec{"k_norm", 1, c.head_dim, Role::norm_scale, true}, layer.k_norm);
  }
}

/// The same for a whole layer. c: with every policy known.
template <class Layer, class Visit>
void for_each_layer_tensor(Config const& c, Layer& layer, Visit&& visit) {
  auto const norm =
      [&](std::string_view name, auto& scale, std::string_view bias_name, auto& bias) {
    visit(TensorSpec{name, 1, c.d_model, Role::norm_scale, c.norm != Norm::none}, scale);
    visit(TensorSpec{bias_name, 1, c.d_model, Role::norm_bias, c.norm == Norm::layer}, bias);
  };
  auto const post_norms = c.post_norms == true;
  norm("attention_norm", layer.attention_norm, "attention_norm_bias", layer.attention_norm_bias);
  for_each_attention_tensor(c, layer, visit);
  if (post_norms)
    norm("attention_post_norm", layer.attention_post_norm, "attention_post_norm_bias",
         layer.attention_post_norm_bias);
  if (c.mlp == Mlp::none) return;
  norm("mlp_norm", layer.mlp_norm, "mlp_norm_bias", layer.mlp_norm_bias);
  if (post_norms)
    norm("mlp_post_norm", layer.mlp_post_norm, "mlp_post_norm_bias", layer.mlp_post_norm_bias);
  with_mlp_class<float>(c.mlp.value,
                        [&]<class Class>() { Class::for_each_tensor(c, layer, visit); });
}

/// The same for what is no layer; `layers` is called where the layers stand in the list.
template <class SomeWeights, class Visit, class Layers>
void for_each_outer_tensor(Config const& c, SomeWeights& weights, Visit&& visit, Layers&& layers) {
  visit(TensorSpec{"embedding", c.vocab, c.d_model, Role::embedding, true}, weights.embedding);
  if (c.position == Position::learned)
    visit(TensorSpec{"positions", c.context, c.d_model, Role::positions, true}, weights.positions);
  layers();
  visit(TensorSpec{"final_norm", 1, c.d_model, Role::norm_scale, c.norm != Norm::none},
        weights.final_norm);
  visit(TensorSpec{"final_norm_bias", 1, c.d_model, Role::norm_bias, c.norm == Norm::layer},
        weights.final_norm_bias);
  visit(TensorSpec{"unembedding", c.vocab, c.d_model, Role::unembedding, false},
        weights.unembedding);
  visit(TensorSpec{"unembedding_bias", 1, c.vocab, Role::unembedding_bias, false},
        weights.unembedding_bias);
}

/// Calls visit(spec, tensor, where) for each tensor of a model; where: "" or "layers[3]."
template <class SomeWeights, class Visit>
void for_each_tensor(Config const& c, SomeWeights& weights, Visit&& visit) {
  auto const outer = [&](TensorSpec const& spec, auto& tensor) {
    visit(spec, tensor, std::string());
  };
  for_each_outer_tensor(c, weights, outer, [&] {
    for (std::size_t l = 0; l < weights.layers.size(); ++l) {
      auto const where = text("layers[", l, "].");
      for_each_layer_tensor(c, weights.layers[l], [&](TensorSpec const& spec, auto& tensor) {
        visit(spec, tensor, where);
      });
    }
  });
}

/// Throws Error for a tensor that is missing, has another shape than the spec says, or holds a
/// number that is not finite. where: what stands before its name in the error.
template <class Tensor>
void check_tensor(TensorSpec const& spec, Tensor const& tensor, std::string const& where) {
  auto const name = where + std::string(spec.name);
  if (tensor.size() == 0) {
    check(!spec.required, name + " is missing", shape_text(spec.rows, spec.columns),
          "an empty tensor");
    return;
  }
  check_shape(name, tensor, spec.rows, spec.columns);
  check(all_finite(tensor), name, "finite numbers", "NaN or infinity",
        "The checkpoint is damaged, or was saved in a type that overflows.");
}

struct RandomWeightsOptions {
  std::uint64_t seed = 0;
  bool biases = false;  ///< every bias that the architecture knows
  bool tied = true;     ///< unembedding tied to the embedding
  bool random_norms =
      false;  ///< norm scales around 1 instead of exactly 1, so that nothing is right by luck
};

/// Weights for tests, timing and teaching: normal entries scaled by 1 / sqrt(fan-in), so that
/// activations keep their size.
template <class Real>
Weights<Real> random_weights(Architecture const& architecture, Config const& config,
                             RandomWeightsOptions options = {}) {
  validate(architecture, config);
  Weights<Real> weights;
  weights.layers.resize(static_cast<std::size_t>(config.layers));
  std::uint32_t substream = 0;
  for_each_tensor(resolved(architecture, config), weights,
                  [&](TensorSpec const& spec, auto& tensor, std::string const&) {
    ++substream;
    auto const norm = spec.role == Role::norm_scale, norm_bias = spec.role == Role::norm_bias;
    auto const bias = norm_bias || spec.role == Role::attention_bias ||
                      spec.role == Role::output_bias || spec.role == Role::mlp_bias ||
                      spec.role == Role::unembedding_bias;
    auto const wanted = norm                             ? spec.required
                        : norm_bias                      ? spec.required
                        : bias                           ? options.biases
                        : spec.role == Role::unembedding ? !options.tied
                                                         : true;
    if (!wanted) return;
    tensor.resize(spec.rows, spec.columns);
    Random random(options.seed, Stream::weights, substream);
    auto const spread = norm || bias                   ? 0.1
                        : spec.role == Role::positions ? 0.3
                        : spec.role == Role::embedding
                            ? 1.0
                            : 1 / std::sqrt(static_cast<double>(spec.columns));
    auto const centre = norm ? 1.0 : 0.0;
    for (Index i = 0; i < tensor.size(); ++i) {
      auto const plain = (norm && !options.random_norms) || (bias && !options.biases);
      tensor.data()[i] = static_cast<Real>(plain ? centre : centre + spread * random.normal());
    }
  });
  return weights;
}

}  // namespace chg
