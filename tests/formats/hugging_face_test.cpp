// SPDX-License-Identifier: MIT
#include <chg/formats/hugging_face.hpp>
#include <chg/model/trace.hpp>

#include "formats/published_models.hpp"
#include "support/catch.hpp"

using namespace chg::test;

namespace {

constexpr chg::Architecture kFixed{.layers = 2, .heads = 3, .kv_heads = 1, .head_dim = 2, .d_model = 5, .d_ff = 7, .vocab = 11};
constexpr chg::Architecture kFixedWrong{
    .layers = 3, .heads = 3, .kv_heads = 1, .head_dim = 2, .d_model = 5, .d_ff = 7, .vocab = 11};
constexpr chg::Architecture kExactGelu{.norm = chg::Norm::layer, .mlp = chg::Mlp::gelu, .position = chg::Position::learned};

std::vector<chg::Token> const kTokens{3, 1, 4, 1, 5, 9, 2, 6};

}  // namespace

TEST_CASE("hugging_face: a loaded model computes what the model made of its weights computes", "[formats]") {
  TemporaryDirectory const directory;
  auto const p = published_llama({.biases = true, .tied = false});
  p.write(directory);
  auto const expected =
      chg::logits(chg::Transformer<chg::llama_like, float>(p.description.config, p.weights), std::span(kTokens));
  REQUIRE(chg::logits(chg::load<chg::llama_like>(directory.path()), std::span(kTokens)) == expected);
  REQUIRE(chg::logits(chg::load(directory.path()), std::span(kTokens)) == expected);
  REQUIRE(chg::logits(chg::load<kFixed>(directory.path()), std::span(kTokens)).isApprox(expected, 1e-5f));
  REQUIRE(chg::logits(chg::load<chg::llama_like, double>(directory.path()), std::span(kTokens))
              .isApprox(expected.cast<double>(), 1e-5));
}

TEST_CASE("hugging_face: the weights of a model on dual numbers are real", "[formats]") {
  TemporaryDirectory const directory;
  auto const p = published_gpt2();
  p.write(directory);
  auto const model = chg::load<chg::gpt2_like, chg::Dual<double>>(directory.path());
  auto const expected = chg::logits(chg::load<chg::gpt2_like, double>(directory.path()), std::span(kTokens));
  auto const actual = chg::logits(model, std::span(kTokens));
  for (chg::Index i = 0; i < actual.size(); ++i) {
    REQUIRE(std::abs(actual.data()[i].value - expected.data()[i]) <= 1e-12 * std::max(1.0, std::abs(expected.data()[i])));
    REQUIRE(actual.data()[i].tangent == 0);
  }
}

TEST_CASE("hugging_face: an Architecture of another family or of other extents is refused before the weights are read",
          "[formats]") {
  TemporaryDirectory const directory;
  auto const p = published_llama();
  directory.write("config.json", p.config);  // and no weights
  REQUIRE(has_all(message_of([&] { chg::load<chg::gpt2_like>(directory.path()); }),
                  {"config.json", "model_type llama", "Use chg::llama_like"}));
  REQUIRE(has_all(message_of([&] { chg::load<kFixedWrong>(directory.path()); }),
                  {"config: layers", "3, which the Architecture fixes", "got 2"}));
  directory.write("config.json", published_gpt2().config);
  REQUIRE(has_all(message_of([&] { chg::load<>(directory.path()); }), {"model_type gpt2", "Use chg::gpt2_like"}));
  REQUIRE(has_all(message_of([&] { chg::load<kExactGelu>(directory.path()); }), {"Mlp::gelu,", "Use chg::gpt2_like"}));
}
