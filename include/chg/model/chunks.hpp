// SPDX-License-Identifier: MIT
// A batch cut into chunks: what one worker takes forward and backward before the next, so that activations stay bounded and
// threads meet only at the end.
//
// Every chunk is a prefix tree of its own; units that share a prefix are neighbours, and what a chunk shares with another is
// computed in both. Chunk borders depend on the batch and the limits alone, never on threads, so neither do the results.
#pragma once

#include <chg/tensor/prefix_tree.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace chg {

/// How much a chunk may hold. A unit is never split: one longer than the limit is a chunk by itself.
struct ChunkLimits {
  Index rows = 1024;               ///< nodes of the tree
  Index targets = Index{1} << 62;  ///< target tokens, each of which may need a row of logits
};

struct RunOptions {
  int threads = 0;            ///< workers; 0: default_threads(). Results do not depend on it.
  Index max_rows = 1024;      ///< ChunkLimits::rows. Results depend on it by round-off.
  bool (*stop)() = nullptr;  ///< asked before each chunk, on any thread: true ends the batch or the score with Stopped
};

/// The units of a batch in chunk order. A unit is `examples_per_unit` examples that must be in one chunk, one of each data set.
/// Reusable: cut() keeps the memory of the batch before.
class ChunkPlan {
 public:
  /// units: indices into every data set; an index may occur twice.
  void cut(std::span<Examples const* const> data, std::span<Index const> units, ChunkLimits limits,
           Sharing sharing = Sharing::prefixes) {
    order_.resize(units.size());
    std::iota(order_.begin(), order_.end(), Index{0});
    if (sharing == Sharing::prefixes) {
      auto const& first = *data[0];
      std::sort(order_.begin(), order_.end(), [&](Index a, Index b) {
        auto const &x = first[units[static_cast<std::size_t>(a)]], &y = first[units[static_cast<std::size_t>(b)]];
        if (PrefixTree::before(x, y)) return true;
        return !PrefixTree::before(y, x) && a < b;
      });
    }
    measure(data, units, sharing);
    place_borders(limits);
  }

  Index chunks() const { return static_cast<Index>(border_.size()) - 1; }
  /// Places in `units` of chunk c.
  std::span<Index const> chunk(Index c) const {
    auto const begin = border_[static_cast<std::size_t>(c)], end = border_[static_cast<std::size_t>(c) + 1];
    return std::span(order_).subspan(begin, end - begin);
  }
  /// Rows of chunk c's prefix tree, less one for each example that goes on where another ends.
  Index rows(Index c) const {
    auto const begin = border_[static_cast<std::size_t>(c)], end = border_[static_cast<std::size_t>(c) + 1];
    Index sum = 0;
    for (auto i = begin; i < end; ++i) sum += i == begin ? cost_[i].rows : cost_[i].shared_rows;
    return sum;
  }

 private:
  // New rows and targets that each unit brings, when its predecessor is in the same chunk and when it is not.
  struct Cost {
    Index shared_rows, rows, targets;
  };

  void measure(std::span<Examples const* const> data, std::span<Index const> units, Sharing sharing) {
    cost_.assign(units.size(), Cost{0, 0, 0});
    for (auto const* examples : data) {
      Example const* previous = nullptr;
      for (std::size_t i = 0; i < units.size(); ++i) {
        auto const& e = (*examples)[units[static_cast<std::size_t>(order_[i])]];
        auto const length = PrefixTree::length_to_last_target(e);
        auto const common = previous && sharing == Sharing::prefixes
                                ? PrefixTree::common_prefix(*previous, PrefixTree::length_to_last_target(*previous), e, length)
                                : 0;
        cost_[i].rows += static_cast<Index>(length) - 1;
        cost_[i].shared_rows += std::max<Index>(0, static_cast<Index>(length) - 1 - static_cast<Index>(common));
        cost_[i].targets += e.targets();
        previous = &e;
      }
    }
  }

  // As few chunks as the limit on rows allows, rounded up to fours, or to twos, where chunks stay high enough for fast products: a
  // few threads then share a batch evenly, also one that fits into a single chunk. Twos, too, where fours would compute much twice.
  void place_borders(ChunkLimits limits) {
    constexpr Index kLeastHeight = 128, kRowsOfOneTwice = 32;
    auto const total =
        std::accumulate(cost_.begin(), cost_.end(), Index{0}, [](Index sum, Cost const& c) { return sum + c.shared_rows; });
    auto const fewest = std::max<Index>(1, (total + limits.rows - 1) / limits.rows);
    for (Index const multiple : {4, 2, 1}) {
      auto const wanted = (fewest + multiple - 1) / multiple * multiple;
      if (multiple > 1 && total < wanted * kLeastHeight) continue;
      place_borders(limits, total, wanted);
      if (multiple == 2 || computed_twice() * kRowsOfOneTwice <= total) return;
    }
  }

  // Borders as near to equal shares as what they make computed twice allows. Of two chunks, the higher should be low, since two
  // threads wait for it: with rows before the border d above the share and t rows computed twice, it is max(d, t - d) above. A
  // quarter of t is added, since other gate sets fill the wait. More chunks are taken largest first, which evens them out: there a
  // row computed twice costs as much as four beside the share.
  void place_borders(ChunkLimits limits, Index total, Index wanted) {
    border_.assign(1, 0);
    Index rows = 0, targets = 0, before = 0, next = 1;
    std::size_t best = 0;
    auto const choose = [&](std::size_t from, Index rows_before) {  // the place of border `next` at or after unit `from`
      auto const share = static_cast<double>(total) * static_cast<double>(next) / static_cast<double>(wanted);
      auto least = std::numeric_limits<double>::infinity();
      for (auto i = from; i < cost_.size(); rows_before += cost_[i++].shared_rows) {
        auto const above = static_cast<double>(rows_before) - share;
        auto const twice = static_cast<double>(cost_[i].rows - cost_[i].shared_rows);
        auto const cost = wanted > 2 ? std::abs(above) / 4 + twice : std::max(above, twice - above) + twice / 4;
        if (cost < least) least = cost, best = i;
      }
    };
    choose(1, cost_.empty() ? 0 : cost_[0].shared_rows);
    for (std::size_t i = 0; i < cost_.size(); before += cost_[i++].shared_rows) {
      auto const planned = next < wanted && i == best;
      auto const full = rows + cost_[i].shared_rows > limits.rows || targets + cost_[i].targets > limits.targets;
      if (i > border_.back() && (planned || full)) {
        border_.push_back(i);
        rows = targets = 0;
      }
      if (planned) ++next, choose(i + 1, before + cost_[i].shared_rows);
      rows += i == border_.back() ? cost_[i].rows : cost_[i].shared_rows;
      targets += cost_[i].targets;
    }
    border_.push_back(cost_.size());
  }

  Index computed_twice() const {
    Index rows = 0;
    for (std::size_t c = 1; c + 1 < border_.size(); ++c) rows += cost_[border_[c]].rows - cost_[border_[c]].shared_rows;
    return rows;
  }

  std::vector<Index> order_;
  std::vector<Cost> cost_;
  std::vector<std::size_t> border_;
};

/// Limits under which the logits of a chunk stay below a quarter of a gigabyte, if a single unit does.
template <class Scalar>
ChunkLimits chunk_limits(RunOptions const& options, Index vocab) {
  check(options.max_rows >= 1, "run options: max_rows", "1 or more", options.max_rows);
  check(options.threads >= 0, "run options: threads", "0 (all) or more", options.threads);
  constexpr Index kLogitBytes = Index{1} << 28;
  return {options.max_rows, std::max<Index>(1, kLogitBytes / (vocab * static_cast<Index>(sizeof(Scalar))))};
}

}  // namespace chg
