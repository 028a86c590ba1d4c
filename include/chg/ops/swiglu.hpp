// SPDX-License-Identifier: MIT
// SwiGLU: the gated unit between the MLP's projections.
//
//     h = silu(a) b,   silu(a) = a s,   s = 1 / (1 + exp(-a))
//     db = dh silu(a)          da = dh b s (1 + a (1 - s))
//
// Shazeer, arXiv 2002.05202. a and b are kept; h, which the backward pass can do without, is not.
#pragma once

#include <chg/ops/rows.hpp>
#include <chg/tensor/dual.hpp>

#include <algorithm>

namespace chg::ops {

namespace detail {
/// exp(-a). On duals kept finite: far out the sigmoid is 0 to round-off, but its tangent would be infinity times 0.
template <class Row>
auto exp_of_minus(Row const& a) {
  using Scalar = typename Row::Scalar;
  if constexpr (is_dual<Scalar>)
    return (-a).min(Scalar(sizeof(Real<Scalar>) == sizeof(float) ? 80 : 700)).exp();
  else
    return (-a).exp();
}
}  // namespace detail

/// Writes h. ab: [n, 2 F], a row being a (F numbers), then b (F numbers); h: [n, F].
template <class Scalar>
void swiglu(Scalar const* ab, Index n, Index width, Scalar* h) {
  for (Index i = 0; i < n; ++i, ab += 2 * width, h += width) {
    auto const a = row(ab, width), b = row(ab + width, width);
    row(h, width) = a * b / (Scalar(1) + detail::exp_of_minus(a));
  }
}

/// Overwrites ab with the gradients (da, db). dh: [n, F].
template <class Scalar>
void swiglu_backward(Scalar* ab, Index n, Index width, Scalar const* dh) {
  constexpr Index kBlock = 64;
  Eigen::Array<Scalar, 1, kBlock> s;
  for (Index i = 0; i < n; ++i, ab += 2 * width, dh += width)
    for (Index begin = 0; begin < width; begin += kBlock) {
      auto const m = std::min(kBlock, width - begin);
      auto a = row(ab + begin, m), b = row(ab + width + begin, m);
      auto const d = row(dh + begin, m);
      auto sigmoid = s.head(m);
      sigmoid = (Scalar(1) + detail::exp_of_minus(a)).inverse();
      auto const silu = a * sigmoid;
      Eigen::Array<Scalar, 1, Eigen::Dynamic, Eigen::RowMajor, 1, kBlock> const db = d * silu;
      a = d * b * sigmoid * (Scalar(1) + a - silu);  // forward: h = a s b, and a (1 - s) = a - silu
      b = db;
    }
}

}  // namespace chg::ops
