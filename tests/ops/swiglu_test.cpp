// SPDX-License-Identifier: MIT
#include "ops/gated_units.hpp"

#include <chg/ops/swiglu.hpp>

namespace {

using namespace chg;

struct Swiglu {
  static constexpr auto forward = [](auto const* ab, Index n, Index width, auto* h) { ops::swiglu(ab, n, width, h); };
  static constexpr auto backward = [](auto* ab, Index n, Index width, auto const* dh) { ops::swiglu_backward(ab, n, width, dh); };
  static constexpr auto twin = [](auto const& a, auto const& b) { return twins::swiglu(a, b); };
};
using Unit = tests::GatedUnit<Swiglu>;

}  // namespace

TEST_CASE("swiglu: the output is that of the plain loop, and the gradient that of dual numbers", "[ops]") { Unit::check_exact(); }

TEST_CASE("swiglu: in float the error is at most twice that of the plain loop", "[ops]") { Unit::check_float(); }

TEST_CASE("swiglu: far from 0 it is a b or nothing, and its gradient is finite", "[ops]") {
  auto const check = [](auto zero) {
    using Scalar = decltype(zero);
    Matrix<Scalar> a(1, 6), b = Matrix<Scalar>::Constant(1, 6, 3), dh = Matrix<Scalar>::Ones(1, 6);
    a << -1000, -90, 0, 90, 1000, 10000;
    auto const h = Unit::forward(a, b);
    auto const [da, db] = Unit::backward(a, b, dh);
    CHECK(h.allFinite());
    CHECK(da.allFinite());
    CHECK(db.allFinite());
    CHECK(std::abs(h(0, 0)) < 1e-30);
    CHECK(h(0, 2) == 0);
    CHECK(h(0, 4) == 3000);
    CHECK(std::abs(da(0, 0)) < 1e-30);
    CHECK(da(0, 2) == Scalar(1.5));
    CHECK(da(0, 4) == 3);
    CHECK(db(0, 5) == 10000);
  };
  check(0.0f);
  check(0.0);
}

TEST_CASE("swiglu: no rows is a valid input", "[ops]") {
  CHECK(Unit::forward(Matrix<float>(0, 5), Matrix<float>(0, 5)).rows() == 0);
  CHECK(std::get<0>(Unit::backward(Matrix<float>(0, 5), Matrix<float>(0, 5), Matrix<float>(0, 5))).rows() == 0);
}

TEST_CASE("swiglu: deep in the negative tail the output and both gradients are 0 to round-off, on duals too", "[ops]") {
  using D = Dual<float>;
  for (float a : {-90.0f, -500.0f, -1e9f}) {
    D ab[] = {D(a, 1.0f), D(2.0f, 0.0f)}, h[1];
    ops::swiglu(ab, 1, 1, h);
    CHECK(std::isfinite(h[0].tangent));
    CHECK(std::abs(h[0].tangent) < 1e-20f);
    D const dh[] = {D(1.0f, 0.5f)};
    ops::swiglu_backward(ab, 1, 1, dh);
    for (auto const& d : ab) CHECK((std::isfinite(d.value) && std::isfinite(d.tangent)));
  }
}
