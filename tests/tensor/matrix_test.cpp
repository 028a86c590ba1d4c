// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/array.hpp>
#include <chg/tensor/matrix.hpp>

#include <limits>
#include <numeric>
#include <string>
#include <vector>

using namespace chg;

TEST_CASE("matrix: rows are contiguous, and a map steps over what lies between them", "[tensor]") {
  Matrix<float> m(2, 3);
  std::iota(m.data(), m.data() + 6, 0.0f);
  CHECK(m(1, 0) == 3);
  std::vector<double> data(12);
  std::iota(data.begin(), data.end(), 0.0);
  auto const dense = map(data.data(), 3, 4);
  CHECK(dense(2, 1) == 9);
  auto strided = map(data.data() + 1, 3, 2, 4);  // the middle columns
  CHECK(strided(2, 1) == 10);
  strided(0, 0) = -1;
  CHECK(data[1] == -1);
  auto const constant = map(static_cast<double const*>(data.data()), 3, 2, 4);
  CHECK(constant(1, 0) == 4);
  CHECK(constant.sum() == 0 - 1 + 4 + 5 + 8 + 9);
}

TEST_CASE("matrix: a reference parameter accepts matrices, maps and blocks without a copy", "[tensor]") {
  Matrix<double> m = Matrix<double>::Zero(4, 5);
  auto const address = [](ConstMatrixRef<double> r) { return r.data(); };
  auto const write = [](MatrixRef<double> r) { r.setOnes(); };
  CHECK(address(m) == m.data());
  CHECK(address(m.block(1, 2, 2, 3)) == m.data() + 7);
  CHECK(address(map(m.data(), 2, 2, 5)) == m.data());
  write(m.block(1, 2, 2, 3));
  CHECK(m.sum() == 6);
}

TEST_CASE("matrix: a wrong shape is refused with both shapes", "[tensor]") {
  Matrix<float> const m(3, 5);
  CHECK_NOTHROW(check_shape("x", m, 3, 5));
  try {
    check_shape("x", m, 3, 4);
    FAIL("no error");
  } catch (Error const& e) {
    CHECK(std::string(e.what()) == "x has the wrong shape. Expected [3, 4], got [3, 5].");
  }
  CHECK_THROWS_AS(check_shape("x", m, 5, 3), Error);
  CHECK(shape_text(0, 7) == "[0, 7]");
}

TEST_CASE("matrix: one number that is not finite is found wherever it is", "[tensor]") {
  using Limits = std::numeric_limits<float>;
  Matrix<float> m = Matrix<float>::Constant(7, 5, Limits::max());
  m(0, 0) = -0.0f, m(3, 2) = Limits::denorm_min(), m(6, 4) = Limits::lowest();
  CHECK(all_finite(m));
  CHECK(all_finite(Matrix<float>()));
  for (auto const bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()})
    for (Index i = 0; i < m.size(); ++i) {
      auto damaged = m;
      damaged.data()[i] = bad;
      REQUIRE_FALSE(all_finite(damaged));
    }
}

TEST_CASE("array: many axes, last axis contiguous", "[tensor]") {
  Array<double, 3> a({2, 3, 4});
  std::iota(a.begin(), a.end(), 0.0);
  CHECK(a(1, 2, 3) == 23);
  CHECK(a(1, 0, 0) == 12);
  CHECK(&a(0, 0, 1) == &a(0, 0, 0) + 1);
}
