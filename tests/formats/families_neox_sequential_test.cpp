// SPDX-License-Identifier: MIT
#include "formats/families_parity.hpp"

using namespace chg::test;

TEST_CASE("families: a GPT-NeoX with the MLP after attention is what transformers computes", "[formats]") {
  check_parity<chg::neox_sequential_like>("gpt_neox_sequential");
  check_version_4("gpt_neox_sequential");
}
