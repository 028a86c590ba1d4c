// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/rows.hpp>

using namespace chg;

TEST_CASE("rows: a bias is added to every row, and an absent one to none", "[ops]") {
  for (Index cols : {1, 2, 15, 16, 17}) {
    auto const x = twins::sample(3, cols, 1), b = twins::sample(1, cols, 2);
    auto y = x;
    ops::add_bias(RowVector<double>(b.row(0)), y.data(), 3);
    CHECK(y == (x.rowwise() + b.row(0)));
    ops::add_bias(RowVector<double>(), y.data(), 3);
    CHECK(y == (x.rowwise() + b.row(0)));
    ops::add_bias(RowVector<double>(b.row(0)), y.data(), 0);
    CHECK(y == (x.rowwise() + b.row(0)));
  }
  Matrix<Dual<float>> y = Matrix<Dual<float>>::Constant(1, 2, Dual<float>(1, 5));
  ops::add_bias(RowVector<float>(RowVector<float>::Ones(2)), y.data(), 1);
  CHECK(y(0, 1).value == 2);
  CHECK(y(0, 1).tangent == 5);  // a bias has no tangent
}

TEST_CASE("rows: a view is the memory it was given", "[ops]") {
  float data[] = {1, 2, 3, 4};
  ops::row(data + 1, 2) *= 10;
  CHECK(data[1] == 20);
  CHECK(data[2] == 30);
  CHECK(ops::row(static_cast<float const*>(data), 4).sum() == 55);
}
