// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/model/verify_gradient.hpp>

using namespace chg;
using namespace chg::tests;

TEST_CASE("verify_gradient: right models of both kinds and precisions pass, layer by layer", "[model]") {
  auto const examples = ragged(8);
  auto const table = verify_gradient(llama<double>(), examples, random_gates(3, 6));
  INFO(table);
  CHECK(table.passed());
  CHECK(table.rows().size() == 5);  // three layers, directions, differences
  auto const narrow = verify_gradient(llama<float>(), examples, random_gates(3, 6), {.heads = 2});
  INFO(narrow);
  CHECK(narrow.passed());
  CHECK(narrow.rows()[0].report.compared == 2);
  CHECK(verify_gradient(gpt2<double>(), examples, random_gates(2, 6), {.differences = false}).passed());
}

TEST_CASE("verify_gradient: a tolerance that round-off cannot meet fails", "[model]") {
  CHECK_FALSE(verify_gradient(llama<float>(), ragged(8), random_gates(3, 6), {.tolerance = 1e-12}).passed());
}
