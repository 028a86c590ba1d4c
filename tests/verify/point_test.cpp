// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/verify/point.hpp>

#include <array>
#include <list>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace chg;
using verify::detail::matrices;

}  // namespace

TEST_CASE("point: values become matrices of double, row by row", "[verify]") {
  Matrix<float> m(2, 2);
  m << 1, 2, 3, 4;
  Eigen::Matrix2d const column_major = m.cast<double>();
  auto const p = verify::at("m", m, "e", column_major, "v", std::vector{5.0f, 6.0f}, "n", 7);
  CHECK(p.inputs.size() == 4);
  CHECK(p.inputs[0].name == "m");
  CHECK(p.inputs[0].value == m.cast<double>());
  CHECK(p.inputs[1].value == m.cast<double>());
  CHECK(p.inputs[2].value == (Matrix<double>(1, 2) << 5, 6).finished());
  CHECK(p.inputs[3].value == Matrix<double>::Constant(1, 1, 7));
  CHECK(verify::at(m).inputs[0].name == "x");
}

TEST_CASE("point: entries of matrices, rows and numbers are named as they are indexed", "[verify]") {
  using verify::detail::entry_name;
  CHECK(entry_name({"W", Matrix<double>(3, 4)}, 1, 2) == "W(1, 2)");
  CHECK(entry_name({"W", Matrix<double>(3, 1)}, 2, 0) == "W(2, 0)");
  CHECK(entry_name({"b", Matrix<double>(1, 4)}, 0, 2) == "b(2)");
  CHECK(entry_name({"s", Matrix<double>(1, 1)}, 0, 0) == "s");
}

TEST_CASE("point: what functions return is taken apart into matrices, in order", "[verify]") {
  Matrix<double> const a = Matrix<double>::Constant(1, 2, 1), b = Matrix<double>::Constant(2, 1, 2);
  CHECK(matrices<double>(3.5).at(0) == Matrix<double>::Constant(1, 1, 3.5));
  CHECK(matrices<double>(std::tuple(a, 2.0, b)).size() == 3);
  CHECK(matrices<double>(std::pair(a, b)).at(1) == b);
  CHECK(matrices<double>(std::array{b, b}).size() == 2);
  CHECK(matrices<double>(std::list<Matrix<double>>{a, b, a}).size() == 3);
  CHECK(matrices<double>(std::vector{std::tuple(a, b), std::tuple(a, b)}).size() == 4);
  CHECK(matrices<double>(std::array{1.0, 2.0, 3.0}).at(0).size() == 3);
  CHECK(matrices<Dual<double>>(a).at(0)(0, 1).tangent == 0);
}
