// SPDX-License-Identifier: MIT
#include "finished_fits.hpp"
#include "support/catch.hpp"
#include "support/plain_transformer.hpp"
#include "support/tiny_models.hpp"

#include <chg/analysis/ablation.hpp>

using namespace chg;
using namespace chg::tests;

namespace {

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
        Matrix<double> gates = context == Context::plus    ? p
                               : context == Context::minus ? Matrix<double>(minus.set(point.set))
                                                           : Matrix<double>(Matrix<double>::Ones(3, 6));
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

TEST_CASE("ablation: a curve equals one computed by plain loops, example by example", "[analysis]") {
  auto const config = llama_config();
  RandomWeightsOptions const options{.seed = 1, .biases = true, .tied = false, .random_norms = true};
  auto const weights = random_weights<double>(llama_like, config, options);
  Transformer<llama_like, double> const model(config, weights);
  auto const examples = ragged(6);
  auto const fit = fit_with_gates(random_set(1, 4), random_set(1, 5));
  auto const minus = fit.g_minus().set(0);
  auto const curve = ablate(model, examples, fit, Score::facilitation, {.points = 4});
  auto const plain_logprob = [&](Example const& e, Matrix<double> const& gates) {
    auto const log_p = plain_log_probabilities(llama_like, config, weights, e.tokens, gates);
    double sum = 0;
    for (std::size_t t = 1; t < e.tokens.size(); ++t)
      if (e.target_mask[t]) sum += log_p[t - 1][static_cast<std::size_t>(e.tokens[t])];
    return sum / static_cast<double>(e.targets());
  };
  for (auto const& point : curve.points) {
    // The first k heads are those with at least the k-th highest G-.
    std::vector<double> sorted(minus.data(), minus.data() + minus.size());
    std::sort(sorted.rbegin(), sorted.rend());
    auto off = fit.g_plus().set(0), on = off;
    for (Index i = 0; i < minus.size(); ++i)
      if (minus.data()[i] >= sorted[static_cast<std::size_t>(point.k - 1)]) off.data()[i] = 0, on.data()[i] = 1;
    for (Index i = 0; i < examples.size(); ++i)
      CHECK(point.effects[static_cast<std::size_t>(i)] ==
            Approx(plain_logprob(examples[i], off) - plain_logprob(examples[i], on)).margin(1e-10));
  }
}

TEST_CASE("ablation: in context ones the model with heads on is the model as it is, in every set", "[analysis]") {
  auto const model = llama<double>();
  auto const examples = ragged(5);
  auto const curve = ablate(model, examples, fit_with_gates(random_set(2, 6), random_set(2, 7)), Score::irrelevance,
                            {.context = Context::ones, .points = 3});
  for (auto const& point : curve.points) CHECK(point.logprob_on == -score(model, examples).nll());
}

TEST_CASE("ablation: a resampled replacement is drawn from the seed", "[analysis]") {
  auto const model = llama<double>();
  auto const examples = ragged(9);
  auto const fit = fit_with_gates(random_set(1, 8), random_set(1, 9));
  auto const off = [&](std::uint64_t seed) {
    return ablate(model, examples, fit, Score::facilitation, {.replace = Replace::resample, .points = 1, .seed = seed})
        .points[0]
        .logprob_off;
  };
  CHECK(off(1) == off(1));
  CHECK(off(1) != off(2));
}

TEST_CASE("ablation: only switched heads are replaced; the others keep their soft gates", "[analysis]") {
  auto const model = llama<double>();
  auto const examples = ragged(15);
  auto const fit = fit_with_gates(random_set(1, 1), random_set(1, 2));
  auto const context = fit.g_plus().set(0);
  auto const mean = capture_mean(model, examples, context);
  auto const curve =
      ablate(model, examples, fit, Score::facilitation, {.mode = Toggle::single, .replace = Replace::mean, .points = 3});
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
      CHECK((ks.front() == 1 && ks.back() == n && std::is_sorted(ks.begin(), ks.end()) &&
             std::adjacent_find(ks.begin(), ks.end()) == ks.end()));
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
  CHECK_THROWS_WITH(ablate(llama<float>(), ragged(5), fit, Score::facilitation, {.points = -1}),
                    Catch::Contains("ablate: points"));
}
