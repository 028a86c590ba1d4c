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
// at position j of that row's path; since a subtree is contiguous, a segment's keys meet all queries below it in one block.
// Query heads h = g G .. g G + G - 1 share key-value head g.
#pragma once

#include <chg/ops/rows.hpp>
#include <chg/tensor/arena.hpp>
#include <chg/tensor/dual.hpp>
#include <chg/tensor/prefix_tree.hpp>

#include <algorithm>

namespace chg::ops {

/// Which rows of the tree ask: all, or those at which a target is read.
enum class Rows { all, targets };

/// A tree as attention sees it: its queries are numbered 0 .. queries() - 1 in row order.
class AttentionRows {
 public:
  AttentionRows(PrefixTree const& tree, Rows rows) : tree_(&tree), rows_(rows) {}

  PrefixTree const& tree() const { return *tree_; }
  Rows rows() const { return rows_; }
  /// Number of rows that bring a key and a value.
  Index keys() const { return tree_->rows(); }
  Index queries() const { return rows_ == Rows::all ? tree_->rows() : static_cast<Index>(tree_->target_rows().size()); }
  /// Number of queries before `row`.
  Index query(Index row) const { return rows_ == Rows::all ? row : tree_->targets_before(row); }
  /// The row of a query.
  Index row(Index query) const { return rows_ == Rows::all ? query : tree_->target_rows()[static_cast<std::size_t>(query)]; }
  Index position(Index query) const { return tree_->position(row(query)); }
  /// Columns of a row of P: the deepest path, rounded up so that every row starts on a 64-byte boundary.
  Index stride() const { return (tree_->depth() + 15) / 16 * 16; }

 private:
  PrefixTree const* tree_;
  Rows rows_;
};

template <class RealType>
struct AttentionShape {
  Index heads, kv_heads, head_dim;
  RealType scale;
  Index window;          ///< 0: all
  RealType soft_cap{0};  ///< c; 0: none

  Index group() const { return heads / kv_heads; }
};

namespace detail {

// Calls block(segment, first query, number of queries) for every segment that has queries at or below it.
template <class Block>
void for_each_block(AttentionRows const& rows, Block&& block) {
  for (auto const& segment : rows.tree().segments()) {
    auto const first = rows.query(segment.begin);
    auto const last = rows.query(segment.subtree_end);
    if (first == last) continue;
    block(segment, first, last - first);
  }
}

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
                      Scalar* p, Scalar* slope, Scalar* z) {
  auto const D = shape.head_dim, q_cols = shape.heads * D, kv_cols = 2 * shape.kv_heads * D, stride = rows.stride(),
             n = rows.queries();
  for (Index h = 0; h < shape.heads; ++h) {
    auto* const ph = p + h * n * stride;
    auto const* const key = kv + h / shape.group() * D;
    auto const* const value = key + shape.kv_heads * D;
    detail::for_each_block(rows, [&](Segment const& s, Index first, Index count) {
      map(ph + first * stride + s.position, count, s.size(), stride).noalias() =
          map(q + first * q_cols + h * D, count, D, q_cols) * map(key + s.begin * kv_cols, s.size(), D, kv_cols).transpose();
    });
    detail::for_each_block(rows, [&](Segment const& s, Index, Index) {
      for (Index i = rows.query(s.begin), end = rows.query(s.end); i < end; ++i) {
        auto const position = rows.position(i),
                   lowest = shape.window > 0 ? std::max<Index>(0, position - shape.window + 1) : Index{0};
        auto const columns = s.position + s.size();
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
    map(z + h * D, n, D, q_cols).setZero();
    detail::for_each_block(rows, [&](Segment const& s, Index first, Index count) {
      map(z + first * q_cols + h * D, count, D, q_cols).noalias() +=
          map(ph + first * stride + s.position, count, s.size(), stride) * map(value + s.begin * kv_cols, s.size(), D, kv_cols);
    });
  }
}

/// Writes dq and dkv (all of both). p and slope from the forward pass; dz: gradient at Z; delta: [queries, H], <dZ, Z> of each
/// query and head; dq: [queries, H D]; dkv: [rows, 2 H_kv D].
template <class Scalar, class RealType>
void causal_attention_backward(AttentionRows const& rows, AttentionShape<RealType> const& shape, Scalar const* q,
                               Scalar const* kv, Scalar const* p, Scalar const* slope, Scalar const* dz, Scalar const* delta,
                               Scalar* dq, Scalar* dkv, Arena& arena) {
  auto const D = shape.head_dim, q_cols = shape.heads * D, kv_cols = 2 * shape.kv_heads * D, stride = rows.stride(),
             n = rows.queries();
  map(dq, n, q_cols).setZero();
  map(dkv, rows.tree().rows(), kv_cols).setZero();
  auto const mark = arena.mark();
  auto* const ds = arena.allocate<Scalar>(n * stride);
  for (Index h = 0; h < shape.heads; ++h) {
    auto const* const ph = p + h * n * stride;
    auto const* const key = kv + h / shape.group() * D;
    auto const* const value = key + shape.kv_heads * D;
    auto* const dkey = dkv + h / shape.group() * D;
    auto* const dvalue = dkey + shape.kv_heads * D;
    detail::for_each_block(rows, [&](Segment const& s, Index first, Index count) {
      map(ds + first * stride + s.position, count, s.size(), stride).noalias() =  // dP = dZ V^T
          map(dz + first * q_cols + h * D, count, D, q_cols) * map(value + s.begin * kv_cols, s.size(), D, kv_cols).transpose();
    });
    detail::for_each_block(rows, [&](Segment const& s, Index, Index) {
      auto const columns = s.position + s.size();
      for (Index i = rows.query(s.begin), end = rows.query(s.end); i < end; ++i) {
        auto d = row(ds + i * stride, columns);
        d = row(ph + i * stride, columns) * (d - delta[i * shape.heads + h]) * Scalar(shape.scale);  // dS, scale included
        if (shape.soft_cap > 0) d *= row(slope + (h * n + i) * stride, columns);
      }
    });
    detail::for_each_block(rows, [&](Segment const& s, Index first, Index count) {
      auto const ds_block = map(static_cast<Scalar const*>(ds) + first * stride + s.position, count, s.size(), stride);
      auto const p_block = map(ph + first * stride + s.position, count, s.size(), stride);
      map(dq + first * q_cols + h * D, count, D, q_cols).noalias() +=
          ds_block * map(key + s.begin * kv_cols, s.size(), D, kv_cols);
      map(dkey + s.begin * kv_cols, s.size(), D, kv_cols).noalias() +=
          ds_block.transpose() * map(q + first * q_cols + h * D, count, D, q_cols);
      map(dvalue + s.begin * kv_cols, s.size(), D, kv_cols).noalias() +=
          p_block.transpose() * map(dz + first * q_cols + h * D, count, D, q_cols);
    });
  }
  arena.rewind(mark);
}

}  // namespace chg::ops
