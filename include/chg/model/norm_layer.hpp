// SPDX-License-Identifier: MIT
// The frozen norm of a block, by the architecture's policy. A further kind is a class here, and its
// name in Norm, Norms and NormLayer.
#pragma once

#include <chg/model/policy_layer.hpp>
#include <chg/ops/norm.hpp>

#include <algorithm>

namespace chg {

/// What a norm is made from.
template <class RealType>
struct NormWeights {
  RowVector<RealType> scale, bias;  ///< [C]; of size 0 where the kind has none
};

template <class RealType>
class RmsNorm {
 public:
  RmsNorm(NormWeights<RealType> weights, Index, double epsilon)
      : scale_(std::move(weights.scale)), epsilon_(epsilon) {}

  /// Numbers per row that backward() needs beside the input.
  static constexpr Index state_columns = 1;

  /// Writes y and the state. x, y: [n, C]; state: [state_columns, n].
  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* state, Scalar* y) const {
    ops::rms_norm(x, n, scale_, epsilon_, y, state);
  }
  /// Adds to dx the gradient at the input x. dy, dx: [n, C].
  template <class Scalar>
  void backward(Scalar const* x, Scalar const* state, Index n, Scalar const* dy, Scalar* dx) const {
    ops::rms_norm_backward(x, state, n, scale_, dy, dx);
  }

 private:
  RowVector<RealType> scale_;
  double epsilon_;
};

template <class RealType>
class LayerNorm {
 public:
  LayerNorm(NormWeights<RealType> weights, Index, double epsilon)
      : weights_(std::move(weights)), epsilon_(epsilon) {}

  static constexpr Index state_columns = 2;

  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* state, Scalar* y) const {
    ops::layer_norm(x, n, weights_.scale, weights_.bias, epsilon_, y, state, state + n);
  }
  template <class Scalar>
  void backward(Scalar const* x, Scalar const* state, Index n, Scalar const* dy, Scalar* dx) const {
    ops::layer_norm_backward(x, state, state + n, n, weights_.scale, dy, dx);
  }

 private:
  NormWeights<RealType> weights_;
  double epsilon_;
};

/// Passes its input on.
template <class RealType>
class NoNorm {
 public:
  NoNorm(NormWeights<RealType> const&, Index width, double) : width_(width) {}

  static constexpr Index state_columns = 0;

  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar*, Scalar* y) const {
    std::copy(x, x + n * width_, y);
  }
  template <class Scalar>
  void backward(Scalar const*, Scalar const*, Index n, Scalar const* dy, Scalar* dx) const {
    ops::row(dx, n * width_) += ops::row(dy, n * width_);
  }

 private:
  Index width_;
};

namespace detail {
template <class RealType>
struct Norms {
  template <auto Kind>
  using Of = std::conditional_t<
      Kind == Norm::rms, RmsNorm<RealType>,
      std::conditional_t<Kind == Norm::layer, LayerNorm<RealType>, NoNorm<RealType>>>;
};
}  // namespace detail

/// The norm of a policy. Immutable, hence safe to share between threads. Runs on RealType and on
/// duals over it.
template <Policy<Norm> P, class RealType>
class NormLayer {
 public:
  NormLayer(Norm kind, NormWeights<RealType> weights, Index width, double epsilon)
      : layer_(Layer::make(kind, std::move(weights), width, epsilon)) {}

  Index state_columns() const {
    return layer_.with([](auto const& norm) { return norm.state_columns; });
  }
  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* state, Scalar* y) const {
    layer_.with([&](auto const& norm) { norm.forward(x, n, state, y); });
  }
  template <class Scalar>
  void backward(Scalar const* x, Scalar const* state, Index n, Scalar const* dy, Scalar* dx) const {
    layer_.with([&](auto const& norm) { norm.backward(x, state, n, dy, dx); });
  }

 private:
  using Layer =
      PolicyLayer<P, detail::Norms<RealType>::template Of, Norm::rms, Norm::layer, Norm::none>;

  Layer layer_;
};

}  // namespace chg
