// SPDX-License-Identifier: MIT
// An MLP of two products, and the absence of an MLP.
//
//     gelu, gelu_tanh:   y = gelu(x W_up^T + b_up) W_down^T + b_down
#pragma once

#include <chg/model/architecture.hpp>
#include <chg/model/weights.hpp>
#include <chg/ops/gelu.hpp>
#include <chg/tensor/arena.hpp>
#include <chg/tensor/gemm.hpp>

namespace chg {

/// The members are those of GatedMlp.
template <Mlp Kind, class RealType>
class PlainMlp {
  static_assert(Kind == Mlp::gelu || Kind == Mlp::gelu_tanh);

 public:
  template <class Layer, class Visit>
  static void for_each_tensor(Config const& c, Layer& layer, Visit&& visit) {
    visit(TensorSpec{"W_up", c.d_ff, c.d_model, Role::mlp, true}, layer.W_up);
    visit(TensorSpec{"b_up", 1, c.d_ff, Role::mlp_bias, false}, layer.b_up);
    visit(TensorSpec{"W_down", c.d_model, c.d_ff, Role::mlp, true}, layer.W_down);
    visit(TensorSpec{"b_down", 1, c.d_model, Role::mlp_bias, false}, layer.b_down);
  }

  PlainMlp(Config const& config, LayerWeights<RealType>& layer, Products products)
      : width_(config.d_ff),
        W_up_(std::move(layer.W_up), products),
        W_down_(std::move(layer.W_down), products),
        b_up_(std::move(layer.b_up)),
        b_down_(std::move(layer.b_down)) {}

  static Index state_columns(Config const& c) { return c.d_ff; }
  Index state_columns() const { return width_; }

  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* state, Scalar* y, Arena& arena) const {
    W_up_.forward(x, n, state);
    ops::add_bias(b_up_, state, n);
    auto const mark = arena.mark();
    auto* const h = arena.template allocate<Scalar>(n * width_);
    if constexpr (Kind == Mlp::gelu)
      ops::gelu(state, n * width_, h);
    else
      ops::gelu_tanh(state, n * width_, h);
    W_down_.forward(h, n, y);
    ops::add_bias(b_down_, y, n);
    arena.rewind(mark);
  }

  template <class Scalar>
  void backward(Scalar* state, Index n, Scalar const* dy, Scalar* dx, Arena& arena) const {
    auto const mark = arena.mark();
    auto* const dh = arena.template allocate<Scalar>(n * width_);
    W_down_.backward(dy, n, dh);  // forward: y = h W_down^T + b_down
    if constexpr (Kind == Mlp::gelu)
      ops::gelu_backward(state, n * width_, dh, state);
    else
      ops::gelu_tanh_backward(state, n * width_, dh, state);
    W_up_.backward(state, n, dx);
    arena.rewind(mark);
  }

  std::size_t weight_bytes() const { return W_up_.bytes() + W_down_.bytes(); }

 private:
  Index width_;
  FrozenMatrix<RealType> W_up_, W_down_;
  RowVector<RealType> b_up_, b_down_;
};

/// Of an attention-only transformer. A block asks before it runs its MLP.
template <class RealType>
class NoMlp {
 public:
  template <class Layer, class Visit>
  static void for_each_tensor(Config const&, Layer&, Visit&&) {}

  NoMlp(Config const&, LayerWeights<RealType>&, Products) {}

  static Index state_columns(Config const&) { return 0; }
  Index state_columns() const { return 0; }
  template <class Scalar>
  void forward(Scalar const*, Index, Scalar*, Scalar*, Arena&) const {}
  template <class Scalar>
  void backward(Scalar*, Index, Scalar const*, Scalar*, Arena&) const {}
  std::size_t weight_bytes() const { return 0; }
};

}  // namespace chg
