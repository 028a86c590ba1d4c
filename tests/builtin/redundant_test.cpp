// SPDX-License-Identifier: MIT
#include "known_fits.hpp"
#include "support/catch.hpp"

#include <chg/builtin/redundant.hpp>
#include <chg/task/aba_abb.hpp>

using namespace chg;
using namespace chg::tests;

TEST_CASE("redundant: one head at gate .98 suffices with the other at .02, both at .02 do not", "[builtin]") {
  auto const model = builtin::redundant<float>();
  auto const task = task::aba_abb(model.vocabulary(), {.examples = 200, .seed = 3});
  auto const with = [&](double first, double second) {
    auto gates = all_open(model);
    gates(0, 1) = first, gates(0, 2) = second;
    return score(model, task, gates);
  };
  auto const both = with(1, 1).nll();
  CHECK(with(0.98, 0.02).nll() == Approx(both).margin(0.002));
  CHECK(with(0.02, 0.98).nll() == Approx(both).margin(0.002));
  CHECK(with(0.98, 0.02).accuracy() == 1);
  CHECK(with(0.02, 0.02).nll() > 8);
  CHECK(with(0.02, 0.02).accuracy() == 0);
}

TEST_CASE("redundant: removal leaves exactly one of the two in each of 20 seeds, each of them at times; retention keeps both",
          "[builtin]") {
  auto const model = builtin::redundant<float>();
  auto const task = task::aba_abb(model.vocabulary(), {.rule = task::Rule::aba, .examples = 512, .seed = 1});
  auto const preset = GENERATE(Preset::paper, Preset::reference);
  auto const found =
      fit(model, task, {.gate_sets = kFits, .batch = 16, .updates = 100, .updates_pressed = 200, .preset = preset});
  CHECK(missed(model.circuit(), found).empty());
  auto const plus = found.g_plus(), minus = found.g_minus();
  Index survived[2] = {0, 0};
  for (Index s = 0; s < kFits; ++s) {
    Index open = 0;
    for (Index h = 0; h < model.heads(); ++h) open += minus(s, 0, h) >= 0.5;
    CHECK(open == 1);
    for (Index const h : {1, 2}) {
      survived[h - 1] += minus(s, 0, h) >= 0.5;
      CHECK(plus(s, 0, h) >= 0.5);
    }
  }
  CHECK(survived[0] + survived[1] == kFits);
  CHECK(survived[0] >= 3);
  CHECK(survived[1] >= 3);
}
