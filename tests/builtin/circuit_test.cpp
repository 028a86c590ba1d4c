// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/builtin/circuit.hpp>

#include <sstream>

using namespace chg;
using builtin::Circuit;
using task::Format;

namespace {

constexpr auto F = HeadClass::facilitating, I = HeadClass::interfering, R = HeadClass::irrelevant;

// One fit of a one-layer model in which the heads have these classes.
Roles fitted(std::vector<HeadClass> const& classes) {
  Array<double, 3> plus({1, 1, classes.size()}), minus(plus.shape());
  for (std::size_t h = 0; h < classes.size(); ++h) plus(0, 0, h) = classes[h] != I, minus(0, 0, h) = classes[h] == F;
  return {Gates(plus), Gates(minus), {0}};
}
bool matches(Circuit const& circuit, std::vector<HeadClass> const& classes) { return circuit.matches(fitted(classes), 0); }

Gates open(std::vector<double> const& gates) {
  Array<double, 3> values({1, 1, gates.size()});
  std::copy(gates.begin(), gates.end(), values.begin());
  return Gates(values);
}

}  // namespace

TEST_CASE("circuit: a fit matches when every head has its class, and not when one differs", "[builtin]") {
  Circuit const circuit({{0, 0, "a", F}, {0, 1, "b", I}, {0, 2, "c", R}});
  CHECK(matches(circuit, {F, I, R}));
  CHECK_FALSE(matches(circuit, {R, I, R}));
  CHECK_FALSE(matches(circuit, {F, R, R}));
  CHECK_FALSE(matches(circuit, {F, I, F}));
}

TEST_CASE("circuit: of heads that can stand in for one another exactly one must stand", "[builtin]") {
  Circuit const circuit({{0, 0, "a", F, 1}, {0, 1, "b", F, 1}, {0, 2, "c", R}});
  CHECK(matches(circuit, {F, R, R}));
  CHECK(matches(circuit, {R, F, R}));
  CHECK_FALSE(matches(circuit, {F, F, R}));
  CHECK_FALSE(matches(circuit, {R, R, R}));
  CHECK_FALSE(matches(circuit, {F, I, R}));
  CHECK_FALSE(matches(circuit, {F, R, F}));
}

TEST_CASE("circuit: a contrastive fit matches when it keeps all but the other format's heads and those that interfere",
          "[builtin]") {
  Circuit const circuit(
      {{0, 0, "a", F, {}, Format::icl}, {0, 1, "b", F, {}, Format::instruction}, {0, 2, "c", R}, {0, 3, "d", I}});
  CHECK(circuit.matches(open({0.5, 0.49, 1, 0}), 0, Format::icl));
  CHECK(circuit.matches(open({0.49, 0.5, 1, 0}), 0, Format::instruction));
  CHECK_FALSE(circuit.matches(open({0.5, 0.5, 1, 0}), 0, Format::icl));
  CHECK_FALSE(circuit.matches(open({0.4, 0.4, 1, 0}), 0, Format::icl));
  CHECK_FALSE(circuit.matches(open({0.5, 0.4, 0, 0}), 0, Format::icl));
  CHECK_FALSE(circuit.matches(open({0.5, 0.4, 1, 1}), 0, Format::icl));
  CHECK(Circuit::expected(circuit(0, 1), Format::instruction) == F);
  CHECK(Circuit::expected(circuit(0, 1), Format::icl) == R);
}

TEST_CASE("circuit: it names its heads and refuses others", "[builtin]") {
  Circuit const circuit({{0, 0, "copy", F, 1}, {0, 1, "idle"}});
  CHECK(circuit(0, 1).name == "idle");
  CHECK_THROWS_WITH(circuit(1, 0), Catch::Contains("layer 1, head 0"));
  std::ostringstream out;
  out << circuit;
  CHECK(out.str().find("    0    0  facilitating   copy (one of several") != std::string::npos);
}
