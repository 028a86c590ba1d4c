// SPDX-License-Identifier: MIT
// A prefix tree as attention sees it: rows that ask, and segments of keys with those that may see them.
//
// Since a subtree is contiguous rows, a segment's keys meet all queries at or below it in one block. Such a query sees the keys
// of the segment up to its own position: for a query below, all of them.
#pragma once

#include <chg/tensor/prefix_tree.hpp>

#include <algorithm>

namespace chg::ops {

/// Which rows of the tree ask: all, or those at which a target is read.
enum class Rows { all, targets };

/// Queries are numbered 0 .. queries() - 1 in row order.
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

/// The keys of a segment and the queries first .. first + count - 1 at or below it.
struct KeyBlock {
  Segment segment;
  Index first, count;

  /// How many keys of the segment one of these queries sees, without a window.
  Index visible(AttentionRows const& rows, Index query) const {
    return std::min(segment.size(), rows.position(query) + 1 - segment.position);
  }
};

/// Calls f(block) for every segment that has queries at or below it, parents before children.
template <class F>
void for_each_block(AttentionRows const& rows, F&& f) {
  for (auto const& segment : rows.tree().segments()) {
    auto const first = rows.query(segment.begin), last = rows.query(segment.subtree_end);
    if (first < last) f(KeyBlock{segment, first, last - first});
  }
}

}  // namespace chg::ops
