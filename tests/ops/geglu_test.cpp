// SPDX-License-Identifier: MIT
#include "ops/gated_units.hpp"

#include <chg/ops/geglu.hpp>

namespace {

using namespace chg;

struct Geglu {
  static constexpr auto forward = [](auto const* ab, Index n, Index width, auto* h) { ops::geglu_tanh(ab, n, width, h); };
  static constexpr auto backward = [](auto* ab, Index n, Index width, auto const* dh) {
    ops::geglu_tanh_backward(ab, n, width, dh);
  };
  static constexpr auto twin = [](auto const& a, auto const& b) { return twins::geglu_tanh(a, b); };
};
using Unit = tests::GatedUnit<Geglu>;

}  // namespace

TEST_CASE("geglu_tanh: the output is that of the plain loop, and the gradient that of dual numbers", "[ops]") {
  Unit::check_exact();
}

TEST_CASE("geglu_tanh: in float the error is at most twice that of the plain loop", "[ops]") { Unit::check_float(); }

TEST_CASE("geglu_tanh: far from 0 it is a b or nothing, and its gradient is finite", "[ops]") {
  Matrix<float> a(1, 5), b = Matrix<float>::Constant(1, 5, 3), dh = Matrix<float>::Ones(1, 5);
  a << -1000, -20, 0, 20, 1000;
  auto const h = Unit::forward(a, b);
  auto const [da, db] = Unit::backward(a, b, dh);
  CHECK(h(0, 0) == 0);
  CHECK(h(0, 2) == 0);
  CHECK(h(0, 4) == 3000);
  CHECK(da(0, 0) == 0);
  CHECK(da(0, 2) == 1.5f);
  CHECK(da(0, 4) == 3);
  CHECK(db(0, 4) == 1000);
}
