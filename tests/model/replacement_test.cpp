// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/model/trace.hpp>

using namespace chg;
using namespace chg::tests;

namespace {

// z of every head of every example under the gates, an example at a time: [example][layer], [rows, H D].
std::vector<std::vector<Matrix<double>>> heads_of(Transformer<llama_like, double> const& model, Examples const& examples,
                                                  Matrix<double> const& gates) {
  std::vector<std::vector<Matrix<double>>> z;
  for (auto const& e : examples) {
    auto const rows = PrefixTree::length_to_last_target(e) - 1;
    auto const t = trace(model, std::span(e.tokens).first(rows), gates);
    z.emplace_back();
    for (auto const& layer : t.layers) z.back().push_back(layer.z);
  }
  return z;
}

}  // namespace

TEST_CASE("replacement: a mean is taken over all positions and examples, shared prefixes counted for each", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(20);
  auto const gates = random_gates(3, 6);
  auto const mean = capture_mean(model, examples, gates);
  auto const z = heads_of(model, examples, gates);
  for (std::size_t l = 0; l < 3; ++l) {
    Matrix<double> sum = Matrix<double>::Zero(1, 24);
    Index rows = 0;
    for (auto const& example : z) {
      sum += example[l].colwise().sum();
      rows += example[l].rows();
    }
    CHECK(relative_error(mean.heads[l], Matrix<double>(sum / static_cast<double>(rows))) < 1e-13);
  }
}

TEST_CASE("replacement: resampled rows come from another example, aligned at the end", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(20);
  auto const gates = random_gates(3, 6);
  auto const resampled = capture_resample(model, examples, gates, 5);
  auto const partner = derangement(examples.size(), 5, Stream::replacement);
  auto const z = heads_of(model, examples, gates);
  for (std::size_t i = 0; i < z.size(); ++i) {
    auto const j = static_cast<std::size_t>(partner[i]);
    REQUIRE(i != j);
    for (std::size_t l = 0; l < 3; ++l) {
      auto const &mine = z[i][l], &other = z[j][l];
      for (Index t = 0; t < mine.rows(); ++t) {
        auto const from_end = mine.rows() - 1 - t, source = std::max<Index>(0, other.rows() - 1 - from_end);
        CHECK((resampled.heads[l].row(resampled.first_row[i] + t) - other.row(source)).cwiseAbs().maxCoeff() < 1e-12);
      }
    }
  }
}

TEST_CASE("replacement: at gate 1 it changes nothing, and at gate 0 the head puts out the replacement", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(20);
  Matrix<double> const ones = Matrix<double>::Ones(3, 6);
  for (auto const& replacement : {capture_mean(model, examples, ones), capture_resample(model, examples, ones, 2)}) {
    CHECK(score(model, examples, ones, replacement).nll() == Approx(score(model, examples, ones).nll()).epsilon(1e-12));
    auto closed = ones;
    closed(0, 1) = closed(2, 3) = 0;
    CHECK(std::abs(score(model, examples, closed, replacement).nll() - score(model, examples, closed).nll()) > 1e-6);
  }
  // Replacing the heads of layer 0 by their own outputs restores the model: one example, resampled from its twin.
  Examples const twins({examples[3], examples[3]});
  auto const own = capture_resample(model, twins, ones, 0);
  CHECK(score(model, twins, Matrix<double>::Zero(3, 6), own).nll() == Approx(score(model, twins, ones).nll()).epsilon(1e-12));
}

TEST_CASE("replacement: what was captured elsewhere is refused", "[model]") {
  auto const model = llama<double>();
  auto const replacement = capture_resample(model, ragged(20), Matrix<double>::Ones(3, 6), 0);
  CHECK_THROWS_WITH(score(model, ragged(19), Matrix<double>::Ones(3, 6), replacement),
                    Catch::Contains("rows for 19 examples, got 20"));
  CHECK_THROWS_WITH(capture_resample(model, ragged(1), Matrix<double>::Ones(3, 6), 0), Catch::Contains("2 or more"));
}
