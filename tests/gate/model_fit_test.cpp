// SPDX-License-Identifier: MIT
// fit and contrast on whole transformers: threads, gate sets, architectures, resumption, allocations.
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <chg/gate/checkpoint.hpp>

using namespace chg;
using toy::complaint;
using toy::has;

namespace {

Config tiny_config() {
  Config c;
  c.layers = 3, c.heads = 4, c.kv_heads = 2, c.head_dim = 4, c.d_model = 16, c.d_ff = 24, c.vocab = 31, c.context = 16;
  return c;
}

template <Architecture A, class Scalar>
Transformer<A, Scalar> tiny() {
  auto config = tiny_config();
  if constexpr (A.position != Position::rotary) config.kv_heads = 4;
  return {config, random_weights<Scalar>(A, config, {.seed = 3, .biases = true, .random_norms = true})};
}

/// Ragged prompts that share beginnings; targets of one to three tokens.
Examples ragged(Index count, std::uint64_t seed) {
  std::vector<Example> all;
  for (Index i = 0; i < count; ++i) {
    Random random(seed, Stream::user, static_cast<std::uint32_t>(i));
    auto const token = [&] { return static_cast<Token>(random.below(31)); };
    std::vector<Token> prompt = {1, static_cast<Token>(2 + random.below(2))}, target;
    for (auto n = random.below(8); n > 0; --n) prompt.push_back(token());
    for (auto n = 1 + random.below(3); n > 0; --n) target.push_back(token());
    all.push_back(prompt_and_target(prompt, target));
  }
  return Examples(all);
}

FitOptions small(int threads = 1) {
  FitOptions o;
  o.gate_sets = 2, o.batch = 12, o.updates = 6, o.updates_pressed = 5, o.seed = 8, o.run.threads = threads,
  o.run.max_rows = 40;  // several chunks
  return o;
}
ContrastOptions small_contrast(int threads = 1) {
  ContrastOptions o;
  o.gate_sets = 2, o.batch = 12, o.updates = 8, o.seed = 8, o.run.threads = threads, o.run.max_rows = 40;
  return o;
}

}  // namespace

TEST_CASE("fit: the same bits for 1, 2 and 3 threads", "[gate]") {
  auto const model = tiny<llama_like, float>();
  auto const data = ragged(30, 1);
  auto const one = fit(model, data, small(1));
  for (int const threads : {2, 3}) {
    auto const other = fit(model, data, small(threads));
    REQUIRE(other.u0 == one.u0);
    REQUIRE(other.u_plus == one.u_plus);
    REQUIRE(other.u_minus == one.u_minus);
    REQUIRE(other.metrics == one.metrics);
  }
  ContrastiveExamples const pairs(ragged(30, 1), ragged(30, 2));
  auto const contrast_one = contrast(model, pairs, small_contrast(1));
  for (int const threads : {2, 3}) REQUIRE(contrast(model, pairs, small_contrast(threads)).u == contrast_one.u);
}

TEST_CASE("fit: on a transformer, gate set s has the bits of a run with seed + s alone", "[gate]") {
  auto const model = tiny<llama_like, float>();
  auto const data = ragged(30, 1);
  auto options = small(2);
  options.gate_sets = 3;
  auto const all = fit(model, data, options);
  for (Index s = 0; s < 3; ++s) {
    auto alone = options;
    alone.gate_sets = 1, alone.seed += static_cast<std::uint64_t>(s);
    auto const one = fit(model, data, alone);
    REQUIRE(one.u0.set(0) == all.u0.set(s));
    REQUIRE(one.u_plus.set(0) == all.u_plus.set(s));
    REQUIRE(one.u_minus.set(0) == all.u_minus.set(s));
  }
}

TEMPLATE_TEST_CASE("fit: on a transformer, a fit that is stopped, saved, loaded and resumed with other threads has the same bits",
                   "[gate]", float, double) {
  auto const model = tiny<llama_like, TestType>();
  auto const data = ragged(30, 1);
  auto const whole = fit(model, data, small());
  auto const path = std::filesystem::temp_directory_path() /
                    text("chg-model-fit-", std::chrono::steady_clock::now().time_since_epoch().count());
  for (Index const stop : {4, 8, 13}) {  // one in each phase
    auto options = small(2);
    options.progress = [stop](Progress const& p) { return p.done < stop; };
    save(fit(model, data, options), path);
    auto const done = resume(model, data, load_fit(path), small(3));
    REQUIRE(done.u0 == whole.u0);
    REQUIRE(done.u_plus == whole.u_plus);
    REQUIRE(done.u_minus == whole.u_minus);
    REQUIRE(done.metrics == whole.metrics);
  }
  ContrastiveExamples const pairs(ragged(30, 1), ragged(30, 2));
  auto options = small_contrast(2);
  options.progress = [](Progress const& p) { return p.done < 3; };
  save(contrast(model, pairs, options), path);
  auto const done = resume(model, pairs, load_contrastive_fit(path));
  REQUIRE(done.u == contrast(model, pairs, small_contrast()).u);
  std::filesystem::remove(path);
}

TEST_CASE("fit: every update logs the NLL that the model itself gives the batch under the gates before the step", "[gate]") {
  auto const model = tiny<gpt2_like, double>();
  auto const data = ragged(5, 1);
  FitOptions options;
  options.gate_sets = 2, options.batch = 5, options.updates = 3, options.updates_pressed = 0,
  options.learning_rate = {0, 0};  // gates stay, batches are the data
  auto const result = fit(model, data, options);
  BatchRunner<Transformer<gpt2_like, double>> runner(model);
  for (Index s = 0; s < 2; ++s) {
    std::vector<BatchRunner<Transformer<gpt2_like, double>>::Job> jobs(1);
    jobs[0].units = {0, 1, 2, 3, 4};
    jobs[0].gates = result.g0().set(s);
    runner.run({&data}, std::span(jobs), NextToken{});
    for (Index i = 0; i < 3; ++i)
      REQUIRE(std::abs(result.metrics[static_cast<std::size_t>(2 * i + s)].nll - jobs[0].loss) < 1e-12);
  }
}

TEST_CASE("fit: the first phase lowers the NLL of the training data", "[gate]") {
  auto const model = tiny<llama_like, float>();
  auto const data = ragged(8, 1);
  auto const result = fit(model, data, {.gate_sets = 3, .batch = 8, .updates = 100, .updates_pressed = 0});
  for (std::size_t s = 0; s < 3; ++s) REQUIRE(result.metrics[297 + s].nll < result.metrics[s].nll);
}

TEST_CASE("fit: the same model through fixed and dynamic extents gives the same gates", "[gate]") {
  constexpr Architecture fixed{.layers = 3, .heads = 4, .kv_heads = 2, .head_dim = 4, .d_model = 16, .d_ff = 24, .vocab = 31};
  auto const data = ragged(20, 1);
  auto const weights = random_weights<double>(fixed, tiny_config(), {.seed = 3});
  auto const with_fixed = fit(Transformer<fixed, double>(tiny_config(), weights), data, small());
  auto const with_dynamic = fit(Transformer<llama_like, double>(tiny_config(), weights), data, small());
  REQUIRE((map(with_fixed.u_plus.values().data(), 6, 4) - map(with_dynamic.u_plus.values().data(), 6, 4)).cwiseAbs().maxCoeff() <
          1e-7);
}

TEST_CASE("fit: a token outside the vocabulary and an example beyond the context are refused before the first update", "[gate]") {
  auto const model = tiny<llama_like, float>();
  REQUIRE(has(complaint([&] {
                fit(model, Examples({prompt_and_target({1, 2}, {3}), prompt_and_target({1, 31}, {3})}), small());
              }),
              "example 1, token 1"));
  REQUIRE(has(complaint([&] { fit(model, Examples({prompt_and_target({1}, {-1})}), small()); }), "example 0"));
  REQUIRE(has(complaint([&] { fit(model, Examples({prompt_and_target(std::vector<Token>(17, 1), {3})}), small()); }),
              "longer than the model's context"));
  Examples const good({prompt_and_target({1, 2}, {3})}), bad({prompt_and_target({1, 99}, {3})});
  REQUIRE(has(complaint([&] { contrast(model, ContrastiveExamples(good, bad), small_contrast()); }), "example 0, token 1"));
  REQUIRE(has(complaint([&] { contrast(model, ContrastiveExamples(bad, good), small_contrast()); }), "example 0, token 1"));
}

TEST_CASE("fit: what is resumed is checked as what is begun is, and a model in bfloat16 is told from one in float", "[gate]") {
  auto const model = tiny<llama_like, float>();
  Examples const good = ragged(12, 1), bad({prompt_and_target({1, 99}, {3})});
  auto options = small_contrast();
  options.progress = [](Progress const&) { return false; };
  auto const part = contrast(model, ContrastiveExamples(good, good), options);
  REQUIRE(has(complaint([&] { resume(model, ContrastiveExamples(bad, bad), part, small_contrast()); }), "example 0, token 1"));
  Examples const one({prompt_and_target({1, 2}, {3})});
  REQUIRE(has(complaint([&] { resume(model, ContrastiveExamples(one, bad), part, small_contrast()); }), "example 0, token 1"));
  REQUIRE(has(complaint([&] { resume(model, ContrastiveExamples(bad, one), part, small_contrast()); }), "example 0, token 1"));

  auto alone = small();
  alone.progress = options.progress;
  REQUIRE(has(complaint([&] { resume(model, bad, fit(model, good, alone), small()); }), "example 0, token 1"));

  auto once = small();
  once.updates = 1, once.updates_pressed = 0;
  Transformer<llama_like, float> const narrow(tiny_config(), random_weights<float>(llama_like, tiny_config(), {.seed = 3}),
                                              Products::bfloat16);
  REQUIRE(fit(narrow, good, once).origin.scalar_bytes == 2);
  REQUIRE(fit(model, good, once).origin.scalar_bytes == 4);
}
