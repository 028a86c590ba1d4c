// SPDX-License-Identifier: MIT
#include "known_fits.hpp"
#include "support/catch.hpp"

#include <chg/builtin/induction.hpp>
#include <chg/task/aba_abb.hpp>

using namespace chg;
using namespace chg::builtin;
using namespace chg::tests;
namespace build = chg::builtin::detail;

TEST_CASE("idle_heads: patterns of waver are balanced and orthogonal", "[builtin]") {
  for (Index a = 1; a < build::kWords; ++a)
    for (Index b = 0; b <= a; ++b) {
      double product = 0;
      for (Index w = 0; w < build::kWords; ++w) product += build::sign(a, w) * (b == 0 ? 1 : build::sign(b, w));
      CHECK(product == (a == b ? 12 : 0));
    }
}

TEST_CASE("idle_heads: a wavering head's mean NLL is the same at gate 0 and 1, and lower in between", "[builtin]") {
  auto const rho = std::exp(build::kRivalLogit), c = build::balance(build::kWaver);
  auto const nll = [&](double g) {
    return 0.5 * (std::log1p(rho * std::exp(build::kWaver * g)) + std::log1p(rho * std::exp(-c * g)));
  };
  CHECK(nll(1) == Approx(nll(0)).epsilon(1e-12));
  CHECK(nll(0.5) < nll(0) - 4e-4);
}

TEST_CASE("idle_heads: a silent head born beyond the regulariser's clip stays there and is misnamed; all others are irrelevant",
          "[builtin]") {
  auto const model = induction<float>({.idle = Idle::silent});
  auto const task = task::aba_abb(model.vocabulary(), {.examples = 128, .seed = 1});
  auto const start = random_logits(kFits, model.layers(), model.heads(), 0);
  auto const preset = GENERATE(Preset::paper, Preset::reference);
  auto const found = fit(model, task, {.gate_sets = kFits, .batch = 8, .updates = 20, .updates_pressed = 60, .preset = preset});
  auto const named = roles(found);
  Index born_beyond = 0;
  for (Index s = 0; s < kFits; ++s)
    for (auto const& known : model.circuit()) {
      if (known.expected != HeadClass::irrelevant) continue;
      auto const u = start(s, known.layer, known.head);
      INFO("seed " << s << ", layer " << known.layer << ", head " << known.head << ", born at " << u);
      auto const expected = u > 4 ? HeadClass::facilitating : u < -4 ? HeadClass::interfering : HeadClass::irrelevant;
      CHECK(named.head_class(s, known.layer, known.head) == expected);
      if (std::abs(u) <= 4) continue;
      ++born_beyond;
      CHECK(found.u_plus(s, known.layer, known.head) == u);
      CHECK(found.u_minus(s, known.layer, known.head) == u);
    }
  CHECK(born_beyond == 6);  // of 100; 3.6 are expected
}

TEST_CASE("idle_heads: a head whose whole effect is 5e-6 nats is named by the sign of it in every fit", "[builtin]") {
  auto const helps = GENERATE(true, false);
  auto model = build::symbolic(1, 2, 9);
  build::answer(model, model.head(0, 1).look_back(3), 16);
  std::array<double, build::kWords> weights;
  weights.fill(helps ? -1e-4 : 1e-4);  // of the rival's logit, whose probability is .047
  model.head(0, 0).look_back(1).write_sum(model.token(build::kFirstWord), weights, model.token(build::kRival));
  auto const known =
      build::finished<float>(model, Circuit({{0, 0, "faint", helps ? HeadClass::facilitating : HeadClass::interfering},
                                             {0, 1, "copy", HeadClass::facilitating}}));
  auto const task = task::aba_abb(known.vocabulary(), {.examples = 128, .seed = 1});
  auto const effect = score(known, task, all_open(known)).nll() - score(known, task, closed(all_open(known), {{0, 0}})).nll();
  CHECK(std::abs(effect) < 1e-5);
  auto const preset = GENERATE(Preset::paper, Preset::reference);
  auto const found = fit(known, task, {.gate_sets = kFits, .batch = 8, .updates = 300, .updates_pressed = 60, .preset = preset});
  CHECK(missed(known.circuit(), found).empty());
}
