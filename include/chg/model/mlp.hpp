// SPDX-License-Identifier: MIT
// The frozen MLP of a block, by the architecture's policy.
//
//     swiglu:  y = (silu(x W_gate^T + b_gate) * (x W_up^T + b_up)) W_down^T + b_down
//     geglu:   the same with gelu in place of silu
//     gelu:    y = gelu(x W_up^T + b_up) W_down^T + b_down
#pragma once

#include <chg/model/weights.hpp>
#include <chg/ops/geglu.hpp>
#include <chg/ops/swiglu.hpp>
#include <chg/tensor/arena.hpp>
#include <chg/tensor/gemm.hpp>

namespace chg {

/// Immutable, hence safe to share between threads. Runs on RealType and on duals over it.
template <Architecture A, class RealType>
class MlpLayer : CheckArchitecture<A> {
  static_assert(A.mlp != Mlp::none, "chg::MlpLayer: the architecture has Mlp::none. Leave the layer out.");

 public:
  /// Takes the MLP weights of `layer`; what else it holds is left alone.
  MlpLayer(Config const& config, LayerWeights<RealType>&& layer, Products products = Products::full)
      : width_(config.d_ff),
        W_in_(input_weights(layer), products),
        W_down_(std::move(layer.W_down), products),
        b_down_(std::move(layer.b_down)) {
    if (gated(A.mlp) && (layer.b_gate.size() > 0 || layer.b_up.size() > 0)) {
      b_in_ = RowVector<RealType>::Zero(2 * width_);
      if (layer.b_gate.size() > 0) b_in_.head(width_) = layer.b_gate;
      if (layer.b_up.size() > 0) b_in_.tail(width_) = layer.b_up;
    } else if (!gated(A.mlp)) {
      b_in_ = std::move(layer.b_up);
    }
  }

  /// Columns of the state that backward() needs: 2 F when gated, F otherwise.
  Index state_columns() const { return W_in_.out(); }

  /// Writes y, and the pre-activations to `state`. x, y: [n, C]; state: [n, state_columns()].
  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* state, Scalar* y, Arena& arena) const {
    W_in_.forward(x, n, state);
    ops::add_bias(b_in_, state, n);
    auto const mark = arena.mark();
    auto* const h = arena.template allocate<Scalar>(n * width_);
    if constexpr (A.mlp == Mlp::swiglu)
      ops::swiglu(state, n, width_, h);
    else if constexpr (A.mlp == Mlp::geglu_tanh)
      ops::geglu_tanh(state, n, width_, h);
    else if constexpr (A.mlp == Mlp::gelu)
      ops::gelu(state, n * width_, h);
    else
      ops::gelu_tanh(state, n * width_, h);
    W_down_.forward(h, n, y);
    ops::add_bias(b_down_, y, n);
    arena.rewind(mark);
  }

  /// Writes dx; overwrites `state`. dy, dx: [n, C].
  template <class Scalar>
  void backward(Scalar* state, Index n, Scalar const* dy, Scalar* dx, Arena& arena) const {
    auto const mark = arena.mark();
    auto* const dh = arena.template allocate<Scalar>(n * width_);
    W_down_.backward(dy, n, dh);
    if constexpr (A.mlp == Mlp::swiglu)
      ops::swiglu_backward(state, n, width_, dh);
    else if constexpr (A.mlp == Mlp::geglu_tanh)
      ops::geglu_tanh_backward(state, n, width_, dh);
    else if constexpr (A.mlp == Mlp::gelu)
      ops::gelu_backward(state, n * width_, dh, state);
    else
      ops::gelu_tanh_backward(state, n * width_, dh, state);
    W_in_.backward(state, n, dx);
    arena.rewind(mark);
  }

  std::size_t weight_bytes() const { return W_in_.bytes() + W_down_.bytes(); }

 private:
  static Matrix<RealType> input_weights(LayerWeights<RealType>& layer) {
    if constexpr (gated(A.mlp)) {
      Matrix<RealType> both(layer.W_gate.rows() + layer.W_up.rows(), layer.W_up.cols());
      both << layer.W_gate, layer.W_up;
      layer.W_gate.resize(0, 0), layer.W_up.resize(0, 0);
      return both;
    } else {
      return std::move(layer.W_up);
    }
  }

  Index width_;
  FrozenMatrix<RealType> W_in_, W_down_;
  RowVector<RealType> b_in_, b_down_;
};

}  // namespace chg
