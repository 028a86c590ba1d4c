// SPDX-License-Identifier: MIT
// chg ablate: what becomes of a finished RUN's heads when they are switched, in the order of a score.
#pragma once

#include <chg/analysis/print.hpp>
#include <chg/cli/console.hpp>
#include <chg/cli/inputs.hpp>
#include <chg/run/finished_run.hpp>
#include <chg/run/tables.hpp>

#include <memory>
#include <string>
#include <vector>

namespace chg::cli {

struct AblateWords {
  std::string model, data, run, out, score = "all", context = "plus", mode = "cumulative", replace = "zero";
  Index points = 0;
};

/// As much of a finished fit as its RUN directory tells: seeds, G+ and G-. Throws Error when it is none, is that of
/// another shape, or has results that are not what it wrote.
inline Fit read_run(run::FinishedRun const& run, Index layers, Index heads) {
  formats::JsonObject const manifest(run.manifest(), (run.path() / "run.json").string());
  auto const kind = manifest.string("kind");
  check(kind == "fit", run.path().string() + ": kind", "a run of chg fit", formats::in_quotes(kind));
  Fit fit;
  auto const logits = [&](char const* file) {
    auto const path = (run.path() / file).string();
    check(run.has(file), path, "the logits of a fit under both pressures", "none", "Fit with --updates-pressed above 0.");
    return GateLogits(gate_shaped(formats::parse_npy(run.read(file).chars(), path), path, layers, heads));
  };
  fit.u_plus = logits("Uplus.npy");
  fit.u_minus = logits("Uminus.npy");
  auto const& seeds = manifest.array("seeds");
  check(static_cast<Index>(seeds.size()) == fit.u_plus.sets() && fit.u_minus.sets() == fit.u_plus.sets() &&
            seeds[0].is_number_unsigned(),
        manifest.at("seeds"), text(fit.u_plus.sets(), " numbers, one a gate set"), seeds.size());
  fit.options.seed = seeds[0].get<std::uint64_t>();
  fit.options.gate_sets = fit.u_plus.sets();
  return fit;
}

template <class Real>
void ablate_command(AblateWords const& w, Settings const& s) {
  ModelWord const word(w.model);
  files::check_output(w.out, inputs_of(word, {w.data, w.run + "/run.json", w.run + "/Uplus.npy", w.run + "/Uminus.npy"}));
  run::FinishedRun const run(w.run);
  auto const fit = read_run(run, word.config().layers, word.config().heads);
  auto const examples = read_data(w.data, word, s);
  compare_with_run(run, w.run, word, s);
  auto const option = [&](auto const& all, std::string const& wanted) {
    for (auto const value : all)
      if (name(value) == wanted) return value;
    return all.front();
  };
  AblationOptions options;
  options.context = option(std::array{Context::plus, Context::minus, Context::ones}, w.context);
  options.mode = option(std::array{Toggle::cumulative, Toggle::single}, w.mode);
  options.replace = option(std::array{Replace::zero, Replace::mean, Replace::resample}, w.replace);
  options.points = w.points, options.seed = s.seed;
  auto const copies = options.replace == Replace::zero ? 0 : options.replace == Replace::mean ? 1 : 2;
  options.run = run_options<Real>(
      word, s,
      ablation_use<Real>(size_of(examples), word.config(), fit.options.gate_sets, w.points, w.score == "all" ? 3 : 1, copies));
  auto const model = load_model<Real>(word, s, {&examples});
  std::vector<Ablation> curves;
  TextStream tables;
  for (auto const score : all_scores) {
    if (w.score != "all" && name(score) != w.score) continue;
    curves.push_back(ablate(model, examples, fit, score, options));
    for (auto const& point : curves.back().points)
      check(std::isfinite(point.effect()), "effect of an ablation", "a finite number", point.effect(), "Try --precision f64.");
    tables << curves.back() << '\n';
  }
  files::write_file(w.out, run::ablation_csv(curves));
  if (!s.quiet) print_out(tables.str());
}

inline void add_ablate(CLI::App& program, Settings& s) {
  auto* const command = program.add_subcommand("ablate", "Switch the heads of a finished RUN off and on, highest score first");
  auto const w = std::make_shared<AblateWords>();
  command->add_option("MODEL", w->model, "The model that was fitted")->required()->type_name("");
  command->add_option("DATA", w->data, "Examples that the fit has not seen")->required()->type_name("");
  command->add_option("--run", w->run, "A finished run of chg fit")->required()->type_name("RUN");
  command->add_option("--out", w->out, "Where the curves go, CSV")->required()->type_name("FILE");
  command->add_option("--score", w->score, "What heads are sorted by, ties by layer and head")
      ->check(one_of({"facilitation", "interference", "irrelevance", "all"}))
      ->type_name("");
  command->add_option("--context", w->context, "Gates of the heads that are not switched")
      ->check(one_of({"plus", "minus", "ones"}))
      ->type_name("");
  command->add_option("--mode", w->mode, "The first k heads together, or the k-th alone")
      ->check(one_of({"cumulative", "single"}))
      ->type_name("");
  command->add_option("--replace", w->replace, "What a head that is off puts out")
      ->check(one_of({"zero", "mean", "resample"}))
      ->type_name("");
  command->add_option("--points", w->points, "That many k, evenly spread; 0: all")->check(CLI::Range(0, 1 << 30))->type_name("K");
  add_settings(*command, s);
  command->footer(
      "Example:\n  chg tasks make aba --model builtin:induction --examples 128 --out aba.jsonl\n"
      "  chg tasks make aba --model builtin:induction --split validation --examples 64 --out held.jsonl\n"
      "  chg fit builtin:induction aba.jsonl --out run --seeds 2 --updates 100 --updates-pressed 100 --preset paper\n"
      "  chg ablate builtin:induction held.jsonl --run run --out ablation.csv");
  command->callback([=, &s] { with_precision(s, [&]<class Real>() { ablate_command<Real>(*w, s); }); });
}

}  // namespace chg::cli
