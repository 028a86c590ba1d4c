// SPDX-License-Identifier: MIT
// Norms, SwiGLU and softmax of logits: bound by memory and by exp. Bytes: what must be read and written once.
#include "support/report.hpp"

#include <chg/ops/cross_entropy.hpp>
#include <chg/ops/norm.hpp>
#include <chg/ops/swiglu.hpp>

namespace {

using namespace chg;

void rms_norm(benchmark::State& state) {
  auto const rows = state.range(0), cols = state.range(1);
  Matrix<float> const x = Matrix<float>::Random(rows, cols);
  RowVector<float> const scale = RowVector<float>::Random(cols);
  Matrix<float> y(rows, cols);
  RowVector<float> r(rows);
  ops::rms_norm(x.data(), rows, scale, 1e-5, y.data(), r.data());
  auto const exact = x.row(0).cast<double>().array() /
                     std::sqrt(x.row(0).cast<double>().squaredNorm() / static_cast<double>(cols) + 1e-5) *
                     scale.cast<double>().array();
  if (!bench::agrees(state, (y.row(0).cast<double>().array() - exact).abs().maxCoeff(), 1e-5)) return;
  for (auto _ : state) {
    ops::rms_norm(x.data(), rows, scale, 1e-5, y.data(), r.data());
    benchmark::ClobberMemory();
  }
  bench::report_bytes(state, static_cast<double>(2 * rows * cols) * sizeof(float));
}
BENCHMARK(rms_norm)->Args({900, 128})->Args({900, 576})->Args({450, 2048});

void swiglu(benchmark::State& state, bool backward) {
  auto const rows = state.range(0), width = state.range(1);
  Matrix<float> ab = Matrix<float>::Random(rows, 2 * width), h(rows, width);
  Matrix<float> const dh = Matrix<float>::Random(rows, width);
  ops::swiglu(ab.data(), rows, width, h.data());
  auto const a = static_cast<double>(ab(0, 3)), b = static_cast<double>(ab(0, width + 3));
  if (!bench::agrees(state, std::abs(static_cast<double>(h(0, 3)) - a * b / (1 + std::exp(-a))), 1e-6)) return;
  for (auto _ : state) {
    if (backward)
      ops::swiglu_backward(ab.data(), rows, width, dh.data());
    else
      ops::swiglu(ab.data(), rows, width, h.data());
    benchmark::ClobberMemory();
  }
  bench::report_bytes(state, static_cast<double>((backward ? 5 : 3) * rows * width) * sizeof(float));
}
BENCHMARK_CAPTURE(swiglu, forward, false)->Args({900, 256})->Args({900, 1536})->Args({450, 8192});
BENCHMARK_CAPTURE(swiglu, backward, true)->Args({900, 256})->Args({900, 1536})->Args({450, 8192});

void softmax_of_logits(benchmark::State& state) {
  auto const rows = state.range(0), vocab = state.range(1);
  Matrix<float> const logits = Matrix<float>::Random(rows, vocab);
  Matrix<float> x = logits;
  for (auto _ : state) {
    for (Index i = 0; i < rows; ++i) benchmark::DoNotOptimize(ops::softmax_row(x.data() + i * vocab, vocab));
    benchmark::ClobberMemory();
  }
  if (!bench::agrees(state, std::abs(static_cast<double>(x.row(0).sum()) - 1), 1e-3)) return;
  bench::report_bytes(state, static_cast<double>(2 * rows * vocab) * sizeof(float));
}
BENCHMARK(softmax_of_logits)->Args({64, 240})->Args({64, 49'152})->Args({16, 128'256});

}  // namespace
