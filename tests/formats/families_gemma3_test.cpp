// SPDX-License-Identifier: MIT
#include "formats/families_parity.hpp"

using namespace chg::test;

TEST_CASE("families: a Gemma 3 with two rotary bases and windows in five layers of six is what transformers computes",
          "[formats]") {
  check_parity<chg::gemma3_like>("gemma3_text");
  check_version_4("gemma3_text");
}
