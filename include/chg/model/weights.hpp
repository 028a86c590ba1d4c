// SPDX-License-Identifier: MIT
// The weights of a transformer as plain matrices, [out, in] like the linear layers of published checkpoints: y = x W^T + b.
#pragma once

#include <chg/model/architecture.hpp>

#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace chg {

/// A bias of size 0 is absent. Shapes in the notation of the library: H heads, H_kv key-value heads, D head width, C model
/// width, F MLP width.
template <class Real>
struct LayerWeights {
  RowVector<Real> attention_norm,
      attention_norm_bias;  ///< [C]; the bias for Norm::layer only, both absent for Norm::none
  Matrix<Real> W_Q;         ///< [H D, C]; rows of head h are h D .. h D + D - 1
  Matrix<Real> W_K, W_V;    ///< [H_kv D, C]
  Matrix<Real> W_O;         ///< [C, H D]
  RowVector<Real> b_Q, b_K, b_V, b_O;
  RowVector<Real> q_norm, k_norm;  ///< [D], Architecture::query_key_norm only
  RowVector<Real> attention_post_norm,
      attention_post_norm_bias;                       ///< [C], Architecture::post_norms only
  RowVector<Real> mlp_norm, mlp_norm_bias;            ///< [C]
  RowVector<Real> mlp_post_norm, mlp_post_norm_bias;  ///< [C], Architecture::post_norms only
  Matrix<Real> W_gate;  ///< [F, C], gated MLPs only: down(silu(gate(x)) * up(x))
  Matrix<Real> W_up;    ///< [F, C]
  Matrix<Real> W_down;  ///< [C, F]
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

/// What a tensor is for.
enum class Role {
  norm_scale,
  norm_bias,
  attention,
  attention_bias,
  output_bias,
  mlp,
  mlp_bias,
  embedding,
  positions,
  unembedding,
  unembedding_bias
};

/// A tensor that a model may have. A vector has one row.
struct TensorSpec {
  std::string_view name;  ///< of the member of LayerWeights or Weights
  Index rows, columns;
  Role role;
  bool required;  ///< false: a tensor of size 0 is absent
};

}  // namespace chg
