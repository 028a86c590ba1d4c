// SPDX-License-Identifier: MIT
// Every intermediate of one sequence, copied out for looking at and for tests. Not for speed.
#pragma once

#include <chg/model/transformer.hpp>

#include <span>
#include <vector>

namespace chg {

/// Rows are positions.
template <class Scalar>
struct LayerTrace {
  Matrix<Scalar> residual;         ///< [T, C] entering the layer
  Matrix<Scalar> q;                ///< [T, H D], with bias, positions applied
  Matrix<Scalar> k, v;             ///< [T, H_kv D]; positions applied to k
  Matrix<Scalar> z;                ///< [T, H D], head outputs before the gates
  Matrix<Scalar> residual_middle;  ///< [T, C] between attention and MLP
  Matrix<Scalar> residual_after;   ///< [T, C] leaving the layer

  /// What attention (after W_O and its bias, gates applied) adds to the residual stream: [T, C].
  Matrix<Scalar> attention() const { return residual_middle - residual; }
  /// What the MLP adds to the residual stream: [T, C].
  Matrix<Scalar> mlp() const { return residual_after - residual_middle; }
};

template <class Scalar>
struct Trace {
  std::vector<LayerTrace<Scalar>> layers;
  Matrix<Scalar> residual;  ///< [T, C] after the last layer
  Matrix<Scalar> logits;    ///< [T, V]
};

/// Runs one sequence of 1 to `context` tokens under gates [L, H]. Throws Error on an id outside the vocabulary.
template <Architecture A, class Scalar>
Trace<Scalar> trace(Transformer<A, Scalar> const& model, std::span<Token const> tokens, Matrix<double> const& gates) {
  check(!tokens.empty(), "trace: tokens", "at least one", "none");
  check_shape("trace: gates", gates, model.layers(), model.heads());
  model.check_example({{tokens.begin(), tokens.end()}, {}}, 0);
  PrefixTree tree;
  tree.build_path(tokens);
  Pass<Scalar> pass;
  Matrix<Scalar> const g = gates.template cast<Scalar>();
  model.forward_to_logits(tree, g.data(), pass, Keep::for_backward);
  auto const& c = model.config();
  auto const T = tree.rows(), queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  auto const copy = [T](Scalar const* data, Index cols, Index stride) { return Matrix<Scalar>(map(data, T, cols, stride)); };
  Trace<Scalar> result;
  for (Index l = 0; l < c.layers; ++l) {
    auto const& layer = pass.layers[static_cast<std::size_t>(l)];
    auto const* const after = l + 1 < c.layers ? pass.layers[static_cast<std::size_t>(l) + 1].x : pass.x_final;
    result.layers.push_back({copy(layer.x, c.d_model, c.d_model), copy(layer.attention.q, queries, queries),
                             copy(layer.attention.kv, keys, 2 * keys), copy(layer.attention.kv + keys, keys, 2 * keys),
                             copy(layer.attention.z, queries, queries), copy(layer.x_middle, c.d_model, c.d_model),
                             copy(after, c.d_model, c.d_model)});
  }
  result.residual = copy(pass.x_final, c.d_model, c.d_model);
  result.logits = copy(pass.probabilities, c.vocab, c.vocab);
  return result;
}

/// The same with every gate 1.
template <Architecture A, class Scalar>
Trace<Scalar> trace(Transformer<A, Scalar> const& model, std::span<Token const> tokens) {
  return trace(model, tokens, Matrix<double>(Matrix<double>::Ones(model.layers(), model.heads())));
}

/// Logits after every position of one sequence: [T, V], under gates [L, H].
template <Architecture A, class Scalar>
Matrix<Scalar> logits(Transformer<A, Scalar> const& model, std::span<Token const> tokens, Matrix<double> const& gates) {
  return trace(model, tokens, gates).logits;
}
template <Architecture A, class Scalar>
Matrix<Scalar> logits(Transformer<A, Scalar> const& model, std::span<Token const> tokens) {
  return trace(model, tokens).logits;
}

}  // namespace chg
