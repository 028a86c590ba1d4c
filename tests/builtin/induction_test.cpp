// SPDX-License-Identifier: MIT
#include "known_fits.hpp"
#include "support/catch.hpp"

#include <chg/builtin/induction.hpp>
#include <chg/task/aba_abb.hpp>

namespace chg {
template Fit fit<KnownFloat>(KnownFloat const&, Examples const&, FitOptions);
template ContrastiveFit contrast<KnownFloat>(KnownFloat const&, ContrastiveExamples const&, ContrastOptions);
template Ablation ablate<KnownFloat>(KnownFloat const&, Examples const&, Fit const&, Score, AblationOptions);
template Evaluation score<KnownFloat>(KnownFloat const&, Examples const&, Matrix<double> const&, RunOptions);
}  // namespace chg

using namespace chg;
using namespace chg::tests;

TEST_CASE("induction: the two heads do the task together and neither does it alone", "[builtin]") {
  auto const model = builtin::induction<float>();
  for (auto const bos : {true, false}) {
    auto const task = task::aba_abb(model.vocabulary(), {.examples = 300, .seed = 5, .bos = bos});
    auto const ungated = score(model, task, all_open(model));
    CHECK(ungated.accuracy() == 1);
    CHECK(ungated.nll() == Approx(1.79).margin(0.01));
    CHECK(score(model, task, closed(all_open(model), {{1, 0}})).nll() == Approx(0.14).margin(0.01));
    CHECK(score(model, task, closed(all_open(model), {{0, 1}})).accuracy() == 0);
    CHECK(score(model, task, closed(all_open(model), {{1, 2}})).accuracy() == 0);
    // Nothing else is needed.
    auto const two = closed(all_open(model), {{0, 0}, {0, 2}, {0, 3}, {1, 0}, {1, 1}, {1, 3}});
    CHECK(score(model, task, two).accuracy() == 1);
  }
}

TEST_CASE("induction: the second head reads the first, which at gate .3 is too faint and at .8 is not", "[builtin]") {
  auto const model = builtin::induction<float>();
  auto const task = task::aba_abb(model.vocabulary(), {.examples = 100, .seed = 5});
  auto gates = closed(all_open(model), {{1, 0}});
  gates(0, 1) = 0.3;  // what follows a newline scores 12 x .3, less than a caret's 6
  CHECK(score(model, task, gates).accuracy() == 0);
  gates(0, 1) = 0.8;
  CHECK(score(model, task, gates).accuracy() == 1);
}

TEST_CASE("induction: an idle head moves the NLL by less than a hundredth of a nat", "[builtin]") {
  auto const model = builtin::induction<float>();
  auto const task = task::aba_abb(model.vocabulary(), {.examples = 512, .seed = 6});
  auto const without_negative = closed(all_open(model), {{1, 0}});
  auto const nll = score(model, task, without_negative).nll();
  for (auto const& known : model.circuit())
    if (known.expected == HeadClass::irrelevant)
      CHECK(std::abs(score(model, task, closed(without_negative, {{known.layer, known.head}})).nll() - nll) < 0.01);
}

TEST_CASE("induction: float and double hold the same model", "[builtin]") {
  auto const in_float = builtin::induction<float>();
  auto const in_double = builtin::induction<double>();
  auto const task = task::aba_abb(in_float.vocabulary(), {.examples = 20, .seed = 7});
  auto const a = score(in_float, task, all_open(in_float)), b = score(in_double, task);
  for (std::size_t i = 0; i < a.examples.size(); ++i)
    CHECK(a.examples[i].mean_logprob() == Approx(b.examples[i].mean_logprob()).margin(1e-4));
}

TEST_CASE("induction: a fit recovers the circuit in each of 20 seeds, in both presets", "[builtin]") {
  auto const model = builtin::induction<float>();
  auto const task = task::aba_abb(model.vocabulary(), {.rule = task::Rule::aba, .examples = 512, .seed = 1});
  auto const preset = GENERATE(Preset::paper, Preset::reference);
  auto const found =
      fit(model, task, {.gate_sets = kFits, .batch = 16, .updates = 100, .updates_pressed = 100, .preset = preset});
  CHECK(missed(model.circuit(), found).empty());

  // On prompts that the fit has not seen, ablation has the sign that the roles predict, in every fit.
  auto const unseen = task::aba_abb(model.vocabulary(), {.rule = task::Rule::aba, .examples = 64, .seed = 2});
  auto const first = [&](Score score) {
    return ablate(model, unseen, found, score, {.mode = Toggle::single, .points = 8}).points;
  };
  for (auto const& point : first(Score::facilitation)) {
    if (point.k <= 2) CHECK(point.effect() < -1);
  }
  for (auto const& point : first(Score::interference)) {
    if (point.k == 1) CHECK((point.layer == 1 && point.head == 0 && point.effect() > 1));
  }
  for (auto const& point : first(Score::irrelevance)) {
    if (point.k <= 5) CHECK(std::abs(point.effect()) < 0.02);
  }

  // The mean shows both heads; another prompt's output hides the one that says the same of every prompt.
  for (auto const replace : {Replace::mean, Replace::resample})
    for (auto const& point :
         ablate(model, unseen, found, Score::facilitation, {.mode = Toggle::single, .replace = replace, .points = 8}).points) {
      auto const previous_token = point.layer == 0 && point.head == 1;
      if (point.k > 2) continue;
      CHECK((point.effect() < -1) == (replace == Replace::mean || !previous_token));
      if (replace == Replace::resample && previous_token) CHECK(std::abs(point.effect()) < 1e-3);
    }
}
