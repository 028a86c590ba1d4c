// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <map>
#include <set>

using namespace chg;

namespace {
std::vector<Index> draw(UnitOrder& order, Index count) {
  std::vector<Index> out(static_cast<std::size_t>(count));
  order.next(out);
  return out;
}
}  // namespace

TEST_CASE("order: each example comes exactly once in each permutation, however batches cut them", "[gate]") {
  for (Index const size : {1, 2, 7, 64, 65}) {
    for (Index const batch : {Index{1}, Index{3}, size, size + 1, 2 * size + 1}) {
      UnitOrder order(size, 3);
      std::vector<Index> all;
      while (static_cast<Index>(all.size()) < 4 * size + batch) {
        auto const part = draw(order, batch);
        all.insert(all.end(), part.begin(), part.end());
      }
      REQUIRE(order.position() == static_cast<Index>(all.size()));
      for (Index p = 0; p < 4; ++p)
        REQUIRE(std::set<Index>(all.begin() + p * size, all.begin() + (p + 1) * size).size() == static_cast<std::size_t>(size));
      UnitOrder whole(size, 3);
      REQUIRE(draw(whole, static_cast<Index>(all.size())) == all);  // borders of batches decide nothing
    }
  }
}

TEST_CASE("order: a batch across a border can hold an example twice", "[gate]") {
  UnitOrder order(5, 1);
  auto const batch = draw(order, 8);
  REQUIRE(std::set<Index>(batch.begin(), batch.end()).size() == 5);
}

TEST_CASE("order: permutation k is the shuffle of (seed, Stream::order, k), and seeds differ", "[gate]") {
  UnitOrder order(20, 9);
  for (std::uint32_t k = 0; k < 3; ++k) {
    std::vector<Index> expected(20);
    std::iota(expected.begin(), expected.end(), Index{0});
    Random(9, Stream::order, k).shuffle(std::span(expected));
    REQUIRE(draw(order, 20) == expected);
  }
  UnitOrder first(20, 9), other(20, 10);
  REQUIRE(draw(first, 20) != draw(other, 20));
}

TEST_CASE("order: all orders of three examples are equally likely", "[gate]") {
  UnitOrder order(3, 5);
  std::map<std::vector<Index>, int> count;
  for (int i = 0; i < 6000; ++i) ++count[draw(order, 3)];
  REQUIRE(count.size() == 6);
  double chi_square = 0;
  for (auto const& [permutation, n] : count) chi_square += (n - 1000.0) * (n - 1000.0) / 1000.0;
  REQUIRE(chi_square < 20.5);  // 5 degrees of freedom, p = 0.001
}

TEST_CASE("order: seek gives what drawing so many would have given", "[gate]") {
  for (auto const kind : {Order::shuffle, Order::sequential})
    for (Index const position : {0, 1, 6, 7, 8, 13, 14, 100}) {
      UnitOrder drawn(7, 2, kind), sought(7, 2, kind);
      draw(drawn, position);
      sought.seek(position);
      REQUIRE(draw(drawn, 20) == draw(sought, 20));
    }
}

TEST_CASE("order: sequential takes the data in its order and wraps round, for every seed", "[gate]") {
  UnitOrder order(3, 8, Order::sequential), other(3, 9, Order::sequential);
  REQUIRE(draw(order, 7) == std::vector<Index>{0, 1, 2, 0, 1, 2, 0});
  REQUIRE(draw(other, 7) == std::vector<Index>{0, 1, 2, 0, 1, 2, 0});
}

TEST_CASE("order: no data is refused", "[gate]") { REQUIRE_THROWS_AS(UnitOrder(0, 1), Error); }
