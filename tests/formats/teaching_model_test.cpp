// SPDX-License-Identifier: MIT
// The teaching model, as committed, gives what teaching_golden.py computed from its files in float64.
#include <chg/formats/load.hpp>
#include <chg/model/evaluate.hpp>
#include <chg/model/trace.hpp>
#include <chg/run/manifest.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using chg::Index;
using chg::Matrix;
using chg::Token;

namespace {

std::filesystem::path directory() { return chg::test::repository("examples/models/teaching"); }

nlohmann::json golden() { return chg::formats::read_json(chg::test::repository("tests/formats/teaching_golden.json")); }

Matrix<double> matrix(nlohmann::json const& rows) {
  Matrix<double> m(static_cast<Index>(rows.size()), static_cast<Index>(rows[0].size()));
  for (Index i = 0; i < m.rows(); ++i)
    for (Index j = 0; j < m.cols(); ++j) m(i, j) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)].get<double>();
  return m;
}

}  // namespace

TEST_CASE("teaching model: the recorded values belong to the committed weights", "[formats]") {
  INFO("The model was trained again: run tests/formats/teaching_golden.py.");
  REQUIRE(golden()["model_sha256"] == chg::run::describe_file(directory() / "model.safetensors").sha256);
}

TEMPLATE_TEST_CASE("teaching model: log-probabilities after every recorded prompt, gated and ungated, and the gradient by gate",
                   "[formats]", float, double) {
  auto const recorded = golden();
  auto const model = chg::load<chg::llama_like, TestType>(directory());
  auto const gates = matrix(recorded["gates"]);
  // Recorded with 12 decimals, in other orders of summation. In float a sum of n terms errs by sqrt(n) u (Higham and Mary 2019), n
  // at most d_ff, the 2 L + 1 stages pass on what they were given, and so does each stage of the backward pass.
  auto const stages = static_cast<double>(2 * model.layers() + 1), terms = static_cast<double>(model.config().d_ff);
  auto const error = [&](double largest) {
    return std::is_same_v<TestType, float> ? stages * std::sqrt(terms) * 0x1p-24 * largest : 1e-11 * std::max(1.0, largest);
  };

  std::vector<chg::Example> examples;
  for (auto const& prompt : recorded["prompts"]) {
    auto ids = prompt["ids"].get<std::vector<Token>>();
    auto const target = ids.back();
    ids.pop_back();
    examples.push_back(chg::prompt_and_target(ids, {target}));
    auto const expected = matrix(nlohmann::json::array({prompt["log_probabilities_after_prompt"]}));
    Matrix<double> const logits = chg::logits(model, std::span<Token const>(ids)).template cast<double>().bottomRows(1);
    Matrix<double> const actual = logits.array() - std::log((logits.array() - logits.maxCoeff()).exp().sum()) - logits.maxCoeff();
    INFO(prompt["name"]);
    CHECK((actual - expected).cwiseAbs().maxCoeff() <= error(expected.cwiseAbs().maxCoeff()));
  }

  chg::Examples const data(examples);
  auto const score = chg::score(model, data, gates);
  double largest = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    auto const expected = recorded["prompts"][i]["gated_target_log_probability"].get<double>();
    largest = std::max(largest, std::abs(expected));
    INFO(recorded["prompts"][i]["name"]);
    CHECK(std::abs(score.examples[i].logprob[0] - expected) <= error(std::max(10.0, std::abs(expected))));
  }
  CHECK(std::abs(score.nll() - recorded["mean_nll"].get<double>()) <= error(std::max(10.0, largest)));

  auto const d_gates = matrix(recorded["d_mean_nll_d_gates"]);
  auto const gradient = chg::gradient(model, data, Matrix<TestType>(gates.template cast<TestType>()));
  CHECK((gradient.d_gates - d_gates).cwiseAbs().maxCoeff() <= 2 * error(10 * d_gates.cwiseAbs().maxCoeff()));
}

TEST_CASE("teaching model: the token names are those of the prompts that were recorded", "[formats]") {
  auto const names = chg::token_names(directory());
  REQUIRE(static_cast<Index>(names.size()) == chg::formats::read_config(directory()).config.vocab);
  for (auto const& prompt : golden()["prompts"])
    for (std::size_t t = 0; t < prompt["ids"].size(); ++t)
      REQUIRE(names[prompt["ids"][t].get<std::size_t>()] == prompt["words"][t].get<std::string>());
}

TEST_CASE("teaching model: its files are published as the library reads them: BF16, tied, at most two megabytes", "[formats]") {
  chg::formats::Safetensors const file(directory() / "model.safetensors");
  for (auto const& [name, info] : file.tensors()) {
    INFO(name);
    CHECK(info.dtype == "BF16");
  }
  CHECK(chg::formats::read_config(directory()).tied);
  std::uintmax_t bytes = 0;
  for (auto const& entry : std::filesystem::directory_iterator(directory())) bytes += entry.file_size();
  CHECK(bytes <= 2'000'000);
}
