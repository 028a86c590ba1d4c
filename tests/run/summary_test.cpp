// SPDX-License-Identifier: MIT
#include <chg/run/summary.hpp>

#include "formats/test_files.hpp"
#include "run/small_fit.hpp"
#include "support/catch.hpp"

using namespace chg::test;

TEST_CASE("summary: a row for every gate matrix and seed, with the figures that score gives", "[run]") {
  auto const model = small_model();
  auto const data = small_examples(1);
  auto const fit = chg::fit(model, data, small_options());
  auto const rows = chg::run::summarise(model, fit, "validation", data);
  REQUIRE(rows.size() == 12);
  std::vector<std::string> gates;
  for (auto const& r : rows) gates.push_back(r.gates);
  REQUIRE(std::vector<std::string>(gates.begin(), gates.begin() + 6) ==
          std::vector<std::string>{"ungated", "G0", "Gplus", "Gminus", "Gplus_binary", "Gminus_binary"});
  REQUIRE(rows[0].seed == 5);
  REQUIRE(rows[6].seed == 6);
  REQUIRE(rows[6].nll == rows[0].nll);
  REQUIRE(rows[0].nll == chg::score(model, data).nll());
  auto const plus = chg::score(model, data, fit.g_plus().set(1));
  REQUIRE(rows[8].nll == plus.nll());
  REQUIRE(rows[8].accuracy == plus.accuracy());
  REQUIRE(rows[8].token_accuracy == plus.token_accuracy());
  REQUIRE(rows[8].n == 8);
  auto const csv = chg::run::summary_csv(rows);
  REQUIRE(csv.substr(0, csv.find('\n')) == "seed,data,gates,nll,accuracy,token_accuracy,n");
  REQUIRE(std::count(csv.begin(), csv.end(), '\n') == 13);
  REQUIRE(csv.find("\n5,validation,ungated,") != std::string::npos);
}

TEST_CASE("summary: a row begins with zeros", "[run]") {
  chg::run::SummaryRow const row;
  CHECK(row.seed == 0);
  CHECK(row.n == 0);
  CHECK(std::vector{row.nll, row.accuracy, row.token_accuracy} == std::vector{0.0, 0.0, 0.0});
}

TEST_CASE("summary: an NLL that is no finite number is said once and left out, a finite one is not", "[run]") {
  std::vector<std::string> said;
  auto const before = chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  auto const data = small_examples(1);
  auto const fit = chg::fit(small_model(), data, small_options());
  chg::run::summarise(small_model(), fit, "train", data);
  CHECK(said.empty());
  auto const config = small_model().config();
  auto weights = chg::random_weights<double>(chg::llama_like, config, {.seed = 3});
  weights.final_norm.setConstant(1e308);  // logits overflow
  weights.embedding *= 1e5;
  weights.unembedding *= 1e5;
  chg::Transformer<chg::llama_like, double> const broken(config, std::move(weights));
  auto const rows = chg::run::summarise(broken, fit, "train", data);
  chg::set_notice_handler(before);
  CHECK(said.size() == 6);
  CHECK(said[0] == "summary: the NLL of train under ungated is not a finite number, and its field is empty");
  CHECK(chg::run::summary_csv(rows).find("\n5,train,ungated,,") != std::string::npos);
}

TEST_CASE("summary: a gate of exactly 0.5 counts as open when gates are binarised", "[run]") {
  chg::Matrix<double> gates(1, 3), expected(1, 3);
  gates << 0.49999, 0.5, 1;
  expected << 0, 1, 1;
  REQUIRE(chg::run::detail::binarised(gates) == expected);
}

TEST_CASE("summary: a contrastive fit has the rows ungated, G and its binary form", "[run]") {
  auto const model = small_model();
  chg::ContrastiveExamples const data(small_examples(1), small_examples(2));
  auto const fit = chg::contrast(model, data, {.gate_sets = 1, .batch = 4, .updates = 2});
  auto const rows = chg::run::summarise(model, fit, "forget", data.forget);
  REQUIRE(rows.size() == 3);
  REQUIRE(rows[1].gates == "G");
  REQUIRE(rows[2].gates == "G_binary");
}
