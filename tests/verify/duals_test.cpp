// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/verify/duals.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace chg;
using verify::against_duals, verify::at, verify::directional;

template <class Act>
std::string message(Act&& act) {
  try {
    act();
  } catch (Error const& e) {
    return e.what();
  }
  return "no error";
}

Matrix<double> sample(Index rows, Index cols, std::uint32_t substream = 0) {
  Random random(3, Stream::user, substream);
  Matrix<double> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = random.normal();
  return m;
}

// sum exp(sin x), gradient exp(sin x) cos x.
auto const smooth = [](auto const& x) {
  using std::exp, std::sin;
  typename std::decay_t<decltype(x)>::Scalar sum = 0;
  for (Index i = 0; i < x.size(); ++i) sum += exp(sin(x.data()[i]));
  return sum;
};
auto const smooth_gradient = [](Matrix<double> const& x) -> Matrix<double> { return x.array().sin().exp() * x.array().cos(); };

// tr(A B), dA = B^T, dB = A^T.
auto const trace = [](auto const& a, auto const& b) {
  typename std::decay_t<decltype(a)>::Scalar sum = 0;
  for (Index i = 0; i < a.rows(); ++i)
    for (Index k = 0; k < a.cols(); ++k) sum += a(i, k) * b(k, i);
  return sum;
};

}  // namespace

TEST_CASE("against_duals: a right gradient passes to round-off, in every form it can be given", "[verify]") {
  auto const x = sample(3, 5);
  Matrix<double> const g = smooth_gradient(x);
  CHECK(against_duals(smooth, smooth_gradient, x, {.tolerance = 1e-15}));
  CHECK(against_duals(smooth, g, x));
  CHECK(against_duals(smooth, g, at("weights", x)));
  auto const report = against_duals(smooth, g, x);
  CHECK(report.compared == 15);
  CHECK(report.method == "dual numbers");
  CHECK(report.uncertainty == 0);

  auto const a = sample(2, 3), b = sample(3, 2, 1);
  Matrix<double> const da = b.transpose(), db = a.transpose();
  CHECK(against_duals(trace, std::tuple(da, db), at("a", a, "b", b)));
  CHECK(against_duals(trace, std::vector{da, db}, at("a", a, "b", b)));
  CHECK(against_duals(trace, std::array{da, db}, at("a", a, "b", b)));
  CHECK(against_duals(
      trace,
      [](auto const& l, auto const& r) { return std::tuple(Matrix<double>(r.transpose()), Matrix<double>(l.transpose())); },
      at("a", a, "b", b)));
}

TEST_CASE("against_duals: points may be numbers, lists, column vectors and floats", "[verify]") {
  auto const square = [](auto const& x) { return x.squaredNorm(); };
  CHECK(against_duals(square, 3.0, at("x", 1.5)));
  CHECK(against_duals(square, std::vector{2.0, -4.0, 6.0}, std::vector{1.0, -2.0, 3.0}));
  CHECK(against_duals(square, std::vector{2.0f, -4.0f}, std::vector{1.0f, -2.0f}));
  Eigen::VectorXd const column = Eigen::VectorXd::LinSpaced(4, 1, 2);
  CHECK(against_duals(
      square, [](auto const& x) { return Eigen::VectorXd(2 * x); }, column));
  RowVector<float> const row = RowVector<float>::LinSpaced(4, 1, 2);
  CHECK(against_duals(square, RowVector<float>(2 * row), row));
}

TEST_CASE("against_duals: the worst entry is named with both numbers", "[verify]") {
  auto const a = sample(2, 3), b = sample(3, 2, 1);
  Matrix<double> const da = b.transpose();
  Matrix<double> db = a.transpose();
  db(2, 1) += 0.25;
  auto const report = against_duals(trace, std::tuple(da, db), at("a", a, "b", b));
  INFO(report);
  CHECK(report.verdict == verify::Verdict::failed);
  CHECK(report.where == "b(2, 1)");
  CHECK(report.claimed == a(1, 2) + 0.25);
  CHECK(report.truth == a(1, 2));
  CHECK(std::abs(report.absolute - 0.25) < 1e-15);
  CHECK(report.relative == report.absolute / a.cwiseAbs().maxCoeff());
}

TEST_CASE("against_duals: a sample of the entries is the seed's, and holds no entry twice", "[verify]") {
  auto const x = sample(4, 5);
  auto evaluations = 0;
  auto const counted = [&](auto const& y) { return ++evaluations, smooth(y); };
  auto const report = against_duals(counted, smooth_gradient, x, {.entries = 7, .seed = 5});
  CHECK(report);
  CHECK(report.compared == 7);
  CHECK(evaluations == 7);
  CHECK(against_duals(smooth, smooth_gradient, x, {.entries = 1000}).compared == 20);

  // One wrong entry of 20 is among 10 sampled ones for about half of all seeds.
  Matrix<double> wrong = smooth_gradient(x);
  wrong(1, 1) += 1;
  auto caught = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    caught += against_duals(smooth, wrong, x, {.entries = 10, .seed = seed}) ? 0 : 1;
  CHECK(caught >= 72);  // binomial(200, 1/2): four deviations of 7.07 about 100
  CHECK(caught <= 128);
}

TEST_CASE("against_duals: values that are not finite fail, wherever they come from", "[verify]") {
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  auto const x = sample(2, 2);
  Matrix<double> g = smooth_gradient(x);
  g(1, 0) = nan;
  auto const claimed = against_duals(smooth, g, x);
  CHECK(claimed.verdict == verify::Verdict::failed);
  CHECK(claimed.where == "x(1, 0)");

  auto const root = [](auto const& y) {
    using std::sqrt;
    return sqrt(y(0, 0));
  };
  CHECK(against_duals(root, 0.5, at("x", 1.0)));
  CHECK(against_duals(root, 1.0, at("x", 0.0)).verdict == verify::Verdict::failed);   // infinite slope
  CHECK(against_duals(root, 1.0, at("x", -1.0)).verdict == verify::Verdict::failed);  // NaN
  CHECK(against_duals(root, 1.0, at("x", nan)).verdict == verify::Verdict::failed);

  // A value that is not finite fails even where the derivative seems to exist.
  auto const infinite = [](auto const& y) { return y(0, 0) + std::numeric_limits<double>::infinity(); };
  CHECK(against_duals(infinite, 1.0, at("x", 1.0)).verdict == verify::Verdict::failed);
  CHECK(directional(infinite, 1.0, at("x", 1.0)).verdict == verify::Verdict::failed);
}

TEST_CASE("against_duals: a gradient of zeros passes when zeros are claimed, and fails when not", "[verify]") {
  auto const constant = [](auto const& y) { return y(0, 0) * 0.0 + 3.0; };
  CHECK(against_duals(constant, 0.0, at("x", 2.0)));
  CHECK_FALSE(against_duals(constant, 1e-17, at("x", 2.0)));
  CHECK(against_duals(constant, 1e-17, at("x", 2.0), {.floor = 1}));
  CHECK_FALSE(against_duals(constant, 1e-3, at("x", 2.0), {.floor = 1}));
}

TEST_CASE("against_duals: a wrong shape, a missing gradient and an empty point are refused by name", "[verify]") {
  auto const x = sample(2, 3);
  CHECK(message([&] { against_duals(smooth, sample(3, 2), at("W", x)); }) ==
        "verify: the claimed gradient of W has the wrong shape. Expected [2, 3], got [3, 2].");
  CHECK(message([&] { against_duals(trace, sample(3, 2), at("a", x, "b", sample(3, 2))); }) ==
        "verify: the claimed gradient. Expected 2 matrices, one an input, got 1.");
  CHECK(message([&] { at("W", Matrix<double>(0, 3)); }) == "verify: W. Expected at least one number, got [0, 3].");
  CHECK(message([&] { against_duals(smooth, x, x, {.entries = -1}); }) ==
        "verify: entries. Expected 0 (all) or a positive number, got -1.");
  CHECK(message([&] { directional(smooth, x, x, {.directions = 0}); }) == "verify: directions. Expected 1 or more, got 0.");
}

TEST_CASE("directional: one evaluation a direction finds an error in any single entry", "[verify]") {
  auto const x = sample(4, 5);
  auto evaluations = 0;
  auto const counted = [&](auto const& y) { return ++evaluations, smooth(y); };
  auto const right = directional(counted, smooth_gradient, x, {.directions = 3});
  CHECK(right);
  CHECK(right.compared == 3);
  CHECK(evaluations == 3);
  for (Index i = 0; i < x.size(); ++i) {
    Matrix<double> wrong = smooth_gradient(x);
    wrong.data()[i] *= 1 + 1e-6;
    CHECK(directional(smooth, wrong, x, {.directions = 1, .seed = std::uint64_t(i)}).verdict == verify::Verdict::failed);
  }
}

TEST_CASE("against_duals: a Hessian is checked as the gradient of <gradient, v>, on duals of duals", "[verify]") {
  auto const x = sample(1, 4), v = sample(1, 4, 1);
  // f = sum exp(sin x) + x_0 x_1 x_2; its gradient by duals, in whatever scalar x has.
  auto const f = [](auto const& y) { return smooth(y) + y(0, 0) * y(0, 1) * y(0, 2); };
  auto const slope = [&](auto const& y) {
    using Scalar = typename std::decay_t<decltype(y)>::Scalar;
    Matrix<Dual<Scalar>> lifted(y.rows(), y.cols());
    for (Index i = 0; i < y.size(); ++i) lifted.data()[i] = {y.data()[i], Scalar(v.data()[i])};
    return f(lifted).tangent;
  };
  Matrix<double> hv(1, 4);
  for (Index i = 0; i < 4; ++i)
    hv(0, i) = std::exp(std::sin(x(0, i))) * (std::pow(std::cos(x(0, i)), 2) - std::sin(x(0, i))) * v(0, i);
  hv(0, 0) += x(0, 1) * v(0, 2) + x(0, 2) * v(0, 1);
  hv(0, 1) += x(0, 0) * v(0, 2) + x(0, 2) * v(0, 0);
  hv(0, 2) += x(0, 0) * v(0, 1) + x(0, 1) * v(0, 0);
  CHECK(against_duals(slope, hv, x));
  hv(0, 1) *= -1;
  CHECK_FALSE(against_duals(slope, hv, x));
}
