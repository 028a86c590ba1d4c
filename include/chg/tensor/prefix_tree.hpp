// SPDX-License-Identifier: MIT
// A ragged batch without padding, as a prefix tree: tokens that examples share at their start are computed once.
//
// A node is (parent, token); its position is its depth, and it sees its ancestors and itself. A target is an EDGE: the
// log-probability of a token after a path is read at the path's last node. Since a node's hidden state depends on its path
// alone, running the tree gives every example what running it by itself would give, and by linearity the backward pass
// through a shared node carries the sum of its examples' gradients.
//
// Rows are nodes in depth-first order, so a path without branches (a SEGMENT) and any subtree are contiguous rows.
#pragma once

#include <chg/tensor/examples.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace chg {

/// Whether equal prefixes are merged. `none` gives every example rows of its own, in the order given.
enum class Sharing { prefixes, none };

/// Where logits, and the last layer's head outputs, can be read: where a target is, or at every row.
enum class ReadAt { targets, every_row };

/// Rows [begin, end) form a path; [begin, subtree_end) are the path and everything below it. Row begin + i has position
/// `position` + i. Long paths are cut into several segments, one below the other.
struct Segment {
  Index begin, end, subtree_end, position;

  Index size() const { return end - begin; }
};

/// Reusable: build() keeps the memory of the batch before.
class PrefixTree {
 public:
  /// Nodes that no target needs (an example's last token, unless another example goes on from it) get no row.
  void build(std::span<Example const* const> examples, Sharing sharing = Sharing::prefixes, ReadAt read_at = ReadAt::targets) {
    start(examples, sharing);
    Example const* previous = nullptr;
    std::size_t previous_length = 0;
    for (auto const i : order_) {
      auto const& e = *examples[i];
      auto const length = length_to_last_target(e);
      auto const shared = previous && sharing == Sharing::prefixes ? common_prefix(*previous, previous_length, e, length) : 0;
      append(e, i, length, shared);
      previous = &e;
      previous_length = length;
    }
    finish(read_at);
  }

  /// One sequence, every position of which counts as a target row, with no edges: for running a model on plain tokens.
  void build_path(std::span<Token const> tokens) {
    start({}, Sharing::none);
    for (auto const token : tokens) add_row(token, rows() - 1, rows());
    depth_ = rows();
    finish(ReadAt::every_row);
  }

  Index rows() const { return static_cast<Index>(tokens_.size()); }
  Token token(Index row) const { return tokens_[static_cast<std::size_t>(row)]; }
  Index position(Index row) const { return positions_[static_cast<std::size_t>(row)]; }
  /// Longest path, in nodes.
  Index depth() const { return depth_; }
  std::span<Segment const> segments() const { return segments_; }

  /// A target: the log-probability of `token` after the path that ends at `row`; `target` numbers the distinct such rows.
  struct Edge {
    Index row;
    Token token;
    Index target;
  };
  std::span<Edge const> edges() const { return edges_; }

  /// The edges of example i (in the order given to build), in the order of its target tokens. An edge that several
  /// examples share is listed by each.
  std::span<Index const> edges_of(Index i) const {
    auto const begin = example_offset_[static_cast<std::size_t>(i)], end = example_offset_[static_cast<std::size_t>(i) + 1];
    return std::span(example_edges_).subspan(begin, end - begin);
  }
  Index examples() const { return static_cast<Index>(example_offset_.size()) - 1; }

  /// Distinct rows at which logits are needed, ascending.
  std::span<Index const> target_rows() const { return target_rows_; }
  /// How many target rows lie before `row`, which may be rows().
  Index targets_before(Index row) const { return targets_before_[static_cast<std::size_t>(row)]; }

  /// Number of (query, key) pairs in which a query at a target row, or at any row, sees a key of a window of `window`
  /// positions (0: all).
  Index visible_pairs(bool targets_only, Index window = 0) const {
    Index pairs = 0;
    auto const add = [&](Index row) { pairs += window > 0 ? std::min(window, position(row) + 1) : position(row) + 1; };
    if (targets_only)
      for (auto const row : target_rows_) add(row);
    else
      for (Index row = 0; row < rows(); ++row) add(row);
    return pairs;
  }

  /// Index one past the last target token: what follows it changes nothing.
  static std::size_t length_to_last_target(Example const& e) {
    auto length = e.target_mask.size();
    while (length > 0 && e.target_mask[length - 1] == 0) --length;
    return length;
  }

  /// How many leading tokens two examples share, each cut after its last target.
  static std::size_t common_prefix(Example const& a, std::size_t a_length, Example const& b, std::size_t b_length) {
    auto const n = std::min(a_length, b_length);
    std::size_t shared = 0;
    while (shared < n && a.tokens[shared] == b.tokens[shared]) ++shared;
    return shared;
  }

  /// The order in which neighbours share most: by tokens, a prefix before its continuations, equals by index.
  static bool before(Example const& a, Example const& b) {
    return std::lexicographical_compare(
        a.tokens.begin(), a.tokens.begin() + static_cast<std::ptrdiff_t>(length_to_last_target(a)), b.tokens.begin(),
        b.tokens.begin() + static_cast<std::ptrdiff_t>(length_to_last_target(b)));
  }

 private:
  static constexpr Index kNoEdge = -1;
  // A path is cut into segments of at most this many rows: attention computes a segment's own block whole, of which the
  // upper triangle is waste.
  static constexpr Index kLongestSegment = 64;

  void start(std::span<Example const* const> examples, Sharing sharing) {
    tokens_.clear(), positions_.clear(), segments_.clear(), edges_.clear(), target_rows_.clear(), path_row_.clear(),
        path_edge_.clear();
    children_.clear(), parents_.clear();
    depth_ = 0;
    order_.resize(examples.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    if (sharing == Sharing::prefixes)
      std::sort(order_.begin(), order_.end(), [&](auto a, auto b) {
        if (before(*examples[a], *examples[b])) return true;
        return !before(*examples[b], *examples[a]) && a < b;
      });
    example_offset_.resize(examples.size() + 1);
    example_offset_[0] = 0;
    for (std::size_t i = 0; i < examples.size(); ++i)
      example_offset_[i + 1] = example_offset_[i] + static_cast<std::size_t>(examples[i]->targets());
    example_edges_.resize(example_offset_.back());
  }

  // Adds the nodes and edges of one example beyond the first `shared` tokens of the path before it.
  void append(Example const& e, std::size_t i, std::size_t length, std::size_t shared) {
    path_row_.resize(std::min(path_row_.size(), shared));
    path_edge_.resize(std::min(path_edge_.size(), shared));
    auto slot = example_offset_[i];
    for (std::size_t t = 0; t < length; ++t) {
      auto const parent = t == 0 ? Index{-1} : path_row_[t - 1];
      if (t >= path_edge_.size()) path_edge_.push_back(kNoEdge);
      if (e.target_mask[t]) {
        if (path_edge_[t] == kNoEdge) {
          path_edge_[t] = static_cast<Index>(edges_.size());
          edges_.push_back({parent, e.tokens[t], 0});
        }
        example_edges_[slot++] = path_edge_[t];
      }
      if (t >= path_row_.size() && t + 1 < length) {
        path_row_.push_back(rows());
        add_row(e.tokens[t], parent, static_cast<Index>(t));
      }
    }
    depth_ = std::max(depth_, static_cast<Index>(length) - 1);
  }

  void add_row(Token token, Index parent, Index position) {
    tokens_.push_back(token);
    positions_.push_back(position);
    parents_.push_back(parent);
    children_.push_back(0);
    if (parent >= 0) ++children_[static_cast<std::size_t>(parent)];
  }

  void finish(ReadAt read_at) {
    auto const n = tokens_.size();
    // Depth-first order: a row's first child is the next row, and its subtree ends where the depth falls back to its own.
    for (std::size_t row = 0; row < n; ++row)
      if (row == 0 || children_[row - 1] != 1 || parents_[row] != static_cast<Index>(row) - 1 ||
          static_cast<Index>(row) - segments_.back().begin == kLongestSegment)
        segments_.push_back({static_cast<Index>(row), 0, 0, positions_[row]});
    after_subtree_.resize(segments_.size());
    for (std::size_t s = segments_.size(); s-- > 0;) {
      auto& segment = segments_[s];
      segment.end = s + 1 < segments_.size() ? segments_[s + 1].begin : static_cast<Index>(n);
      auto next = s + 1;
      while (next < segments_.size() && segments_[next].position > segment.position) next = after_subtree_[next];
      segment.subtree_end = next < segments_.size() ? segments_[next].begin : static_cast<Index>(n);
      after_subtree_[s] = next;
    }
    targets_before_.assign(n + 1, read_at == ReadAt::every_row ? 1 : 0);  // first a mark on each target row, then the count
    targets_before_[0] = 0;
    for (auto const& edge : edges_) targets_before_[static_cast<std::size_t>(edge.row) + 1] = 1;
    for (std::size_t row = 0; row < n; ++row) {
      if (targets_before_[row + 1]) target_rows_.push_back(static_cast<Index>(row));
      targets_before_[row + 1] = static_cast<Index>(target_rows_.size());
    }
    for (auto& edge : edges_) edge.target = targets_before(edge.row);
  }

  std::vector<Token> tokens_;
  std::vector<Index> positions_, parents_, children_;
  std::vector<Segment> segments_;
  std::vector<std::size_t> after_subtree_;  // of a segment: the first segment that is not below it
  std::vector<Edge> edges_;
  std::vector<std::size_t> example_offset_;
  std::vector<Index> example_edges_;
  std::vector<Index> target_rows_, targets_before_;
  std::vector<Index> path_row_, path_edge_;
  std::vector<std::size_t> order_;
  Index depth_ = 0;
};

}  // namespace chg
