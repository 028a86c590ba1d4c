// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/analysis/print.hpp>
#include <chg/gate/fit.hpp>

using namespace chg;
using namespace chg::tests;

namespace {

// A finished fit with the given gates, as if it had run.
Fit fit_with_gates(Gates const& plus, Gates const& minus) {
  Fit fit;
  fit.options.gate_sets = plus.sets();
  fit.u0 = logit(plus), fit.u_plus = logit(plus), fit.u_minus = logit(minus);
  return fit;
}

Gates random_set(Index sets, std::uint64_t seed) {
  Array<double, 3> values({static_cast<std::size_t>(sets), 3, 6});
  Random random(seed, Stream::user);
  for (auto& v : values) v = random.uniform();
  return Gates(values);
}

}  // namespace

TEST_CASE("ablation: curves equal a plain evaluation, head by head", "[analysis]") {
  auto const model = llama<double>();
  auto const examples = ragged(15);
  auto const fit = fit_with_gates(random_set(2, 1), random_set(2, 2));
  auto const plus = fit.g_plus(), minus = fit.g_minus();
  for (auto const mode : {Toggle::cumulative, Toggle::single})
    for (auto const context : {Context::plus, Context::minus, Context::ones}) {
      auto const curve = ablate(model, examples, fit, Score::interference, {.context = context, .mode = mode, .points = 5});
      REQUIRE(curve.points.size() == 10);
      for (auto const& point : curve.points) {
        // The k heads with the lowest G+, by repeated search.
        Matrix<double> const p = plus.set(point.set);
        Matrix<double> gates = context == Context::plus ? p : context == Context::minus ? Matrix<double>(minus.set(point.set)) : Matrix<double>(Matrix<double>::Ones(3, 6));
        Matrix<double> taken = p;
        Matrix<double> off = gates, on = gates;
        Index row = 0, col = 0;
        for (Index k = 1; k <= point.k; ++k) {
          taken.minCoeff(&row, &col);
          taken(row, col) = 2;
          if (mode == Toggle::single && k < point.k) continue;
          off(row, col) = 0, on(row, col) = 1;
        }
        CHECK(point.layer == row);
        CHECK(point.head == col);
        CHECK(point.head_score == Approx(1 - p(row, col)));
        auto const a = score(model, examples, off), b = score(model, examples, on);
        CHECK(point.effect() == Approx(b.nll() - a.nll()).epsilon(1e-9));
        CHECK(point.logprob_on == Approx(-b.nll()));
        CHECK(point.logprob_off == Approx(-a.nll()));
        CHECK(point.effects[4] == Approx(a.examples[4].mean_logprob() - b.examples[4].mean_logprob()));
      }
    }
}

TEST_CASE("ablation: only switched heads are replaced; the others keep their soft gates", "[analysis]") {
  auto const model = llama<double>();
  auto const examples = ragged(15);
  auto const fit = fit_with_gates(random_set(1, 1), random_set(1, 2));
  auto const context = fit.g_plus().set(0);
  auto const mean = capture_mean(model, examples, context);
  auto const curve = ablate(model, examples, fit, Score::facilitation, {.mode = Toggle::single, .replace = Replace::mean, .points = 3});
  for (auto const& point : curve.points) {
    auto off = context;
    off(point.layer, point.head) = 0;
    Matrix<std::uint8_t> switched = Matrix<std::uint8_t>::Zero(3, 6);
    switched(point.layer, point.head) = 1;
    Scorer scorer(model, examples);
    CHECK(point.logprob_off == Approx(-scorer(off, mean, switched).nll()));
    CHECK(point.logprob_off != Approx(-scorer(off, mean).nll()));
    CHECK(point.logprob_off != Approx(-scorer(off).nll()));
  }
}

TEST_CASE("ablation: heads are sorted by score, ties by layer and head", "[analysis]") {
  auto plus = Gates::filled(1, 2, 3, 0.5);
  auto const order = heads_by_score(Roles(plus, plus, {0}), Score::facilitation, 0);
  CHECK(order == std::vector<std::pair<Index, Index>>{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}});
}

TEST_CASE("ablation: points are spread evenly and hold both ends", "[analysis]") {
  CHECK(spread(5, 0) == std::vector<Index>{1, 2, 3, 4, 5});
  CHECK(spread(5, 9) == std::vector<Index>{1, 2, 3, 4, 5});
  CHECK(spread(9, 3) == std::vector<Index>{1, 5, 9});
  CHECK(spread(9, 1) == std::vector<Index>{9});
  for (Index n : {2, 7, 18, 512})
    for (Index points = 2; points < n; points += 3) {
      auto const ks = spread(n, points);
      REQUIRE(static_cast<Index>(ks.size()) == points);
      CHECK((ks.front() == 1 && ks.back() == n && std::is_sorted(ks.begin(), ks.end()) && std::adjacent_find(ks.begin(), ks.end()) == ks.end()));
    }
}

TEST_CASE("ablation: the standard error is that of a mean over examples", "[analysis]") {
  AblationPoint point;
  point.effects = {1, 2, 3, 6};
  CHECK(point.effect() == 3);
  CHECK(point.standard_error() == Approx(std::sqrt(14.0 / 3 / 4)));
  point.effects = {1};
  CHECK(std::isnan(point.standard_error()));
}

TEST_CASE("ablation: a fit of another model and a bad option are refused", "[analysis]") {
  auto const model = gpt2<float>();
  auto const fit = fit_with_gates(random_set(1, 1), random_set(1, 2));
  CHECK_THROWS_WITH(ablate(model, ragged(5), fit, Score::facilitation), Catch::Contains("Expected [2, 6], got [3, 6]"));
  CHECK_THROWS_WITH(ablate(llama<float>(), ragged(5), fit, Score::facilitation, {.points = -1}), Catch::Contains("ablate: points"));
}

TEST_CASE("print: tables name every head, both counts and every curve point", "[analysis]") {
  auto const fit = fit_with_gates(Gates::filled(2, 2, 3, 0.9), Gates::filled(2, 2, 3, 0.8));
  std::ostringstream out;
  out << roles(fit) << heatmap(fit, 1);
  CHECK(out.str().find("    1    2          0.80          0.10         0.18  facilitating\n") != std::string::npos);
  CHECK(out.str().find("by class:         contradictory  0.0  facilitating  6.0") != std::string::npos);
  CHECK(out.str().find("0   ▓▓▓▓▓▓") == std::string::npos);   // .9 is full
  CHECK(out.str().find("0   ██████") != std::string::npos);
  CHECK_THROWS_WITH((out << Heatmap{{{"a", Matrix<double>::Ones(2, 2)}, {"b", Matrix<double>::Ones(2, 3)}}}), Catch::Contains("heatmap: b"));
}
