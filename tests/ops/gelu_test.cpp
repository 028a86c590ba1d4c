// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/gelu.hpp>
#include <chg/verify/verify.hpp>

#include <cmath>

namespace {

using namespace chg;

struct Exact {
  template <class Scalar>
  static Matrix<Scalar> forward(Matrix<Scalar> const& a) {
    Matrix<Scalar> h(a.rows(), a.cols());
    ops::gelu(a.data(), a.size(), h.data());
    return h;
  }
  template <class Scalar>
  static Matrix<Scalar> backward(Matrix<Scalar> const& a, Matrix<Scalar> const& dh) {
    Matrix<Scalar> da(a.rows(), a.cols());
    ops::gelu_backward(a.data(), a.size(), dh.data(), da.data());
    return da;
  }
  template <class Scalar>
  static Matrix<Scalar> twin(Matrix<Scalar> const& a) {
    return twins::gelu(a);
  }
};

struct Tanh {
  template <class Scalar>
  static Matrix<Scalar> forward(Matrix<Scalar> const& a) {
    Matrix<Scalar> h(a.rows(), a.cols());
    ops::gelu_tanh(a.data(), a.size(), h.data());
    return h;
  }
  template <class Scalar>
  static Matrix<Scalar> backward(Matrix<Scalar> const& a, Matrix<Scalar> const& dh) {
    Matrix<Scalar> da(a.rows(), a.cols());
    ops::gelu_tanh_backward(a.data(), a.size(), dh.data(), da.data());
    return da;
  }
  template <class Scalar>
  static Matrix<Scalar> twin(Matrix<Scalar> const& a) {
    return twins::gelu_tanh(a);
  }
};

template <class Kind>
void check_against_twin() {
  auto const fast = [](auto const& a) { return Kind::forward(a); };
  auto const twin = [](auto const& a) { return Kind::twin(a); };
  auto const backward = [](Matrix<double> const& a, Matrix<double> const& dh) { return Kind::backward(a, dh); };
  for (Index n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 101}) {
    auto const a = twins::sample(1, n, 1, 3);
    INFO(n << " numbers");
    CHECK(twins::agree(Kind::forward(a), Kind::twin(a), 8));
    CHECK(verify::backward_pass(twin, backward, a));
    CHECK(verify::backward_pass(fast, backward, a));
  }
}

template <class Kind>
void check_float() {
  Matrix<float> const a = twins::sample(5, 31, 1, 3).cast<float>(), dh = twins::sample(5, 31, 2).cast<float>();
  Matrix<double> const exact = a.cast<double>();
  auto const twin = [](auto const& x) { return Kind::twin(x); };
  CHECK(twins::float_bound(Kind::forward(a), Kind::twin(a), Kind::twin(exact)).holds());
  CHECK(twins::float_bound(Kind::backward(a, dh), twins::gradient<float>(twin, verify::at(exact), dh.cast<double>())[0],
                           twins::gradient<double>(twin, verify::at(exact), dh.cast<double>())[0])
            .holds());
}

// Where the unit is the identity, or nothing.
template <class Kind, class Scalar>
void check_far_out() {
  Matrix<Scalar> a(1, 7), ones = Matrix<Scalar>::Ones(1, 7);
  a << -10000, -100, -20, 0, 20, 100, 10000;
  auto const h = Kind::forward(a), da = Kind::backward(a, ones);
  for (Index i = 0; i < 3; ++i) {
    CHECK(h(0, i) == 0);
    CHECK(std::abs(da(0, i)) < 1e-30);
    CHECK(h(0, 4 + i) == a(0, 4 + i));
    CHECK(da(0, 4 + i) == 1);
  }
  CHECK(h(0, 3) == 0);
  CHECK(da(0, 3) == Scalar(0.5));
}

template <class Kind>
void check_in_place() {
  auto const a = twins::sample(1, 19, 1), dh = twins::sample(1, 19, 2);
  auto h = a;
  if constexpr (std::is_same_v<Kind, Exact>)
    ops::gelu(h.data(), 19, h.data());
  else
    ops::gelu_tanh(h.data(), 19, h.data());
  CHECK(h == Kind::forward(a));
  auto const expected = Kind::backward(a, dh);
  auto over_a = a, over_dh = dh;
  if constexpr (std::is_same_v<Kind, Exact>) {
    ops::gelu_backward(over_a.data(), 19, dh.data(), over_a.data());
    ops::gelu_backward(a.data(), 19, over_dh.data(), over_dh.data());
  } else {
    ops::gelu_tanh_backward(over_a.data(), 19, dh.data(), over_a.data());
    ops::gelu_tanh_backward(a.data(), 19, over_dh.data(), over_dh.data());
  }
  CHECK(over_a == expected);
  CHECK(over_dh == expected);
}

}  // namespace

TEST_CASE("gelu: the output is that of the plain loop, and the gradient that of dual numbers", "[ops]") {
  check_against_twin<Exact>();
}
TEST_CASE("gelu_tanh: the output is that of the plain loop, and the gradient that of dual numbers", "[ops]") {
  check_against_twin<Tanh>();
}
TEST_CASE("gelu: in float the error is at most twice that of the plain loop", "[ops]") { check_float<Exact>(); }
TEST_CASE("gelu_tanh: in float the error is at most twice that of the plain loop", "[ops]") { check_float<Tanh>(); }
TEST_CASE("gelu: far from 0 it is the identity or 0, and so is its gradient", "[ops]") {
  check_far_out<Exact, float>();
  check_far_out<Exact, double>();
}
TEST_CASE("gelu_tanh: far from 0 it is the identity or 0, and so is its gradient", "[ops]") {
  check_far_out<Tanh, float>();
  check_far_out<Tanh, double>();
}
TEST_CASE("gelu: output may be the input, and the gradient may overwrite either operand", "[ops]") { check_in_place<Exact>(); }
TEST_CASE("gelu_tanh: output may be the input, and the gradient may overwrite either operand", "[ops]") {
  check_in_place<Tanh>();
}

TEST_CASE("gelu: the approximation is near the exact unit, and not equal to it", "[ops]") {
  Matrix<double> const a = Matrix<double>::NullaryExpr(1, 201, [](Index, Index i) { return (double(i) - 100) / 20; });
  auto const difference = twins::largest(Exact::forward(a) - Tanh::forward(a));
  CHECK(difference < 5e-4);  // 4.7e-4 at |a| = 2.7
  CHECK(difference > 4e-4);
}

TEST_CASE("gelu_tanh: the gradient far out is 1 or 0, never NaN", "[ops]") {
  for (float a : {101.0f, 1e19f, 3e38f}) {
    float const in[] = {a, -a}, dh[] = {2.0f, 2.0f};
    float da[2];
    ops::gelu_tanh_backward(in, 2, dh, da);
    CHECK(da[0] == 2.0f);
    CHECK(da[1] == 0.0f);
  }
}
