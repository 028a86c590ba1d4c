// SPDX-License-Identifier: MIT
#include "formats/families_parity.hpp"

using namespace chg::test;

TEST_CASE("families: a GPT-2 is what transformers computes", "[formats]") { check_parity<chg::gpt2_like>("gpt2"); }
