// SPDX-License-Identifier: MIT
// The weights of a transformer as plain matrices, [out, in] like the linear layers of published checkpoints: y = x W^T + b.
#pragma once

#include <chg/model/architecture.hpp>
#include <chg/tensor/random.hpp>

#include <cmath>
#include <functional>
#include <utility>
#include <vector>

namespace chg {

/// A bias of size 0 is absent. Shapes in the notation of the library: H heads, H_kv key-value heads, D head width, C model
/// width, F MLP width.
template <class Real>
struct LayerWeights {
  RowVector<Real> attention_norm, attention_norm_bias;  ///< [C]; the bias for Norm::layer only, both absent for Norm::none
  Matrix<Real> W_Q;                                     ///< [H D, C]; rows of head h are h D .. h D + D - 1
  Matrix<Real> W_K, W_V;                                ///< [H_kv D, C]
  Matrix<Real> W_O;                                     ///< [C, H D]
  RowVector<Real> b_Q, b_K, b_V, b_O;
  RowVector<Real> q_norm, k_norm;                                 ///< [D], Architecture::query_key_norm only
  RowVector<Real> attention_post_norm, attention_post_norm_bias;  ///< [C], Architecture::post_norms only
  RowVector<Real> mlp_norm, mlp_norm_bias;                        ///< [C]
  RowVector<Real> mlp_post_norm, mlp_post_norm_bias;              ///< [C], Architecture::post_norms only
  Matrix<Real> W_gate;                                            ///< [F, C], gated MLPs only: down(silu(gate(x)) * up(x))
  Matrix<Real> W_up;                                              ///< [F, C]
  Matrix<Real> W_down;                                            ///< [C, F]
  RowVector<Real> b_gate, b_up, b_down;
};

template <class Real>
struct Weights {
  Matrix<Real> embedding;  ///< [V, C]
  Matrix<Real> positions;  ///< [context, C], Position::learned only
  std::vector<LayerWeights<Real>> layers;
  RowVector<Real> final_norm, final_norm_bias;  ///< [C]
  Matrix<Real> unembedding;                     ///< [V, C]; of size 0: tied to the embedding
  RowVector<Real> unembedding_bias;             ///< [V] or absent

  bool tied() const { return unembedding.size() == 0; }
};

/// Takes the layers of a model, the lowest first.
template <class Real>
using LayerSink = std::function<void(LayerWeights<Real>&&)>;

/// Reads a model: gives each layer away as soon as it is there, so that memory need not hold all of them as they are read, and
/// returns what is no layer.
template <class Real>
using WeightReader = std::function<Weights<Real>(LayerSink<Real> const&)>;

namespace detail {

/// Calls visit(name, tensor, rows, cols, required) for every tensor of a layer; vectors have rows = 1.
template <class Layer, class Visit>
void visit_layer(Architecture const& a, Config const& c, Layer& layer, std::string const& prefix, Visit&& visit) {
  auto const normed = a.norm != Norm::none, centred = a.norm == Norm::layer;
  auto const queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  visit(prefix + "attention_norm", layer.attention_norm, 1, c.d_model, normed);
  visit(prefix + "attention_norm_bias", layer.attention_norm_bias, 1, c.d_model, centred);
  visit(prefix + "W_Q", layer.W_Q, queries, c.d_model, true);
  visit(prefix + "W_K", layer.W_K, keys, c.d_model, true);
  visit(prefix + "W_V", layer.W_V, keys, c.d_model, true);
  visit(prefix + "W_O", layer.W_O, c.d_model, queries, true);
  visit(prefix + "b_Q", layer.b_Q, 1, queries, false);
  visit(prefix + "b_K", layer.b_K, 1, keys, false);
  visit(prefix + "b_V", layer.b_V, 1, keys, false);
  visit(prefix + "b_O", layer.b_O, 1, c.d_model, false);
  if (a.query_key_norm) {
    visit(prefix + "q_norm", layer.q_norm, 1, c.head_dim, true);
    visit(prefix + "k_norm", layer.k_norm, 1, c.head_dim, true);
  }
  if (a.post_norms) {
    visit(prefix + "attention_post_norm", layer.attention_post_norm, 1, c.d_model, true);
    visit(prefix + "attention_post_norm_bias", layer.attention_post_norm_bias, 1, c.d_model, centred);
  }
  if (a.mlp == Mlp::none) return;
  visit(prefix + "mlp_norm", layer.mlp_norm, 1, c.d_model, normed);
  visit(prefix + "mlp_norm_bias", layer.mlp_norm_bias, 1, c.d_model, centred);
  if (a.post_norms) {
    visit(prefix + "mlp_post_norm", layer.mlp_post_norm, 1, c.d_model, true);
    visit(prefix + "mlp_post_norm_bias", layer.mlp_post_norm_bias, 1, c.d_model, centred);
  }
  if (gated(a.mlp)) {
    visit(prefix + "W_gate", layer.W_gate, c.d_ff, c.d_model, true);
    visit(prefix + "b_gate", layer.b_gate, 1, c.d_ff, false);
  }
  visit(prefix + "W_up", layer.W_up, c.d_ff, c.d_model, true);
  visit(prefix + "b_up", layer.b_up, 1, c.d_ff, false);
  visit(prefix + "W_down", layer.W_down, c.d_model, c.d_ff, true);
  visit(prefix + "b_down", layer.b_down, 1, c.d_model, false);
}

template <class SomeWeights, class Visit>
void visit_weights(Architecture const& a, Config const& c, SomeWeights& weights, Visit&& visit) {
  visit("embedding", weights.embedding, c.vocab, c.d_model, true);
  if (a.position == Position::learned) visit("positions", weights.positions, c.context, c.d_model, true);
  for (std::size_t l = 0; l < weights.layers.size(); ++l) visit_layer(a, c, weights.layers[l], text("layers[", l, "]."), visit);
  visit("final_norm", weights.final_norm, 1, c.d_model, a.norm != Norm::none);
  visit("final_norm_bias", weights.final_norm_bias, 1, c.d_model, a.norm == Norm::layer);
  visit("unembedding", weights.unembedding, c.vocab, c.d_model, false);
  visit("unembedding_bias", weights.unembedding_bias, 1, c.vocab, false);
}

/// For the visits above. Throws Error for a tensor that is missing, has another shape than the config says, or holds a number that
/// is not finite.
inline constexpr auto check_tensor = [](std::string const& name, auto const& tensor, Index rows, Index cols, bool required) {
  if (tensor.size() == 0) {
    check(!required, "weights: " + name + " is missing", shape_text(rows, cols), "an empty tensor");
    return;
  }
  check_shape("weights: " + name, tensor, rows, cols);
  check(all_finite(tensor), "weights: " + name, "finite numbers", "NaN or infinity",
        "The checkpoint is damaged, or was saved in a type that overflows.");
};

}  // namespace detail

struct RandomWeightsOptions {
  std::uint64_t seed = 0;
  bool biases = false;        ///< every bias that the architecture knows
  bool tied = true;           ///< unembedding tied to the embedding
  bool random_norms = false;  ///< norm scales around 1 instead of exactly 1, so that nothing is right by luck
};

/// Weights for tests, timing and teaching: normal entries scaled by 1 / sqrt(fan-in), so that activations keep their size.
template <class Real>
Weights<Real> random_weights(Architecture const& architecture, Config const& config, RandomWeightsOptions options = {}) {
  validate(architecture, config);
  Weights<Real> weights;
  weights.layers.resize(static_cast<std::size_t>(config.layers));
  std::uint32_t substream = 0;
  detail::visit_weights(architecture, config, weights,
                        [&](std::string const& name, auto& tensor, Index rows, Index cols, bool required) {
    ++substream;
    auto const norm = name.find("norm") != std::string::npos && name.find("bias") == std::string::npos;
    auto const bias = name.find("b_") != std::string::npos || name.find("bias") != std::string::npos;
    if (norm   ? !required
        : bias ? !required && (!options.biases || name.find("norm") != std::string::npos)
               : name == "unembedding" && options.tied)
      return;
    tensor.resize(rows, cols);
    Random random(options.seed, Stream::weights, substream);
    auto const spread = norm || bias          ? 0.1
                        : name == "positions" ? 0.3
                        : name == "embedding" ? 1.0
                                              : 1 / std::sqrt(static_cast<double>(cols));
    auto const centre = norm ? 1.0 : 0.0;
    for (Index i = 0; i < tensor.size(); ++i) {
      auto const plain = (norm && !options.random_norms) || (bias && !options.biases);
      tensor.data()[i] = static_cast<Real>(plain ? centre : centre + spread * random.normal());
    }
  });
  return weights;
}

}  // namespace chg
