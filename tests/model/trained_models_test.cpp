// SPDX-License-Identifier: MIT
// Trained models reproduce what was recorded of them elsewhere. Their files are not in the repository: CHG_TEST_DATA names the
// directory that holds models/stories260k and models/gpt_nano_sort; without it these tests say so and pass.
#include <chg/formats/load.hpp>
#include <chg/model/evaluate.hpp>
#include <chg/model/trace.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <cstring>

using chg::Index;
using chg::Matrix;
using chg::Token;

namespace {

#define CHG_DATA_OR_RETURN(name, folder)                                                                           \
  auto const name = chg::test::test_data(folder);                                                                  \
  if (name.empty()) {                                                                                              \
    WARN("skipped: there is no " folder " below the directory that the environment variable CHG_TEST_DATA names"); \
    return;                                                                                                        \
  }

/// float32 numbers as base64 text, with their shape.
struct Recorded {
  std::vector<Index> shape;
  std::vector<float> numbers;

  explicit Recorded(nlohmann::json const& json) : shape(json["shape"].get<std::vector<Index>>()) {
    auto const& text = json["data"].get_ref<std::string const&>();
    std::string bytes;
    std::uint32_t bits = 0;
    int held = 0;
    for (char const c : text) {
      auto const digit = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
      if (digit == std::string_view::npos) continue;
      bits = bits << 6 | static_cast<std::uint32_t>(digit);
      if ((held += 6) >= 8) bytes.push_back(static_cast<char>(bits >> (held -= 8) & 0xFF));
    }
    numbers.resize(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(float));
    Index expected = 1;
    for (auto const extent : shape) expected *= extent;
    REQUIRE(static_cast<Index>(numbers.size()) == expected);
  }

  /// Sequence b of [B, T, C].
  Matrix<double> rows(Index b) const {
    auto const T = shape[1], C = shape[2];
    return chg::map(numbers.data() + b * T * C, T, C).cast<double>();
  }
  /// Sequence b of [B, H, T, D], as [T, H D].
  Matrix<double> heads(Index b) const {
    auto const H = shape[1], T = shape[2], D = shape[3];
    Matrix<double> all(T, H * D);
    for (Index h = 0; h < H; ++h) all.middleCols(h * D, D) = chg::map(numbers.data() + (b * H + h) * T * D, T, D).cast<double>();
    return all;
  }
};

/// What float arithmetic may differ by in a model: a sum of n terms errs by sqrt(n) u with roundings of independent signs (Higham
/// and Mary 2019), n at most F here, and each of the 2 L + 1 stages (attention, MLP, ..., head) passes on what it was given.
double float_error(chg::Config const& c, double largest) {
  return static_cast<double>(2 * c.layers + 1) * std::sqrt(static_cast<double>(c.d_ff)) * 0x1p-24 * largest;
}

double largest_difference(Matrix<double> const& a, Matrix<double> const& b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  return (a - b).cwiseAbs().maxCoeff();
}

}  // namespace

TEMPLATE_TEST_CASE("trained models: stories260k gives the recorded logits and the published greedy story", "[model]", float,
                   double) {
  CHG_DATA_OR_RETURN(folder, "models/stories260k")
  auto const recorded = chg::formats::read_json(folder / "expected_greedy.json");
  auto const ids = recorded["token_ids"].get<std::vector<Token>>();
  auto const model = chg::load<chg::llama_like, TestType>(folder / "hf");
  Matrix<double> const logits = chg::logits(model, std::span(ids)).template cast<double>();

  for (auto const& item : recorded["logits_at_position"].items()) {
    auto const expected = item.value().template get<std::vector<double>>();
    REQUIRE(static_cast<Index>(expected.size()) == model.vocab());
    Matrix<double> const row = chg::map(expected.data(), 1, model.vocab());
    auto const rounding = std::is_same_v<TestType, float> ? float_error(model.config(), row.cwiseAbs().maxCoeff()) : 1e-10;
    INFO("position " << item.key());
    CHECK(largest_difference(logits.row(std::stoi(item.key())), row) <= 0.5e-6 + rounding);  // recorded with six decimals
  }
  REQUIRE(recorded["logits_at_position"].size() == 5);

  for (std::size_t t = 0; t + 1 < ids.size(); ++t) {
    Index next = 0;
    logits.row(static_cast<Index>(t)).maxCoeff(&next);
    if (next != ids[t + 1]) FAIL("position " << t << ": the most likely token is " << next << ", published is " << ids[t + 1]);
  }
  auto const story =
      chg::score(model, chg::Examples({chg::prompt_and_target({ids.begin(), ids.begin() + 1}, {ids.begin() + 1, ids.end()})}));
  REQUIRE(story.accuracy() == 1);
}

TEMPLATE_TEST_CASE("trained models: gpt_nano_sort gives its published activations, layer by layer and head by head", "[model]",
                   float, double) {
  CHG_DATA_OR_RETURN(folder, "models/gpt_nano_sort")
  auto const file = chg::formats::read_json(folder / "gpt-nano-sort-t0-partials.json");
  auto const recorded = [&](char const* name) { return Recorded(file[name]); };
  auto const model = chg::load<chg::gpt2_like, TestType>(folder / "hf");
  Recorded const tokens = recorded("idx");
  auto const B = tokens.shape[0], T = tokens.shape[1];
  REQUIRE(B == 3);

  for (Index b = 0; b < B; ++b) {
    std::vector<Token> ids;
    for (Index t = 0; t < T; ++t) ids.push_back(static_cast<Token>(tokens.numbers[static_cast<std::size_t>(b * T + t)]));
    auto const actual = chg::trace(model, std::span<Token const>(ids));
    auto const compare = [&](char const* name, Matrix<double> const& expected, Matrix<TestType> const& ours) {
      // Theirs were computed in float32 too.
      auto const rounding =
          (std::is_same_v<TestType, float> ? 2 : 1) * float_error(model.config(), expected.cwiseAbs().maxCoeff());
      INFO(name << " of sequence " << b);
      CHECK(largest_difference(ours.template cast<double>(), expected) <= rounding);
    };
    auto const& first = actual.layers[0];
    compare("x", recorded("x").rows(b), first.residual);
    compare("q", recorded("q").heads(b), first.q);
    compare("k", recorded("k").heads(b), first.k);
    compare("v", recorded("v").heads(b), first.v);
    compare("y", recorded("y").rows(b), first.z);
    compare("yProj", recorded("yProj").rows(b), first.attention());
    compare("attnResid", recorded("attnResid").rows(b), first.residual_middle);
    compare("mlp", recorded("mlp").rows(b), first.mlp());
    compare("block0", recorded("block0").rows(b), actual.layers[1].residual);
    compare("block1", recorded("block1").rows(b), actual.layers[2].residual);
    compare("block2", recorded("block2").rows(b), actual.residual);
    compare("lm_head", recorded("lm_head").rows(b), actual.logits);
  }
}
