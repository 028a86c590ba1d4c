// SPDX-License-Identifier: MIT
// A frozen matrix B as the register tile reads it, packed once for all products to come with it and with its transpose.
//
//     y = x B  or  y += x B          y = x B^T  or  y += x B^T          B: [rows, columns]
//
// B is cut into panels of as many columns as a tile has, the last one filled up with zeros; a panel's rows follow one another.
// A block of a panel, block_depth rows high, stays in the second-level cache while all rows of x pass by it, and the next block is
// fetched meanwhile. For B^T, a block is transposed into room of the thread's own first, by squares that lie in registers.
#pragma once

#include <chg/tensor/aligned_array.hpp>
#include <chg/tensor/bfloat16.hpp>
#include <chg/tensor/register_tile.hpp>
#include <chg/tensor/threads.hpp>

#include <algorithm>

namespace chg::detail {

/// Room for n numbers that the calling thread keeps until its next call for this T. It never shrinks.
template <class T>
T* thread_room(Index n) {
  thread_local AlignedArray<T> room;
  if (room.size() < n) room = AlignedArray<T>(n);
  return room.data();
}

/// Threads that pack a matrix, which has several panels or one.
inline int packing_threads(bool several) {
  auto const threads = several ? default_threads() : 1;
  check_threads(threads);
  return threads;
}

/// The least multiple of 64 that is no less than n: whole cache lines, and whole panels of every Tile.
constexpr Index round_up(Index n) { return (n + 63) / 64 * 64; }

/// Where packed factors lie.
template <class Factor, Index Columns>
class Panels {
 public:
  Panels() = default;
  Panels(Index rows, Index columns) : rows_(rows), factors_((columns + Columns - 1) / Columns * Columns * rows) {}

  Index rows() const { return rows_; }
  Factor const* at(Index row, Index column) const { return factors_.data() + place(row, column); }
  Factor* at(Index row, Index column) { return factors_.data() + place(row, column); }
  std::size_t bytes() const { return static_cast<std::size_t>(factors_.size()) * sizeof(Factor); }

 private:
  Index place(Index row, Index column) const { return column / Columns * Columns * rows_ + row * Columns + column % Columns; }

  Index rows_ = 0;
  AlignedArray<Factor> factors_;
};

/// The blocks of B, which lie ready.
template <class Factor, Index Columns>
struct Blocks {
  Panels<Factor, Columns> const& panels;

  /// [steps, Columns]: rows `first` and on of the panel.
  Factor const* operator()(Index panel, Index first, Index) const { return panels.at(first, panel * Columns); }

  /// The memory that a block comes from, in pieces of piece_size factors: where the i-th lies, and how many there are.
  Factor const* piece(Index panel, Index first, Index i) const { return panels.at(first, panel * Columns) + i * piece_size; }
  static Index pieces(Index steps) { return (steps * Columns + piece_size - 1) / piece_size; }
  static constexpr Index piece_size = Columns * Columns;
};

/// The blocks of B^T, transposed into `room`. A factor holds `Neighbours` numbers of a column, in B as in B^T.
/// Transpose(from, rows, to): as transpose_square or transpose_pairs, both strides Columns.
template <class Factor, Index Columns, Index Lanes, Index Neighbours, auto Transpose>
struct TransposedBlocks {
  Panels<Factor, Columns> const& panels;
  Factor* room;

  /// [steps, Columns]. The room must have steps for whole squares.
  Factor const* operator()(Index panel, Index first, Index steps) const {
    for (Index s = 0; s < steps; s += Lanes / Neighbours)
      for (Index c = 0; c < Columns; c += Lanes * Neighbours) {
        auto const row = std::min(panels.rows(), (panel * Columns + c) / Neighbours);
        Transpose(panels.at(row, (first + s) * Neighbours), panels.rows() - row, room + s * Columns + c);
      }
    return room;
  }

  /// As above. A piece is what one panel of B holds of the block.
  Factor const* piece(Index panel, Index first, Index i) const {
    return panels.at(panel * Columns / Neighbours, first * Neighbours + i * Columns);
  }
  static Index pieces(Index steps) { return (steps * Neighbours + Columns - 1) / Columns; }
  static constexpr Index piece_size = Columns * Columns / Neighbours;
};

/// Hands the pieces of a block to the tiles that run before it, to be fetched: as even shares as there are tiles for.
template <class Factor, class BlocksOfB>
class FetchPlan {
 public:
  /// The block is steps rows of a panel from `first` on; `tiles` of `height` steps each run before it.
  FetchPlan(BlocksOfB const& blocks, Index panel, Index first, Index steps, Index tiles, Index height)
      : blocks_(blocks), panel_(panel), first_(first), pieces_(blocks.pieces(steps)) {
    shares_ = std::max<Index>(1, tiles / std::max<Index>(1, pieces_));
    lines_ = (BlocksOfB::piece_size / kLine + shares_ - 1) / shares_;
    lines_a_stretch_ = (lines_ * Ahead<Factor>::stretch + height - 1) / height;
  }

  /// For the next tile.
  Ahead<Factor> next() {
    if (piece_ >= pieces_) return {};
    Ahead<Factor> const ahead{blocks_.piece(panel_, first_, piece_) + share_ * lines_ * kLine, lines_a_stretch_};
    if (++share_ == shares_) ++piece_, share_ = 0;
    return ahead;
  }

 private:
  static constexpr Index kLine = 64 / static_cast<Index>(sizeof(Factor));  // factors of a cache line

  BlocksOfB const& blocks_;
  Index panel_, first_, pieces_, shares_, lines_, lines_a_stretch_;  // a piece has shares of so many lines
  Index piece_ = 0, share_ = 0;
};

/// Runs y (+)= x B over panels, blocks and tiles. x: [n, *] at x_stride factors; steps: rows of B in factors; y: [n, out].
template <class Tile, class BlocksOfB>
void multiply_panels(typename Tile::Factor const* x, Index x_stride, Index n, Index steps, Index out, BlocksOfB const& blocks,
                     typename Tile::Sum* y, bool accumulate) {
  using Shape = TileShape<Tile>;
  using Sum = typename Tile::Sum;
  auto const count = std::max<Index>(1, (steps + block_depth - 1) / block_depth), depth = round_up((steps + count - 1) / count);
  for (Index panel = 0; panel * Shape::columns < out; ++panel) {
    auto const column = panel * Shape::columns, width = std::min(Shape::columns, out - column);
    for (Index k = 0; k < steps; k += depth) {
      auto const height = std::min(depth, steps - k);
      auto const* const b = blocks(panel, k, height);
      auto const adds = accumulate || k > 0;
      auto const last = k + depth >= steps;
      auto const next_k = last ? 0 : k + depth, next_height = last && column + width == out ? 0 : std::min(depth, steps - next_k);
      FetchPlan<typename Tile::Factor, BlocksOfB> fetch(blocks, panel + last, next_k, next_height, n / Shape::rows, height);
      for (Index i = 0; i < n; i += Shape::rows) {
        auto const rows = std::min<Index>(Shape::rows, n - i);
        auto* const c = y + i * out + column;
        if (width == Shape::columns) {
          multiply_rows<Tile>(rows, {x + i * x_stride + k, x_stride}, b, Shape::columns, height, c, out, adds, fetch.next());
        } else {
          Sum sums[Shape::rows * Shape::columns] = {};
          for (Index r = 0; adds && r < rows; ++r) std::copy_n(c + r * out, width, sums + r * Shape::columns);
          multiply_rows<Tile>(rows, {x + i * x_stride + k, x_stride}, b, Shape::columns, height, sums, Shape::columns, adds,
                              fetch.next());
          for (Index r = 0; r < rows; ++r) std::copy_n(sums + r * Shape::columns, width, c + r * out);
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
  PackedMatrix(Index rows, Index columns, Element const& element) : rows_(rows), columns_(columns), panels_(rows, columns) {
#pragma omp parallel for schedule(static) num_threads(packing_threads(columns > kColumns))
    for (Index j = 0; j < columns; j += kColumns)
      for (Index k = 0; k < rows; ++k)
        for (Index c = 0; c < kColumns; ++c) *panels_.at(k, j + c) = j + c < columns ? element(k, j + c) : Real(0);
  }

  /// y (+)= x B. x: [n, rows], y: [n, columns], rows contiguous.
  void multiply(Real const* x, Index n, Real* y, bool accumulate) const {
    multiply_panels<Tile>(x, rows_, n, rows_, columns_, Blocks<Real, kColumns>{panels_}, y, accumulate);
  }

  /// y (+)= x B^T. x: [n, columns], y: [n, rows], rows contiguous.
  void multiply_transposed(Real const* x, Index n, Real* y, bool accumulate) const {
    auto* const room = thread_room<Real>(block_depth * kColumns);
    multiply_panels<Tile>(x, columns_, n, columns_, rows_,
                          TransposedBlocks<Real, kColumns, Tile::lanes, 1, &transpose_square_of_panels>{panels_, room}, y,
                          accumulate);
  }

  Real operator()(Index k, Index j) const { return *panels_.at(k, j); }

  std::size_t bytes() const { return panels_.bytes(); }

 private:
  using Tile = RealTile<Real>;
  static constexpr Index kColumns = TileShape<Tile>::columns;

  static void transpose_square_of_panels(Real const* from, Index rows, Real* to) {
    transpose_square<Tile>(from, kColumns, rows, to, kColumns);
  }

  Index rows_ = 0, columns_ = 0;
  Panels<Real, kColumns> panels_;
};

/// B rounded to bfloat16, two neighbours of a column in 32 bits. Activations are rounded to bfloat16 as they come; products and
/// sums are floats. Where the processor has no instruction for that, a block is widened to floats before it is used.
class PackedBfloats {
 public:
  PackedBfloats() = default;

  /// element(k, j): B[k, j], a float.
  template <class Element>
  PackedBfloats(Index rows, Index columns, Element const& element)
      : rows_(rows), columns_(columns), panels_(pairs(rows), columns) {
    auto const bits = [&](Index k, Index j) {
      return static_cast<std::uint32_t>(k < rows && j < columns ? to_bfloat16(element(k, j)) : 0);
    };
#pragma omp parallel for schedule(static) num_threads(packing_threads(columns > kColumns))
    for (Index j = 0; j < columns; j += kColumns)
      for (Index k = 0; k < pairs(rows); ++k)
        for (Index c = 0; c < kColumns; ++c) *panels_.at(k, j + c) = bits(2 * k, j + c) | bits(2 * k + 1, j + c) << 16;
  }

  /// y (+)= x B. x: [n, rows], y: [n, columns], rows contiguous.
  void multiply(float const* x, Index n, float* y, bool accumulate) const {
    multiply_rounded(x, n, rows_, columns_, y, accumulate,
                     [&](std::uint32_t*) { return Blocks<std::uint32_t, kColumns>{panels_}; });
  }

  /// y (+)= x B^T. x: [n, columns], y: [n, rows], rows contiguous.
  void multiply_transposed(float const* x, Index n, float* y, bool accumulate) const {
    multiply_rounded(x, n, columns_, rows_, y, accumulate, [&](std::uint32_t* room) {
      return TransposedBlocks<std::uint32_t, kColumns, kLanes, 2, &transpose_pairs_of_panels>{panels_, room};
    });
  }

  float operator()(Index k, Index j) const { return half(*panels_.at(k / 2, j), k); }

  std::size_t bytes() const { return panels_.bytes(); }

 private:
  static constexpr Index kLanes = RealTile<float>::lanes, kColumns = TileShape<RealTile<float>>::columns;

  static constexpr Index pairs(Index n) { return (n + 1) / 2; }
  static float half(std::uint32_t pair, Index k) { return from_bfloat16(static_cast<std::uint16_t>(pair >> (k % 2 ? 16 : 0))); }

  static void transpose_pairs_of_panels(std::uint32_t const* from, Index rows, std::uint32_t* to) {
    transpose_pairs(from, kColumns, rows, to, kColumns);
  }

  // x: [n, in], y: [n, out]. make_blocks(room): the blocks of pairs, which may need room for one.
  template <class MakeBlocks>
  static void multiply_rounded(float const* x, Index n, Index in, Index out, float* y, bool accumulate,
                               MakeBlocks const& make_blocks) {
    auto const steps = pairs(in);
#if defined(__AVX512BF16__)
    auto* const rounded = thread_room<std::uint32_t>(round_up(n * steps) + block_depth * kColumns);
    for (Index i = 0; i < n; ++i) round_pairs(x + i * in, in, rounded + i * steps);
    multiply_panels<BfloatTile>(rounded, steps, n, steps, out, make_blocks(rounded + round_up(n * steps)), y, accumulate);
#else
    auto* const rounded = thread_room<float>(round_up(n * 2 * steps) + block_depth * kColumns);
    for (Index i = 0; i < n; ++i) {
      for (Index k = 0; k < in; ++k) rounded[i * 2 * steps + k] = as_bfloat16(x[i * in + k]);
      if (in % 2) rounded[i * 2 * steps + in] = 0;
    }
    auto const pairs_of_b = make_blocks(thread_room<std::uint32_t>(block_depth * kColumns));
    WidenedBlocks<decltype(pairs_of_b)> const blocks{pairs_of_b, rounded + round_up(n * 2 * steps)};
    multiply_panels<RealTile<float>>(rounded, 2 * steps, n, 2 * steps, out, blocks, y, accumulate);
#endif
  }

  // Blocks of pairs, as floats.
  template <class Pairs>
  struct WidenedBlocks {
    Pairs const& blocks;
    float* room;

    float const* operator()(Index panel, Index first, Index steps) const {
      auto const* const b = blocks(panel, first / 2, pairs(steps));
      for (Index s = 0; s < steps; ++s)
        for (Index c = 0; c < kColumns; ++c) room[s * kColumns + c] = half(b[s / 2 * kColumns + c], s);
      return room;
    }
    float const* piece(Index, Index, Index) const { return nullptr; }
    static Index pieces(Index) { return 0; }
    static constexpr Index piece_size = 0;
  };

  static void round_pairs(float const* x, Index n, std::uint32_t* rounded) {
    for (Index k = 0; k < n / 2; ++k)
      rounded[k] = static_cast<std::uint32_t>(to_bfloat16(x[2 * k])) | static_cast<std::uint32_t>(to_bfloat16(x[2 * k + 1]))
                                                                           << 16;
    if (n % 2) rounded[n / 2] = to_bfloat16(x[n - 1]);
  }

  Index rows_ = 0, columns_ = 0;
  Panels<std::uint32_t, kColumns> panels_;
};

}  // namespace chg::detail
