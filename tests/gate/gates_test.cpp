// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace chg;
using toy::complaint;
using toy::has;

namespace {
Array<double, 3> one(double value) { return GateLogits::filled(1, 1, 1, value).values(); }
constexpr auto kInfinity = std::numeric_limits<double>::infinity();
constexpr auto kNaN = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("gates: logit undoes sigmoid to round-off over the range in which double holds both", "[gate]") {
  for (double u = -30; u <= 15; u += 0.37) {
    auto const back = logit(sigmoid(GateLogits(one(u))));
    // dG <= 2 ulp of G; for u > 0 the spacing of G near 1 is divided by the slope 1 - G = e^-u
    auto const bound = 4 * std::numeric_limits<double>::epsilon() * (std::abs(u) + 1 + std::exp(u));
    REQUIRE(std::abs(back(0, 0, 0) - u) <= bound);
  }
}

TEST_CASE("gates: the slope stays positive where the gate itself is rounded to 1", "[gate]") {
  REQUIRE(sigmoid(40.0) == 1.0);
  REQUIRE(sigmoid_slope(40.0) > 0);
  for (double const u : {0.0, 0.5, 3.0, 17.0, 40.0}) {
    REQUIRE(sigmoid_slope(u) == sigmoid_slope(-u));
    REQUIRE(std::abs(sigmoid_slope(u) - std::exp(-u) / std::pow(1 + std::exp(-u), 2)) <= 8e-16 * sigmoid_slope(u));
  }
  REQUIRE(sigmoid(-800.0) == 0.0);
  REQUIRE(sigmoid(800.0) == 1.0);
}

TEST_CASE("gates: a gate outside [0, 1] is refused by set, layer and head", "[gate]") {
  auto values = Gates::ones(2, 3, 4).values();
  values(1, 2, 3) = 1.5;
  REQUIRE(complaint([&] { Gates{values}; }) == "gates: set 1, layer 2, head 3. Expected a number in [0, 1], got 1.5.");
  values(1, 2, 3) = kNaN;
  REQUIRE(has(complaint([&] { Gates{values}; }), "set 1, layer 2, head 3"));
  values(1, 2, 3) = 0;
  REQUIRE_NOTHROW(Gates{values});
}

TEST_CASE("gates: logit of a gate of exactly 0 or 1 is refused by set, layer and head", "[gate]") {
  for (double const end : {0.0, 1.0}) {
    auto values = Gates::filled(3, 2, 2, 0.5).values();
    values(2, 1, 0) = end;
    REQUIRE(has(complaint([&] { logit(Gates(values)); }),
                "set 2, layer 1, head 0. Expected a number between 0 and 1, both excluded"));
  }
}

TEST_CASE("gates: logits that are not finite are refused", "[gate]") {
  for (double const bad : {kInfinity, -kInfinity, kNaN})
    REQUIRE(has(complaint([&] { GateLogits{one(bad)}; }), "set 0, layer 0, head 0. Expected a finite number"));
}

TEST_CASE("gates: an empty extent and a set that is not there are refused", "[gate]") {
  std::string const shape = "gates: shape. Expected 1 or more of sets, layers and heads, got ";
  REQUIRE(complaint([] { Gates::ones(0, 2, 2); }) == shape + "[0, 2, 2].");
  REQUIRE(complaint([] { Gates::ones(2, 0, 2); }) == shape + "[2, 0, 2].");
  REQUIRE(complaint([] { Gates::ones(2, 2, 0); }) == shape + "[2, 2, 0].");
  REQUIRE(complaint([] { Gates::ones(2, 2, 2).set(2); }) == "gates: set. Expected 0 to 1, got 2.");
  REQUIRE(complaint([] { Gates::ones(2, 2, 2).set(-1); }) == "gates: set. Expected 0 to 1, got -1.");
  REQUIRE(Gates().empty());
  REQUIRE(Gates().sets() == 0);
}

TEST_CASE("gates: a set is its slice of the array", "[gate]") {
  auto const u = random_logits(3, 2, 5, 7);
  for (Index s = 0; s < 3; ++s)
    for (Index l = 0; l < 2; ++l)
      for (Index h = 0; h < 5; ++h) REQUIRE(u.set(s)(l, h) == u(s, l, h));
  REQUIRE(GateLogits(ConstMatrixRef<double>(u.set(1))).set(0) == u.set(1));
}

TEST_CASE("gates: random starts are finite, uniform as gates, and those of set s are the only set of seed + s", "[gate]") {
  auto const u = random_logits(3, 40, 50, 11);
  for (Index s = 0; s < 3; ++s) REQUIRE(u.set(s) == random_logits(1, 40, 50, 11 + static_cast<std::uint64_t>(s)).set(0));
  REQUIRE(u.set(0) != u.set(1));
  auto const g = sigmoid(u);
  double mean = 0, square = 0;
  for (auto const x : g.values()) mean += x, square += x * x;
  auto const n = static_cast<double>(g.values().size());
  // uniform: mean 1/2 with deviation 1/sqrt(12 n), mean square 1/3 with deviation sqrt(4/45 / n); five deviations
  REQUIRE(std::abs(mean / n - 0.5) < 5 / std::sqrt(12 * n));
  REQUIRE(std::abs(square / n - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / n));
}

TEST_CASE("gates: arrays are equal in shape and entries, or not equal", "[gate]") {
  auto const half = Gates::filled(1, 2, 3, 0.5);
  REQUIRE(half == Gates::filled(1, 2, 3, 0.5));
  REQUIRE_FALSE(half == Gates::filled(1, 3, 2, 0.5));
  REQUIRE_FALSE(half == Gates::filled(1, 2, 3, 0.25));
  REQUIRE_FALSE(half == Gates());
  REQUIRE_FALSE(half.empty());
  REQUIRE(half.values().size() == 6);
  REQUIRE(Gates(ConstMatrixRef<double>(half.set(0))) == half);
}

TEST_CASE("gates: errors say what is wrong, what is due, what is there and what to do", "[gate]") {
  auto values = Gates::filled(1, 2, 2, 0.5).values();
  values(0, 1, 0) = 1;
  REQUIRE(complaint([&] { logit(Gates(values)); }) ==
          "logit: gate of set 0, layer 1, head 0. Expected a number between 0 and 1, both excluded, got 1. Move it inside, to "
          "0.001 or 0.999 for instance.");
  REQUIRE(complaint([&] { GateLogits{one(kInfinity)}; }) ==
          "gate logits: set 0, layer 0, head 0. Expected a finite number, got inf. A gate of exactly 0 or 1 has no logit.");
}
