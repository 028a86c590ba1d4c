// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/geglu.hpp>
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
  ops::geglu_tanh(ab.data(), a.rows(), a.cols(), h.data());
  return h;
}

template <class Scalar>
std::tuple<Matrix<Scalar>, Matrix<Scalar>> backward(Matrix<Scalar> const& a, Matrix<Scalar> const& b, Matrix<Scalar> const& dh) {
  auto ab = joined(a, b);
  ops::geglu_tanh_backward(ab.data(), a.rows(), a.cols(), dh.data());
  return {ab.leftCols(a.cols()), ab.rightCols(a.cols())};
}

auto const twin = [](auto const& a, auto const& b) { return twins::geglu_tanh(a, b); };

}  // namespace

TEST_CASE("geglu_tanh: the output is that of the plain loop, and the gradient that of dual numbers", "[ops]") {
  for (Index width : {1, 2, 7, 8, 9, 31, 63, 64, 65, 127, 129}) {  // around the vector width and the block of 64
    auto const a = twins::sample(3, width, 1, 3), b = twins::sample(3, width, 2);
    INFO("F = " << width);
    CHECK(twins::agree(fast(a, b), twins::geglu_tanh(a, b), 8));
    auto const point = verify::at("a", a, "b", b);
    CHECK(verify::backward_pass(twin, backward<double>, point));
    CHECK(verify::backward_pass([](auto const& l, auto const& r) { return fast(l, r); }, backward<double>, point));
  }
}

TEST_CASE("geglu_tanh: in float the error is at most twice that of the plain loop", "[ops]") {
  Matrix<float> const a = twins::sample(3, 65, 1, 3).cast<float>(), b = twins::sample(3, 65, 2).cast<float>(),
                      dh = twins::sample(3, 65, 3).cast<float>();
  Matrix<double> const exact_a = a.cast<double>(), exact_b = b.cast<double>();
  CHECK(twins::float_bound(fast(a, b), twins::geglu_tanh(a, b), twins::geglu_tanh(exact_a, exact_b)).holds());
  auto const point = verify::at("a", exact_a, "b", exact_b);
  auto const [da, db] = backward(a, b, dh);
  auto const plain = twins::gradient<float>(twin, point, dh.cast<double>());
  auto const exact = twins::gradient<double>(twin, point, dh.cast<double>());
  CHECK(twins::float_bound(da, plain[0], exact[0]).holds());
  CHECK(twins::float_bound(db, plain[1], exact[1]).holds());
}

TEST_CASE("geglu_tanh: far from 0 it is a b or nothing, and its gradient is finite", "[ops]") {
  Matrix<float> a(1, 5), b = Matrix<float>::Constant(1, 5, 3), dh = Matrix<float>::Ones(1, 5);
  a << -1000, -20, 0, 20, 1000;
  auto const h = fast(a, b);
  auto const [da, db] = backward(a, b, dh);
  CHECK(h(0, 0) == 0);
  CHECK(h(0, 2) == 0);
  CHECK(h(0, 4) == 3000);
  CHECK(da(0, 0) == 0);
  CHECK(da(0, 2) == 1.5f);
  CHECK(da(0, 4) == 3);
  CHECK(db(0, 4) == 1000);
}
