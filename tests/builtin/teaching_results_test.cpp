// SPDX-License-Identifier: MIT
// What the README says of the trained teaching model, asserted: it knows its tasks, causal head gating finds heads that
// ablation confirms, more of them than in a fit on permuted targets, and the two formats come apart.
#include "support/catch.hpp"

#include <chg/analysis/ablation.hpp>
#include <chg/analysis/print.hpp>
#include <chg/builtin/teaching.hpp>
#include <chg/formats/load.hpp>
#include <chg/gate/contrast.hpp>
#include <chg/task/aba_abb.hpp>
#include <chg/task/mapping.hpp>
#include <chg/task/null_targets.hpp>

using namespace chg;

namespace {

Transformer<llama_like, float> const& model() {
  static auto const loaded = load<llama_like>(builtin::teaching_directory());
  return loaded;
}

Examples aba(task::Split split, Index examples) {
  return task::aba_abb(builtin::teaching_vocabulary(),
                       {.rule = task::Rule::aba, .examples = examples, .seed = 1, .split = split});
}

double facilitating(Fit const& fit) { return count(roles(fit)).with_role[static_cast<std::size_t>(Score::facilitation)]; }

// Mean over gate sets of the effect of the first k heads by score.
double effect(Ablation const& ablation, Index k) {
  double sum = 0;
  for (auto const& point : ablation.points)
    if (point.k == k) sum += point.effect();
  return sum / static_cast<double>(ablation.seeds.size());
}

}  // namespace

TEST_CASE("teaching results: every task in every format is right on 95% of fresh prompts or more", "[builtin]") {
  auto const vocabulary = builtin::teaching_vocabulary();
  for (auto const rule : {task::Rule::aba, task::Rule::abb})
    CHECK(score(model(), task::aba_abb(vocabulary, {.rule = rule, .examples = 200, .seed = 99})).accuracy() >= 0.95);
  for (auto const& m : vocabulary.mappings)
    for (auto const format : {task::Format::icl, task::Format::instruction}) {
      INFO(m.name << (format == task::Format::icl ? " by examples" : " by instruction"));
      CHECK(score(model(), task::mapping(vocabulary, m, {.format = format, .examples = 96, .seed = 99})).accuracy() >= 0.95);
    }
}

TEST_CASE("teaching results: facilitating heads, more than under permuted targets, are those that ablation misses most",
          "[builtin]") {
  auto const train = aba(task::Split::train, 1024), held_out = aba(task::Split::validation, 128);
  FitOptions const options{.gate_sets = 2, .batch = 32, .updates = 200, .updates_pressed = 200, .preset = Preset::paper};
  auto const found = fit(model(), train, options), null = fit(model(), task::permute_targets(train, 1), options);
  CHECK(facilitating(found) > 2 * facilitating(null));

  // Under the gates of removal, a few heads, the task is still done.
  for (Index s = 0; s < 2; ++s) CHECK(score(model(), held_out, found.g_minus().set(s)).accuracy() >= 0.9);

  constexpr Index kFirst = 8;  // about as many as facilitate
  auto const by = [&](Score score) { return effect(ablate(model(), held_out, found, score), kFirst); };
  auto const facilitation = by(Score::facilitation), irrelevance = by(Score::irrelevance);
  INFO("facilitation " << facilitation << ", irrelevance " << irrelevance);
  CHECK(facilitation < -1);
  CHECK(std::abs(irrelevance) < 0.3);
}

TEST_CASE("teaching results: a contrastive fit on five tasks loses the instruction format of the sixth and keeps its examples",
          "[builtin]") {
  auto const vocabulary = builtin::teaching_vocabulary();
  auto const accuracy = [&](task::Format retain) {
    auto const [fitted, held_out] = task::leave_one_out(vocabulary, 0, retain, {.examples = 32, .seed = 1});
    auto const gates = contrast(model(), fitted, {.gate_sets = 1, .seed = 2, .batch = 32, .updates = 200}).g().set(0);
    return std::pair(score(model(), held_out.retain, gates).accuracy(), score(model(), held_out.forget, gates).accuracy());
  };
  for (auto const retain : {task::Format::icl, task::Format::instruction}) {
    auto const [retained, forgotten] = accuracy(retain);
    INFO((retain == task::Format::icl ? "retain icl" : "retain instruction"));
    CHECK(retained >= 0.95);
    CHECK(forgotten <= 0.05);
  }
}
