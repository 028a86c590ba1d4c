// SPDX-License-Identifier: MIT
// The products of one head's queries with a segment's keys or values, forward and backward.
//
//     scores:   S[i, j] = sum_d X[i, d] B[j, d]       S = Q K^T,     dP = dZ V^T
//     mix:      Y[i, d] += sum_j P[i, j] B[j, d]      Z = P V,       dQ = dS K
//     collect:  dB[j, d] += sum_i P[i, j] X[i, d]     dV = P^T dZ,   dK = dS^T Q
//
// i runs over the queries of a block, j over its segment's rows. P is 0 at keys that a query does not see, and S is wanted
// only at those that it does. PlainProducts compute whole blocks by Eigen, for any number type and width of a head.
// TiledProducts run the register tile over the matrices as they lie, for heads of whole vectors, and leave out what no query of
// a tile sees: on a long path without branches nearly half of the work.
#pragma once

#include <chg/ops/attention_rows.hpp>
#include <chg/tensor/arena.hpp>
#include <chg/tensor/dual.hpp>
#include <chg/tensor/register_tile.hpp>

#include <algorithm>
#include <type_traits>

namespace chg::ops::detail {

using chg::detail::block_depth, chg::detail::multiply_vectors, chg::detail::RealTile, chg::detail::TileShape,
    chg::detail::transpose_square;

/// Where the numbers of one head lie. q_cols, kv_cols: from one row of queries, of keys or values, to the next.
struct HeadLayout {
  Index head_dim, q_cols, kv_cols;
};

/// x, y: a head's columns of a matrix of queries; keys, d_keys: of a matrix of keys or values; p: [queries, stride].
template <class Scalar>
class PlainProducts {
 public:
  PlainProducts(AttentionRows const& rows, HeadLayout layout, Arena&) : layout_(layout), stride_(rows.stride()) {}

  /// What scores() multiply with from now on.
  void set_keys(Scalar const* keys) { keys_ = keys; }

  /// Writes p.
  void scores(KeyBlock const& b, Scalar const* x, Scalar* p) const {
    of_both(b, p).noalias() = product(of_queries(b, x), of_keys(b, keys_).transpose());
  }
  /// Adds to y.
  void mix(KeyBlock const& b, Scalar const* p, Scalar const* keys, Scalar* y) const {
    of_queries(b, y).noalias() += product(of_both(b, p), of_keys(b, keys));
  }
  /// Adds to d_keys.
  void collect(KeyBlock const& b, Scalar const* p, Scalar const* x, Scalar* d_keys) const {
    of_keys(b, d_keys).noalias() += product(of_both(b, p).transpose(), of_queries(b, x));
  }

 private:
  // Duals do without Eigen's blocked products: they take the compiler longer than they save.
  template <class A, class B>
  static auto product(A const& a, B const& b) {
    if constexpr (is_dual<Scalar>)
      return a.lazyProduct(b);
    else
      return a * b;
  }
  template <class T>
  auto of_queries(KeyBlock const& b, T* x) const {
    return map(x + b.first * layout_.q_cols, b.count, layout_.head_dim, layout_.q_cols);
  }
  template <class T>
  auto of_keys(KeyBlock const& b, T* keys) const {
    return map(keys + b.segment.begin * layout_.kv_cols, b.segment.size(), layout_.head_dim, layout_.kv_cols);
  }
  template <class T>
  auto of_both(KeyBlock const& b, T* p) const {
    return map(p + b.first * stride_ + b.segment.position, b.count, b.segment.size(), stride_);
  }

  HeadLayout layout_;
  Index stride_;
  Scalar const* keys_ = nullptr;
};

/// A type of its own, by which a profile tells these products from those with weights.
template <class Real>
struct AttentionTile : RealTile<Real> {};

/// The same by the register tile. scores() may write anything to what a query does not see in its row of p.
template <class Real>
class TiledProducts {
  using Tile = AttentionTile<Real>;
  using Shape = TileShape<Tile>;

 public:
  static bool fit(Index head_dim) { return head_dim % Tile::lanes == 0; }

  TiledProducts(AttentionRows const& rows, HeadLayout layout, Arena& arena)
      : rows_(rows),
        layout_(layout),
        stride_(rows.stride()),
        transposed_(arena.allocate<Real>(rows.keys() * layout.head_dim + Tile::lanes)) {}

  void set_keys(Real const* keys) {
    for_each_block(rows_, [&](KeyBlock const& b) {
      auto const size = b.segment.size();
      auto const* const from = keys + b.segment.begin * layout_.kv_cols;
      auto* const to = transposed(b.segment);
      // A square stores whole vectors. What it writes past the end of a row is the start of the next, which is written later.
      for (Index d = 0; d < layout_.head_dim; d += Tile::lanes)
        for (Index j = (size - 1) / Tile::lanes * Tile::lanes; j >= 0; j -= Tile::lanes)
          transpose_square<Tile>(from + j * layout_.kv_cols + d, layout_.kv_cols, size - j, to + d * size + j, size);
    });
  }

  void scores(KeyBlock const& b, Real const* x, Real* p) const {
    auto const size = b.segment.size();
    for_each_tile(b.count, [&](Index i, Index height) {
      auto const at = b.first + i, visible = b.visible(rows_, at + height - 1);
      for_each_panel(visible, [&](Index j, Index vectors) {
        auto const column = b.segment.position + j, room = stride_ - column;
        auto const multiply = [&](Real* c, Index c_stride) {
          multiply_vectors<Tile>(height, vectors, {x + at * layout_.q_cols, layout_.q_cols}, transposed(b.segment) + j, size,
                                 layout_.head_dim, c, c_stride, false);
        };
        auto* const c = p + at * stride_ + column;
        if (vectors * Tile::lanes <= room) return multiply(c, stride_);
        Real tile[Shape::rows * Shape::columns];
        multiply(tile, Shape::columns);
        for (Index r = 0; r < height; ++r) std::copy_n(tile + r * Shape::columns, room, c + r * stride_);
      });
    });
  }

  void mix(KeyBlock const& b, Real const* p, Real const* keys, Real* y) const {
    for_each_tile(b.count, [&](Index i, Index height) {
      auto const at = b.first + i, visible = b.visible(rows_, at + height - 1);
      for_each_panel(layout_.head_dim, [&](Index d, Index vectors) {
        multiply_vectors<Tile>(height, vectors, {p + at * stride_ + b.segment.position, stride_},
                               keys + b.segment.begin * layout_.kv_cols + d, layout_.kv_cols, visible,
                               y + at * layout_.q_cols + d, layout_.q_cols, true);
      });
    });
  }

  void collect(KeyBlock const& b, Real const* p, Real const* x, Real* d_keys) const {
    for_each_tile(b.segment.size(), [&](Index j, Index height) {
      auto const row = b.segment.begin + j, end = b.first + b.count;
      for (Index first = rows_.query(row); first < end; first += block_depth) {
        auto const steps = std::min(block_depth, end - first);
        for_each_panel(layout_.head_dim, [&](Index d, Index vectors) {
          multiply_vectors<Tile>(height, vectors, {p + first * stride_ + b.segment.position + j, 1, stride_},
                                 x + first * layout_.q_cols + d, layout_.q_cols, steps, d_keys + row * layout_.kv_cols + d,
                                 layout_.kv_cols, true);
        });
      }
    });
  }

 private:
  template <class F>
  static void for_each_tile(Index rows, F const& f) {
    for (Index i = 0; i < rows; i += Shape::rows) f(i, std::min<Index>(Shape::rows, rows - i));
  }
  template <class F>
  static void for_each_panel(Index columns, F const& f) {
    for (Index j = 0; j < columns; j += Shape::columns)
      f(j, (std::min(Shape::columns, columns - j) + Tile::lanes - 1) / Tile::lanes);
  }

  // [head_dim, size]
  Real* transposed(Segment const& s) const { return transposed_ + s.begin * layout_.head_dim; }

  AttentionRows rows_;
  HeadLayout layout_;
  Index stride_;
  Real* transposed_;
};

/// Calls f(products) with what computes them fastest.
template <class Scalar, class F>
void with_products(AttentionRows const& rows, HeadLayout layout, Arena& arena, F const& f) {
  if constexpr (std::is_floating_point_v<Scalar>)
    if (TiledProducts<Scalar>::fit(layout.head_dim)) return f(TiledProducts<Scalar>(rows, layout, arena));
  f(PlainProducts<Scalar>(rows, layout, arena));
}

}  // namespace chg::ops::detail
