// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"


using namespace chg;
using namespace chg::tests;

namespace {

// Heads switched in layers 2, 0, 1 and in two layers at once; the context itself, twice.
std::vector<Variation> some_variations(Matrix<double> const& context) {
  std::vector<Variation> variations;
  using Heads = std::vector<std::pair<Index, Index>>;
  for (auto const& heads : {Heads{{2, 5}}, Heads{{0, 3}}, Heads{{1, 0}}, Heads{{1, 2}, {2, 2}}, Heads{}, Heads{}}) {
    Variation v{context, Matrix<std::uint8_t>::Zero(context.rows(), context.cols())};
    for (auto const& [l, h] : heads) v.gates(l, h) = 0, v.replaced(l, h) = 1;
    variations.push_back(v);
  }
  return variations;
}

template <class Model>
void check_variations(Model const& model, Replacement<double> const& replacement, RunOptions options) {
  auto const examples = ragged(20);
  auto const context = random_gates(3, 6);
  auto const variations = some_variations(context);
  Scorer<Model> scorer(model, examples, options);
  auto const logprob = scorer.mean_logprobs(context, variations, replacement);
  for (std::size_t v = 0; v < variations.size(); ++v) {
    auto const whole = scorer(variations[v].gates, replacement, variations[v].replaced);
    for (std::size_t e = 0; e < whole.examples.size(); ++e)
      CHECK(logprob(static_cast<Index>(v), static_cast<Index>(e)) == whole.examples[e].mean_logprob());
  }
}

}  // namespace

TEST_CASE("evaluate: runs from the lowest layer that differs have the bits of whole runs", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(20);
  auto const context = random_gates(3, 6);
  for (auto const& replacement :
       {Replacement<double>{}, capture_mean(model, examples, context), capture_resample(model, examples, context, 4)})
    for (Index const max_rows : {1024, 20})
      for (int const threads : {1, 3}) check_variations(model, replacement, {.threads = threads, .max_rows = max_rows});
  check_variations(AnyTransformer<double>(resolved(llama_like, llama_config()), llama_weights<double>()), capture_mean(model, examples, context), {});
}

TEST_CASE("evaluate: a replacement without marks applies to every head, from layer 0 on", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(20);
  auto const context = random_gates(3, 6);
  auto const mean = capture_mean(model, examples, context);
  Scorer<Transformer<llama_like, double>> scorer(model, examples);
  std::vector<Variation> const all{{context, {}}};
  auto const whole = scorer(context, mean);
  CHECK(scorer.mean_logprobs(context, all, mean)(0, 7) == whole.examples[7].mean_logprob());
  CHECK(scorer.mean_logprobs(context, all)(0, 7) != whole.examples[7].mean_logprob());
}

TEST_CASE("evaluate: variations of another shape are refused", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(3);
  Scorer<Transformer<llama_like, double>> scorer(model, examples);
  std::vector<Variation> const wrong{{Matrix<double>::Ones(2, 6), {}}};
  CHECK_THROWS_WITH(scorer.mean_logprobs(Matrix<double>::Ones(3, 6), wrong), Catch::Contains("gates"));
  CHECK(scorer.mean_logprobs(Matrix<double>::Ones(3, 6), {}).size() == 0);
}
