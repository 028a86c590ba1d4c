// SPDX-License-Identifier: MIT
#include "model/exactness.hpp"
#include "support/catch.hpp"

#include <chg/model/trace.hpp>

#include <limits>

using namespace chg;
using namespace chg::tests;

TEST_CASE("transformer: a packed prefix tree gives what plain loops give a sequence at a time", "[model]") {
  auto const examples = ragged(40);
  RandomWeightsOptions const all{.seed = 5, .biases = true, .tied = false, .random_norms = true};
  // Round-off of a sum of about a hundred products, through three layers.
  auto const tolerance = 1e-12;
  SECTION("llama-like, grouped heads") {
    CHECK(difference_from_plain(llama_like, llama_config(), random_weights<double>(llama_like, llama_config(), all), examples) <
          tolerance);
  }
  SECTION("scaled rotary positions in neighbouring pairs, sliding windows, a query scale of its own") {
    auto const c = scaled_and_windowed();
    CHECK(difference_from_plain(llama_like, c, random_weights<double>(llama_like, c, all), examples) < tolerance);
  }
  SECTION("gpt2-like, tied") {
    CHECK(difference_from_plain(gpt2_like, gpt2_config(),
                                           random_weights<double>(gpt2_like, gpt2_config(), {.seed = 6, .biases = true}),
                                           examples) < tolerance);
  }
  SECTION("exact gelu, attention only, no norm, no positions") {
    constexpr Architecture gelu{.norm = Norm::layer, .mlp = Mlp::gelu, .position = Position::none};
    CHECK(difference_from_plain(gelu, gpt2_config(), random_weights<double>(gelu, gpt2_config(), all), examples) < tolerance);
    constexpr Architecture bare{.norm = Norm::none, .mlp = Mlp::none, .position = Position::none};
    CHECK(difference_from_plain(bare, gpt2_config(), random_weights<double>(bare, gpt2_config(), all), examples) < tolerance);
  }
  SECTION("one layer, one head") {
    auto c = llama_config();
    c.layers = 1, c.heads = c.kv_heads = 1;
    CHECK(difference_from_plain(llama_like, c, random_weights<double>(llama_like, c, all), examples) < tolerance);
  }
  SECTION("sequences longer than a segment of the tree") {
    CHECK(difference_from_plain(llama_like, llama_config(), random_weights<double>(llama_like, llama_config(), all),
                                            ragged(12, 79, 9, 2)) < tolerance);
  }
}

TEST_CASE("transformer: float agrees with double to the round-off of its depth", "[model]") {
  auto const c = llama_config();
  auto const weights = random_weights<float>(llama_like, c, {.seed = 4, .biases = true, .tied = false, .random_norms = true});
  Weights<double> wide;
  wide.layers.resize(weights.layers.size());
  std::vector<Matrix<double>> copies;
  for_each_tensor(resolved(llama_like, c), weights, [&](auto const&, auto const& tensor, auto const&) {
    copies.push_back(tensor.template cast<double>());
  });
  std::size_t next = 0;
  for_each_tensor(resolved(llama_like, c), wide, [&](auto const&, auto& tensor, auto const&) { tensor = copies[next++]; });
  Transformer<llama_like, float> const narrow(c, weights);
  Transformer<llama_like, double> const exact(c, wide);
  auto const examples = ragged(40);
  auto const gates = random_gates(3, 6);
  // A chain of n rounded operations errs by about sqrt(n) eps relative to its largest term; three layers of products of 10 to 24
  // terms, norms and softmaxes are some 300 in a row, forward and again backward.
  auto const bound = std::sqrt(600.0) * std::numeric_limits<float>::epsilon();
  auto const a = score(narrow, examples, gates), b = score(exact, examples, gates);
  CHECK(std::abs(a.nll() - b.nll()) < bound * b.nll());
  CHECK(relative_error(gradient(narrow, examples, Matrix<float>(gates.cast<float>())).d_gates,
                       gradient(exact, examples, gates).d_gates) < bound);
}

TEST_CASE("transformer: fixed extents and dynamic extents give the same bits", "[model]") {
  constexpr Architecture fixed{.layers = 3, .heads = 6, .kv_heads = 2, .head_dim = 4, .d_model = 10, .d_ff = 14, .vocab = 13};
  auto const weights = random_weights<float>(llama_like, llama_config(), {.biases = true});
  Transformer<fixed, float> const a(llama_config(), weights);
  Transformer<llama_like, float> const b(llama_config(), weights);
  auto const examples = ragged(30);
  Matrix<float> const gates = random_gates(3, 6).cast<float>();
  CHECK(gradient(a, examples, gates).d_gates == gradient(b, examples, gates).d_gates);
}

TEST_CASE("transformer: the same bits with 1, 2 and 3 threads", "[model]") {
  auto const model = llama<float>();
  auto const examples = ragged(60);
  Matrix<float> const gates = random_gates(3, 6).cast<float>();
  auto const one = gradient(model, examples, gates, {.threads = 1, .max_rows = 40});
  for (int threads : {2, 3}) {
    auto const many = gradient(model, examples, gates, {.threads = threads, .max_rows = 40});
    CHECK(one.nll == many.nll);
    CHECK(one.d_gates == many.d_gates);
  }
}

TEST_CASE("transformer: an example by itself scores as in a batch", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(30);
  auto const gates = random_gates(3, 6);
  auto const together = score(model, examples, gates);
  for (Index i = 0; i < examples.size(); ++i) {
    auto const alone = score(model, examples.slice(i, 1), gates);
    CHECK(alone.nll() == Approx(-together.examples[static_cast<std::size_t>(i)].mean_logprob()).epsilon(1e-12));
  }
}

TEST_CASE("transformer: a head at gate 0 has no influence, and the gradient at layer 0's heads is exact there too", "[model]") {
  auto const c = llama_config();
  auto weights = random_weights<double>(llama_like, c);
  auto gates = random_gates(3, 6);
  gates(1, 2) = 0;
  auto const before = score(Transformer<llama_like, double>(c, weights), ragged(20), gates).nll();
  weights.layers[1].W_O.middleCols(2 * c.head_dim, c.head_dim) *= 17.0;
  CHECK(score(Transformer<llama_like, double>(c, weights), ragged(20), gates).nll() == before);
  gates.setZero();
  auto const model = llama<double>();
  CHECK(relative_error(gradient(model, ragged(20), gates).d_gates, dual_gradient(model, ragged(20), gates)) < 1e-12);
}

TEST_CASE("transformer: gates of exactly 0 and 1 are accepted, NaN is refused", "[model]") {
  auto const model = llama<float>();
  Matrix<double> gates = Matrix<double>::Ones(3, 6);
  gates(0, 0) = 0;
  CHECK(std::isfinite(score(model, ragged(5), gates).nll()));
  gates(2, 5) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(score(model, ragged(5), gates), "gates. Expected finite numbers, got NaN or infinity.");
}

TEST_CASE("transformer: a bad model is refused by the name of what is wrong", "[model]") {
  auto const c = llama_config();
  auto const good = random_weights<float>(llama_like, c);
  auto weights = good;
  weights.layers[1].W_K(0, 3) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH((Transformer<llama_like, float>(c, weights)), Catch::Contains("layers[1].W_K") && Catch::Contains("NaN"));
  weights = good;
  weights.layers[2].W_down.resize(3, 3);
  CHECK_THROWS_WITH((Transformer<llama_like, float>(c, weights)),
                    Catch::Contains("layers[2].W_down has the wrong shape. Expected [10, 14], got [3, 3]"));
  weights = good;
  weights.final_norm.resize(0);
  CHECK_THROWS_WITH((Transformer<llama_like, float>(c, weights)), Catch::Contains("final_norm is missing"));
  weights = good;
  weights.layers.pop_back();
  CHECK_THROWS_WITH((Transformer<llama_like, float>(c, weights)), Catch::Contains("weights: layers. Expected 3, got 2"));
  constexpr Architecture other{.heads = 4};
  CHECK_THROWS_WITH((Transformer<other, float>(c, good)),
                    Catch::Contains("config: heads. Expected 4, which the Architecture fixes, got 6"));
  auto none = c;
  none.heads = 0;
  CHECK_THROWS_WITH((Transformer<llama_like, float>(none, good)), Catch::Contains("config: heads. Expected 1 or more, got 0"));
}

TEST_CASE("transformer: an example that it cannot read is refused by index and token", "[model]") {
  auto const model = llama<float>();
  CHECK_THROWS_WITH(score(model, Examples({{{1, 2}, {0, 1}}, {{1, 13, 2}, {0, 0, 1}}})),
                    "examples: example 1, token 1. Expected an id in 0..12, got 13. Were the tokens made for another model?");
  CHECK_THROWS_WITH(score(model, Examples({{{1, -1}, {0, 1}}})), Catch::Contains("got -1"));
  Example too_long{std::vector<Token>(81, 1), std::vector<std::uint8_t>(81, 0)};
  too_long.target_mask.back() = 1;
  CHECK_THROWS_WITH(score(model, Examples({too_long})),
                    Catch::Contains("longer than the model's context. Expected 80 tokens at most, got 81"));
  too_long.tokens.pop_back(), too_long.target_mask.erase(too_long.target_mask.begin());
  CHECK(std::isfinite(score(model, Examples({too_long})).nll()));  // the context's full length fits
}

TEST_CASE("transformer: a prompt of one token is enough", "[model]") {
  auto const model = llama<double>();
  Examples const one({{{4, 9}, {0, 1}}});
  auto const gates = random_gates(3, 6);
  CHECK(relative_error(gradient(model, one, gates).d_gates, dual_gradient(model, one, gates)) < 1e-12);
}

TEST_CASE("transformer: takes each layer as it is read, and names what is wrong with one", "[model]") {
  auto const weights = random_weights<double>(llama_like, llama_config(), {.seed = 4, .biases = true});
  auto const reader = [&](std::size_t layers) -> WeightReader<double> {
    return [&, layers](LayerSink<double> const& take) {
      auto rest = weights;
      rest.layers.clear();
      for (std::size_t l = 0; l < layers; ++l) {
        auto layer = weights.layers[l % weights.layers.size()];
        if (l == 1 && layers == 2) layer.W_O(0, 0) = std::numeric_limits<double>::quiet_NaN();
        take(std::move(layer));
      }
      return rest;
    };
  };
  auto const model = [&](WeightReader<double> const& read) { return Transformer<llama_like, double>(llama_config(), read); };
  std::vector<Token> const tokens{4, 9, 2, 7};
  CHECK(logits(model(reader(3)), std::span(tokens)) ==
        logits(Transformer<llama_like, double>(llama_config(), weights), std::span(tokens)));
  CHECK_THROWS_WITH(model(reader(1)), Catch::Contains("weights: layers. Expected 3, got 1"));
  CHECK_THROWS_WITH(model(reader(5)), Catch::Contains("weights: layers. Expected 3, got 5"));
  CHECK_THROWS_WITH(model(reader(2)), Catch::Contains("weights: layers[1].W_O. Expected finite numbers"));
}

TEST_CASE("transformer: products in bfloat16 are near those in double, by the round-off of their factors", "[model]") {
  auto const examples = ragged(30);
  auto const weights = random_weights<float>(llama_like, llama_config(), {.seed = 5, .biases = true, .random_norms = true});
  Transformer<llama_like, float> const narrow(llama_config(), weights, Products::bfloat16), wide(llama_config(), weights);
  Transformer<llama_like, double> const exact(
      llama_config(), random_weights<double>(llama_like, llama_config(), {.seed = 5, .biases = true, .random_norms = true}));
  CHECK(narrow.products() == Products::bfloat16);
  CHECK(wide.products() == Products::full);
  if (std::string_view(gemm_backend) == "packed") CHECK(narrow.weight_bytes() < wide.weight_bytes());
  auto const gates = random_gates(3, 6);
  auto const found = gradient(narrow, examples, Matrix<float>(gates.cast<float>()));
  auto const expected = gradient(exact, examples, gates);
  // Factors are off by u = 2^-8 of their size, independently, so a sum is off by about sqrt(2) u of its own size, and the errors of
  // the 7 products of each of 3 layers add up like a random walk, forward and backward: sqrt(2 21) sqrt(2) u = 9 u.
  auto const scale = expected.d_gates.cwiseAbs().maxCoeff(), error = (found.d_gates - expected.d_gates).cwiseAbs().maxCoeff();
  CHECK(error <= 9 * bfloat16_round_off * scale);
  CHECK(error >= 0.1 * bfloat16_round_off * scale);  // it does round
  CHECK(std::abs(found.nll - expected.nll) <= 9 * bfloat16_round_off * expected.nll);
}
