// SPDX-License-Identifier: MIT
// A model of 2 layers of 3 heads with random weights, a few examples, and fits of a few updates.
#pragma once

#include <chg/gate/contrast.hpp>
#include <chg/gate/fit.hpp>

namespace chg::test {

inline Transformer<llama_like, double> small_model() {
  Config const config{.layers = 2, .heads = 3, .kv_heads = 1, .head_dim = 2, .d_model = 6, .d_ff = 5, .vocab = 11, .context = 16};
  return {config, random_weights<double>(llama_like, config, {.seed = 3})};
}

inline Examples small_examples(std::uint64_t seed) {
  Random random(seed, Stream::user);
  std::vector<Example> all;
  for (int i = 0; i < 8; ++i) {
    std::vector<Token> tokens;
    for (int t = 0; t < 5; ++t) tokens.push_back(static_cast<Token>(random.below(11)));
    all.push_back(prompt_and_target(tokens, {static_cast<Token>(random.below(11)), 4}));
  }
  return Examples(all);
}

inline FitOptions small_options() { return {.gate_sets = 2, .seed = 5, .batch = 4, .updates = 3, .updates_pressed = 2}; }

}  // namespace chg::test
