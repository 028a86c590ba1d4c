// SPDX-License-Identifier: MIT
// An MLP with a gate: down(activation(gate(x)) * up(x)).
//
//     swiglu:      y = (silu(x W_gate^T + b_gate) * (x W_up^T + b_up)) W_down^T + b_down
//     geglu_tanh:  the same with the tanh GELU in place of silu
//
// Shazeer, arXiv 2002.05202.
#pragma once

#include <chg/model/architecture.hpp>
#include <chg/model/weights.hpp>
#include <chg/ops/geglu.hpp>
#include <chg/ops/swiglu.hpp>
#include <chg/tensor/arena.hpp>
#include <chg/tensor/gemm.hpp>

namespace chg {

template <Mlp Kind, class RealType>
class GatedMlp {
  static_assert(Kind == Mlp::swiglu || Kind == Mlp::geglu_tanh);

 public:
  /// Calls visit(spec, tensor) for each tensor of this MLP.
  template <class Layer, class Visit>
  static void for_each_tensor(Config const& c, Layer& layer, Visit&& visit) {
    visit(TensorSpec{"W_gate", c.d_ff, c.d_model, Role::mlp, true}, layer.W_gate);
    visit(TensorSpec{"b_gate", 1, c.d_ff, Role::mlp_bias, false}, layer.b_gate);
    visit(TensorSpec{"W_up", c.d_ff, c.d_model, Role::mlp, true}, layer.W_up);
    visit(TensorSpec{"b_up", 1, c.d_ff, Role::mlp_bias, false}, layer.b_up);
    visit(TensorSpec{"W_down", c.d_model, c.d_ff, Role::mlp, true}, layer.W_down);
    visit(TensorSpec{"b_down", 1, c.d_model, Role::mlp_bias, false}, layer.b_down);
  }

  /// Takes the MLP's weights of `layer`; what else it holds is left alone.
  GatedMlp(Config const& config, LayerWeights<RealType>& layer, Products products)
      : width_(config.d_ff),
        W_in_(input_weights(layer), products),
        W_down_(std::move(layer.W_down), products),
        b_down_(std::move(layer.b_down)) {
    if (layer.b_gate.size() == 0 && layer.b_up.size() == 0) return;
    b_in_ = RowVector<RealType>::Zero(2 * width_);
    if (layer.b_gate.size() > 0) b_in_.head(width_) = layer.b_gate;
    if (layer.b_up.size() > 0) b_in_.tail(width_) = layer.b_up;
  }

  /// Columns of the state that backward() needs.
  static Index state_columns(Config const& c) { return 2 * c.d_ff; }
  Index state_columns() const { return 2 * width_; }

  /// Writes y, and the pre-activations to `state`. x, y: [n, C]; state: [n, state_columns()].
  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* state, Scalar* y, Arena& arena) const {
    W_in_.forward(x, n, state);
    ops::add_bias(b_in_, state, n);
    auto const mark = arena.mark();
    auto* const h = arena.template allocate<Scalar>(n * width_);
    if constexpr (Kind == Mlp::swiglu)
      ops::swiglu(state, n, width_, h);
    else
      ops::geglu_tanh(state, n, width_, h);
    W_down_.forward(h, n, y);
    ops::add_bias(b_down_, y, n);
    arena.rewind(mark);
  }

  /// Writes dx; overwrites `state`. dy, dx: [n, C].
  template <class Scalar>
  void backward(Scalar* state, Index n, Scalar const* dy, Scalar* dx, Arena& arena) const {
    auto const mark = arena.mark();
    auto* const dh = arena.template allocate<Scalar>(n * width_);
    W_down_.backward(dy, n, dh);  // forward: y = h W_down^T + b_down
    if constexpr (Kind == Mlp::swiglu)
      ops::swiglu_backward(state, n, width_, dh);
    else
      ops::geglu_tanh_backward(state, n, width_, dh);
    W_in_.backward(state, n, dx);
    arena.rewind(mark);
  }

  std::size_t weight_bytes() const { return W_in_.bytes() + W_down_.bytes(); }

 private:
  static Matrix<RealType> input_weights(LayerWeights<RealType>& layer) {
    Matrix<RealType> both(layer.W_gate.rows() + layer.W_up.rows(), layer.W_up.cols());
    both << layer.W_gate, layer.W_up;
    layer.W_gate.resize(0, 0), layer.W_up.resize(0, 0);
    return both;
  }

  Index width_;
  FrozenMatrix<RealType> W_in_, W_down_;
  RowVector<RealType> b_in_, b_down_;
};

}  // namespace chg
