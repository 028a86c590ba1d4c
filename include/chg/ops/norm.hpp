// SPDX-License-Identifier: MIT
// RMS norm and layer norm, a row at a time, with frozen scale g and bias b.
//
//     rms:    h = x r,        r = 1 / sqrt(mean(x^2) + eps)         y = g h
//     layer:  h = (x - m) r,  r = 1 / sqrt(mean((x - m)^2) + eps)   y = g h + b,   m = mean(x)
//
// Both directions follow from dh = g dy. Differentiating h through r (and m):
//
//     rms:    dx = r (dh - h mean(dh h))          layer:  dx = r (dh - mean(dh) - h mean(dh h))
//
// RMS norm: Zhang and Sennrich, arXiv 1910.07467; layer norm: Ba, Kiros, Hinton, arXiv 1607.06450.
#pragma once

#include <chg/ops/rows.hpp>
#include <chg/tensor/dual.hpp>

#include <cmath>

namespace chg::ops {

/// Writes y, and the reciprocal r of every row, which the backward pass needs. x, y: [n, cols]; scale: [cols]; r: [n].
template <class Scalar, class RealType>
void rms_norm(Scalar const* x, Index n, RowVector<RealType> const& scale, double epsilon, Scalar* y, Scalar* r) {
  using std::sqrt;
  auto const cols = scale.size();
  for (Index i = 0; i < n; ++i) {
    auto const xi = row(x + i * cols, cols);
    r[i] = Scalar(1) / sqrt(xi.square().sum() / Scalar(static_cast<RealType>(cols)) + Scalar(static_cast<RealType>(epsilon)));
    row(y + i * cols, cols) = xi * r[i] * scale.array().template cast<Scalar>();
  }
}

/// Adds to dx the gradient of rms_norm. x, dy, dx: [n, cols]; r from the forward pass: [n].
template <class Scalar, class RealType>
void rms_norm_backward(Scalar const* x, Scalar const* r, Index n, RowVector<RealType> const& scale, Scalar const* dy,
                       Scalar* dx) {
  auto const cols = scale.size();
  for (Index i = 0; i < n; ++i) {
    auto const xi = row(x + i * cols, cols);
    auto const dh = row(dy + i * cols, cols) * scale.array().template cast<Scalar>();
    auto const projection = (dh * xi).sum() * r[i] * r[i] / Scalar(static_cast<RealType>(cols));  // mean(dh h) r
    row(dx + i * cols, cols) += r[i] * (dh - projection * xi);                                    // forward: y = g x r
  }
}

/// Writes y, the mean m and the reciprocal r of every row. x, y: [n, cols]; scale, bias: [cols]; m, r: [n].
template <class Scalar, class RealType>
void layer_norm(Scalar const* x, Index n, RowVector<RealType> const& scale, RowVector<RealType> const& bias, double epsilon,
                Scalar* y, Scalar* m, Scalar* r) {
  using std::sqrt;
  auto const cols = scale.size();
  for (Index i = 0; i < n; ++i) {
    auto const xi = row(x + i * cols, cols);
    m[i] = xi.sum() / Scalar(static_cast<RealType>(cols));
    r[i] = Scalar(1) /
           sqrt((xi - m[i]).square().sum() / Scalar(static_cast<RealType>(cols)) + Scalar(static_cast<RealType>(epsilon)));
    row(y + i * cols, cols) = (xi - m[i]) * r[i] * scale.array().template cast<Scalar>() + bias.array().template cast<Scalar>();
  }
}

/// Adds to dx the gradient of layer_norm. x, dy, dx: [n, cols]; m, r from the forward pass: [n].
template <class Scalar, class RealType>
void layer_norm_backward(Scalar const* x, Scalar const* m, Scalar const* r, Index n, RowVector<RealType> const& scale,
                         Scalar const* dy, Scalar* dx) {
  auto const cols = scale.size();
  auto const count = Scalar(static_cast<RealType>(cols));
  for (Index i = 0; i < n; ++i) {
    auto const h = (row(x + i * cols, cols) - m[i]) * r[i];
    auto const dh = row(dy + i * cols, cols) * scale.array().template cast<Scalar>();
    auto const mean = dh.sum() / count;
    auto const projection = (dh * h).sum() / count;
    row(dx + i * cols, cols) += r[i] * (dh - mean - h * projection);  // forward: y = g (x - m) r + b
  }
}

}  // namespace chg::ops
