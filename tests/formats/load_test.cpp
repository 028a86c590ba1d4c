// SPDX-License-Identifier: MIT
#include <chg/formats/load.hpp>
#include <chg/model/trace.hpp>

#include "formats/gguf_models.hpp"
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

TEST_CASE("load: a loaded model computes what the model made of its weights computes", "[formats]") {
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

TEST_CASE("load: the weights of a model on dual numbers are real", "[formats]") {
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

TEST_CASE("load: an Architecture of another family or of other extents is refused before the weights are read", "[formats]") {
  TemporaryDirectory const directory;
  auto const p = published_llama();
  directory.write("config.json", p.config);  // and no weights
  REQUIRE(ordered(message_of([&] { chg::load<chg::gpt2_like>(directory.path()); }),
                  {"config.json", "model_type llama", "Use chg::llama_like"}));
  REQUIRE(ordered(message_of([&] { chg::load<kFixedWrong>(directory.path()); }),
                  {"config: layers", "3, which the Architecture fixes", "got 2"}));
  directory.write("config.json", published_gpt2().config);
  REQUIRE(ordered(message_of([&] { chg::load<chg::llama_like>(directory.path()); }), {"model_type gpt2", "Use chg::gpt2_like"}));
  REQUIRE(ordered(message_of([&] { chg::load<kExactGelu>(directory.path()); }), {"Mlp::gelu,", "Use chg::gpt2_like"}));
}

TEST_CASE("load: a GGUF file is the model that its safetensors twin is, to the bit", "[formats]") {
  TemporaryDirectory const directory;
  auto const weights = gguf_weights({.biases = true, .tied = false});
  auto const path = directory.write("model.gguf", gguf_llama({.biases = true, .tied = false}).file());
  auto const expected = chg::logits(chg::Transformer<chg::llama_like, float>(gguf_config(), weights), std::span(kTokens));
  REQUIRE(chg::logits(chg::load(path), std::span(kTokens)) == expected);
  auto const parts = chg::load_weights<double>(path);
  REQUIRE(parts.config == gguf_config());
  REQUIRE(parts.weights.layers[1].W_K == weights.layers[1].W_K.cast<double>());
  REQUIRE(ordered(message_of([&] { chg::load<chg::gpt2_like>(path); }), {"model.gguf: model_type llama", "Use chg::llama_like"}));
}

TEST_CASE("load: a path that is neither a directory nor a GGUF file is refused by name", "[formats]") {
  TemporaryDirectory const directory;
  REQUIRE(ordered(message_of([&] { chg::load(directory.path() / "none"); }), {"none cannot be read", "No such file"}));
  auto const path = directory.write("model.safetensors", published_llama().file.file());
  REQUIRE(ordered(message_of([&] { chg::load(path); }), {"model.safetensors: magic", "\"GGUF\"", "give its directory"}));
}

TEST_CASE("load: stories260k from GGUF gives the logits of its Hugging Face directory, to the bit", "[formats]") {
  auto const folder = test_data("models/stories260k");
  if (folder.empty()) {
    WARN("skipped: set CHG_TEST_DATA to the folder of the test data, with models/stories260k in it");
    return;
  }
  auto const parts = chg::load_weights<float>(folder / "hf");
  GgufBuilder file;
  add_llama_metadata(file, parts.config);
  add_llama_tensors(file, parts.config, parts.weights);
  TemporaryDirectory const directory;
  auto const path = directory.write("stories260k.gguf", file.file());
  std::vector<chg::Token> tokens;
  for (int i = 0; i < 64; ++i) tokens.push_back((i * 37 + 1) % 512);
  REQUIRE(chg::logits(chg::load(path), std::span(tokens)) == chg::logits(chg::load(folder / "hf"), std::span(tokens)));
}

TEST_CASE("load: a published GGUF file with F16 weights gives the log-probabilities that transformers computes", "[formats]") {
  auto const folder = test_data("models/llama2_tiny_random_gguf");
  if (folder.empty()) {
    WARN("skipped: set CHG_TEST_DATA to the folder of the test data, with models/llama2_tiny_random_gguf in it");
    return;
  }
  auto const model = chg::load<chg::llama_like, double>(folder / "llama-2-tiny-random.gguf");
  REQUIRE(model.config().context == 4096);
  std::vector<chg::Token> const tokens{1, 15043, 3186, 29991, 100, 2000, 31999, 7};
  chg::Matrix<double> const logits = chg::logits(model, std::span(tokens));
  std::vector<Eigen::Index> most_likely(tokens.size());
  for (Eigen::Index t = 0; t < logits.rows(); ++t) logits.row(t).maxCoeff(&most_likely[static_cast<std::size_t>(t)]);
  CHECK(most_likely == std::vector<Eigen::Index>{31102, 9439, 19356, 31046, 17769, 4182, 10841, 25431});
  auto const last = logits.row(logits.rows() - 1);
  auto const sum = std::log((last.array() - last.maxCoeff()).exp().sum()) + last.maxCoeff();
  // transformers 5 in float: one layer, so three stages, of sums of at most 32 terms.
  auto const rounding = 3 * std::sqrt(32.0) * 0x1p-24 * 11;
  std::vector<double> const recorded{-10.414684988, -10.280114643, -10.370452056, -10.339971103};
  for (std::size_t i = 0; i < recorded.size(); ++i)
    CHECK(std::abs(last[static_cast<Eigen::Index>(i)] - sum - recorded[i]) <= rounding);
}
