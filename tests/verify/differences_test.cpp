// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/verify/differences.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace chg;
using verify::against_differences, verify::at, verify::Verdict;

struct Case {
  char const* name;
  std::function<double(double)> f, derivative;
  double low, high;
};

std::vector<Case> const kSmooth{
    {"exp", [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }, -5, 5},
    {"sin 20x", [](double x) { return std::sin(20 * x); }, [](double x) { return 20 * std::cos(20 * x); }, -3, 3},
    {"log", [](double x) { return std::log(x); }, [](double x) { return 1 / x; }, 0.01, 3},
    {"tanh 5x", [](double x) { return std::tanh(5 * x); }, [](double x) { return 5 / std::pow(std::cosh(5 * x), 2); }, -1, 1},
    {"cubic of a large number", [](double x) { return x * x * x; }, [](double x) { return 3 * x * x; }, 900, 1100},
    {"erf", [](double x) { return std::erf(x); }, [](double x) { return 2 / std::sqrt(M_PI) * std::exp(-x * x); }, -2, 2},
    {"a constant plus little", [](double x) { return 1e6 + std::sin(x); }, [](double x) { return std::cos(x); }, -3, 3},
    {"1 / x", [](double x) { return 1 / x; }, [](double x) { return -1 / (x * x); }, 0.02, 2},
    {"linear", [](double x) { return 3 * x; }, [](double) { return 3.0; }, -100, 100}};

verify::detail::Estimate estimate(std::function<double(double)> const& f, double x, double noise, int& steps) {
  return verify::detail::extrapolate([&](double h) { return ++steps, (f(x + h) - f(x - h)) / (2 * h); },
                                     0.25 * std::exp2(std::ceil(std::log2(std::max(1.0, std::abs(x))))), noise);
}

double noise_at(std::function<double(double)> const& f, double x) {
  return verify::detail::noise_of<double>([&](double t) { return f(x + t * std::max(1e-3, std::abs(x))); });
}

}  // namespace

TEST_CASE("differences: the estimated uncertainty covers the error, and is near what double allows", "[verify]") {
  Random random(1, Stream::user);
  for (auto const& [name, f, derivative, low, high] : kSmooth) {
    auto uncovered = 0, steps = 0;
    double worst = 0, most_uncertain = 0;
    constexpr auto kPoints = 1000;
    for (auto i = 0; i < kPoints; ++i) {
      auto const x = low + (high - low) * random.uniform();
      auto const e = estimate(f, x, noise_at(f, x), steps);
      auto const error = std::abs(e.value - derivative(x)), scale = std::abs(f(x)) + std::abs(derivative(x));
      uncovered += error > e.error;
      worst = std::max(worst, error / scale);
      most_uncertain = std::max(most_uncertain, e.error / scale);
    }
    INFO(name << ": " << uncovered << " uncovered, largest error " << worst << ", largest uncertainty " << most_uncertain);
    CHECK(uncovered == 0);
    CHECK(most_uncertain < 2e-11);
    CHECK(steps < 10 * kPoints);  // two evaluations a step
  }
}

TEST_CASE("differences: the noise of a function is measured within a factor of 3", "[verify]") {
  for (auto const level : {1e-13, 1e-10, 1e-6}) {
    Random random(2, Stream::user);
    std::vector<double> measured;
    for (auto i = 0; i < 101; ++i)
      measured.push_back(noise_at([&](double x) { return std::sin(x) + level * random.normal(); }, 0.7));
    std::sort(measured.begin(), measured.end());
    INFO(level << ": from " << measured[5] << " to " << measured[95]);
    CHECK(measured[5] > level / 3);  // nine in ten
    CHECK(measured[95] < level * 3);
  }
}

TEST_CASE("against_differences: a noisy function is undecided, not passed and not failed, when its noise hides the answer",
          "[verify]") {
  Random random(3, Stream::user);
  auto const noisy = [&](auto const& x) { return std::sin(x(0, 0)) + 1e-4 * random.normal(); };
  auto const report = against_differences(noisy, std::cos(0.7), at("x", 0.7));
  INFO(report);
  CHECK(report.verdict == Verdict::undecided);
  CHECK(report.uncertainty > 1e-5);
  CHECK(against_differences(noisy, std::cos(0.7), at("x", 0.7), {.tolerance = 0.1}));
  CHECK(against_differences(noisy, 1.2 * std::cos(0.7), at("x", 0.7)).verdict == Verdict::failed);
}

TEST_CASE("against_differences: a relative error of 1e-6 in one entry fails in double, one of 1e-2 in float", "[verify]") {
  auto const f = [](auto const& x) { return x.array().sin().exp().sum(); };
  auto const gradient = [](auto const& x) { return std::decay_t<decltype(x)>(x.array().sin().exp() * x.array().cos()); };
  Matrix<double> const x =
      Matrix<double>::NullaryExpr(3, 4, [](Index i, Index j) { return 0.3 * double(i) - 0.4 * double(j) + 0.1; });
  auto const in_double = against_differences(f, gradient, x), in_float = against_differences<float>(f, gradient, x);
  INFO(in_double << '\n' << in_float);
  CHECK(in_double);
  CHECK(in_double.relative + in_double.uncertainty < 1e-10);
  CHECK(in_float);
  CHECK(in_float.relative + in_float.uncertainty < 3e-4);
  CHECK(in_double.compared == 12);
  CHECK(in_double.method == "differences");

  Matrix<double> wrong = gradient(x);
  Index row, col;
  wrong.cwiseAbs().maxCoeff(&row, &col);
  wrong(row, col) *= 1 + 1e-6;
  CHECK(against_differences(f, wrong, x).verdict == Verdict::failed);
  CHECK(against_differences(f, wrong, x, {.directions = 3}).verdict == Verdict::failed);
  wrong(row, col) *= 1 + 1e-2;
  auto const report = against_differences<float>(f, wrong, x);
  CHECK(report.verdict == Verdict::failed);
  CHECK(report.where == text("x(", row, ", ", col, ")"));
  CHECK(against_differences<float>(f, wrong, x, {.directions = 3}).verdict == Verdict::failed);
}

TEST_CASE("against_differences: steps that leave the domain are taken back", "[verify]") {
  auto const log = [](auto const& x) { return std::log(x(0, 0)); };
  auto const report = against_differences(log, 1e3, at("x", 1e-3));  // log of a negative number at the first steps
  INFO(report);
  CHECK(report);
  auto const arcsine = [](auto const& x) { return std::asin(x(0, 0)); };
  CHECK(against_differences(arcsine, 1 / std::sqrt(1 - 0.999 * 0.999), at("x", 0.999)));
}

TEST_CASE("against_differences: beside a kink the slope of that side is found; on it nothing passes but the mean slope",
          "[verify]") {
  auto const relu = [](auto const& x) { return std::max(x(0, 0), 0.0); };
  CHECK(against_differences(relu, 1.0, at("x", 0.01)));
  CHECK(against_differences(relu, 0.0, at("x", -0.01)));
  CHECK_FALSE(against_differences(relu, 1.0, at("x", 0.0)));
  CHECK_FALSE(against_differences(relu, 0.0, at("x", 0.0)));
}

TEST_CASE("against_differences: values that are not finite fail", "[verify]") {
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  auto const square = [](auto const& x) { return x(0, 0) * x(0, 0); };
  CHECK(against_differences(square, 6.0, at("x", 3.0)));
  CHECK(against_differences(square, nan, at("x", 3.0)).verdict == Verdict::failed);
  CHECK(against_differences(square, 6.0, at("x", nan)).verdict == Verdict::failed);
  auto const infinite = [](auto const& x) { return 1 / (x(0, 0) * x(0, 0)); };
  CHECK(against_differences(infinite, 0.0, at("x", 0.0)).verdict == Verdict::failed);
  auto const nowhere = [&](auto const&) { return nan; };
  CHECK(against_differences(nowhere, 0.0, at("x", 1.0)).verdict == Verdict::failed);
}

TEST_CASE("against_differences: a gradient of zeros passes", "[verify]") {
  auto const constant = [](auto const&) { return 0.0; };
  CHECK(against_differences(constant, 0.0, at("x", 2.0)));
  CHECK_FALSE(against_differences(constant, 1e-3, at("x", 2.0)));
}

TEST_CASE("against_differences: a function of doubles alone is enough", "[verify]") {
  struct Loss {
    double operator()(Matrix<double> const& gates) const { return gates.squaredNorm(); }
  };
  Matrix<double> const gates = Matrix<double>::Constant(2, 3, 0.5);
  CHECK(against_differences(Loss{}, Matrix<double>(2 * gates), at("gates", gates)));
  CHECK_FALSE(against_differences(Loss{}, Matrix<double>(gates), at("gates", gates)));
}

TEST_CASE("against_differences: a step of 0 is refused by name", "[verify]") {
  auto const square = [](auto const& x) { return x(0, 0) * x(0, 0); };
  try {
    against_differences(square, 6.0, at("x", 3.0), {.step = 0});
    FAIL("no error");
  } catch (Error const& e) {
    CHECK(std::string(e.what()) == "verify: step. Expected a positive number, got 0.");
  }
}
