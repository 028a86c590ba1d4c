// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/model/architecture.hpp>

#include <functional>
#include <limits>

using namespace chg;

TEST_CASE("architecture: every value that no transformer can have is refused by name", "[model]") {
  Config good;
  good.layers = 2, good.heads = 4, good.kv_heads = 2, good.head_dim = 6, good.d_model = 8, good.d_ff = 10, good.vocab = 11,
  good.context = 12;
  CHECK_NOTHROW(validate(llama_like, good));
  std::pair<std::function<void(Config&)>, char const*> const bad[] =
      {
          {[](Config& c) { c.layers = 0; }, "config: layers. Expected 1 or more, got 0"},
          {[](Config& c) { c.heads = 0; }, "config: heads. Expected 1 or more, got 0"},
          {[](Config& c) { c.kv_heads = -1; }, "config: kv_heads. Expected 1 or more, got -1"},
          {[](Config& c) { c.kv_heads = 3; }, "config: kv_heads. Expected a divisor of heads = 4, got 3"},
          {[](Config& c) { c.head_dim = 5; }, "config: head_dim. Expected an even number"},
          {[](Config& c) { c.d_ff = 0; }, "config: d_ff. Expected 1 or more, got 0"},
          {[](Config& c) { c.context = 0; }, "config: context. Expected 1 or more, got 0"},
          {[](Config& c) { c.rotary.theta = 0; }, "config: rotary.theta. Expected a positive number, got 0"},
          {[](Config& c) { c.norm_epsilon = -1; }, "config: norm_epsilon. Expected 0 or a positive number, got -1"},
          {[](Config& c) { c.attention_scale = -0.5; }, "config: attention_scale"},
          {[](Config& c) { c.windows = {1}; }, "config: windows. Expected none, or one a layer (2), got 1"},
          {[](Config& c) {
    c.windows = {1, -2};
           },
           "config: windows. Expected 0 (all positions) or a positive number, got -2"},
          {[](Config& c) { c.rotary.channels = 8; }, "config: rotary.channels. Expected 0 (all) to head_dim = 6, got 8"},
          {[](Config& c) { c.rotary.channels = 3; }, "config: rotary.channels. Expected an even number"},
          {[](Config& c) { c.rotary.linear_factor = 0; }, "config: rotary.linear_factor. Expected a positive number, got 0"},
          {[](Config& c) { c.local_rotary = Rotary{.theta = -1}; }, "config: local_rotary.theta"},
          {[](Config& c) { c.attention_soft_cap = -1; }, "config: attention_soft_cap. Expected 0 (none) or a positive number"},
          {[](Config& c) { c.logit_soft_cap = std::numeric_limits<double>::infinity(); }, "config: logit_soft_cap"},
          {[](Config& c) { c.embedding_scale = 0; }, "config: embedding_scale. Expected a positive number, got 0"},
          {[](Config& c) { c.rotary.scaled = true, c.rotary.scaling.factor = 0; }, "config: rotary.scaling.factor"},
          {[](Config& c) { c.rotary.scaled = true, c.rotary.scaling.high_freq_factor = 1; },
           "config: rotary.scaling.high_freq_factor"},
          {[](Config& c) { c.rotary.scaled = true, c.rotary.scaling.original_context = 0; },
           "config: rotary.scaling.original_context"},
  };
  for (auto const& [spoil, message] : bad) {
    auto c = good;
    spoil(c);
    CHECK_THROWS_WITH(validate(llama_like, c), Catch::Contains(message));
  }
}

TEST_CASE("architecture: a config keeps what the architecture fixes", "[model]") {
  auto const c = config_of(smollm2_135m);
  CHECK(c.layers == 30);
  CHECK(c.group() == 3);
  CHECK(c.query_scale() == 0.125);
  CHECK(config_of(llama_like).heads == 0);
}
