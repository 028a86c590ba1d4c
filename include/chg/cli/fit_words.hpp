// SPDX-License-Identifier: MIT
// The options of chg fit and chg contrast, as words and as FitOptions or ContrastOptions.
#pragma once

#include <chg/cli/gates_file.hpp>
#include <chg/cli/settings.hpp>
#include <chg/gate/fit_options.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace chg::cli {

namespace detail {
inline std::string rate_word(LearningRate const& rate) {
  return fmt::format("{}:{}", rate.start, rate.end);
}
}  // namespace detail

/// What was typed. Defaults are those of FitOptions, which a test compares with those of
/// ContrastOptions, and of ContrastOptions where that alone has the option.
struct FitWords {
  std::string model, data, retain, forget, out;
  std::string validation, validation_retain, validation_forget;
  Index seeds = FitOptions{}.gate_sets, batch = FitOptions{}.batch;
  Index updates = FitOptions{}.updates, updates_pressed = FitOptions{}.updates_pressed;
  std::string init, init_logits;
  std::string lr = detail::rate_word(FitOptions{}.learning_rate);
  std::string lr_pressed = detail::rate_word(FitOptions{}.learning_rate_pressed);
  double lambda = FitOptions{}.lambda;
  std::string clip_logit = fmt::format("{}", FitOptions{}.clip_logit);
  std::string clip_norm = fmt::format("{}", FitOptions{}.clip_norm);
  std::string clip_difference = fmt::format("{}", ContrastOptions{}.clip_difference);
  std::string normalise = "preset", null = "none";
  std::string preset = chg::detail::option_text(FitOptions{}.preset);
  std::string order = chg::detail::option_text(FitOptions{}.order);
  bool resume = false, force = false;
};

/// The options of both commands; `contrastive` says which.
inline void add_fit_options(CLI::App& c, FitWords& w, bool contrastive) {
  constexpr int kMost = 1 << 30;
  auto const bound = [&](char const* name, std::string& value, char const* what) {
    c.add_option(name, value, what)->check(readable(number_or_none))->type_name("X|none");
  };
  auto const rate = [&](char const* name, std::string& value, char const* what) {
    c.add_option(name, value, what)->check(readable(learning_rate))->type_name("START:END");
  };
  c.add_option("--out", w.out, "The RUN directory to write")->required()->type_name("RUN");
  auto* const seeds =
      c.add_option("--seeds", w.seeds, "Gate sets fitted side by side; set s has the bits of a fit with --seed + s alone")
          ->check(CLI::Range(1, 1 << 20))
          ->type_name("K");
  auto* const init =
      c.add_option("--init", w.init,
                   "Start from these gates instead of random ones, each inside (0, 1), or from the logits U*.npy of "
                   "a RUN; as many sets as the file holds")
          ->excludes(seeds)
          ->type_name("GATES");
  c.add_option("--init-logits", w.init_logits, "The same from logits in any other .npy file")
      ->excludes(seeds)
      ->excludes(init)
      ->type_name("FILE");
  c.add_option("--batch", w.batch, contrastive ? "Matched pairs an update" : "Examples an update")
      ->check(CLI::Range(1, kMost))
      ->type_name("N");
  c.add_option("--updates", w.updates, contrastive ? "Updates" : "Updates of the first phase")
      ->check(CLI::Range(0, kMost))
      ->type_name("N");
  rate("--lr", w.lr, "Learning rate, falling linearly; END is never reached");
  if (!contrastive) {
    c.add_option("--updates-pressed", w.updates_pressed, "Updates of each of the two other phases; 0: the first phase alone")
        ->check(CLI::Range(0, kMost))
        ->type_name("N");
    rate("--lr-pressed", w.lr_pressed, "Learning rate of the phases with pressure");
  }
  c.add_option("--lambda", w.lambda, "Weight of the regulariser, 0 or more; the phase decides its sign")->type_name("X");
  bound("--clip-logit", w.clip_logit, "Where the regulariser ends, in u");
  bound("--clip-norm", w.clip_norm, "Bound on the gradient norm in u, each gate set by itself");
  if (contrastive)
    bound("--clip-difference", w.clip_difference,
          "How far below the retained log-probability the forgotten one is pushed (nats)");
  c.add_option("--preset", w.preset, "paper: R is the sum over heads, as eq. 1 prints it; reference: their mean")
      ->check(one_of({"paper", "reference"}))
      ->type_name("");
  c.add_option("--normalise", w.normalise, "The same by itself, whatever the preset")
      ->check(one_of({"preset", "mean", "sum"}))
      ->type_name("");
  c.add_option("--order", w.order, "sequential: batches in file order, wrapping round")
      ->check(one_of({"shuffle", "sequential"}))
      ->type_name("");
  c.add_option("--null", w.null, "targets: the null, with targets permuted between examples by the seed")
      ->check(one_of({"none", "targets"}))
      ->type_name("");
  if (contrastive) {
    auto* const retain =
        c.add_option("--validation-retain", w.validation_retain, "Scored after the fit, for summary.csv")->type_name("DATA");
    auto* const forget = c.add_option("--validation-forget", w.validation_forget, "Its partner, line by line")->type_name("DATA");
    retain->needs(forget);
    forget->needs(retain);
  } else {
    c.add_option("--validation", w.validation, "Scored after the fit, for summary.csv")->type_name("DATA");
  }
  auto* const resume = c.add_flag("--resume", w.resume,
                                  "Go on with an interrupted RUN, to the bits of an uninterrupted one; start if there is none");
  c.add_flag("--force", w.force, "Overwrite a RUN that is there")->excludes(resume);
}

namespace detail {

/// U.npy, U0.npy, Uplus.npy or Uminus.npy beside a run.json: logits, which a fit keeps where its gates are rounded to 0 or 1.
inline bool logits_of_run(std::filesystem::path const& file) {
  auto const name = file.filename().string();
  auto const known = name == "U.npy" || name == "U0.npy" || name == "Uplus.npy" || name == "Uminus.npy";
  std::error_code unknown;
  return known && std::filesystem::exists(file.parent_path() / "run.json", unknown);
}

/// Where to find the logits of gates, for a person.
inline std::string logits_advice(std::filesystem::path const& gates) {
  auto name = gates.filename().string();
  if (name.starts_with('G')) name[0] = 'U';
  if (auto const beside = gates.parent_path() / name; name != gates.filename() && logits_of_run(beside))
    return "Start from the logits that these gates were rounded from: --init " + beside.string() + ".";
  return "Move it inside, to 0.001 or 0.999 for instance, or give logits: U*.npy of a RUN, or another file by --init-logits.";
}

/// The start that --init or --init-logits names.
inline GateLogits initial_logits(FitWords const& w, Index layers, Index heads) {
  auto const& file = w.init.empty() ? w.init_logits : w.init;
  auto const named = [&](Error const& e, std::string const& advice) {
    auto complaint = e.complaint();
    if (!complaint.what.starts_with(file)) complaint.what = file + ": " + complaint.what;
    if (!advice.empty()) complaint.advice = advice;
    return Error(std::move(complaint));
  };
  auto values = gate_shaped(formats::read_npy(file), file, layers, heads);
  if (w.init.empty() || logits_of_run(file)) try {
      return GateLogits(std::move(values));
    } catch (Error const& e) {
      throw named(e, "");
    }
  Gates gates;
  try {
    gates = Gates(std::move(values));
  } catch (Error const& e) {
    throw named(e, "Logits are given by --init-logits.");
  }
  try {
    return logit(gates);
  } catch (Error const& e) {
    throw named(e, logits_advice(file));
  }
}

}  // namespace detail

/// Throws Error for a start of another shape, for gates of exactly 0 or 1, and for options out of their range.
template <class Options>
Options fit_options(FitWords const& w, Settings const& s, Index layers, Index heads) {
  Options o;
  o.gate_sets = w.seeds, o.seed = s.seed, o.batch = w.batch, o.updates = w.updates;
  o.learning_rate = learning_rate(w.lr);
  if constexpr (requires { o.updates_pressed; }) {
    o.updates_pressed = w.updates_pressed;
    o.learning_rate_pressed = learning_rate(w.lr_pressed);
  }
  if constexpr (requires { o.clip_difference; }) o.clip_difference = number_or_none(w.clip_difference);
  o.lambda = w.lambda;
  o.clip_logit = number_or_none(w.clip_logit);
  o.clip_norm = number_or_none(w.clip_norm);
  o.preset = w.preset == "paper" ? Preset::paper : Preset::reference;
  if (w.normalise != "preset") o.normalise = w.normalise == "sum" ? Normalise::sum : Normalise::mean;
  o.order = w.order == "sequential" ? Order::sequential : Order::shuffle;
  if (!w.init.empty() || !w.init_logits.empty()) o.init = detail::initial_logits(w, layers, heads);
  chg::detail::validate(o, layers, heads);
  return chg::detail::resolved(std::move(o));
}

}  // namespace chg::cli
