// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

using namespace chg;

TEST_CASE("adam: two steps equal those computed by hand", "[gate]") {
  Adam adam;
  adam.start(2);
  std::vector<double> x = {1, -2};
  adam.step(std::vector<double>{0.5, -3}, 0.1, x);
  // t = 1: m / (1 - b1) = d and v / (1 - b2) = d^2, so the step is lr d / (|d| + eps)
  REQUIRE(std::abs(x[0] - (1 - 0.1 * 0.5 / (0.5 + 1e-8))) < 1e-15);
  REQUIRE(std::abs(x[1] - (-2 + 0.1 * 3 / (3 + 1e-8))) < 1e-15);
  auto const before = x;
  adam.step(std::vector<double>{-1, 0}, 0.2, x);
  // t = 2, first parameter: m = 0.9 * 0.05 - 0.1, v = 0.999 * 0.00025 + 0.001; corrections 0.19 and 0.001999
  auto const m = -0.055, v = 0.00124975;
  REQUIRE(std::abs(x[0] - (before[0] - 0.2 * (m / 0.19) / (std::sqrt(v / 0.001999) + 1e-8))) < 1e-15);
  auto const m2 = 0.9 * -0.3, v2 = 0.999 * 0.009;
  REQUIRE(std::abs(x[1] - (before[1] - 0.2 * (m2 / 0.19) / (std::sqrt(v2 / 0.001999) + 1e-8))) < 1e-15);
}

TEST_CASE("adam: before it is started it has made no step", "[gate]") {
  Adam const adam;
  REQUIRE(adam.state().size() == 1);
  REQUIRE(adam.state()[0] == 0);
}

TEST_CASE("adam: a gradient of 0 from the start moves nothing", "[gate]") {
  Adam adam;
  adam.start(1);
  std::vector<double> x = {0.25};
  for (int i = 0; i < 5; ++i) adam.step(std::vector<double>{0}, 1, x);
  REQUIRE(x[0] == 0.25);
}

TEST_CASE("adam: another one with the same state goes on to the same bits", "[gate]") {
  Adam whole;
  whole.start(3);
  std::vector<double> x = {0, 1, 2};
  auto const gradient = [](int i) { return std::vector<double>{std::sin(i), std::cos(i), 1.0 / (i + 1)}; };
  for (int i = 0; i < 7; ++i) whole.step(gradient(i), 0.1, x);
  Adam second;
  second.start(3);
  REQUIRE(second.state().size() == static_cast<std::size_t>(Adam::state_size(3)));
  std::copy(whole.state().begin(), whole.state().end(), second.state().begin());
  auto y = x;
  for (int i = 7; i < 12; ++i) whole.step(gradient(i), 0.1, x), second.step(gradient(i), 0.1, y);
  REQUIRE(x == y);
}

TEST_CASE("adam: start forgets the phase before", "[gate]") {
  Adam used, fresh;
  std::vector<double> x = {0}, y = {0};
  used.start(1), fresh.start(1);
  used.step(std::vector<double>{3}, 0.1, x);
  used.start(1);
  x = {0};
  used.step(std::vector<double>{-1}, 0.1, x), fresh.step(std::vector<double>{-1}, 0.1, y);
  REQUIRE(x == y);
}
