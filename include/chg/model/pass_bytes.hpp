// SPDX-License-Identifier: MIT
// How much memory a pass takes, known before there are weights.
#pragma once

#include <chg/model/mlp.hpp>

#include <cstddef>

namespace chg {

/// An upper bound of the arena bytes of a pass that is kept for the backward pass, for `rows` rows,
/// `targets` of them targets, in a tree of the given depth. c: with every policy known, as a
/// Transformer has it.
template <class Scalar>
std::size_t pass_bytes(Config const& c, Index rows, Index targets, Index depth) {
  auto const heads_columns = c.heads * c.head_dim, stride = (depth + 15) / 16 * 16;
  Index mlp = 0;
  with_mlp_class<Real<Scalar>>(c.mlp.value, [&]<class Class>() { mlp = Class::state_columns(c); });
  auto const norms = (c.post_norms == true ? 2 * c.d_model + 4 : 0) +
                     (c.query_key_norm == true ? (c.heads + c.kv_heads) * (c.head_dim + 1) : 0) +
                     (c.parallel == true ? c.d_model : 0);
  auto const kept = 2 * c.d_model + 4 + 2 * heads_columns + 2 * c.kv_heads * c.head_dim + mlp +
                    norms + (c.attention_soft_cap > 0 ? 2 : 1) * c.heads * stride;
  auto const working = 4 * c.d_model + 2 * heads_columns + (2 * c.kv_heads + 1) * c.head_dim +
                       2 * c.d_ff + stride + c.heads;
  return static_cast<std::size_t>(rows * (kept * c.layers + working) +
                                  targets *
                                      ((c.logit_soft_cap > 0 ? 2 : 1) * c.vocab + 3 * c.d_model)) *
         sizeof(Scalar);
}

}  // namespace chg
