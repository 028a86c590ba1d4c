// SPDX-License-Identifier: MIT
// The policies by which the families differ: each agrees with plain loops, and its gate gradient with dual numbers.
#include "model/exactness.hpp"
#include "support/catch.hpp"

using namespace chg;
using namespace chg::tests;

namespace {

void check_exact(Architecture const& a, Config const& c) {
  auto const weights = random_weights<double>(a, c, kAll);
  CHECK(difference_from_plain(a, c, weights, ragged(40)) < 1e-12);  // a sum of about a hundred products, through three layers
  CHECK(gradient_error(AnyTransformer<double>(resolved(a, c), weights), ragged(25)) < 1e-12);
}

}  // namespace

TEST_CASE("policies: norms of queries and keys", "[model]") { check_exact(qwen3_like, llama_config()); }

TEST_CASE("policies: gelu gates, scaled embeddings, soft caps, windows", "[model]") { check_exact(gemma_like, gemma_config()); }

TEST_CASE("policies: post norms beside all of Gemma 3's others, two rotary bases", "[model]") {
  check_exact(gemma3_like, gemma_config());
}

TEST_CASE("policies: attention beside the MLP, rotary positions of some channels", "[model]") {
  check_exact(neox_like, neox_config());
}
