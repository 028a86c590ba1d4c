// SPDX-License-Identifier: MIT
#include "known_fits.hpp"
#include "support/catch.hpp"

#include <chg/builtin/two_formats.hpp>

using namespace chg;
using namespace chg::tests;
using task::Format;

namespace {

Format other(Format format) { return format == Format::icl ? Format::instruction : Format::icl; }

// The head that serves a format alone.
builtin::KnownHead look_up(KnownFloat const& model, Format format) {
  for (auto const& known : model.circuit())
    if (known.format == format) return known;
  FAIL("no head serves the format");
  return {};
}

// Where du = lambda + 10 P(newline) g (1 - g) changes sign: above, the pressure keeps a look-up open that should be forgotten.
double point_of_no_return(double lambda) {
  auto const force = [](double u) {
    auto const g = sigmoid(u), newline = std::exp(8.7 - 10 * g);
    return 10 * newline / (1 + std::exp(-3.0) + newline) * g * (1 - g);
  };
  double low = 1, high = 4;
  if (force(high) > lambda) return std::numeric_limits<double>::infinity();
  while (high - low > 1e-9) (force((low + high) / 2) > lambda ? low : high) = (low + high) / 2;
  return low;
}

}  // namespace

TEST_CASE("two_formats: each format is served by its own look-up alone", "[builtin]") {
  auto const model = builtin::two_formats<float>();
  for (auto const format : {Format::icl, Format::instruction}) {
    auto const task = task::mapping(model.vocabulary(), model.vocabulary().mapping("plural"), {.format = format, .examples = 24});
    CHECK(score(model, task, all_open(model)).accuracy() == 1);
    auto const own = look_up(model, format), others = look_up(model, other(format));
    CHECK(score(model, task, closed(all_open(model), {{own.layer, own.head}})).nll() > 8);
    auto const without_others = score(model, task, closed(all_open(model), {{others.layer, others.head}})).nll();
    CHECK(without_others == Approx(score(model, task, all_open(model)).nll()).margin(1e-4));
  }
}

TEST_CASE("two_formats: a contrastive fit keeps the right heads in each of 20 seeds; preset paper only from starts below 3.2",
          "[builtin]") {
  auto const model = builtin::two_formats<float>();
  auto const preset = GENERATE(Preset::paper, Preset::reference);
  auto const retained = GENERATE(Format::icl, Format::instruction);
  auto const& plural = model.vocabulary().mapping("plural");
  auto const data = task::contrastive_mapping(model.vocabulary(), plural, retained, {.examples = 240, .seed = 1, .pairs = 2});
  auto const found = contrast(model, data, {.gate_sets = kFits, .batch = 16, .updates = 300, .preset = preset});
  auto const start = random_logits(kFits, 1, 4, 0);
  auto const limit = point_of_no_return(preset == Preset::paper ? 0.1 : 0.1 / 4);
  CHECK((preset == Preset::paper ? limit == Approx(3.24).margin(0.01) : std::isinf(limit)));
  for (Index s = 0; s < kFits; ++s) {
    INFO("seed " << s);
    CHECK(model.circuit().matches(found.g(), s, retained) == (start(s, 0, look_up(model, other(retained)).head) < limit));
  }

  // Seen in the model's answers: one format kept, the other gone.
  auto const gates = found.g().set(0);
  CHECK(score(model, data.retain, gates).accuracy() == 1);
  CHECK(score(model, data.forget, gates).accuracy() == 0);
}
