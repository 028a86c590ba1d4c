// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/norm.hpp>
#include <chg/verify/verify.hpp>

#include <vector>

namespace {

using namespace chg;

constexpr Index kSizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64};  // around the vector widths, and odd primes
constexpr double kEpsilon = 1e-5;

template <class Real>
RowVector<Real> vector_of(Matrix<double> const& m) {
  return m.row(0).template cast<Real>();
}

// Scales around 1, so that no mistake in them cancels.
Matrix<double> scales(Index cols) { return Matrix<double>::Ones(1, cols) + twins::sample(1, cols, 50, 0.3); }

template <class Scalar>
Matrix<Scalar> rms(Matrix<Scalar> const& x, Matrix<double> const& scale, double epsilon = kEpsilon) {
  Matrix<Scalar> y(x.rows(), x.cols());
  std::vector<Scalar> r(std::size_t(x.rows()));
  ops::rms_norm(x.data(), x.rows(), vector_of<Real<Scalar>>(scale), epsilon, y.data(), r.data());
  return y;
}

template <class Scalar>
Matrix<Scalar> rms_backward(Matrix<Scalar> const& x, Matrix<Scalar> const& dy, Matrix<double> const& scale,
                            double epsilon = kEpsilon) {
  Matrix<Scalar> y(x.rows(), x.cols()), dx = Matrix<Scalar>::Zero(x.rows(), x.cols());
  std::vector<Scalar> r(std::size_t(x.rows()));
  auto const g = vector_of<Real<Scalar>>(scale);
  ops::rms_norm(x.data(), x.rows(), g, epsilon, y.data(), r.data());
  ops::rms_norm_backward(x.data(), r.data(), x.rows(), g, dy.data(), dx.data());
  return dx;
}

template <class Scalar>
Matrix<Scalar> layer(Matrix<Scalar> const& x, Matrix<double> const& scale, Matrix<double> const& bias,
                     double epsilon = kEpsilon) {
  Matrix<Scalar> y(x.rows(), x.cols());
  std::vector<Scalar> m(std::size_t(x.rows())), r(m);
  ops::layer_norm(x.data(), x.rows(), vector_of<Real<Scalar>>(scale), vector_of<Real<Scalar>>(bias), epsilon, y.data(), m.data(),
                  r.data());
  return y;
}

template <class Scalar>
Matrix<Scalar> layer_backward(Matrix<Scalar> const& x, Matrix<Scalar> const& dy, Matrix<double> const& scale,
                              Matrix<double> const& bias, double epsilon = kEpsilon) {
  Matrix<Scalar> y(x.rows(), x.cols()), dx = Matrix<Scalar>::Zero(x.rows(), x.cols());
  std::vector<Scalar> m(std::size_t(x.rows())), r(m);
  auto const g = vector_of<Real<Scalar>>(scale);
  ops::layer_norm(x.data(), x.rows(), g, vector_of<Real<Scalar>>(bias), epsilon, y.data(), m.data(), r.data());
  ops::layer_norm_backward(x.data(), m.data(), r.data(), x.rows(), g, dy.data(), dx.data());
  return dx;
}

}  // namespace

TEST_CASE("rms_norm: the output is that of the plain loop, and the gradient that of dual numbers", "[ops]") {
  for (auto const cols : kSizes) {
    auto const x = twins::sample(3, cols, 1), scale = scales(cols);
    INFO(cols << " columns");
    CHECK(twins::agree(rms(x, scale), twins::rms_norm(x, scale, kEpsilon), double(cols) / 2 + 8));
    auto const plain = [&](auto const& in) { return twins::rms_norm(in, scale, kEpsilon); };
    auto const fast = [&](auto const& in) { return rms(in, scale); };
    auto const backward = [&](Matrix<double> const& in, Matrix<double> const& dy) { return rms_backward(in, dy, scale); };
    // One column: dx is 0 but for epsilon, what is left of terms of size 1 / |x|.
    verify::DualOptions const options{.floor = cols == 1 ? 1.0 : 1e-8};
    CHECK(verify::backward_pass(plain, backward, x, options));
    CHECK(verify::backward_pass(fast, backward, x, options));
  }
}

TEST_CASE("layer_norm: the output is that of the plain loop, and the gradient that of dual numbers", "[ops]") {
  for (auto const cols : kSizes) {
    auto const x = twins::sample(3, cols, 1), scale = scales(cols), bias = twins::sample(1, cols, 2);
    INFO(cols << " columns");
    CHECK(twins::agree(layer(x, scale, bias), twins::layer_norm(x, scale, bias, kEpsilon), double(cols) / 2 + 8));
    auto const plain = [&](auto const& in) { return twins::layer_norm(in, scale, bias, kEpsilon); };
    auto const fast = [&](auto const& in) { return layer(in, scale, bias); };
    auto const backward = [&](Matrix<double> const& in, Matrix<double> const& dy) { return layer_backward(in, dy, scale, bias); };
    // Up to two columns h is constant but for epsilon: dx is what is left of terms of size 1 / deviation.
    verify::DualOptions const options{.floor = cols <= 2 ? 1.0 : 1e-8};
    CHECK(verify::backward_pass(plain, backward, x, options));
    CHECK(verify::backward_pass(fast, backward, x, options));
  }
}

TEST_CASE("norms: in float the error is at most twice that of the plain loop", "[ops]") {
  for (auto const cols : {8, 17, 64, 577}) {
    auto const x = twins::sample(4, cols, 1), dy = twins::sample(4, cols, 3), scale = scales(cols),
               bias = twins::sample(1, cols, 2);
    Matrix<float> const xf = x.cast<float>(), dyf = dy.cast<float>();
    Matrix<double> const rounded = xf.cast<double>(), s = scale.cast<float>().cast<double>(),
                         b = bias.cast<float>().cast<double>();
    INFO(cols << " columns");
    CHECK(twins::float_bound(rms(xf, s), twins::rms_norm(xf, s, kEpsilon), twins::rms_norm(rounded, s, kEpsilon)).holds());
    CHECK(twins::float_bound(layer(xf, s, b), twins::layer_norm(xf, s, b, kEpsilon), twins::layer_norm(rounded, s, b, kEpsilon))
              .holds());
    if (cols > 64) continue;
    auto const c = Matrix<double>(dyf.cast<double>());
    auto const rms_twin = [&](auto const& in) { return twins::rms_norm(in, s, kEpsilon); };
    auto const layer_twin = [&](auto const& in) { return twins::layer_norm(in, s, b, kEpsilon); };
    auto const at = verify::at(rounded);
    CHECK(twins::float_bound(rms_backward(xf, dyf, s), twins::gradient<float>(rms_twin, at, c)[0],
                             twins::gradient<double>(rms_twin, at, c)[0])
              .holds());
    CHECK(twins::float_bound(layer_backward(xf, dyf, s, b), twins::gradient<float>(layer_twin, at, c)[0],
                             twins::gradient<double>(layer_twin, at, c)[0])
              .holds());
  }
}

TEST_CASE("norms: the backward pass adds to what dx holds", "[ops]") {
  auto const x = twins::sample(2, 5, 1), dy = twins::sample(2, 5, 3), scale = scales(5), bias = twins::sample(1, 5, 2);
  auto const g = vector_of<double>(scale), b = vector_of<double>(bias);
  Matrix<double> y(2, 5), dx = Matrix<double>::Constant(2, 5, 10);
  std::vector<double> m(2), r(2);
  ops::rms_norm(x.data(), 2, g, kEpsilon, y.data(), r.data());
  ops::rms_norm_backward(x.data(), r.data(), 2, g, dy.data(), dx.data());
  CHECK(twins::agree(dx, (rms_backward(x, dy, scale).array() + 10).matrix(), 2));
  dx.setConstant(10);
  ops::layer_norm(x.data(), 2, g, b, kEpsilon, y.data(), m.data(), r.data());
  ops::layer_norm_backward(x.data(), m.data(), r.data(), 2, g, dy.data(), dx.data());
  CHECK(twins::agree(dx, (layer_backward(x, dy, scale, bias).array() + 10).matrix(), 2));
}

TEST_CASE("norms: rows without spread give finite numbers when epsilon is positive", "[ops]") {
  Matrix<double> const zero = Matrix<double>::Zero(1, 4), constant = Matrix<double>::Constant(1, 4, 3),
                       dy = twins::sample(1, 4, 3);
  Matrix<double> const ones = Matrix<double>::Ones(1, 4), bias = twins::sample(1, 4, 2);
  auto const r = 1 / std::sqrt(kEpsilon);
  CHECK(rms(zero, ones) == zero);
  CHECK(twins::agree(rms_backward(zero, dy, ones), r * dy, 4));
  CHECK(layer(constant, ones, bias) == bias);
  CHECK(twins::agree(layer_backward(constant, dy, ones, bias), (r * (dy.array() - dy.mean())).matrix(), 4));
}

TEST_CASE("norms: no rows is a valid input", "[ops]") {
  RowVector<float> const g = RowVector<float>::Ones(4);
  float const* const none = nullptr;
  float* const nowhere = nullptr;
  CHECK_NOTHROW(ops::rms_norm(none, 0, g, kEpsilon, nowhere, nowhere));
  CHECK_NOTHROW(ops::layer_norm(none, 0, g, g, kEpsilon, nowhere, nowhere, nowhere));
  CHECK_NOTHROW(ops::rms_norm_backward(none, none, 0, g, none, nowhere));
  CHECK_NOTHROW(ops::layer_norm_backward(none, none, none, 0, g, none, nowhere));
}

TEST_CASE("layer_norm: a large common offset costs no more than its own rounding", "[ops]") {
  // The mean is subtracted before squares are taken: with E[x^2] - E[x]^2 the offset of 10^6 would leave nothing of a spread
  // of 1.
  Matrix<double> const x = twins::sample(2, 64, 1), shifted = (x.array() + 1e6).matrix(), ones = Matrix<double>::Ones(1, 64),
                       zero = Matrix<double>::Zero(1, 64);
  CHECK(twins::largest(layer(shifted, ones, zero) - layer(x, ones, zero)) <
        4e6 * std::numeric_limits<double>::epsilon() * twins::largest(layer(x, ones, zero)));
}
