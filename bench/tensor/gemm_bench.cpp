// SPDX-License-Identifier: MIT
// Products with frozen weights: shapes of the teaching model, SmolLM2-135M and Llama 3.2 1B. Work: 2 rows in out.
#include "support/report.hpp"

#include <chg/tensor/gemm.hpp>

#include <cmath>
#include <vector>

namespace {

using namespace chg;

Matrix<float> uniform(Index rows, Index cols) { return Matrix<float>::Random(rows, cols); }

/// As in a model, where a layer's weights leave the caches before they are used again: matrices of 128 MB altogether take turns.
void frozen_matrix(benchmark::State& state, bool forward, Products products = Products::full) {
  auto const rows = state.range(0), in = state.range(1), out = state.range(2);
  auto const weights = uniform(out, in);
  FrozenMatrix<float> const W(weights, products);
  std::vector<FrozenMatrix<float>> copies;
  for (std::size_t bytes = 0; bytes < 128'000'000; bytes += W.bytes()) copies.emplace_back(Matrix<float>(weights), products);
  auto const x = uniform(rows, forward ? in : out);
  Matrix<float> y(rows, forward ? out : in);
  SingleThreadedProducts const one_thread;
  auto const multiply = [&](FrozenMatrix<float> const& matrix) {
    forward ? matrix.forward(x.data(), rows, y.data()) : matrix.backward(x.data(), rows, y.data());
  };
  multiply(W);
  auto const exact = forward ? Matrix<double>(x.cast<double>().topRows(1) * weights.cast<double>().transpose())
                             : Matrix<double>(x.cast<double>().topRows(1) * weights.cast<double>());
  auto const round_off = products == Products::full ? 1e-6 * static_cast<double>(in + out)
                                                    : 8 * bfloat16_round_off * std::sqrt(static_cast<double>(in + out));
  if (!bench::agrees(state, (y.topRows(1).cast<double>() - exact).cwiseAbs().maxCoeff(), round_off)) return;
  std::size_t next = 0;
  for (auto _ : state) {
    multiply(copies[next++ % copies.size()]);
    benchmark::DoNotOptimize(y.data());
  }
  bench::report_work<float>(state, 2.0 * static_cast<double>(rows * in * out));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->Args({900, 128, 512})
      ->Args({900, 576, 3072})
      ->Args({225, 576, 576})
      ->Args({225, 576, 3072})
      ->Args({225, 1536, 576})
      ->Args({28, 576, 576})
      ->Args({112, 2048, 8192})
      ->Args({450, 2048, 8192});
}

BENCHMARK_CAPTURE(frozen_matrix, forward, true)->Apply(shapes);
BENCHMARK_CAPTURE(frozen_matrix, backward, false)->Apply(shapes);
BENCHMARK_CAPTURE(frozen_matrix, forward_bf16, true, Products::bfloat16)->Apply(shapes);
BENCHMARK_CAPTURE(frozen_matrix, backward_bf16, false, Products::bfloat16)->Apply(shapes);

void plain_loop(benchmark::State& state) {
  auto const rows = state.range(0), in = state.range(1), out = state.range(2);
  auto const W = uniform(out, in), x = uniform(rows, in);
  Matrix<float> y(rows, out);
  for (auto _ : state) {
    for (Index i = 0; i < rows; ++i)
      for (Index o = 0; o < out; ++o) {
        float sum = 0;
        for (Index k = 0; k < in; ++k) sum += x(i, k) * W(o, k);
        y(i, o) = sum;
      }
    benchmark::DoNotOptimize(y.data());
  }
  bench::report_work<float>(state, 2.0 * static_cast<double>(rows * in * out));
}
BENCHMARK(plain_loop)->Args({28, 576, 576});

}  // namespace
