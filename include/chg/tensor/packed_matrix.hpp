// SPDX-License-Identifier: MIT
// A frozen matrix B as the register tile reads it, packed once for all products to come.
//
//     y = x B  or  y += x B       B: [in, out]
//
// B is cut into panels of as many columns as a tile has, the last one filled up with zeros; a panel's rows follow one another.
// A block of a panel, block_depth rows high, stays in the second-level cache while all rows of x pass by it.
#pragma once

#include <chg/tensor/aligned_array.hpp>
#include <chg/tensor/bfloat16.hpp>
#include <chg/tensor/register_tile.hpp>

#include <algorithm>

namespace chg::detail {

/// Room for n numbers that the calling thread keeps until its next call for this T. It never shrinks.
template <class T>
T* thread_room(Index n) {
  thread_local AlignedArray<T> room;
  if (room.size() < n) room = AlignedArray<T>(n);
  return room.data();
}

/// Runs y (+)= x B over panels, blocks and tiles. x: [n, *] at x_stride factors; block(panel, first, steps) gives the
/// block's factors; steps: of the whole of B; y: [n, out].
template <class Tile, class Block>
void multiply_panels(typename Tile::Factor const* x, Index x_stride, Index n, Index steps, Index out, Block const& block,
                     typename Tile::Sum* y, bool accumulate) {
  using Shape = TileShape<Tile>;
  using Sum = typename Tile::Sum;
  auto const blocks = std::max<Index>(1, (steps + block_depth - 1) / block_depth), depth = (steps + blocks - 1) / blocks;
  for (Index panel = 0; panel * Shape::columns < out; ++panel) {
    auto const column = panel * Shape::columns, width = std::min(Shape::columns, out - column);
    for (Index k = 0; k < steps; k += depth) {
      auto const height = std::min(depth, steps - k);
      auto const* const b = block(panel, k, height);
      auto const adds = accumulate || k > 0;
      for (Index i = 0; i < n; i += Shape::rows) {
        auto const rows = std::min<Index>(Shape::rows, n - i);
        auto* const c = y + i * out + column;
        if (width == Shape::columns) {
          multiply_rows<Tile>(rows, {x + i * x_stride + k, x_stride}, b, Shape::columns, height, c, out, adds);
        } else {
          Sum tile[Shape::rows * Shape::columns] = {};
          for (Index r = 0; adds && r < rows; ++r) std::copy_n(c + r * out, width, tile + r * Shape::columns);
          multiply_rows<Tile>(rows, {x + i * x_stride + k, x_stride}, b, Shape::columns, height, tile, Shape::columns, adds);
          for (Index r = 0; r < rows; ++r) std::copy_n(tile + r * Shape::columns, width, c + r * out);
        }
      }
    }
  }
}

/// B in the precision of the activations.
template <class Real>
class PackedMatrix {
 public:
  PackedMatrix() = default;

  /// element(k, j): B[k, j].
  template <class Element>
  PackedMatrix(Index in, Index out, Element const& element)
      : in_(in), out_(out), panels_((out + kColumns - 1) / kColumns * kColumns * in) {
#pragma omp parallel for schedule(static) if (out > kColumns)
    for (Index j = 0; j < out; j += kColumns)
      for (Index k = 0; k < in; ++k)
        for (Index c = 0; c < kColumns; ++c)
          panels_.data()[j * in + k * kColumns + c] = j + c < out ? element(k, j + c) : Real(0);
  }

  /// x: [n, in], y: [n, out], rows contiguous.
  void multiply(Real const* x, Index n, Real* y, bool accumulate) const {
    multiply_panels<Tile>(
        x, in_, n, in_, out_,
        [&](Index panel, Index k, Index) { return panels_.data() + panel * kColumns * in_ + k * kColumns; }, y, accumulate);
  }

  Real operator()(Index k, Index j) const { return panels_.data()[j / kColumns * kColumns * in_ + k * kColumns + j % kColumns]; }

  std::size_t bytes() const { return static_cast<std::size_t>(panels_.size()) * sizeof(Real); }

 private:
  using Tile = RealTile<Real>;
  static constexpr Index kColumns = TileShape<Tile>::columns;

  Index in_ = 0, out_ = 0;
  AlignedArray<Real> panels_;
};

/// B rounded to bfloat16. Activations are rounded to bfloat16 as they come; products and sums are floats. Where the processor
/// has no instruction for that, a block is widened to floats before it is used.
class PackedBfloats {
 public:
  PackedBfloats() = default;

  /// element(k, j): B[k, j], a float.
  template <class Element>
  PackedBfloats(Index in, Index out, Element const& element)
      : in_(in), out_(out), pairs_((out + kColumns - 1) / kColumns * kColumns * steps()) {
    auto const bits = [&](Index k, Index j) {
      return static_cast<std::uint32_t>(k < in && j < out ? to_bfloat16(element(k, j)) : 0);
    };
#pragma omp parallel for schedule(static) if (out > kColumns)
    for (Index j = 0; j < out; j += kColumns)
      for (Index k = 0; k < steps(); ++k)
        for (Index c = 0; c < kColumns; ++c)
          pairs_.data()[j * steps() + k * kColumns + c] = bits(2 * k, j + c) | bits(2 * k + 1, j + c) << 16;
  }

  /// x: [n, in], y: [n, out], rows contiguous.
  void multiply(float const* x, Index n, float* y, bool accumulate) const {
    auto const pairs = [&](Index panel, Index k) { return pairs_.data() + panel * kColumns * steps() + k * kColumns; };
#if defined(__AVX512BF16__)
    auto* const rounded = thread_room<std::uint32_t>(n * steps());
    for (Index i = 0; i < n; ++i) round_pairs(x + i * in_, rounded + i * steps());
    multiply_panels<BfloatTile>(
        rounded, steps(), n, steps(), out_, [&](Index panel, Index k, Index) { return pairs(panel, k); }, y, accumulate);
#else
    auto* const rounded = thread_room<float>(n * 2 * steps() + kColumns + kColumns * block_depth);
    auto* const wide = rounded + (n * 2 * steps() + kColumns - 1) / kColumns * kColumns;
    for (Index i = 0; i < n; ++i) {
      for (Index k = 0; k < in_; ++k) rounded[i * 2 * steps() + k] = as_bfloat16(x[i * in_ + k]);
      if (in_ % 2) rounded[i * 2 * steps() + in_] = 0;
    }
    multiply_panels<RealTile<float>>(
        rounded, 2 * steps(), n, 2 * steps(), out_,
        [&](Index panel, Index k, Index height) {
      for (Index s = 0; s < height; ++s)
        for (Index c = 0; c < kColumns; ++c)
          wide[s * kColumns + c] = from_bfloat16(
              static_cast<std::uint16_t>(pairs(panel, (k + s) / 2)[c] >> ((k + s) % 2 ? 16 : 0)));
      return static_cast<float const*>(wide);
        },
        y, accumulate);
#endif
  }

  float operator()(Index k, Index j) const {
    auto const pair = pairs_.data()[j / kColumns * kColumns * steps() + k / 2 * kColumns + j % kColumns];
    return from_bfloat16(static_cast<std::uint16_t>(pair >> (k % 2 ? 16 : 0)));
  }

  std::size_t bytes() const { return static_cast<std::size_t>(pairs_.size()) * sizeof(std::uint32_t); }

 private:
  static constexpr Index kColumns = TileShape<RealTile<float>>::columns;

  Index steps() const { return (in_ + 1) / 2; }

  void round_pairs(float const* x, std::uint32_t* pairs) const {
    auto const even = in_ / 2;
    for (Index k = 0; k < even; ++k)
      pairs[k] = static_cast<std::uint32_t>(to_bfloat16(x[2 * k])) | static_cast<std::uint32_t>(to_bfloat16(x[2 * k + 1])) << 16;
    if (in_ % 2) pairs[even] = to_bfloat16(x[in_ - 1]);
  }

  Index in_ = 0, out_ = 0;
  AlignedArray<std::uint32_t> pairs_;
};

}  // namespace chg::detail
