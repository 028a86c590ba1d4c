// SPDX-License-Identifier: MIT
// A tiny model of every family, as transformers saved it, against what families_golden.py recorded from transformers in float64.

#include <chg_models.hpp>

#include <chg/formats/load.hpp>
#include <chg/model/evaluate.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <string>
#include <type_traits>
#include <vector>

using namespace chg;

namespace {

Matrix<double> recorded_matrix(nlohmann::json const& rows) {
  Matrix<double> m(static_cast<Index>(rows.size()), static_cast<Index>(rows[0].size()));
  for (Index i = 0; i < m.rows(); ++i)
    for (Index j = 0; j < m.cols(); ++j) m(i, j) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)].get<double>();
  return m;
}

/// Every token but the first is a target.
Examples whole_sequences(nlohmann::json const& sequences) {
  std::vector<Example> all;
  for (auto const& tokens : sequences) {
    Example e{.tokens = tokens.get<std::vector<Token>>(), .target_mask = {}};
    e.target_mask.assign(e.tokens.size(), 1);
    e.target_mask[0] = 0;
    all.push_back(std::move(e));
  }
  return Examples(std::move(all));
}

}  // namespace

TEMPLATE_TEST_CASE("families: log-probabilities at every position, and their gradient by gate, are those of transformers",
                   "[cli]", float, double) {
  auto const golden = formats::read_json(test::repository("tests/formats/families_golden.json"));
  REQUIRE(golden.size() == 11);
  for (auto const& [name, recorded] : golden.items()) {
    INFO(name);
    formats::ModelSource const source(test::repository("tests/formats/families/" + name));
    auto const& d = source.description();
    auto const model = AnyTransformer<TestType>(d.config, source.reader<TestType>());
    // Recorded with 12 decimals, in other orders of summation. In float a sum of n terms errs by sqrt(n) u (Higham and Mary 2019), n
    // at most d_ff; the 2 L + 1 stages pass on what they were given, and so does each stage of the backward pass. Three times that,
    // since entries of 1.3 / sqrt(fan-in) let an error grow from stage to stage.
    auto const stages = static_cast<double>(2 * model.layers() + 1), terms = static_cast<double>(d.config.d_ff);
    auto const error = [&](double largest) {
      return std::is_same_v<TestType, float> ? 3 * stages * std::sqrt(terms) * 0x1p-24 * largest : 1e-11 * std::max(1.0, largest);
    };
    auto const data = whole_sequences(recorded["sequences"]);
    auto const gates = recorded_matrix(recorded["gates"]);
    auto const check_targets = [&](Matrix<double> const& at, nlohmann::json const& expected) {
      auto const score = chg::score(model, data, at);
      for (std::size_t s = 0; s < score.examples.size(); ++s) {
        REQUIRE(score.examples[s].logprob.size() == expected[s].size());
        for (std::size_t t = 0; t < expected[s].size(); ++t) {
          auto const wanted = expected[s][t].get<double>();
          CHECK(std::abs(score.examples[s].logprob[t] - wanted) <= error(std::max(10.0, std::abs(wanted))));
        }
      }
    };
    nlohmann::json ungated = nlohmann::json::array();  // after token t, of the token at t + 1
    for (Index s = 0; s < data.size(); ++s) {
      ungated.push_back(nlohmann::json::array());
      for (std::size_t t = 1; t < data[s].tokens.size(); ++t)
        ungated.back().push_back(
            recorded["log_probabilities"][static_cast<std::size_t>(s)][t - 1][static_cast<std::size_t>(data[s].tokens[t])]);
    }
    check_targets(Matrix<double>::Ones(gates.rows(), gates.cols()), ungated);
    check_targets(gates, recorded["target_log_probabilities"]);
    auto const d_gates = recorded_matrix(recorded["d_mean_nll_d_gates"]);
    auto const found = chg::gradient(model, data, Matrix<TestType>(gates.template cast<TestType>()));
    nlohmann::json const& mean_nll = recorded["mean_nll"];
    CHECK(std::abs(found.nll - mean_nll.get<double>()) <= error(10));
    CHECK((found.d_gates - d_gates).cwiseAbs().maxCoeff() <= 2 * error(10 * d_gates.cwiseAbs().maxCoeff()));
  }
}
