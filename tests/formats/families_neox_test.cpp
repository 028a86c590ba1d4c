// SPDX-License-Identifier: MIT
#include "formats/families_parity.hpp"

using namespace chg::test;

TEST_CASE("families: a GPT-NeoX with attention beside the MLP is what transformers computes", "[formats]") {
  check_parity<chg::neox_like>("gpt_neox");
  check_version_4("gpt_neox");
}
