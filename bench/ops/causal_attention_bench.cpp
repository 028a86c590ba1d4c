// SPDX-License-Identifier: MIT
// Attention over the prefix tree of 64 prompts, forward and backward, at head shapes of three models. Work: the products over
// visible pairs, 2 forward and 4 backward.
#include "support/report.hpp"

#include <chg/ops/causal_attention.hpp>
#include <chg/tensor/gemm.hpp>
#include <chg/tensor/random.hpp>

#include <vector>

namespace {

using namespace chg;

// Prompts of `length` random tokens after a common first one.
PrefixTree prompts(Index count, Index length) {
  std::vector<Example> examples;
  Random random(1, Stream::user);
  for (Index i = 0; i < count; ++i) {
    std::vector<Token> tokens{0};
    for (Index t = 1; t < length; ++t) tokens.push_back(static_cast<Token>(random.below(40'000)));
    examples.push_back(prompt_and_target(std::move(tokens), {1}));
  }
  std::vector<Example const*> pointers;
  for (auto const& e : examples) pointers.push_back(&e);
  PrefixTree tree;
  tree.build(pointers);
  return tree;
}

void causal_attention(benchmark::State& state, bool backward) {
  auto const tree = prompts(32, state.range(0));
  ops::AttentionShape<float> const shape{state.range(1), state.range(2), state.range(3), 0.125f, 0, 0};
  ops::AttentionRows const rows(tree, ops::Rows::all);
  auto const n = tree.rows(), q_cols = shape.heads * shape.head_dim, kv_cols = 2 * shape.kv_heads * shape.head_dim;
  Matrix<float> const q = Matrix<float>::Random(n, q_cols), kv = Matrix<float>::Random(n, kv_cols),
                      dz = Matrix<float>::Random(n, q_cols);
  Matrix<float> z(n, q_cols), dq(n, q_cols), dkv(n, kv_cols), delta = Matrix<float>::Random(n, shape.heads);
  Arena arena;
  auto* const p = arena.allocate<float>(shape.heads * n * rows.stride());
  float* const no_slope = nullptr;  // no soft cap
  SingleThreadedProducts const one_thread;
  ops::causal_attention(rows, shape, q.data(), kv.data(), p, no_slope, z.data(), arena);
  // The last row of the first prompt, head 0, in plain loops.
  auto const last = state.range(0) - 1;
  std::vector<double> weights;
  double sum = 0;
  for (Index t = 0; t <= last; ++t) {
    double dot = 0;
    for (Index d = 0; d < shape.head_dim; ++d) dot += static_cast<double>(q(last, d)) * static_cast<double>(kv(t, d));
    weights.push_back(std::exp(0.125 * dot));
    sum += weights.back();
  }
  double plain = 0;
  for (Index t = 0; t <= last; ++t)
    plain += weights[static_cast<std::size_t>(t)] / sum * static_cast<double>(kv(t, shape.kv_heads * shape.head_dim));
  if (!bench::agrees(state, std::abs(plain - static_cast<double>(z(last, 0))), 1e-5)) return;
  for (auto _ : state) {
    if (backward)
      ops::causal_attention_backward(rows, shape, q.data(), kv.data(), p, no_slope, dz.data(), delta.data(), dq.data(),
                                     dkv.data(), arena);
    else
      ops::causal_attention(rows, shape, q.data(), kv.data(), p, no_slope, z.data(), arena);
    benchmark::ClobberMemory();
  }
  auto const pairs = static_cast<double>(tree.visible_pairs(false));
  bench::report_work<float>(state, (backward ? 4 : 2) * 2.0 * pairs * static_cast<double>(shape.heads * shape.head_dim));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"T", "H", "H_kv", "D"})->Args({29, 8, 4, 16})->Args({29, 9, 3, 64})->Args({100, 9, 3, 64})->Args({29, 32, 8, 64});
}
BENCHMARK_CAPTURE(causal_attention, forward, false)->Apply(shapes);
BENCHMARK_CAPTURE(causal_attention, backward, true)->Apply(shapes);

}  // namespace
