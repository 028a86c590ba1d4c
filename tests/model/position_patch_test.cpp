// SPDX-License-Identifier: MIT
// A head patched at one position: rows beside a base run against whole runs with that output.
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/model/position_patch.hpp>

using namespace chg;
using namespace chg::tests;

namespace {

std::vector<Matrix<double>> random_patches(Config const& c, Index examples) {
  Random random(11, Stream::user);
  std::vector<Matrix<double>> patches;
  for (Index l = 0; l < c.layers; ++l) {
    patches.emplace_back(examples, c.heads * c.head_dim);
    for (Index i = 0; i < patches.back().size(); ++i) patches.back().data()[i] = 2 * random.uniform() - 1;
  }
  return patches;
}

// The same by whole runs, one a head: the head closed, replaced at its last row by the patch and elsewhere by what it would have
// put out. [examples, L, H], log P(last target).
template <class Model>
Array<double, 3> whole_runs(Model const& model, Examples const& examples, Matrix<double> const& gates,
                            std::vector<Matrix<double>> const& patches) {
  auto const L = model.layers(), H = model.heads(), D = model.config().head_dim;
  auto const own = detail::capture_heads(model, examples, gates, {});
  Array<double, 3> logprob({static_cast<std::size_t>(examples.size()), static_cast<std::size_t>(L), static_cast<std::size_t>(H)});
  for (Index l = 0; l < L; ++l)
    for (Index h = 0; h < H; ++h) {
      auto replacement = own;
      replacement.kind = Replace::resample;
      auto& z = replacement.heads[static_cast<std::size_t>(l)];
      z.middleCols(h * D, D) *= gates(l, h);
      for (Index e = 0; e < examples.size(); ++e)
        z.row(own.first_row[static_cast<std::size_t>(e) + 1] - 1).segment(h * D, D) =
            patches[static_cast<std::size_t>(l)].row(e).segment(h * D, D);
      auto closed = gates;
      closed(l, h) = 0;
      Matrix<std::uint8_t> marked = Matrix<std::uint8_t>::Zero(L, H);
      marked(l, h) = 1;
      auto const evaluation = Scorer<Model>(model, examples)(closed, replacement, marked);
      for (Index e = 0; e < examples.size(); ++e)
        logprob(static_cast<std::size_t>(e), static_cast<std::size_t>(l), static_cast<std::size_t>(h)) =
            evaluation.examples[static_cast<std::size_t>(e)].logprob.back();
    }
  return logprob;
}

template <class Model>
double difference_from_whole_runs(Model const& model, RunOptions options) {
  auto const examples = ragged(20);
  auto const gates = random_gates(model.layers(), model.heads());
  auto const patches = random_patches(model.config(), examples.size());
  auto const patched = PositionPatcher<Model>(model, examples, options)(patches, gates);
  auto const expected = whole_runs(model, examples, gates, patches);
  auto const base = score(model, examples, gates);
  double worst = 0;
  for (std::size_t e = 0; e < patched.base.shape(0); ++e) {
    worst = std::max(worst, std::abs(patched.base(e, 0) - base.examples[e].logprob.back()));
    for (std::size_t l = 0; l < expected.shape(1); ++l)
      for (std::size_t h = 0; h < expected.shape(2); ++h)
        worst = std::max(worst, std::abs(patched.logprob(e, l, h, 0) - expected(e, l, h)));
  }
  return worst;
}

// In one product and in many; a hundred or so numbers in each sum, through at most three layers.
template <Architecture A>
void check_patched(Config const& c) {
  Transformer<A, double> const model(
      c, random_weights<double>(A, c, {.seed = 5, .biases = true, .tied = false, .random_norms = true}));
  CHECK(difference_from_whole_runs(model, {}) < 1e-12);
  CHECK(difference_from_whole_runs(model, {.threads = 2, .max_rows = 20}) < 1e-12);
}

Config capped_and_windowed() {
  auto c = llama_config();
  c.windows = {3, 0, 5};
  c.local_rotary = Rotary{.theta = 100};
  c.attention_soft_cap = 0.9;
  c.logit_soft_cap = 1.5;
  c.embedding_scale = 2.5;
  return c;
}

}  // namespace

TEST_CASE("position_patch: equals whole runs with grouped heads", "[model]") { check_patched<llama_like>(llama_config()); }
TEST_CASE("position_patch: equals whole runs with norms of queries and keys", "[model]") {
  check_patched<qwen3_like>(llama_config());
}
TEST_CASE("position_patch: equals whole runs with post norms, soft caps and windows", "[model]") {
  check_patched<gemma3_like>(capped_and_windowed());
}
TEST_CASE("position_patch: equals whole runs with attention beside the MLP", "[model]") {
  auto c = llama_config();
  c.kv_heads = c.heads, c.rotary.channels = 2;
  check_patched<neox_like>(c);
}
TEST_CASE("position_patch: equals whole runs with learned positions", "[model]") { check_patched<gpt2_like>(gpt2_config()); }

TEST_CASE("position_patch: a head patched with its own output changes nothing", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(9);
  Matrix<double> const ones = Matrix<double>::Ones(3, 6);
  PositionPatcher<Transformer<llama_like, double>> patcher(model, examples);
  auto const own = patcher(heads_at_last_target(model, examples, ones), ones);
  for (std::size_t e = 0; e < 9; ++e)
    for (std::size_t l = 0; l < 3; ++l)
      for (std::size_t h = 0; h < 6; ++h) CHECK(own.logprob(e, l, h, 0) == Approx(own.base(e, 0)).margin(1e-12));
}

TEST_CASE("position_patch: chosen tokens have the log-probabilities of one distribution", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(5);
  Matrix<double> const ones = Matrix<double>::Ones(3, 6);
  std::vector<Token> tokens;
  for (Index e = 0; e < 5; ++e)
    for (Token v = 0; v < 13; ++v) tokens.push_back(v);
  PositionPatcher<Transformer<llama_like, double>> patcher(model, examples);
  auto const patches = random_patches(llama_config(), 5);
  auto const all = patcher(patches, ones, tokens), target = patcher(patches, ones);
  for (std::size_t e = 0; e < 5; ++e) {
    double sum = 0;
    for (std::size_t v = 0; v < 13; ++v) sum += std::exp(all.logprob(e, 1, 2, v));
    CHECK(sum == Approx(1).epsilon(1e-12));
    auto const& example = examples[static_cast<Index>(e)];
    auto const last = static_cast<std::size_t>(example.tokens[PrefixTree::length_to_last_target(example) - 1]);
    CHECK(all.logprob(e, 1, 2, last) == target.logprob(e, 1, 2, 0));
    CHECK(all.base(e, last) == target.base(e, 0));
  }
}

TEST_CASE("position_patch: float has the bits of any transformer and any number of threads", "[model]") {
  auto const model = llama<float>();
  auto const examples = ragged(20);
  Matrix<double> const ones = Matrix<double>::Ones(3, 6);
  auto const patches = heads_at_last_target(model, ragged(20, 14, 8), ones);
  using Model = Transformer<llama_like, float>;
  auto const one = PositionPatcher<Model>(model, examples, {.threads = 1, .max_rows = 40})(patches, ones);
  auto const three = PositionPatcher<Model>(model, examples, {.threads = 3, .max_rows = 40})(patches, ones);
  AnyTransformer<float> const any(resolved(llama_like, llama_config()), llama_weights<float>());
  auto const erased = PositionPatcher<AnyTransformer<float>>(any, examples, {.threads = 2, .max_rows = 40})(patches, ones);
  CHECK(one.logprob == three.logprob);
  CHECK(one.logprob == erased.logprob);
}

TEST_CASE("position_patch: misuse is refused", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(4);
  Matrix<double> const ones = Matrix<double>::Ones(3, 6);
  PositionPatcher<Transformer<llama_like, double>> patcher(model, examples);
  auto const patches = random_patches(llama_config(), 4);
  CHECK_THROWS_WITH(patcher({}, ones), Catch::Contains("one matrix for each of 3 layers"));
  CHECK_THROWS_WITH(patcher(random_patches(llama_config(), 3), ones), Catch::Contains("patches"));
  CHECK_THROWS_WITH(patcher(patches, ones, {1, 2, 3}), Catch::Contains("as many for each of 4 examples"));
  CHECK_THROWS_WITH(patcher(patches, ones, {1, 2, 3, 13}), Catch::Contains("an id in 0..12"));
  CHECK_THROWS_WITH(patcher(patches, Matrix<double>::Ones(3, 5)), Catch::Contains("gates"));
}
