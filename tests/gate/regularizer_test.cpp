// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace chg;
using toy::complaint;
using toy::has;

namespace {
std::vector<double> const kLogits = {-7, -4.000001, -4, -3.999999, -0.5, 0, 1, 3.9, 4, 4.000001, 12};

std::vector<double> gradient(Regularizer const& r, std::vector<double> const& u) {
  std::vector<double> du(u.size(), 0.0);
  r.add_gradient(u, du);
  return du;
}
}  // namespace

TEST_CASE("regularizer: R is the mean, or the sum, of the clipped logits, whatever the pressure", "[gate]") {
  double sum = 0;
  for (auto const u : kLogits) sum += u < -4 ? -4 : u > 4 ? 4 : u;
  for (auto const pressure : {Pressure::none, Pressure::retain, Pressure::remove}) {
    auto const value = [&](Normalise n) {
      return Regularizer{.pressure = pressure, .normalise = n}.value(std::span<double const>(kLogits));
    };
    REQUIRE(std::abs(value(Normalise::sum) - sum) < 1e-14);
    REQUIRE(std::abs(value(Normalise::mean) - sum / 11) < 1e-15);
  }
}

TEST_CASE("regularizer: the presets differ by the factor L H in R and in nothing else", "[gate]") {
  REQUIRE(normalise_of(Preset::reference) == Normalise::mean);
  REQUIRE(normalise_of(Preset::paper) == Normalise::sum);
  auto const mean = gradient({.pressure = Pressure::retain, .normalise = Normalise::mean}, kLogits);
  auto const sum = gradient({.pressure = Pressure::retain, .normalise = Normalise::sum}, kLogits);
  for (std::size_t i = 0; i < mean.size(); ++i) REQUIRE(std::abs(sum[i] - 11 * mean[i]) < 1e-16);
}

TEST_CASE("regularizer: the gradient is the derivative of the loss, by dual numbers", "[gate]") {
  for (auto const pressure : {Pressure::none, Pressure::retain, Pressure::remove})
    for (auto const normalise : {Normalise::mean, Normalise::sum}) {
      Regularizer const r{.pressure = pressure, .lambda = 0.3, .normalise = normalise};
      auto const du = gradient(r, kLogits);
      for (std::size_t i = 0; i < kLogits.size(); ++i) {
        std::vector<Dual<double>> u(kLogits.begin(), kLogits.end());
        u[i].tangent = 1;
        REQUIRE(std::abs(r.loss(std::span<Dual<double> const>(u)).tangent - du[i]) <= 1e-17);
      }
    }
}

TEST_CASE("regularizer: the gradient is the derivative of the loss, by central differences away from the clip", "[gate]") {
  Regularizer const r{.pressure = Pressure::remove, .lambda = 0.3};
  auto const du = gradient(r, kLogits);
  for (std::size_t i : {0u, 4u, 5u, 6u, 7u, 10u}) {
    auto up = kLogits, down = kLogits;
    up[i] += 1e-3, down[i] -= 1e-3;
    auto const slope = (r.loss(std::span<double const>(up)) - r.loss(std::span<double const>(down))) / 2e-3;
    REQUIRE(std::abs(slope - du[i]) < 1e-12);  // piecewise linear: round-off alone
  }
}

TEST_CASE("regularizer: the clip is inclusive, so a logit of exactly +-4 has a gradient and the next number outside has none",
          "[gate]") {
  auto const beyond = std::nextafter(4.0, 5.0);
  auto const du =
      gradient({.pressure = Pressure::retain, .lambda = 0.1, .normalise = Normalise::sum}, {4.0, -4.0, beyond, -beyond});
  REQUIRE(du == std::vector<double>{-0.1, -0.1, 0, 0});
}

TEST_CASE("regularizer: descent raises gates under retain, lowers them under remove, and leaves them under none", "[gate]") {
  // a flat loss: the regulariser is all there is
  REQUIRE(gradient({.pressure = Pressure::retain}, {0.0})[0] < 0);
  REQUIRE(gradient({.pressure = Pressure::remove}, {0.0})[0] > 0);
  REQUIRE(gradient({.pressure = Pressure::none}, {0.0})[0] == 0);
  REQUIRE(sign(Pressure::retain) == 1);
  REQUIRE(sign(Pressure::remove) == -1);
  REQUIRE(sign(Pressure::none) == 0);
}

TEST_CASE("regularizer: a negative or undefined lambda and a clip of 0 are refused by name", "[gate]") {
  REQUIRE(has(complaint([] { validate(Regularizer{.lambda = -0.1}); }), "lambda. Expected 0 to 1e+100, got -0.1"));
  REQUIRE(has(complaint([] { validate(Regularizer{.lambda = std::nan("")}); }), "lambda"));
  REQUIRE(has(complaint([] { validate(Regularizer{.clip = 0}); }), "clip_logit"));
  REQUIRE_NOTHROW(validate(Regularizer{.clip = std::numeric_limits<double>::infinity()}));
}
