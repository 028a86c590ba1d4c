// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/swiglu.hpp>
#include <chg/verify/verify.hpp>

#include <tuple>

namespace {

using namespace chg;

template <class Scalar>
Matrix<Scalar> joined(Matrix<Scalar> const& a, Matrix<Scalar> const& b) {
  Matrix<Scalar> ab(a.rows(), 2 * a.cols());
  ab << a, b;
  return ab;
}

template <class Scalar>
Matrix<Scalar> fast(Matrix<Scalar> const& a, Matrix<Scalar> const& b) {
  auto const ab = joined(a, b);
  Matrix<Scalar> h(a.rows(), a.cols());
  ops::swiglu(ab.data(), a.rows(), a.cols(), h.data());
  return h;
}

template <class Scalar>
std::tuple<Matrix<Scalar>, Matrix<Scalar>> backward(Matrix<Scalar> const& a, Matrix<Scalar> const& b, Matrix<Scalar> const& dh) {
  auto ab = joined(a, b);
  ops::swiglu_backward(ab.data(), a.rows(), a.cols(), dh.data());
  return {ab.leftCols(a.cols()), ab.rightCols(a.cols())};
}

auto const twin = [](auto const& a, auto const& b) { return twins::swiglu(a, b); };

}  // namespace

TEST_CASE("swiglu: the output is that of the plain loop, and the gradient that of dual numbers", "[ops]") {
  for (Index width : {1, 2, 7, 8, 9, 31, 63, 64, 65, 127, 129}) {  // around the vector width and the block of 64
    auto const a = twins::sample(3, width, 1, 3), b = twins::sample(3, width, 2);
    INFO("F = " << width);
    CHECK(twins::agree(fast(a, b), twins::swiglu(a, b), 8));
    auto const point = verify::at("a", a, "b", b);
    CHECK(verify::backward_pass(twin, backward<double>, point));
    CHECK(verify::backward_pass([](auto const& l, auto const& r) { return fast(l, r); }, backward<double>, point));
  }
}

TEST_CASE("swiglu: in float the error is at most twice that of the plain loop", "[ops]") {
  Matrix<float> const a = twins::sample(3, 65, 1, 3).cast<float>(), b = twins::sample(3, 65, 2).cast<float>(),
                      dh = twins::sample(3, 65, 3).cast<float>();
  Matrix<double> const exact_a = a.cast<double>(), exact_b = b.cast<double>();
  CHECK(twins::float_bound(fast(a, b), twins::swiglu(a, b), twins::swiglu(exact_a, exact_b)).holds());
  auto const point = verify::at("a", exact_a, "b", exact_b);
  auto const [da, db] = backward(a, b, dh);
  auto const plain = twins::gradient<float>(twin, point, dh.cast<double>());
  auto const exact = twins::gradient<double>(twin, point, dh.cast<double>());
  CHECK(twins::float_bound(da, plain[0], exact[0]).holds());
  CHECK(twins::float_bound(db, plain[1], exact[1]).holds());
}

TEST_CASE("swiglu: far from 0 it is a b or nothing, and its gradient is finite", "[ops]") {
  auto const check = [](auto zero) {
    using Scalar = decltype(zero);
    Matrix<Scalar> a(1, 6), b = Matrix<Scalar>::Constant(1, 6, 3), dh = Matrix<Scalar>::Ones(1, 6);
    a << -1000, -90, 0, 90, 1000, 10000;
    auto const h = fast(a, b);
    auto const [da, db] = backward(a, b, dh);
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
  CHECK(fast(Matrix<float>(0, 5), Matrix<float>(0, 5)).rows() == 0);
  CHECK(std::get<0>(backward(Matrix<float>(0, 5), Matrix<float>(0, 5), Matrix<float>(0, 5))).rows() == 0);
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
