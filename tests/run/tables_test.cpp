// SPDX-License-Identifier: MIT
#include <chg/run/tables.hpp>

#include "formats/test_files.hpp"
#include "run/small_fit.hpp"
#include "support/catch.hpp"

#include <cstdlib>

using namespace chg::test;

namespace {

/// The cells of a table, line by line; none of these tables has quoted cells.
std::vector<std::vector<std::string>> cells(std::string const& csv) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    auto& row = rows.emplace_back();
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, ',');) row.push_back(cell);
  }
  return rows;
}
double number(std::string const& cell) { return std::strtod(cell.c_str(), nullptr); }

}  // namespace

TEST_CASE("tables: metrics.csv has the contract's columns, and a row an update and seed in the order phase, update, seed",
          "[run]") {
  auto const fit = chg::fit(small_model(), small_examples(1), small_options());
  auto const csv = chg::run::metrics_csv(fit.metrics);
  REQUIRE(csv.substr(0, csv.find('\n')) == "seed,phase,update,nll,regularizer,loss,grad_norm,lr");
  auto const rows = cells(csv);
  REQUIRE(rows.size() == 1 + 2 * (3 + 2 + 2));
  REQUIRE(rows[1][0] == "5");
  REQUIRE(rows[2][0] == "6");
  for (std::size_t i = 0; i < fit.metrics.size(); ++i) {
    auto const& m = fit.metrics[i];
    auto const& r = rows[i + 1];
    REQUIRE(r[1] == (i < 6 ? "none" : i < 10 ? "retain" : "remove"));
    REQUIRE(r[2] == std::to_string(m.update));
    std::vector<double> const written{number(r[3]), number(r[4]), number(r[5]), number(r[6]), number(r[7])};
    REQUIRE(written == std::vector<double>{m.nll, m.regularizer, m.loss, m.grad_norm, m.lr});
  }
}

TEST_CASE("tables: the log of a contrastive fit appends three columns", "[run]") {
  chg::ContrastiveExamples const data(small_examples(1), small_examples(2));
  auto const fit = chg::contrast(small_model(), data, {.gate_sets = 1, .batch = 4, .updates = 2});
  auto const csv = chg::run::metrics_csv(fit.metrics);
  REQUIRE(csv.substr(0, csv.find('\n')) ==
          "seed,phase,update,nll,regularizer,loss,grad_norm,lr,logprob_retain,logprob_forget,share_clipped");
  auto const rows = cells(csv);
  REQUIRE(rows.size() == 3);
  REQUIRE(rows[2][1] == "contrast");
  REQUIRE(number(rows[2][9]) == fit.metrics[1].logprob_forget);
}

TEST_CASE("tables: heads.csv gives gates, scores and class of each head", "[run]") {
  auto const fit = chg::fit(small_model(), small_examples(1), small_options());
  auto const csv = chg::run::heads_csv(fit);
  REQUIRE(csv.substr(0, csv.find('\n')) == "seed,layer,head,g0,g_plus,g_minus,facilitation,interference,irrelevance,class");
  auto const rows = cells(csv);
  REQUIRE(rows.size() == 1 + 2 * 2 * 3);
  auto const& r = rows[1 + 1 * 6 + 0 * 3 + 2];  // second set, layer 0, head 2
  REQUIRE(r[0] == "6");
  REQUIRE(r[1] == "0");
  REQUIRE(r[2] == "2");
  auto const plus = fit.g_plus()(1, 0, 2), minus = fit.g_minus()(1, 0, 2);
  REQUIRE(number(r[3]) == fit.g0()(1, 0, 2));
  REQUIRE(number(r[4]) == plus);
  REQUIRE(number(r[5]) == minus);
  REQUIRE(number(r[6]) == minus);
  REQUIRE(number(r[7]) == 1 - plus);
  REQUIRE(number(r[8]) == plus * (1 - minus));
  for (chg::Index set = 0; set < 2; ++set)
    for (chg::Index layer = 0; layer < 2; ++layer)
      for (chg::Index head = 0; head < 3; ++head) {
        auto const& row = rows[static_cast<std::size_t>(1 + set * 6 + layer * 3 + head)];
        CHECK(row[9] == name(chg::classify(fit.g_plus()(set, layer, head), fit.g_minus()(set, layer, head))));
      }
}

TEST_CASE("tables: ablation.csv gives each point with its choices, effects as off minus on", "[run]") {
  auto const model = small_model();
  auto const data = small_examples(1);
  auto const fit = chg::fit(model, data, small_options());
  std::vector<chg::Ablation> const curves{
      chg::ablate(model, data, fit, chg::Score::facilitation, {.points = 2}),
      chg::ablate(model, data, fit, chg::Score::interference,
                  {.context = chg::Context::ones, .mode = chg::Toggle::single, .replace = chg::Replace::mean, .points = 1})};
  auto const csv = chg::run::ablation_csv(curves);
  REQUIRE(csv.substr(0, csv.find('\n')) ==
          "seed,score,context,mode,replacement,k,layer,head,head_score,logprob_on,logprob_off,effect,n,effect_stderr");
  auto const rows = cells(csv);
  REQUIRE(rows.size() == 1 + 2 * 2 + 2);
  auto const& first = rows[1];
  REQUIRE(std::vector<std::string>(first.begin(), first.begin() + 6) ==
          std::vector<std::string>{"5", "facilitation", "plus", "cumulative", "zero", "1"});
  REQUIRE(std::abs(number(first[11]) - (number(first[10]) - number(first[9]))) <= 1e-12);
  REQUIRE(first[12] == "8");
  auto const& last = rows[6];
  REQUIRE(std::vector<std::string>(last.begin(), last.begin() + 6) ==
          std::vector<std::string>{"6", "interference", "ones", "single", "mean", "6"});
}
