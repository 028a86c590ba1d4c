// SPDX-License-Identifier: MIT
// chg tasks: data sets by the templates of the paper.
#pragma once

#include <chg/cli/console.hpp>
#include <chg/cli/inputs.hpp>
#include <chg/cli/task_words.hpp>
#include <chg/run/file.hpp>
#include <chg/task/mapping.hpp>
#if defined(CHG_CLI_TOKENIZER)
#include <chg/cli/text_tasks.hpp>
#endif

#include <memory>
#include <string>

namespace chg::cli {

inline void list_tasks() {
  std::string out =
      "For every model with a tokenizer, builtin:induction, builtin:redundant and builtin:teaching\n"
      "  aba              x^y^x four times, x^y^ -> x, of words that are single tokens\n"
      "  abb              x^y^y four times, x^y^ -> y\n";
#if defined(CHG_CLI_TOKENIZER)
  out += "\nFor every model with a tokenizer, from the items in --source FILE\n";
  for (auto const& task : text_tasks)
    out += fmt::format("  {:<16} {:<21} {}\n", task.name, task.question ? "question" : "icl, instruction", task.file);
#endif
  out += "\nFor builtin:teaching (plural for builtin:two_formats too), in the formats icl and instruction\n ";
  for (auto const name : builtin::teaching_mappings) out += fmt::format(" {}", name);
  out +=
      "\n\nFormats\n"
      "  icl              Q: x A: f(x) ten times, Q: x A: -> f(x)\n"
      "  instruction      the instruction, one example, Q: x A: -> f(x)\n"
      "  question         [the instruction,] Question: q [options] Answer: a once, Question: q [options] Answer: -> a\n";
  print_out(out);
}

/// Lines of tokens for a builtin model.
inline std::string make_builtin_task(TaskWords const& w, task::Vocabulary const& vocabulary, Settings const& s) {
  auto const bos = s.bos != "off";
  check(s.bos != "on" || vocabulary.bos, "--bos on", "a model with a BOS token", w.model);
  check(w.source.empty() && w.instruction.empty() && w.leading < 0, "--source, --instruction and --leading",
        "none of them for a task of builtin models", w.task);
  auto const examples = [&] {
    if (symbolic(w)) {
      auto options = aba_abb_options(w, s);
      options.bos = bos;
      return task::aba_abb(vocabulary, options);
    }
    check(w.corrupt == "none" || w.corrupt == "outputs", "--corrupt", "outputs, for " + w.task, w.corrupt);
    check(w.format != "question", "--format", "icl or instruction, for " + w.task, w.format);
    auto const icl = w.format != "instruction";
    return task::mapping(vocabulary, vocabulary.mapping(w.task),
                         {.format = icl ? task::Format::icl : task::Format::instruction,
                          .examples = w.examples,
                          .seed = s.seed,
                          .pairs = icl && w.pairs > 0 ? w.pairs : 10,
                          .leading = icl ? 0 : w.pairs,
                          .split = split_of(w),
                          .shuffle_outputs = w.corrupt == "outputs",
                          .bos = bos});
  }();
  std::string lines;
  for (auto const& e : examples) lines += data_line(e);
  return lines;
}

inline std::string make_task(TaskWords const& w, ModelWord const& word, Settings const& s) {
#if defined(CHG_CLI_TOKENIZER)
  if (auto const* const published = find_text_task(w.task)) return make_text_task(*published, w, word, s);
  if (!word.vocabulary()) {
    check(symbolic(w), "task", "one of `chg tasks list` for models with a tokenizer", w.task);
    return make_symbolic_task(w, word, s);
  }
#endif
  check(word.vocabulary().has_value(), "--model", "a builtin model: teaching, induction, redundant or two_formats", w.model,
        "This chg was built without tokenizers.");
  return make_builtin_task(w, *word.vocabulary(), s);
}

inline void tasks_make(TaskWords const& w, Settings const& s) {
  ModelWord const word(w.model);
  if (!w.out.empty()) files::check_output(w.out, inputs_of(word, {w.source}));
  auto const lines = make_task(w, word, s);
  if (w.out.empty()) return print_out(lines);
  files::write_file(w.out, lines);
}

inline void add_tasks(CLI::App& program, Settings& s) {
  auto* const tasks = program.add_subcommand("tasks", "Data sets by the templates of the paper");
  tasks->require_subcommand(1);
  tasks->footer("Example:\n  chg tasks list");
  auto* const list = tasks->add_subcommand("list", "The tasks, their formats, and the models and files they are made from");
  list->footer("Example:\n  chg tasks list");
  list->callback([] { list_tasks(); });
  auto* const make = tasks->add_subcommand("make", "Make a data set");
  auto const w = std::make_shared<TaskWords>();
  make->add_option("TASK", w->task, "A task of `chg tasks list`")->required()->type_name("");
  make->add_option("--model", w->model, "The model that will read it: its tokenizer, its context")
      ->required()
      ->type_name("MODEL");
  make->add_option("--examples", w->examples, "Lines")->check(CLI::Range(1, 1 << 30))->type_name("N");
  make->add_option("--out", w->out, "Where it goes; without it, to stdout")->type_name("DATA");
  make->add_option("--source", w->source, "The items of the task, as published")->type_name("FILE");
  make->add_option("--format", w->format,
                   "Shown by examples (icl), told by an instruction, or question; without it, the task's own")
      ->check(one_of({"icl", "instruction", "question"}))
      ->type_name("");
  make->add_option("--split", w->split, "Which prompts: the parts share none")
      ->check(one_of({"train", "validation", "all"}))
      ->type_name("");
  make->add_option("--corrupt", w->corrupt, "The counterpart of a data set of the same seed, line by line")
      ->check(one_of({"none", "outputs", "rule", "tokens"}))
      ->type_name("");
  make->add_option("--pairs", w->pairs, "Examples in a prompt; 0: the paper's 4 (aba, abb) and 10 (icl)")
      ->check(CLI::Range(0, 1000))
      ->type_name("N");
  make->add_option("--leading", w->leading,
                   "The leading example is one of the K shortest items, which are never asked for; 0: no such example, otherwise "
                   "the paper's 10, and 50 for math")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("K");
  make->add_option("--instruction", w->instruction, "In place of the task's own")->type_name("TEXT");
  add_settings(*make, s);
  make->footer("Example:\n  chg tasks make aba --model builtin:teaching --examples 256 --seed 1 --out aba.jsonl");
  make->callback([=, &s] { tasks_make(*w, s); });
}

}  // namespace chg::cli
