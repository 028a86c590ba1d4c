// SPDX-License-Identifier: MIT
#include "formats/families_parity.hpp"

using namespace chg::test;

TEST_CASE("families: a Gemma with scaled embeddings and norms less 1 is what transformers computes", "[formats]") {
  check_parity<chg::gemma_like>("gemma");
  check_version_4("gemma");
}
