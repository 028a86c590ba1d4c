// SPDX-License-Identifier: MIT
// Options of a fit and of a contrastive fit, what they must satisfy, and the phases that they amount to.
//
// Nam et al. 2025, sections 3.2 and 4.4, appendix 6.2: every default is the paper's.
#pragma once

#include <chg/gate/gate_optimizer.hpp>
#include <chg/gate/order.hpp>
#include <chg/model/chunks.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace chg {

/// How far a fit has come; given to the callback after each update of all sets.
struct Progress {
  Phase phase = Phase::none;
  Index update = 0;         ///< updates made in the phase
  Index updates = 0;        ///< of the phase
  Index done = 0;           ///< updates made in all phases
  Index total = 0;          ///< of all phases
  double nll = 0;           ///< of this update's batches, mean over gate sets
  double seconds = 0;       ///< since this call of fit or resume began its first update
  double seconds_left = 0;  ///< estimate, from the mean time of the updates of this call
};

/// Returns whether to go on. After false the fit comes back at once, with Status::interrupted, and can be resumed to the same
/// bits; so a checkpoint every k updates is a callback that stops, chg::save, and chg::resume.
using ProgressCallback = std::function<bool(Progress const&)>;

/// Of chg::fit: the phases none, retain, remove.
struct FitOptions {
  Index gate_sets = 10;         ///< S, fitted side by side; not read when init is given. Paper: 10 a task, 20 for ABA / ABB
  std::uint64_t seed = 0;       ///< gate set s has the start, the order and the bits of a fit with seed + s alone
  Index batch = 64;             ///< examples an update and set
  Index updates = 500;          ///< of the first phase
  Index updates_pressed = 500;  ///< of each of the two others; 0: only the first phase runs
  LearningRate learning_rate{0.1, 0.01};
  LearningRate learning_rate_pressed{0.5, 0.1};
  double lambda = 0.1;    ///< weight of the regulariser in the phases with pressure; the sign is the phase's
  double clip_logit = 4;  ///< where the regulariser ends, in u
  double clip_norm = 1;   ///< of the gradient in u of one set; infinity for no clip
  Preset preset = Preset::reference;
  std::optional<Normalise> normalise{};  ///< overrides the preset
  Order order = Order::shuffle;
  std::optional<GateLogits> init{};  ///< where to start instead of at random: as many sets as it holds. From gates: chg::logit
  RunOptions run{};
  ProgressCallback progress{};
};

/// Of chg::contrast: one phase under retention pressure.
struct ContrastOptions {
  Index gate_sets = 10;
  std::uint64_t seed = 0;
  Index batch = 64;  ///< matched pairs an update and set
  Index updates = 500;
  LearningRate learning_rate{0.1, 0.01};
  double lambda = 0.1;
  double clip_logit = 4;
  double clip_norm = 1;
  double clip_difference = 5;  ///< c of eq. 2: how far below the retained log-probability the forgotten one is pushed
  Preset preset = Preset::reference;
  std::optional<Normalise> normalise{};
  Order order = Order::shuffle;
  std::optional<GateLogits> init{};
  RunOptions run{};
  ProgressCallback progress{};
};

namespace detail {

/// Calls visit(name, value) for every option that decides the bits of a fit: not threads, not the callback.
template <class Options, class Visit>
void visit_options(Options& o, Visit&& visit) {
  visit("gate_sets", o.gate_sets);
  visit("seed", o.seed);
  visit("batch", o.batch);
  visit("updates", o.updates);
  if constexpr (requires { o.updates_pressed; }) visit("updates_pressed", o.updates_pressed);
  visit("learning_rate", o.learning_rate);
  if constexpr (requires { o.learning_rate_pressed; }) visit("learning_rate_pressed", o.learning_rate_pressed);
  visit("lambda", o.lambda);
  visit("clip_logit", o.clip_logit);
  visit("clip_norm", o.clip_norm);
  if constexpr (requires { o.clip_difference; }) visit("clip_difference", o.clip_difference);
  visit("preset", o.preset);
  visit("normalise", o.normalise);
  visit("order", o.order);
  visit("init", o.init);
  visit("run.max_rows", o.run.max_rows);
}

inline std::string option_text(double value) { return text(value); }
inline std::string option_text(Index value) { return text(value); }
inline std::string option_text(std::uint64_t value) { return text(value); }
inline std::string option_text(LearningRate const& r) { return text(r.start, ":", r.end); }
inline std::string option_text(Preset preset) { return preset == Preset::paper ? "paper" : "reference"; }
inline std::string option_text(Order order) { return order == Order::shuffle ? "shuffle" : "sequential"; }
inline std::string option_text(std::optional<Normalise> n) {
  return !n ? "that of the preset" : *n == Normalise::mean ? "mean" : "sum";
}
inline std::string option_text(std::optional<GateLogits> const& init) {
  if (!init) return "random gates";
  auto out = text("logits [", init->sets(), ", ", init->layers(), ", ", init->heads(), "]:");
  for (auto const u : init->values()) out += text(" ", u);
  return out;
}

/// Throws Error naming the first option that two fits do not share. Options must be resolved.
template <class Options>
void check_same_options(Options const& began_with, Options const& now) {
  std::vector<std::pair<std::string, std::string>> expected;
  visit_options(began_with, [&](char const* name, auto const& value) { expected.emplace_back(name, option_text(value)); });
  auto const advice = "Resume with the options of the fit, or begin another.";
  auto next = expected.begin();
  visit_options(now, [&](char const* name, auto const& value) {
    auto const got = option_text(value);
    auto const& wanted = (next++)->second;
    if (name == std::string("preset") || wanted == got) return;  // what the preset decides is compared by itself
    if (name == std::string("init")) throw Error({"resume: option init", "the gates that the fit began with", "others", advice});
    throw Error({text("resume: option ", name), wanted + ", with which the fit began", got, advice});
  });
}

/// What the presets and init decide is written into the options, so that every result records it.
template <class Options>
Options resolved(Options options) {
  if (!options.normalise) options.normalise = normalise_of(options.preset);
  if (options.init) options.gate_sets = options.init->sets();
  return options;
}

/// Bounds under which no product of counts overflows, far beyond any use.
inline constexpr Index kMostSets = Index{1} << 20, kMostUpdates = Index{1} << 30;

inline void check_count(char const* name, Index count, Index least, Index most) {
  check(count >= least && count <= most, text("options: ", name), text(least, " to ", most), count);
}
inline void validate(char const* name, LearningRate const& rate) {
  auto const valid = [](double x) { return x >= 0 && x <= largest_option; };
  check(valid(rate.start), text("options: ", name, ".start"), text("0 to ", largest_option), rate.start);
  check(valid(rate.end), text("options: ", name, ".end"), text("0 to ", largest_option), rate.end);
}

/// Throws Error naming the first bad option of a fit of [layers, heads] gates.
template <class Options>
void validate(Options const& o, Index layers, Index heads) {
  if (!o.init) check_count("gate_sets", o.gate_sets, 1, kMostSets);
  check_count("batch", o.batch, 1, kMostUpdates);
  check_count("updates", o.updates, 0, kMostUpdates);
  validate("learning_rate", o.learning_rate);
  Index total = o.updates;
  if constexpr (requires { o.updates_pressed; }) {
    check_count("updates_pressed", o.updates_pressed, 0, kMostUpdates);
    validate("learning_rate_pressed", o.learning_rate_pressed);
    total += o.updates_pressed;
  }
  check(total >= 1, "options: updates of all phases together", "1 or more", total);
  check(o.lambda >= 0 && o.lambda <= largest_option, "options: lambda", text("0 to ", largest_option), o.lambda,
        o.lambda < 0 ? "The direction is that of the phase (retain or remove), not the sign of lambda." : "");
  check(o.clip_logit > 0, "options: clip_logit", "a positive number, infinity for no clip", o.clip_logit);
  check(o.clip_norm > 0, "options: clip_norm", "a positive number, infinity for no clip", o.clip_norm);
  if constexpr (requires { o.clip_difference; })
    check(o.clip_difference >= 0 && (o.clip_difference <= largest_option || std::isinf(o.clip_difference)),
          "options: clip_difference", text("0 to ", largest_option, ", infinity for no clip"), o.clip_difference);
  if (o.init)
    check(o.init->sets() >= 1 && o.init->layers() == layers && o.init->heads() == heads, "options: init has the wrong shape",
          text("[1 or more sets, ", layers, ", ", heads, "], layers and heads of the model"),
          text("[", o.init->sets(), ", ", o.init->layers(), ", ", o.init->heads(), "]"));
  check(o.run.threads >= 0, "options: run.threads", "0 (all) or more", o.run.threads);
  check(o.run.max_rows >= 1, "options: run.max_rows", "1 or more", o.run.max_rows);
}

template <class Options>
Regularizer regularizer_of(Options const& o, Pressure pressure) {
  auto const normalise = o.normalise.value_or(normalise_of(o.preset));
  return {.pressure = pressure, .lambda = o.lambda, .clip = o.clip_logit, .normalise = normalise};
}

/// The phases in their order: none, then retain and remove, both from where none ended.
inline std::vector<PhaseOptions> phases_of(FitOptions const& o) {
  std::vector<PhaseOptions> phases{{Phase::none, o.updates, o.learning_rate, regularizer_of(o, Pressure::none), o.clip_norm}};
  if (o.updates_pressed > 0) {
    auto const pressed = [&](Phase phase, Pressure pressure) {
      return PhaseOptions{phase, o.updates_pressed, o.learning_rate_pressed, regularizer_of(o, pressure), o.clip_norm};
    };
    phases.push_back(pressed(Phase::retain, Pressure::retain));
    phases.push_back(pressed(Phase::remove, Pressure::remove));
  }
  return phases;
}
inline std::vector<PhaseOptions> phases_of(ContrastOptions const& o) {
  return {{Phase::contrast, o.updates, o.learning_rate, regularizer_of(o, Pressure::retain), o.clip_norm}};
}

inline NextToken objective_of(FitOptions const&) { return {}; }
inline Contrastive objective_of(ContrastOptions const& o) { return {.clip_difference = o.clip_difference}; }

}  // namespace detail

}  // namespace chg
