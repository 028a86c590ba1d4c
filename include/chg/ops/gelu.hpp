// SPDX-License-Identifier: MIT
// GELU, exact and in the tanh approximation of GPT-2.
//
//     exact:  h = a Phi(a),                          dh/da = Phi(a) + a phi(a)
//     tanh:   h = a (1 + t) / 2,  t = tanh(k (a + c a^3)),  k = sqrt(2 / pi),  c = 0.044715
//             dh/da = (1 + t) / 2 + a (1 - t^2) k (1 + 3 c a^2) / 2
//
// Hendrycks and Gimpel, arXiv 1606.08415.
#pragma once

#include <chg/ops/rows.hpp>
#include <chg/tensor/dual.hpp>

#include <cmath>

namespace chg::ops {

namespace detail {
inline constexpr double kTanhScale = 0.79788456080286535588;  // sqrt(2 / pi)
inline constexpr double kCubic = 0.044715;
inline constexpr double kHalfRoot = 0.70710678118654752440;  // 1 / sqrt(2)
inline constexpr double kDensity = 0.39894228040143267794;   // 1 / sqrt(2 pi)
}  // namespace detail

/// Writes h = a Phi(a), element by element. a, h: n numbers; may be the same.
template <class Scalar>
void gelu(Scalar const* a, Index n, Scalar* h) {
  using std::erf;
  for (Index i = 0; i < n; ++i) h[i] = a[i] * Scalar(0.5) * (Scalar(1) + erf(a[i] * Scalar(detail::kHalfRoot)));
}

/// Writes da = dh (Phi(a) + a phi(a)). a, dh, da: n numbers; da may be a or dh.
template <class Scalar>
void gelu_backward(Scalar const* a, Index n, Scalar const* dh, Scalar* da) {
  using std::erf;
  using std::exp;
  for (Index i = 0; i < n; ++i) {
    auto const below = Scalar(0.5) * (Scalar(1) + erf(a[i] * Scalar(detail::kHalfRoot)));
    auto const density = Scalar(detail::kDensity) * exp(a[i] * a[i] * Scalar(-0.5));
    da[i] = dh[i] * (below + a[i] * density);  // forward: h = a Phi(a)
  }
}

/// Writes h by the tanh approximation. a, h: n numbers; may be the same.
template <class Scalar>
void gelu_tanh(Scalar const* a, Index n, Scalar* h) {
  auto const x = row(a, n);
  row(h, n) = x * Scalar(0.5) * (Scalar(1) + (Scalar(detail::kTanhScale) * (x + Scalar(detail::kCubic) * x.cube())).tanh());
}

/// Writes da for gelu_tanh. a, dh, da: n numbers; da may be a or dh.
template <class Scalar>
void gelu_tanh_backward(Scalar const* a, Index n, Scalar const* dh, Scalar* da) {
  using std::tanh;
  constexpr int kSaturated = 100;  // far beyond where t rounds to 1, and far below where the cube overflows
  for (Index i = 0; i < n; ++i) {
    if (real(a[i]) > kSaturated || real(a[i]) < -kSaturated) {
      da[i] = real(a[i]) > 0 ? dh[i] : Scalar(0);
      continue;
    }
    auto const square = a[i] * a[i];
    auto const t = tanh(Scalar(detail::kTanhScale) * a[i] * (Scalar(1) + Scalar(detail::kCubic) * square));
    auto const slope = Scalar(detail::kTanhScale) * (Scalar(1) + Scalar(3 * detail::kCubic) * square);
    da[i] = dh[i] * Scalar(0.5) * (Scalar(1) + t + a[i] * (Scalar(1) - t * t) * slope);  // forward: h = a (1 + t) / 2
  }
}

}  // namespace chg::ops
