// SPDX-License-Identifier: MIT
// How much memory a pass takes, known before there are weights.
#pragma once

#include <chg/model/architecture.hpp>

#include <cstddef>

namespace chg {

/// An upper bound of the arena bytes that a pass kept for the backward pass takes for `rows` rows, `targets` of them targets, in a
/// tree of the given depth.
template <class Scalar>
std::size_t pass_bytes(Architecture const& a, Config const& c, Index rows, Index targets, Index depth) {
  auto const heads_columns = c.heads * c.head_dim, stride = (depth + 15) / 16 * 16,
             mlp = a.mlp == Mlp::none ? 0 : (gated(a.mlp) ? 2 : 1) * c.d_ff;
  auto const norms = (a.post_norms ? 2 * c.d_model + 4 : 0) + (a.query_key_norm ? (c.heads + c.kv_heads) * (c.head_dim + 1) : 0) +
                     (a.parallel ? c.d_model : 0);
  auto const kept = 2 * c.d_model + 4 + 2 * heads_columns + 2 * c.kv_heads * c.head_dim + mlp + norms +
                    (c.attention_soft_cap > 0 ? 2 : 1) * c.heads * stride;
  auto const working = 4 * c.d_model + 2 * heads_columns + (2 * c.kv_heads + 1) * c.head_dim + 2 * c.d_ff + stride + c.heads;
  return static_cast<std::size_t>(rows * (kept * c.layers + working) +
                                  targets * ((c.logit_soft_cap > 0 ? 2 : 1) * c.vocab + 3 * c.d_model)) *
         sizeof(Scalar);
}

}  // namespace chg
