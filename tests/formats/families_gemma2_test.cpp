// SPDX-License-Identifier: MIT
#include "formats/families_parity.hpp"

using namespace chg::test;

TEST_CASE("families: a Gemma 2 with soft caps, post norms and a window in every other layer is what transformers computes",
          "[formats]") {
  check_parity<chg::gemma2_like>("gemma2");
  check_version_4("gemma2");
}
