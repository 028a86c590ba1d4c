// SPDX-License-Identifier: MIT
#include "formats/families_parity.hpp"

using namespace chg::test;

TEST_CASE("families: a Qwen3 with norms of queries and keys, and biases, is what transformers computes", "[formats]") {
  check_parity<chg::qwen3_like>("qwen3");
  check_version_4("qwen3");
}
