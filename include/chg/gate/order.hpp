// SPDX-License-Identifier: MIT
// The order in which a fit draws its examples: independent permutations of the data, end to end.
//
// Batches cut across the borders of permutations, so an example can be in a batch twice, and counts twice then. The order runs
// on through the phases of a fit. Which example comes at a position is a pure function of seed and position: a resumed fit
// stores nothing.
#pragma once

#include <chg/tensor/matrix.hpp>
#include <chg/tensor/random.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace chg {

/// shuffle: permutations of the seed. sequential: the order of the data set, again and again, equal for every seed.
enum class Order { shuffle, sequential };

/// The order of one gate set over `size` units (examples, or matched pairs).
class UnitOrder {
 public:
  /// Throws Error when size is below 1.
  UnitOrder(Index size, std::uint64_t seed, Order order = Order::shuffle) : size_(size), seed_(seed), order_(order) {
    check(size >= 1, "order: size", "1 or more", size);
    permutation_.resize(static_cast<std::size_t>(size));
    begin_permutation();
  }

  /// Writes the next batch.size() units. Allocates nothing.
  void next(std::span<Index> batch) {
    for (auto& unit : batch) {
      unit = permutation_[static_cast<std::size_t>(position_ % size_)];
      if (++position_ % size_ == 0) begin_permutation();
    }
  }

  /// How many units have been drawn.
  Index position() const { return position_; }

  /// As if `position` units had been drawn.
  void seek(Index position) {
    check(position >= 0, "order: position", "0 or more", position);
    position_ = position;
    begin_permutation();
  }

 private:
  /// The permutation that holds position_: Philox of (seed, Stream::order, its number).
  void begin_permutation() {
    std::iota(permutation_.begin(), permutation_.end(), Index{0});
    if (order_ == Order::shuffle)
      Random(seed_, Stream::order, static_cast<std::uint32_t>(position_ / size_)).shuffle(std::span(permutation_));
  }

  Index size_;
  std::uint64_t seed_;
  Order order_;
  Index position_ = 0;
  std::vector<Index> permutation_;
};

}  // namespace chg
