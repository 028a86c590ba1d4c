// SPDX-License-Identifier: MIT
// chg fit and chg contrast: gates of a model on a data set, or on two formats of one, into a RUN directory.
#pragma once

#include <chg/analysis/print.hpp>
#include <chg/cli/fit_words.hpp>
#include <chg/cli/training.hpp>
#include <chg/gate/contrast.hpp>
#include <chg/gate/fit.hpp>
#include <chg/task/null_targets.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace chg::cli {

namespace detail {

inline std::string bos_text(Settings const& s) { return s.bos + ", for texts; tokens as they are"; }

inline TrainingRequest request_of(FitWords const& w, ModelWord const& word, std::string const& command_line) {
  return {
      .out = w.out,
      .resume = w.resume,
      .force = w.force,
      .command_line = command_line,
      .null = w.null,
      .inputs = inputs_of(word, {w.data, w.retain, w.forget, w.validation, w.validation_retain, w.validation_forget, w.init})};
}

inline std::vector<DataSize> sizes_of(std::vector<SummaryData> const& scored) {
  std::vector<DataSize> sizes;
  for (auto const& data : scored) sizes.push_back(size_of(*data.examples));
  return sizes;
}

inline void say_done(std::filesystem::path const& run) { print_out(fmt::format("{} is finished already\n", run.string())); }

}  // namespace detail

template <class Real>
void fit_command(FitWords const& w, Settings const& s, std::string const& command_line) {
  ModelWord const word(w.model);
  auto request = detail::request_of(w, word, command_line);
  detail::check_run_place<Fit>(request);
  auto const& c = word.config();
  auto data = read_data(w.data, word, s);
  std::optional<Examples> validation;
  if (!w.validation.empty()) validation = read_data(w.validation, word, s);
  run::Manifest manifest{.command = command_line, .model = word.record(), .data = {}};
  manifest.bos = detail::bos_text(s);
  manifest.settings = settings_record(word, s);
  compare_with_run_of(w.init, word, s, w.null);
  manifest.data.push_back(run::describe_data_file("train", w.data, data));
  if (validation) manifest.data.push_back(run::describe_data_file("validation", w.validation, *validation));
  if (w.null == "targets") data = task::permute_targets(data, s.seed);

  auto const options = fit_options<FitOptions>(w, s, c.layers, c.heads);
  detail::Training<Fit> training(std::move(request), s, std::move(manifest), options, scalar_bytes_of(s));
  if (training.done_before()) return detail::say_done(training.path());
  auto const sample = detail::training_sample(data);
  std::vector<SummaryData> scored{{"train", &sample}};
  if (validation) scored.push_back({"validation", &*validation});
  auto const use = fit_use(options, size_of(data), detail::sizes_of(scored), c.layers, c.heads);
  training.run_with(run_options<Real>(word, s, use, training.begun_rows()));
  auto const model = load_model<Real>(word, s, {&data, validation ? &*validation : nullptr});
  check_examples(model, data);
  if (validation) check_examples(model, *validation);
  BatchRunner<AnyTransformer<Real>> runner(model, training.run());
  auto const found =
      training([&](FitOptions const& o) { return fit_with(runner, c.layers, c.heads, data, o); },
               [&](Fit fit, FitOptions const& o) { return resume_with(runner, c.layers, c.heads, data, std::move(fit), o); });
  training.finish(found, model, scored);
  if (s.quiet) return;
  TextStream out;
  if (!found.u_minus.empty()) out << roles(found) << '\n';
  out << "results: " << training.path().string() << '\n';
  print_out(out.str());
}

template <class Real>
void contrast_command(FitWords const& w, Settings const& s, std::string const& command_line) {
  ModelWord const word(w.model);
  auto request = detail::request_of(w, word, command_line);
  detail::check_run_place<ContrastiveFit>(request);
  auto const& c = word.config();
  run::Manifest manifest{.command = command_line, .model = word.record(), .data = {}};
  manifest.bos = detail::bos_text(s);
  auto const read_pair = [&](std::string const& prefix, std::string const& retain, std::string const& forget) {
    auto kept = read_data(retain, word, s), lost = read_data(forget, word, s);
    check(kept.size() == lost.size(), forget + ": examples", text(kept.size(), ", one for each line of ", retain), lost.size());
    manifest.data.push_back(run::describe_data_file(prefix + "retain", retain, kept));
    manifest.data.push_back(run::describe_data_file(prefix + "forget", forget, lost));
    return ContrastiveExamples(std::move(kept), std::move(lost));
  };
  auto data = read_pair("", w.retain, w.forget);
  std::optional<ContrastiveExamples> validation;
  if (!w.validation_retain.empty()) validation = read_pair("validation-", w.validation_retain, w.validation_forget);
  manifest.settings = settings_record(word, s);
  compare_with_run_of(w.init, word, s, w.null);
  if (w.null == "targets") data = task::permute_targets(data, s.seed);

  auto const options = fit_options<ContrastOptions>(w, s, c.layers, c.heads);
  detail::Training<ContrastiveFit> training(std::move(request), s, std::move(manifest), options, scalar_bytes_of(s));
  if (training.done_before()) return detail::say_done(training.path());
  auto const retain = detail::training_sample(data.retain), forget = detail::training_sample(data.forget);
  std::vector<SummaryData> scored{{"retain", &retain}, {"forget", &forget}};
  if (validation) {
    scored.push_back({"validation-retain", &validation->retain});
    scored.push_back({"validation-forget", &validation->forget});
  }
  auto const use = fit_use(options, size_of({&data.retain, &data.forget}), detail::sizes_of(scored), c.layers, c.heads);
  training.run_with(run_options<Real>(word, s, use, training.begun_rows()));
  auto const model = load_model<Real>(
      word, s,
      {&data.retain, &data.forget, validation ? &validation->retain : nullptr, validation ? &validation->forget : nullptr});
  for (auto const* both : {&data, validation ? &*validation : &data}) {
    check_examples(model, both->retain);
    check_examples(model, both->forget);
  }
  BatchRunner<AnyTransformer<Real>> runner(model, training.run());
  auto const found = training([&](ContrastOptions const& o) { return contrast_with(runner, c.layers, c.heads, data, o); },
                              [&](ContrastiveFit fit, ContrastOptions const& o) {
    return resume_with(runner, c.layers, c.heads, data, std::move(fit), o);
  });
  training.finish(found, model, scored);
  if (!s.quiet) print_out(fmt::format("results: {}\n", training.path().string()));
}

inline void add_fit(CLI::App& program, Settings& s, std::string const& command_line) {
  auto const w = std::make_shared<FitWords>();
  auto* const fit =
      program.add_subcommand("fit", "Fit gates: without pressure, then from there under retention (G+) and removal (G-)");
  fit->add_option("MODEL", w->model, "A .gguf file, a Hugging Face directory, or builtin:NAME")->required()->type_name("");
  fit->add_option("DATA", w->data, "Examples, one JSON object a line")->required()->type_name("");
  add_fit_options(*fit, *w, false);
  add_settings(*fit, s);
  fit->footer(
      "Example:\n  chg tasks make aba --model builtin:induction --examples 128 --out aba.jsonl\n"
      "  chg fit builtin:induction aba.jsonl --out run --seeds 3 --updates 100 --updates-pressed 100 --preset paper");
  fit->callback([=, &s, &command_line] { with_precision(s, [&]<class Real>() { fit_command<Real>(*w, s, command_line); }); });
}

inline void add_contrast(CLI::App& program, Settings& s, std::string const& command_line) {
  auto const w = std::make_shared<FitWords>();
  auto* const contrast = program.add_subcommand("contrast", "Fit gates that keep a task in one format and lose it in another");
  contrast->add_option("MODEL", w->model, "A .gguf file, a Hugging Face directory, or builtin:NAME")->required()->type_name("");
  contrast->add_option("--retain", w->retain, "Examples of the format to keep")->required()->type_name("DATA");
  contrast->add_option("--forget", w->forget, "Examples of the format to lose, line by line their partners")
      ->required()
      ->type_name("DATA");
  add_fit_options(*contrast, *w, true);
  add_settings(*contrast, s);
  contrast->footer(
      "Example:\n  chg tasks make plural --model builtin:two_formats --examples 64 --pairs 4 --out icl.jsonl\n"
      "  chg tasks make plural --model builtin:two_formats --examples 64 --format instruction --out told.jsonl\n"
      "  chg contrast builtin:two_formats --retain icl.jsonl --forget told.jsonl --out run --seeds 2 --updates 200");
  contrast->callback(
      [=, &s, &command_line] { with_precision(s, [&]<class Real>() { contrast_command<Real>(*w, s, command_line); }); });
}

}  // namespace chg::cli
