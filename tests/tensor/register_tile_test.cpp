// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/tensor/register_tile.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace {

using namespace chg;
using detail::RealTile, detail::Strided, detail::TileShape;

template <class Scalar>
Matrix<Scalar> sample(Index rows, Index cols, std::uint32_t substream) {
  return twins::sample(rows, cols, substream).template cast<Scalar>();
}

// C (+)= A B in every position of the tile, with A as it lies and turned, B and C inside wider matrices; what is beside C stays.
template <class Scalar>
void check_strided() {
  using Tile = RealTile<Scalar>;
  constexpr Index kBeside = 3;
  for (Index rows = 1; rows <= TileShape<Tile>::rows; ++rows)
    for (Index vectors = 1; vectors <= TileShape<Tile>::vectors; ++vectors)
      for (Index steps : {0, 1, 2, 29})
        for (auto const turned : {false, true})
          for (auto const accumulate : {false, true}) {
            INFO(rows << " rows, " << vectors << " vectors, " << steps << " steps" << (turned ? ", A turned" : ""));
            auto const columns = vectors * Tile::lanes;
            auto const a = turned ? sample<Scalar>(steps, rows + kBeside, 1) : sample<Scalar>(rows, steps + kBeside, 1);
            auto const b = sample<Scalar>(steps, columns + kBeside, 2);
            auto const before = sample<Scalar>(rows, columns + kBeside, 3);
            auto c = before;
            detail::multiply_vectors<Tile>(rows, vectors,
                                           turned ? Strided<Scalar>{a.data(), 1, a.cols()} : Strided<Scalar>{a.data(), a.cols()},
                                           b.data(), b.cols(), steps, c.data(), c.cols(), accumulate);
            CHECK(c.rightCols(kBeside) == before.rightCols(kBeside));
            for (Index i = 0; i < rows; ++i)
              for (Index j = 0; j < columns; ++j) {
                auto const start = accumulate ? double(before(i, j)) : 0.0;
                double sum = start, size = std::abs(start);
                for (Index k = 0; k < steps; ++k) {
                  auto const product = double(turned ? a(k, i) : a(i, k)) * double(b(k, j));
                  sum += product;
                  size += std::abs(product);
                }
                auto const bound = double(steps + 1) * double(std::numeric_limits<Scalar>::epsilon()) * size;
                if (!(std::abs(double(c(i, j)) - sum) <= bound)) CHECK(std::abs(double(c(i, j)) - sum) <= bound);
              }
          }
}

template <class Scalar>
void check_transposed() {
  using Tile = RealTile<Scalar>;
  constexpr Index kLanes = Tile::lanes, kFrom = kLanes + 5, kTo = kLanes + 2;
  for (Index rows = 1; rows <= kLanes + 1; ++rows) {  // more rows than a square has are not read
    INFO(rows << " rows of " << kLanes);
    auto const read = std::min(rows, kLanes);
    Matrix<Scalar> const from = sample<Scalar>(read, kFrom, 4);
    Matrix<Scalar> const before = sample<Scalar>(kLanes, kTo, 5);
    auto to = before;
    detail::transpose_square<Tile>(from.data(), kFrom, rows, to.data(), kTo);
    CHECK(to.leftCols(read) == from.leftCols(kLanes).transpose());
    CHECK((to.middleCols(read, kLanes - read).array() == Scalar(0)).all());
    CHECK(to.rightCols(kTo - kLanes) == before.rightCols(kTo - kLanes));
  }
}

void check_transposed_pairs() {
  constexpr Index kLanes = detail::RealTile<float>::lanes, kFrom = kLanes + 3, kTo = 2 * kLanes + 5;
  using Pairs = Matrix<std::uint32_t>;
  for (Index rows : {Index{0}, Index{1}, kLanes - 1, kLanes, kLanes + 4}) {
    INFO(rows << " rows of pairs");
    Random random(7, Stream::user);
    Pairs from(std::min(rows, kLanes), kFrom);
    for (Index i = 0; i < from.size(); ++i) from.data()[i] = static_cast<std::uint32_t>(random.below(std::uint64_t{1} << 32));
    Pairs to = Pairs::Constant(kLanes / 2, kTo, 5);
    detail::transpose_pairs(from.data(), kFrom, rows, to.data(), kTo);
    auto const number = [&](Index row, Index column) {  // of the matrix that `from` holds in pairs
      return row / 2 < from.rows() ? from(row / 2, column) >> (row % 2 ? 16 : 0) & 0xffffu : 0u;
    };
    for (Index m = 0; m < kLanes / 2; ++m)
      for (Index i = 0; i < kTo; ++i) CHECK(to(m, i) == (i < 2 * kLanes ? number(i, 2 * m) | number(i, 2 * m + 1) << 16 : 5u));
  }
}

}  // namespace

TEST_CASE("register_tile: matrices as they lie multiply to round-off, at every height and width of a tile", "[tensor]") {
  check_strided<float>();
  check_strided<double>();
}

TEST_CASE("register_tile: a square is transposed, rows that are missing are zeros", "[tensor]") {
  check_transposed<float>();
  check_transposed<double>();
}

TEST_CASE("register_tile: a square of pairs is transposed number by number, rows that are missing are zeros", "[tensor]") {
  check_transposed_pairs();
}
