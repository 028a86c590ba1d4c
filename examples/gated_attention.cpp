// SPDX-License-Identifier: MIT
// A gated attention layer by itself, and its hand-derived gradient, in somebody else's program.
//
//     cmake --build build/release --target gated_attention && build/release/examples/gated_attention
//
// prints, with glibc's random numbers,
//
//     d |out|^2 / d gates: 2822.46  2660.4 702.717 20.3528
//     closing head 2 changes the output by 19.6153 of 55.7042
#include <chg/model/gated_attention.hpp>

#include <iostream>

int main() {
  // Extents fixed at compile time; with chg::llama_like in place of `small`, the same layer with extents at run time.
  constexpr chg::Architecture small{.heads = 4, .kv_heads = 2, .head_dim = 8, .d_model = 24};
  auto config = chg::config_of(small);
  config.context = 16;
  chg::LayerWeights<float> weights;  // as published checkpoints have them: [out, in]
  weights.W_Q = chg::Matrix<float>::Random(32, 24), weights.W_K = chg::Matrix<float>::Random(16, 24);
  weights.W_V = chg::Matrix<float>::Random(16, 24), weights.W_O = chg::Matrix<float>::Random(24, 32);

  chg::GatedAttention<small> const attention(config, std::move(weights));
  chg::Matrix<float> const x = chg::Matrix<float>::Constant(6, 24, 0.5f) + chg::Matrix<float>::Identity(6, 24);
  chg::RowVector<float> gates = chg::RowVector<float>::Ones(4);
  auto run = attention.forward(x, gates);
  auto const gradient = attention.backward(run, 2 * run.out);
  std::cout << "d |out|^2 / d gates: " << gradient.gates << '\n';

  gates[2] = 0;
  std::cout << "closing head 2 changes the output by " << (attention.forward(x, gates).out - run.out).norm() << " of "
            << run.out.norm() << '\n';
}
