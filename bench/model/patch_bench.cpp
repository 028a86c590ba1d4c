// SPDX-License-Identifier: MIT
// Partial recomputation against whole runs: every head of SmolLM2-135M's shape (random weights) patched at the last position of
// 100-token prompts, and every head switched off alone.
//
// `whole` is one evaluation of all prompts, of which a patch or a switch of every head takes L H; the ratios of the other
// benchmarks extrapolate from it. flops: products alone, by formula.
#include "support/report.hpp"

#include <chg/model/evaluate.hpp>
#include <chg/model/position_patch.hpp>

#include <chrono>

namespace {

using namespace chg;

constexpr Index kPrompts = 10, kTokens = 100;

struct Setting {
  using Model = Transformer<llama_like, float>;
  Config config = [] {
    auto c = config_of(smollm2_135m);
    c.context = 2048;
    return c;
  }();
  Model model{config, random_weights<float>(llama_like, config)};
  Examples examples = [this] {
    Random random(1, Stream::user);
    std::vector<Example> prompts;
    for (Index i = 0; i < kPrompts; ++i) {
      std::vector<Token> tokens;
      for (Index t = 0; t < kTokens; ++t)
        tokens.push_back(static_cast<Token>(random.below(static_cast<std::uint64_t>(config.vocab))));
      prompts.push_back(prompt_and_target(std::move(tokens), {Token{5}}));
    }
    return Examples(std::move(prompts));
  }();
  Matrix<double> ones = Matrix<double>::Ones(config.layers, config.heads);
  RunOptions options{.threads = 2, .max_rows = 512};
};

Setting const& setting() {
  static Setting const s;
  return s;
}

/// Products of `rows` rows through one layer; `asking` of them through all but keys and values; `pairs` of query and key.
double layer_flops(Config const& c, double rows, double asking, double pairs) {
  auto const C = static_cast<double>(c.d_model), F = static_cast<double>(c.d_ff);
  auto const queries = static_cast<double>(c.heads * c.head_dim), keys = static_cast<double>(2 * c.kv_heads * c.head_dim);
  return 2 * (rows * C * keys + asking * (2 * C * queries + 3 * C * F) + 2 * pairs * queries);
}
double unembedding_flops(Config const& c, double rows) {
  return 2 * rows * static_cast<double>(c.d_model) * static_cast<double>(c.vocab);
}
/// One prompt from layer `first` on.
double prompt_flops(Config const& c, Index first) {
  auto const T = static_cast<double>(kTokens);
  return static_cast<double>(c.layers - 1 - first) * layer_flops(c, T, T, T * (T + 1) / 2) + layer_flops(c, T, 1, T) +
         unembedding_flops(c, 1);
}
/// One prompt and the rows of all its heads: in layer l those of the heads of layers 0 .. l.
double patched_flops(Config const& c) {
  double total = prompt_flops(c, 0);
  for (Index l = 0; l < c.layers; ++l) {
    auto const rows = static_cast<double>((l + 1) * c.heads);
    total += layer_flops(c, rows, rows, rows * static_cast<double>(kTokens));
  }
  return total + unembedding_flops(c, static_cast<double>(c.layers * c.heads));
}

double heads_of(Config const& c) { return static_cast<double>(c.layers * c.heads); }

/// Seconds of one evaluation of all prompts, the best of three after one to warm up.
double whole_run_seconds() {
  static double const seconds = [] {
    Scorer<Setting::Model> scorer(setting().model, setting().examples, setting().options);
    double best = 1e30;
    for (int i = 0; i < 4; ++i) {
      auto const start = std::chrono::steady_clock::now();
      benchmark::DoNotOptimize(scorer(setting().ones));
      std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - start;
      if (i > 0) best = std::min(best, taken.count());
    }
    return best;
  }();
  return seconds;
}

/// flops, and how many times fewer operations and less time than L H whole runs.
void report(benchmark::State& state, double flops, double seconds) {
  auto const& c = setting().config;
  auto const whole = heads_of(c) * prompt_flops(c, 0) * static_cast<double>(kPrompts);
  state.counters["GFLOP"] = flops / 1e9;
  state.counters["GFLOP/s"] = flops / 1e9 / seconds;
  state.counters["fewer_flops"] = whole / flops;
  state.counters["faster"] = heads_of(c) * whole_run_seconds() / seconds;
}

template <class Work>
void timed(benchmark::State& state, double flops, Work const& work) {
  whole_run_seconds();
  double seconds = 0, runs = 0;
  for (auto _ : state) {
    auto const start = std::chrono::steady_clock::now();
    work();
    std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - start;
    seconds += taken.count(), runs += 1;
  }
  report(state, flops, seconds / runs);
}

void whole(benchmark::State& state) {
  Scorer<Setting::Model> scorer(setting().model, setting().examples, setting().options);
  for (auto _ : state) benchmark::DoNotOptimize(scorer(setting().ones));
  bench::report_work<float>(state, prompt_flops(setting().config, 0) * static_cast<double>(kPrompts), 2);
}

void patched(benchmark::State& state) {
  auto const& s = setting();
  PositionPatcher<Setting::Model> patcher(s.model, s.examples, s.options);
  auto const L = static_cast<std::size_t>(s.config.layers), H = static_cast<std::size_t>(s.config.heads);
  std::vector<Matrix<float>> const patches(L, Matrix<float>::Constant(kPrompts, s.config.heads * s.config.head_dim, 0.05f));
  // Against one whole run with a head replaced at the last position: the other rows keep its own output.
  auto const result = patcher(patches, s.ones);
  auto replacement = detail::capture_heads(s.model, s.examples, s.ones, s.options);
  replacement.kind = Replace::resample;
  auto const l = L / 2, h = H / 2;
  auto const D = s.config.head_dim;
  for (Index e = 0; e < kPrompts; ++e)
    replacement.heads[l]
        .row(replacement.first_row[static_cast<std::size_t>(e) + 1] - 1)
        .segment(static_cast<Index>(h) * D, D)
        .setConstant(0.05f);
  auto closed = s.ones;
  closed(static_cast<Index>(l), static_cast<Index>(h)) = 0;
  auto const expected = score(s.model, s.examples, closed, replacement, s.options);
  double worst = 0;
  for (std::size_t e = 0; e < static_cast<std::size_t>(kPrompts); ++e)
    worst = std::max(worst, std::abs(result.logprob(e, l, h, 0) - expected.examples[e].logprob[0]));
  if (!bench::agrees(state, worst, 1e-3)) return;  // nats; float through 30 layers
  timed(state, patched_flops(s.config) * static_cast<double>(kPrompts),
        [&] { benchmark::DoNotOptimize(patcher(patches, s.ones)); });
}

/// One head of each layer, of which all heads take H times as long, but for the context's own layers.
void switched(benchmark::State& state) {
  auto const& s = setting();
  Scorer<Setting::Model> scorer(s.model, s.examples, s.options);
  std::vector<Variation> variations;
  double flops = prompt_flops(s.config, 0);
  for (Index l = 0; l < s.config.layers; ++l) {
    variations.push_back({s.ones, {}});
    variations.back().gates(l, 0) = 0;
    flops += prompt_flops(s.config, l);
  }
  auto const expected = scorer(variations[7].gates).examples[3].mean_logprob();
  if (!bench::agrees(state, std::abs(scorer.mean_logprobs(s.ones, variations)(7, 3) - expected), 0)) return;
  timed(state, flops * static_cast<double>(kPrompts),
        [&] { benchmark::DoNotOptimize(scorer.mean_logprobs(s.ones, variations)); });
  // One head a layer here, H in full.
  state.counters["fewer_flops"] = static_cast<double>(s.config.layers) * prompt_flops(s.config, 0) / flops;
  state.counters["faster"] = state.counters["faster"] / static_cast<double>(s.config.heads);
}

BENCHMARK(whole)->Name("patch/whole_runs/SmolLM2_135M/T100")->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(patched)
    ->Name("patch/one_position_all_heads/SmolLM2_135M/T100")
    ->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(switched)
    ->Name("patch/one_head_a_layer_off/SmolLM2_135M/T100")
    ->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
