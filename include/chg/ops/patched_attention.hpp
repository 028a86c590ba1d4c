// SPDX-License-Identifier: MIT
// Attention of rows that run beside a base run: copies of one of its rows, from which a patch has led them away. Nothing before
// that row sees the patch, so their keys and values are the base run's below their position, and their own at it.
//
//     S = scale [Q K_base^T, <q, k>]      P = softmax(S)      Z = P_base V_base + P_own v
//
// The rows of an example share K_base and V_base, hence one product a head.
#pragma once

#include <chg/ops/causal_attention.hpp>

#include <span>

namespace chg::ops {

/// Where the patched rows of one example come from.
template <class Scalar>
struct PatchBase {
  Scalar const* kv;       ///< [position, 2 H_kv D]: keys, positions applied, then values, of positions 0 and on
  Index position;         ///< of the patched row
  Scalar const* patches;  ///< [H D], what the heads of this layer put out when patched
};

/// `each` rows an example, an example after another. Row h of an example's last H rows is patched in head h of this layer.
template <class Scalar>
class PatchRows {
 public:
  PatchRows(std::span<PatchBase<Scalar> const> bases, Index each) : bases_(bases), each_(each) {}

  std::span<PatchBase<Scalar> const> bases() const { return bases_; }
  Index each() const { return each_; }
  Index queries() const { return static_cast<Index>(bases_.size()) * each_; }
  Index keys() const { return queries(); }
  static constexpr Rows rows() { return Rows::all; }
  static Index row(Index query) { return query; }
  Index position(Index row) const { return base(row).position; }
  /// What the heads put out, if this row is patched in this head; null otherwise.
  Scalar const* patch(Index row, Index head, Index heads) const {
    return row % each_ == each_ - heads + head ? base(row).patches : nullptr;
  }

 private:
  PatchBase<Scalar> const& base(Index row) const { return bases_[static_cast<std::size_t>(row / each_)]; }

  std::span<PatchBase<Scalar> const> bases_;
  Index each_;
};

/// Writes Z. q, z: [rows, H D]; kv: [rows, 2 H_kv D], the rows' own.
template <class Scalar, class RealType>
void patched_attention(PatchRows<Scalar> const& rows, AttentionShape<RealType> const& shape, Scalar const* q, Scalar const* kv,
                       Scalar* z, Arena& arena) {
  auto const D = shape.head_dim, q_cols = shape.heads * D, kv_cols = 2 * shape.kv_heads * D, n = rows.each();
  for (auto const& base : rows.bases()) {
    auto const lowest = shape.window > 0 ? std::max<Index>(0, base.position - shape.window + 1) : Index{0};
    auto const before = base.position - lowest, visible = before + 1, stride = (visible + 15) / 16 * 16;
    auto const mark = arena.mark();
    auto* const p = arena.allocate<Scalar>(n * stride);
    for (Index h = 0; h < shape.heads; ++h) {
      auto const key = h / shape.group() * D, value = key + shape.kv_heads * D;
      auto const qh = map(q + h * D, n, D, q_cols);
      map(p, n, before, stride).noalias() = qh * map(base.kv + lowest * kv_cols + key, before, D, kv_cols).transpose();
      for (Index i = 0; i < n; ++i) {
        p[i * stride + before] = (row(q + i * q_cols + h * D, D) * row(kv + i * kv_cols + key, D)).sum();
        auto scores = row(p + i * stride, visible);
        auto scale = shape.scale;
        if (shape.soft_cap > 0) {
          scores = (scores * Scalar(scale / shape.soft_cap)).tanh() * Scalar(shape.soft_cap);
          scale = 1;
        }
        auto const highest = real(scores.maxCoeff());
        scores = ((scores - Scalar(highest)) * Scalar(scale)).exp();
        scores *= Scalar(1) / scores.sum();
      }
      map(z + h * D, n, D, q_cols).noalias() =
          map(static_cast<Scalar const*>(p), n, before, stride) * map(base.kv + lowest * kv_cols + value, before, D, kv_cols);
      for (Index i = 0; i < n; ++i)
        row(z + i * q_cols + h * D, D) += p[i * stride + before] * row(kv + i * kv_cols + value, D);
    }
    arena.rewind(mark);
    q += n * q_cols, kv += n * kv_cols, z += n * q_cols;
  }
}

}  // namespace chg::ops
