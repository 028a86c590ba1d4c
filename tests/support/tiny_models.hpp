// SPDX-License-Identifier: MIT
// Small models of odd sizes with random weights, and ragged examples that share prefixes.
#pragma once

#include "support/models.hpp"

#include <chg/model/evaluate.hpp>

namespace chg::tests {

/// Grouped heads (6 query heads over 2), a head width that is not C / H, nothing a power of two.
inline Config llama_config() {
  Config c;
  c.layers = 3, c.heads = 6, c.kv_heads = 2, c.head_dim = 4, c.d_model = 10, c.d_ff = 14, c.vocab = 13, c.context = 80;
  return c;
}

inline Config gpt2_config() {
  auto c = llama_config();
  c.kv_heads = c.heads, c.head_dim = 5, c.layers = 2;
  return c;
}

/// Every tensor there is, nothing exactly 0 or 1.
inline constexpr RandomWeightsOptions kAll{.seed = 5, .biases = true, .tied = false, .random_norms = true};

/// Every policy of the Gemma families at once: caps low enough to bend, two bases of rotary
/// positions.
inline Config gemma_config() {
  auto c = llama_config();
  c.windows = {3, 0, 3};
  c.local_rotary = Rotary{.theta = 100};
  c.rotary.linear_factor = 8;
  c.attention_scale = 0.7;
  c.attention_soft_cap = 0.9;
  c.logit_soft_cap = 1.5;
  c.embedding_scale = 2.5;
  return c;
}

/// Rotary positions of some channels.
inline Config neox_config() {
  auto c = llama_config();
  c.kv_heads = c.heads;
  c.rotary.channels = 2;
  return c;
}

template <class Real>
Weights<Real> llama_weights(Config const& c = llama_config(), std::uint64_t seed = 1) {
  return random_weights<Real>(llama_like, c, {.seed = seed, .biases = true, .tied = false, .random_norms = true});
}

template <class Scalar>
Transformer<llama_like, Scalar> llama(Config const& c = llama_config(), std::uint64_t seed = 1) {
  return {c, llama_weights<Real<Scalar>>(c, seed)};
}

template <class Scalar>
Transformer<gpt2_like, Scalar> gpt2(Config const& c = gpt2_config(), std::uint64_t seed = 2) {
  return {c, random_weights<Real<Scalar>>(gpt2_like, c, {.seed = seed, .biases = true, .tied = true, .random_norms = true})};
}

/// Lengths 2 to `longest`, several targets in some, tokens from so small a set that prefixes meet; some examples occur twice.
inline Examples ragged(Index count, Index longest = 14, std::uint64_t seed = 7, Token vocab = 3) {
  Random random(seed, Stream::user);
  std::vector<Example> examples;
  while (static_cast<Index>(examples.size()) < count) {
    Example e;
    auto const length = 2 + static_cast<Index>(random.below(static_cast<std::uint64_t>(longest - 1)));
    for (Index t = 0; t < length; ++t) {
      e.tokens.push_back(t == 0 ? 1 : static_cast<Token>(random.below(static_cast<std::uint64_t>(vocab))));
      e.target_mask.push_back(t > 0 && random.below(3) == 0);
    }
    if (e.targets() == 0) e.target_mask.back() = 1;
    examples.push_back(e);
    if (random.below(4) == 0) examples.push_back(e);
  }
  examples.resize(static_cast<std::size_t>(count));
  return Examples(std::move(examples));
}

/// Gates between -0.2 and 1.2, away from 0 and 1: gradients must be right there too.
inline Matrix<double> random_gates(Index layers, Index heads, std::uint64_t seed = 3) {
  Random random(seed, Stream::user, 1);
  Matrix<double> gates(layers, heads);
  for (Index i = 0; i < gates.size(); ++i) gates.data()[i] = 1.4 * random.uniform() - 0.2;
  return gates;
}

/// Largest entry of |a - b| over the largest entry of |b|.
template <class A, class B>
double relative_error(A const& a, B const& b) {
  return (a - b).cwiseAbs().maxCoeff() / b.cwiseAbs().maxCoeff();
}

}  // namespace chg::tests
