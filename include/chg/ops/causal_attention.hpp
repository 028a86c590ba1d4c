// SPDX-License-Identifier: MIT
// Causal softmax attention over a prefix tree, with grouped keys and values and sliding windows; one head at a time.
//
//     S = scale Q K^T     P = softmax(S) over the visible keys     Z = P V
//     dV = P^T dZ         dP = dZ V^T         dS = P (dP - delta),  delta = rowsum(P dP) = <dZ, Z>
//     dQ = scale dS K     dK = scale dS^T Q
//
// With a soft cap c: S = c tanh(scale Q K^T / c), and dS takes the factor 1 - (S / c)^2, which the forward pass keeps.
//
// A query at position p sees the positions max(0, p - window + 1) .. p of its own path. Column j of a row of P is the key
// at position j of that row's path.
// Query heads h = g G .. g G + G - 1 share key-value head g.
#pragma once

#include <chg/ops/attention_products.hpp>
#include <chg/ops/attention_rows.hpp>
#include <chg/ops/rows.hpp>
#include <chg/tensor/arena.hpp>
#include <chg/tensor/dual.hpp>

#include <algorithm>

namespace chg::ops {

template <class RealType>
struct AttentionShape {
  Index heads, kv_heads, head_dim;
  RealType scale;
  Index window;          ///< 0: all
  RealType soft_cap{0};  ///< c; 0: none

  Index group() const { return heads / kv_heads; }
  /// The first position that a query at `position` sees.
  Index lowest(Index position) const { return window > 0 ? std::max<Index>(0, position - window + 1) : 0; }
};

namespace detail {

// scores = c tanh(scale scores / c) and its slope.
template <class Row, class RealType>
void cap_scores(Row scores, Row slope, AttentionShape<RealType> const& shape) {
  using Scalar = typename Row::Scalar;
  auto const cap = Scalar(shape.soft_cap);
  scores = (scores * Scalar(shape.scale / shape.soft_cap)).tanh();
  slope = Scalar(1) - scores.square();
  scores *= cap;
}

}  // namespace detail

/// Writes P and Z. q, z: [queries, H D]; kv: [rows, 2 H_kv D], a row being keys, then values; p: [H, queries, stride],
/// 64-byte aligned; slope: like p, what a soft cap lets through of dS, not touched (and may be null) without one.
template <class Scalar, class RealType>
void causal_attention(AttentionRows const& rows, AttentionShape<RealType> const& shape, Scalar const* q, Scalar const* kv,
                      Scalar* p, Scalar* slope, Scalar* z, Arena& arena) {
  auto const D = shape.head_dim, stride = rows.stride(), n = rows.queries();
  detail::HeadLayout const layout{D, shape.heads * D, 2 * shape.kv_heads * D};
  auto const mark = arena.mark();
  map(z, n, layout.q_cols).setZero();
  detail::with_products<Scalar>(rows, layout, arena, [&](auto products) {
    for (Index h = 0; h < shape.heads; ++h) {
      auto* const ph = p + h * n * stride;
      auto const* const key = kv + h / shape.group() * D;
      auto const* const value = key + shape.kv_heads * D;
      if (h % shape.group() == 0) products.set_keys(key);
      for_each_block(rows, [&](KeyBlock const& b) { products.scores(b, q + h * D, ph); });
      for_each_block(rows, [&](KeyBlock const& b) {
        auto const& s = b.segment;
        for (Index i = rows.query(s.begin), end = rows.query(s.end); i < end; ++i) {
          auto const position = rows.position(i), lowest = shape.lowest(position), columns = s.position + s.size();
          auto* const data = ph + i * stride;
          auto scale = shape.scale;
          if (shape.soft_cap > 0) {
            detail::cap_scores(row(data, columns), row(slope + (h * n + i) * stride, columns), shape);
            scale = 1;
          }
          auto const highest = real(row(data + lowest, position + 1 - lowest).maxCoeff());
          auto scores = row(data, std::min(stride, (columns + 15) / 16 * 16));
          scores = ((scores - Scalar(highest)) * Scalar(scale)).exp();
          row(data, lowest).setZero();
          row(data + position + 1, scores.size() - position - 1).setZero();
          scores *= Scalar(1) / scores.sum();
        }
      });
      for_each_block(rows, [&](KeyBlock const& b) { products.mix(b, ph, value, z + h * D); });
    }
  });
  arena.rewind(mark);
}

/// Writes dq and dkv (all of both). p and slope from the forward pass; dz: gradient at Z; delta: [queries, H], <dZ, Z> of each
/// query and head; dq: [queries, H D]; dkv: [rows, 2 H_kv D].
template <class Scalar, class RealType>
void causal_attention_backward(AttentionRows const& rows, AttentionShape<RealType> const& shape, Scalar const* q,
                               Scalar const* kv, Scalar const* p, Scalar const* slope, Scalar const* dz, Scalar const* delta,
                               Scalar* dq, Scalar* dkv, Arena& arena) {
  auto const D = shape.head_dim, stride = rows.stride(), n = rows.queries();
  detail::HeadLayout const layout{D, shape.heads * D, 2 * shape.kv_heads * D};
  map(dq, n, layout.q_cols).setZero();
  map(dkv, rows.keys(), layout.kv_cols).setZero();
  auto const mark = arena.mark();
  auto* const ds = arena.allocate<Scalar>(n * stride);
  detail::with_products<Scalar>(rows, layout, arena, [&](auto products) {
    for (Index h = 0; h < shape.heads; ++h) {
      auto const* const ph = p + h * n * stride;
      auto const* const key = kv + h / shape.group() * D;
      auto const* const value = key + shape.kv_heads * D;
      auto* const dkey = dkv + h / shape.group() * D;
      auto* const dvalue = dkey + shape.kv_heads * D;
      if (h % shape.group() == 0) products.set_keys(value);
      for_each_block(rows, [&](KeyBlock const& b) { products.scores(b, dz + h * D, ds); });  // dP
      for_each_block(rows, [&](KeyBlock const& b) {
        auto const& s = b.segment;
        for (Index i = rows.query(s.begin), end = rows.query(s.end); i < end; ++i) {
          auto const position = rows.position(i), lowest = shape.lowest(position), visible = position + 1 - lowest;
          auto* const data = ds + i * stride;
          auto d = row(data + lowest, visible);
          d = row(ph + i * stride + lowest, visible) * (d - delta[i * shape.heads + h]) * Scalar(shape.scale);  // dS, with scale
          if (shape.soft_cap > 0) d *= row(slope + (h * n + i) * stride + lowest, visible);
          row(data, lowest).setZero();
          row(data + position + 1, s.position + s.size() - position - 1).setZero();
        }
      });
      for_each_block(rows, [&](KeyBlock const& b) {
        products.mix(b, ds, key, dq + h * D);
        products.collect(b, ds, q + h * D, dkey);
        products.collect(b, ph, dz + h * D, dvalue);
      });
    }
  });
  arena.rewind(mark);
}

}  // namespace chg::ops
