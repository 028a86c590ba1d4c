// SPDX-License-Identifier: MIT
// GEGLU with the tanh approximation: the gated unit of the Gemma family.
//
//     h = gelu(a) b            db = dh gelu(a)         da = dh b gelu'(a)
//
// Shazeer, arXiv 2002.05202; gelu and its derivative in gelu.hpp. a and b are kept; h is not.
#pragma once

#include <chg/ops/gelu.hpp>

#include <algorithm>

namespace chg::ops {

/// Writes h. ab: [n, 2 F], a row being a (F numbers), then b (F numbers); h: [n, F].
template <class Scalar>
void geglu_tanh(Scalar const* ab, Index n, Index width, Scalar* h) {
  for (Index i = 0; i < n; ++i, ab += 2 * width, h += width) {
    gelu_tanh(ab, width, h);
    row(h, width) *= row(ab + width, width);
  }
}

/// Overwrites ab with the gradients (da, db). dh: [n, F].
template <class Scalar>
void geglu_tanh_backward(Scalar* ab, Index n, Index width, Scalar const* dh) {
  constexpr Index kBlock = 64;
  Eigen::Array<Scalar, 1, kBlock> gate, through;
  for (Index i = 0; i < n; ++i, ab += 2 * width, dh += width)
    for (Index begin = 0; begin < width; begin += kBlock) {
      auto const m = std::min(kBlock, width - begin);
      auto* const a = ab + begin;
      auto b = row(ab + width + begin, m);
      gelu_tanh(a, m, gate.data());
      through.head(m) = row(dh + begin, m) * b;
      gelu_tanh_backward(a, m, through.data(), a);
      b = row(dh + begin, m) * gate.head(m);  // forward: h = gelu(a) b
    }
}

}  // namespace chg::ops
