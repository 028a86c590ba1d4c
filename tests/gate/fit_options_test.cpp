// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <limits>
#include <map>
#include <string>

using namespace chg;
using toy::complaint;
using toy::has;

namespace {

constexpr auto kNaN = std::numeric_limits<double>::quiet_NaN();

std::string complaint_of(FitOptions const& options) {
  return complaint([&] {
    toy::Runner<> runner;
    fit_with(runner, 2, 3, toy::examples(4), options);
  });
}
std::string complaint_of(ContrastOptions const& options) {
  return complaint([&] {
    toy::Runner<> runner;
    contrast_with(runner, 2, 3, toy::pairs(4), options);
  });
}

}  // namespace

TEST_CASE("fit_options: the defaults are those of the paper's appendix, with the mean of the authors' code", "[gate]") {
  FitOptions const o;
  REQUIRE(o.gate_sets == 10);
  REQUIRE(o.batch == 64);
  REQUIRE(o.updates == 500);
  REQUIRE(o.updates_pressed == 500);
  REQUIRE(o.learning_rate == LearningRate{0.1, 0.01});
  REQUIRE(o.learning_rate_pressed == LearningRate{0.5, 0.1});
  REQUIRE(o.lambda == 0.1);
  REQUIRE(o.clip_logit == 4);
  REQUIRE(o.clip_norm == 1);
  REQUIRE(detail::resolved(o).normalise == Normalise::mean);
  REQUIRE(o.seed == 0);
  ContrastOptions const c;
  REQUIRE(c.gate_sets == 10);
  REQUIRE(c.seed == 0);
  REQUIRE(c.batch == 64);
  REQUIRE(c.updates == 500);
  REQUIRE(c.learning_rate == LearningRate{0.1, 0.01});
  REQUIRE(c.lambda == 0.1);
  REQUIRE(c.clip_difference == 5);
  REQUIRE(c.clip_logit == 4);
  REQUIRE(c.clip_norm == 1);
  REQUIRE(LearningRate{} == LearningRate{0.1, 0.01});
}

TEST_CASE("fit_options: what both kinds of fit have has the same default", "[gate]") {
  std::map<std::string, std::string> of_fit;
  FitOptions const fit;
  detail::visit_options(fit, [&](char const* name, auto const& value) { of_fit[name] = detail::option_text(value); });
  ContrastOptions const contrast;
  std::size_t shared = 0;
  detail::visit_options(contrast, [&](char const* name, auto const& value) {
    auto const found = of_fit.find(name);
    if (found == of_fit.end()) return;
    ++shared;
    INFO(name);
    CHECK(found->second == detail::option_text(value));
  });
  REQUIRE(shared == of_fit.size() - 2);  // all but the updates and the learning rate of the phases with pressure
}

TEST_CASE("fit_options: what is at the edge of a range is in it", "[gate]") {
  auto const accepted = [](auto o) {
    o.gate_sets = 1, o.batch = 2, o.updates = 1;
    return complaint_of(o) == "nothing was thrown";
  };
  FitOptions fit;
  fit.updates_pressed = 0;
  for (double const lambda : {0.0, largest_option}) {
    fit.lambda = lambda;
    REQUIRE(accepted(fit));
  }
  for (double const clip : {0.0, 0.5, largest_option, std::numeric_limits<double>::infinity()}) {
    ContrastOptions contrast;
    contrast.clip_difference = clip;
    REQUIRE(accepted(contrast));
  }
  REQUIRE(has(complaint_of(FitOptions{.updates = 0, .updates_pressed = 0}),
              "options: updates of all phases together. Expected 1 or more, got 0"));
  REQUIRE(has(complaint_of(FitOptions{.learning_rate = {0.1, -1}}), "options: learning_rate.end. Expected 0 to "));
  REQUIRE(has(complaint_of(FitOptions{.learning_rate = {-1, 0.1}}), "options: learning_rate.start. Expected 0 to "));
}

TEST_CASE("fit_options: an option given explicitly overrides the preset, and every result records what was used", "[gate]") {
  toy::Runner<> runner;
  auto const normalise_used = [&](FitOptions o) {
    o.gate_sets = 1, o.updates = 1, o.updates_pressed = 0, o.batch = 2;
    return fit_with(runner, 2, 3, toy::examples(4), o).options.normalise;
  };
  REQUIRE(normalise_used({}) == Normalise::mean);
  REQUIRE(normalise_used({.preset = Preset::paper}) == Normalise::sum);
  REQUIRE(normalise_used({.preset = Preset::paper, .normalise = Normalise::mean}) == Normalise::mean);
  REQUIRE(normalise_used({.preset = Preset::reference, .normalise = Normalise::sum}) == Normalise::sum);
}

TEST_CASE("fit_options: the phases are none, retain, remove; without pressed updates only the first", "[gate]") {
  auto const phases = detail::phases_of(FitOptions{.updates = 7, .updates_pressed = 5});
  REQUIRE(phases.size() == 3);
  REQUIRE((phases[0].phase == Phase::none && phases[0].regularizer.pressure == Pressure::none && phases[0].updates == 7));
  REQUIRE((phases[1].phase == Phase::retain && phases[1].regularizer.pressure == Pressure::retain && phases[1].updates == 5));
  REQUIRE((phases[2].phase == Phase::remove && phases[2].regularizer.pressure == Pressure::remove && phases[2].updates == 5));
  REQUIRE(phases[0].learning_rate == LearningRate{0.1, 0.01});
  REQUIRE(phases[2].learning_rate == LearningRate{0.5, 0.1});
  REQUIRE(detail::phases_of(FitOptions{.updates_pressed = 0}).size() == 1);
  auto const contrast = detail::phases_of(ContrastOptions{});
  REQUIRE((contrast.size() == 1 && contrast[0].phase == Phase::contrast && contrast[0].regularizer.pressure == Pressure::retain));
}

TEST_CASE("fit_options: every bad value is refused by name", "[gate]") {
  REQUIRE(complaint_of(FitOptions{.gate_sets = 0}) == "options: gate_sets. Expected 1 to 1048576, got 0.");
  REQUIRE(has(complaint_of(FitOptions{.batch = 0}), "options: batch. Expected 1 to 1073741824, got 0"));
  REQUIRE(has(complaint_of(FitOptions{.updates = -1}), "options: updates"));
  REQUIRE(has(complaint_of(FitOptions{.updates_pressed = -1}), "options: updates_pressed"));
  REQUIRE(has(complaint_of(FitOptions{.updates = 0, .updates_pressed = 0}), "options: updates of all phases"));
  REQUIRE(
      has(complaint_of(FitOptions{.learning_rate = {-0.1, 0}}), "options: learning_rate.start. Expected 0 to 1e+100, got -0.1"));
  REQUIRE(has(complaint_of(FitOptions{.learning_rate_pressed = {0.1, kNaN}}), "options: learning_rate_pressed.end"));
  REQUIRE(has(complaint_of(FitOptions{.lambda = kNaN}), "options: lambda"));
  REQUIRE(has(complaint_of(FitOptions{.lambda = -0.1}), "The direction is that of the phase"));
  REQUIRE(has(complaint_of(FitOptions{.clip_logit = 0}), "options: clip_logit"));
  REQUIRE(has(complaint_of(FitOptions{.clip_norm = kNaN}), "options: clip_norm"));
  REQUIRE(has(complaint_of(FitOptions{.run = {.threads = -1}}), "options: run.threads"));
  REQUIRE(has(complaint_of(FitOptions{.run = {.max_rows = 0}}), "options: run.max_rows"));
  REQUIRE(has(complaint_of(ContrastOptions{.clip_difference = kNaN}), "options: clip_difference"));
  REQUIRE(has(complaint_of(ContrastOptions{.clip_difference = -1}), "options: clip_difference. Expected 0 to "));
  REQUIRE(has(complaint_of(ContrastOptions{.clip_difference = 2 * largest_option}), "options: clip_difference"));
  for (double const clip : {1e-300, 0.5, 1.0}) {
    REQUIRE(complaint_of(FitOptions{.gate_sets = 1, .batch = 2, .updates = 1, .updates_pressed = 0, .clip_logit = clip}) ==
            "nothing was thrown");
    REQUIRE(complaint_of(FitOptions{.gate_sets = 1, .batch = 2, .updates = 1, .updates_pressed = 0, .clip_norm = clip}) ==
            "nothing was thrown");
  }
  REQUIRE(has(complaint_of(ContrastOptions{.updates = 0}), "options: updates of all phases"));
  REQUIRE(has(complaint_of(ContrastOptions{.batch = -2}), "options: batch"));
}

TEST_CASE("fit_options: init of another shape is refused with both shapes; gate_sets is what init holds", "[gate]") {
  REQUIRE(has(complaint_of(FitOptions{.init = random_logits(4, 3, 2, 0)}),
              "options: init has the wrong shape. Expected [1 or more sets, 2, 3]"));
  REQUIRE(has(complaint_of(FitOptions{.init = random_logits(4, 3, 2, 0)}), "got [4, 3, 2]"));
  REQUIRE(has(complaint_of(FitOptions{.init = GateLogits{}}), "got [0, 0, 0]"));
  REQUIRE(detail::resolved(FitOptions{.gate_sets = 10, .init = random_logits(4, 2, 3, 0)}).gate_sets == 4);
}

TEST_CASE("fit_options: two fits are the same when all options but threads, callback and the name of the preset agree",
          "[gate]") {
  using detail::check_same_options;
  using detail::resolved;
  auto const base = resolved(FitOptions{});
  auto const differs = [&](FitOptions other) { return complaint([&] { check_same_options(base, resolved(other)); }); };
  REQUIRE_NOTHROW(
      check_same_options(base, resolved(FitOptions{.run = {.threads = 3}, .progress = [](Progress const&) { return true; }})));
  REQUIRE_NOTHROW(check_same_options(base, resolved(FitOptions{.preset = Preset::paper, .normalise = Normalise::mean})));
  REQUIRE(differs({.gate_sets = 9}) ==
          "resume: option gate_sets. Expected 10, with which the fit began, got 9. Resume with the options of the fit, or begin "
          "another.");
  REQUIRE(has(differs({.seed = 1}), "option seed"));
  REQUIRE(has(differs({.batch = 32}), "option batch"));
  REQUIRE(has(differs({.updates = 501}), "option updates."));
  REQUIRE(has(differs({.updates_pressed = 501}), "option updates_pressed"));
  REQUIRE(has(differs({.learning_rate = {0.1, 0.02}}), "option learning_rate."));
  REQUIRE(has(differs({.learning_rate_pressed = {0.5, 0.2}}), "option learning_rate_pressed"));
  REQUIRE(has(differs({.lambda = std::nextafter(0.1, 1.0)}), "option lambda"));  // one bit
  REQUIRE(has(differs({.clip_logit = 5}), "option clip_logit"));
  REQUIRE(has(differs({.clip_norm = 2}), "option clip_norm"));
  REQUIRE(has(differs({.preset = Preset::paper}), "option normalise. Expected mean"));
  REQUIRE(has(differs({.order = Order::sequential}), "option order. Expected shuffle, with which the fit began, got sequential"));
  REQUIRE(has(differs({.init = random_logits(10, 2, 3, 0)}), "option init"));
  REQUIRE(has(differs({.run = {.max_rows = 512}}), "option run.max_rows"));
}
