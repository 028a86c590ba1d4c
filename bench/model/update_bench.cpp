// SPDX-License-Identifier: MIT
// One update of one gate set or several side by side, everything but the optimiser's step: random weights at the shapes of the
// teaching model, SmolLM2-135M and Llama 3.2 1B, on ABA prompts of 29 tokens.
//
// share_of_peak is the minimal work (support/work.hpp) over the time and the FMA peak that was measured in the same run.
// peak_MB is the largest resident size of the process so far, weights included: run one benchmark at a time
// (--benchmark_filter) to read it. Environment: CHG_BENCH_LAYERS=N runs the 1B shape with N layers (default 4; 16 is the
// full model); CHG_BENCH_ACCOUNT=N prints, for N runs before the timed ones, where the time goes (support/account.hpp).
#include "support/account.hpp"
#include "support/report.hpp"
#include "support/work.hpp"

#include <chg/model/evaluate.hpp>

#include <sys/resource.h>

#include <cstdio>
#include <numeric>
#include <set>

namespace {

using namespace chg;

struct Case {
  Config config;
  Index batch;
};

Case teaching() {
  Config c;
  c.layers = 4, c.heads = 8, c.kv_heads = 4, c.head_dim = 16, c.d_model = 128, c.d_ff = 256, c.vocab = 240, c.context = 128;
  return {c, 64};
}
Case smollm2() {
  auto c = config_of(smollm2_135m);
  c.context = 2048;
  return {c, 64};
}
Case llama_1b() {
  auto c = config_of(llama_3_2_1b);
  auto const* const layers = std::getenv("CHG_BENCH_LAYERS");
  c.layers = layers ? std::atoi(layers) : 4;
  c.context = 2048;
  return {c, 16};
}

Examples aba_prompts(Index count, Index vocab) {
  std::vector<Example> examples;
  Random random(1, Stream::user);
  auto const word = [&] { return static_cast<Token>(3 + random.below(static_cast<std::uint64_t>(vocab) - 3)); };
  for (Index i = 0; i < count; ++i) {
    std::vector<Token> tokens{0};
    for (int pair = 0; pair < 5; ++pair) {
      auto const x = word(), y = word();
      if (pair == 4)
        tokens.insert(tokens.end(), {x, 1, y, 1});
      else
        tokens.insert(tokens.end(), {x, 1, y, 1, x, 2});
    }
    auto const answer = tokens[25];
    examples.push_back(prompt_and_target(std::move(tokens), {answer}));
  }
  return Examples(std::move(examples));
}

/// The account of `runs` calls of run(), once a title: google-benchmark calls a benchmark several times to see how long it takes.
template <class Run>
void print_account(std::string const& title, int runs, int threads, bench::ProductsDone done, Run const& run) {
  static std::set<std::string> printed;
  if (runs <= 0 || !printed.insert(title).second) return;
  auto const profile = bench::profile(threads, [&] {
    for (int i = 0; i < runs; ++i) run();
  });
  done.flops *= runs, done.weight_bytes *= runs;
  std::fprintf(stderr, "\n%s, %d runs\n\n%s\n", title.c_str(), runs, table(account_of(profile, done)).c_str());
}

void update(benchmark::State& state, Case (*which)(), Products products = Products::full) {
  auto const chosen = which();
  auto const& config = chosen.config;
  auto const batch = chosen.batch;
  auto const threads = static_cast<int>(state.range(0));
  Transformer<llama_like, float> const model(config, random_weights<float>(llama_like, config), products);
  auto const examples = aba_prompts(batch, config.vocab);
  using Runner = BatchRunner<Transformer<llama_like, float>>;
  std::vector<Runner::Job> jobs(static_cast<std::size_t>(state.range(1)));
  for (auto& job : jobs) {
    job.units.resize(static_cast<std::size_t>(batch));
    std::iota(job.units.begin(), job.units.end(), Index{0});
    job.gates = Matrix<float>::Constant(config.layers, config.heads, 0.7f);
  }
  RunOptions const options{.threads = threads, .max_rows = config.d_model > 1000 ? 256 : 1024};
  Runner runner(model, options);
  auto const run = [&] { runner.run({&examples}, std::span(jobs), MeanNll{}); };
  run();

  auto const tree = bench::tree_of(examples, jobs[0].units);
  auto const work = bench::minimal_work(resolved(llama_like, config), tree);
  if (auto const* const runs = std::getenv("CHG_BENCH_ACCOUNT")) {
    auto const chunks = bench::chunked_work<float>(resolved(llama_like, config), examples, jobs[0].units, options);
    auto const sets = static_cast<double>(jobs.size());
    print_account(
        text("C ", config.d_model, ", L ", config.layers, ", products ", name(products), ", ", threads, " threads, ", jobs.size(),
             " gate sets"),
        std::atoi(runs), threads,
        {sets * chunks.work.products(),
         sets * static_cast<double>(chunks.rows.size()) * static_cast<double>(model.weight_bytes()), bench::peak<float>(threads)},
        run);
  }
  for (auto _ : state) run();

  bench::report_work<float>(state, work.total() * static_cast<double>(jobs.size()), threads);
  auto const percent = [&](double part) { return 100 * part / work.total(); };
  state.counters["projections%"] = percent(work.projections);
  state.counters["mlp%"] = percent(work.mlp);
  state.counters["attention%"] = percent(work.attention);
  state.counters["unembedding%"] = percent(work.unembedding);
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MB"] = static_cast<double>(usage.ru_maxrss) / 1000;
  state.counters["weights_MB"] = static_cast<double>(model.weight_bytes()) / 1e6;
  state.counters["s_per_set"] = benchmark::Counter(static_cast<double>(jobs.size()),
                                                   benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void timed(benchmark::internal::Benchmark* b) { b->ArgNames({"threads", "sets"})->UseRealTime()->Unit(benchmark::kMillisecond); }
BENCHMARK_CAPTURE(update, teaching, teaching)->Args({1, 2})->Args({2, 2})->Apply(timed);
BENCHMARK_CAPTURE(update, SmolLM2_135M, smollm2)->Args({1, 2})->Args({2, 2})->Args({2, 1})->Args({2, 10})->Apply(timed);
BENCHMARK_CAPTURE(update, SmolLM2_135M_bf16, smollm2, Products::bfloat16)->Args({2, 2})->Apply(timed);
BENCHMARK_CAPTURE(update, Llama_3_2_1B, llama_1b)->Args({2, 1})->Apply(timed);
BENCHMARK_CAPTURE(update, Llama_3_2_1B_bf16, llama_1b, Products::bfloat16)->Args({2, 1})->Apply(timed);

}  // namespace
