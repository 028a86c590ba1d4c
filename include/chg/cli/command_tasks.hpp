// SPDX-License-Identifier: MIT
// chg tasks: data sets that the generators of the room task make for builtin models.
#pragma once

#include <chg/cli/console.hpp>
#include <chg/cli/inputs.hpp>
#include <chg/run/file.hpp>
#include <chg/task/aba_abb.hpp>
#include <chg/task/mapping.hpp>

#include <memory>
#include <string>

namespace chg::cli {

struct TaskWords {
  std::string task, model, out, format = "icl", split = "train", corrupt = "none";
  Index examples = 512, pairs = 0;
};

inline void list_tasks() {
  std::string out =
      "task      made for                                 a prompt and its target\n"
      "aba       builtin:induction, redundant, teaching   x^y^x four times, x^y^ -> x\n"
      "abb       builtin:induction, redundant, teaching   x^y^y four times, x^y^ -> y\n";
  for (auto const name : builtin::teaching_mappings)
    out += fmt::format("{:<9} builtin:teaching{}  Q: x A: f(x) ten times, Q: x A: -> f(x); or an instruction\n", name,
                       name == "plural" ? ", two_formats           " : std::string(23, ' '));
  print_out(out);
}

inline Examples make_task(TaskWords const& w, task::Vocabulary const& vocabulary, Settings const& s) {
  auto const bos = s.bos != "off";
  check(s.bos != "on" || vocabulary.bos, "--bos on", "a model with a BOS token", w.model);
  auto const split = w.split == "train"        ? task::Split::train
                     : w.split == "validation" ? task::Split::validation
                                               : task::Split::all;
  if (w.task == "aba" || w.task == "abb") {
    check(w.corrupt != "outputs", "--corrupt", "rule or tokens, for " + w.task, w.corrupt);
    auto const corruption = w.corrupt == "rule"     ? task::SymbolicCorruption::rule
                            : w.corrupt == "tokens" ? task::SymbolicCorruption::tokens
                                                    : task::SymbolicCorruption::none;
    return task::aba_abb(vocabulary, {.rule = w.task == "aba" ? task::Rule::aba : task::Rule::abb,
                                      .examples = w.examples,
                                      .seed = s.seed,
                                      .pairs = w.pairs > 0 ? w.pairs : 4,
                                      .split = split,
                                      .corruption = corruption,
                                      .bos = bos});
  }
  check(w.corrupt == "none" || w.corrupt == "outputs", "--corrupt", "outputs, for " + w.task, w.corrupt);
  auto const icl = w.format == "icl";
  return task::mapping(vocabulary, vocabulary.mapping(w.task),
                       {.format = icl ? task::Format::icl : task::Format::instruction,
                        .examples = w.examples,
                        .seed = s.seed,
                        .pairs = icl && w.pairs > 0 ? w.pairs : 10,
                        .leading = icl ? 0 : w.pairs,
                        .split = split,
                        .shuffle_outputs = w.corrupt == "outputs",
                        .bos = bos});
}

inline void tasks_make(TaskWords const& w, Settings const& s) {
  if (!w.out.empty()) check_place(w.out);
  ModelWord const word(w.model);
  check(word.vocabulary().has_value(), "--model", "a builtin model: teaching, induction, redundant or two_formats", w.model,
        "Tasks for other models are not made yet.");
  std::string bytes;
  for (auto const& e : make_task(w, *word.vocabulary(), s)) bytes += data_line(e);
  if (w.out.empty()) return print_out(bytes);
  run::write_file(w.out, bytes);
}

inline void add_tasks(CLI::App& program, Settings& s) {
  auto* const tasks = program.add_subcommand("tasks", "Data sets for builtin models");
  tasks->require_subcommand(1);
  tasks->footer("Example:\n  chg tasks list");
  auto* const list = tasks->add_subcommand("list", "The tasks, and the models they are made for");
  list->footer("Example:\n  chg tasks list");
  list->callback([] { list_tasks(); });
  auto* const make = tasks->add_subcommand("make", "Make a data set");
  auto const w = std::make_shared<TaskWords>();
  make->add_option("TASK", w->task, "A task of `chg tasks list`")->required()->type_name("");
  make->add_option("--model", w->model, "The model that will read it")->required()->type_name("MODEL");
  make->add_option("--examples", w->examples, "Lines")->check(CLI::Range(1, 1 << 30))->type_name("N");
  make->add_option("--out", w->out, "Where it goes; without it, to stdout")->type_name("DATA");
  make->add_option("--format", w->format, "Shown by examples, or told by an instruction")
      ->check(one_of({"icl", "instruction"}))
      ->type_name("");
  make->add_option("--split", w->split, "Which prompts: the parts share none")
      ->check(one_of({"train", "validation", "all"}))
      ->type_name("");
  make->add_option("--corrupt", w->corrupt, "The counterpart of a data set of the same seed, line by line")
      ->check(one_of({"none", "outputs", "rule", "tokens"}))
      ->type_name("");
  make->add_option("--pairs", w->pairs, "Examples in a prompt; 0: the paper's 4 (aba, abb) and 10 (icl), and none (instruction)")
      ->check(CLI::Range(0, 1000))
      ->type_name("N");
  add_settings(*make, s);
  make->footer("Example:\n  chg tasks make aba --model builtin:teaching --examples 256 --seed 1 --out aba.jsonl");
  make->callback([=, &s] { tasks_make(*w, s); });
}

}  // namespace chg::cli
