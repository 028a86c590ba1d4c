// SPDX-License-Identifier: MIT
// A fit from given gates follows the trainer of trainer_golden.py, update by update.
#include <chg/formats/load.hpp>
#include <chg/gate/fit.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg;

namespace {

Matrix<double> matrix(nlohmann::json const& rows) {
  Matrix<double> m(static_cast<Index>(rows.size()), static_cast<Index>(rows[0].size()));
  for (Index i = 0; i < m.rows(); ++i)
    for (Index j = 0; j < m.cols(); ++j) m(i, j) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)].get<double>();
  return m;
}

}  // namespace

TEST_CASE("trainer: three phases of 40 updates end at the gates of the plain trainer, R a mean and a sum", "[formats]") {
  auto const golden = formats::read_json(test::repository("tests/formats/trainer_golden.json"));
  auto const model = load<llama_like, double>(test::repository("examples/models/teaching"));
  std::vector<Example> prompts;
  for (auto const& ids : golden["prompts"]) {
    auto tokens = ids.get<std::vector<Token>>();
    auto const target = tokens.back();
    tokens.pop_back();
    prompts.push_back(prompt_and_target(tokens, {target}));
  }
  auto const start = matrix(golden["start"]);
  Array<double, 3> gates({1, static_cast<std::size_t>(start.rows()), static_cast<std::size_t>(start.cols())});
  std::copy(start.data(), start.data() + start.size(), gates.begin());
  auto const updates = golden["updates"].get<Index>();
  for (auto const normalise : {Normalise::mean, Normalise::sum}) {
    FitOptions options{.batch = golden["batch"].get<Index>(), .updates = updates, .updates_pressed = updates};
    options.init = logit(Gates(gates));
    options.lambda = golden["lambda"].get<double>();
    options.normalise = normalise, options.order = Order::sequential;
    auto const found = fit(model, Examples(prompts), options);
    auto const& recorded = golden[normalise == Normalise::mean ? "mean" : "sum"];
    INFO((normalise == Normalise::mean ? "mean" : "sum"));
    // Recorded with 12 decimals; Adam divides by the size of a gradient and so makes round-off of a small one large.
    constexpr auto tolerance = 1e-7;
    for (auto const& [phase, u] :
         {std::pair("none", &found.u0), std::pair("retain", &found.u_plus), std::pair("remove", &found.u_minus)}) {
      INFO(phase);
      auto const difference = (sigmoid(*u).set(0) - matrix(recorded["gates"][phase])).cwiseAbs().maxCoeff();
      CHECK(difference <= tolerance);
    }
    REQUIRE(static_cast<Index>(found.metrics.size()) == 3 * updates);
    for (auto const& row : found.metrics)
      CHECK(std::abs(row.nll - recorded["nll"][name(row.phase)][static_cast<std::size_t>(row.update)].get<double>()) <=
            tolerance);
  }
}
