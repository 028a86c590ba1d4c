// SPDX-License-Identifier: MIT
// The families that are Llama's architecture.
#include "formats/families_parity.hpp"

using chg::llama_like;
using namespace chg::test;

TEST_CASE("families: a Llama with scaled rotary positions and all biases is what transformers computes", "[formats]") {
  check_parity<llama_like>("llama");
  check_version_4("llama");
}

TEST_CASE("families: a Mistral whose layers see a window is what transformers computes", "[formats]") {
  check_parity<llama_like>("mistral");
  check_version_4("mistral");
}

TEST_CASE("families: a Qwen2 with windows in its last layers is what transformers computes", "[formats]") {
  check_parity<llama_like>("qwen2");
  check_version_4("qwen2");
}

TEST_CASE("families: a Phi-3 with fused tensors, a window and some channels turned is what transformers computes", "[formats]") {
  check_parity<llama_like>("phi3");
  check_version_4("phi3");
}
