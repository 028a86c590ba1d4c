// SPDX-License-Identifier: MIT
// The frozen norm of a block, by the architecture's policy.
#pragma once

#include <chg/model/architecture.hpp>
#include <chg/ops/norm.hpp>

#include <algorithm>

namespace chg {

/// Norm::none passes its input on. Runs on RealType and on duals over it.
template <Norm Kind, class RealType>
class NormLayer {
 public:
  NormLayer() = default;
  NormLayer(RowVector<RealType> scale, RowVector<RealType> bias, Index width, double epsilon)
      : scale_(std::move(scale)), bias_(std::move(bias)), width_(width), epsilon_(epsilon) {}

  /// Numbers a row that backward() needs beside the input.
  static constexpr Index state_columns = Kind == Norm::none ? 0 : Kind == Norm::rms ? 1 : 2;

  /// Writes y and the state. x, y: [n, C]; state: [state_columns, n].
  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* state, Scalar* y) const {
    if constexpr (Kind == Norm::rms)
      ops::rms_norm(x, n, scale_, epsilon_, y, state);
    else if constexpr (Kind == Norm::layer)
      ops::layer_norm(x, n, scale_, bias_, epsilon_, y, state, state + n);
    else
      std::copy(x, x + n * width_, y);
  }

  /// Adds to dx the gradient at the input x. dy, dx: [n, C].
  template <class Scalar>
  void backward(Scalar const* x, Scalar const* state, Index n, Scalar const* dy, Scalar* dx) const {
    if constexpr (Kind == Norm::rms)
      ops::rms_norm_backward(x, state, n, scale_, dy, dx);
    else if constexpr (Kind == Norm::layer)
      ops::layer_norm_backward(x, state, state + n, n, scale_, dy, dx);
    else
      ops::row(dx, n * width_) += ops::row(dy, n * width_);
  }

 private:
  RowVector<RealType> scale_, bias_;
  Index width_ = 0;
  double epsilon_ = 0;
};

}  // namespace chg
