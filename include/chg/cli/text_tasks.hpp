// SPDX-License-Identifier: MIT
// Data sets for models with a tokenizer: the published tasks from their files, and ABA and ABB from the model's own vocabulary.
#pragma once

#include <chg/cli/data.hpp>
#include <chg/cli/model_tokenizer.hpp>
#include <chg/cli/task_words.hpp>
#include <chg/task/aba_abb.hpp>
#include <chg/text_task/prompts.hpp>
#include <chg/text_task/symbolic.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace chg::cli {

/// A task whose items are in a file that others publish.
struct TextTask {
  std::string_view name;
  std::string_view file;         ///< what to give as --source
  Index leading = 10;            ///< the leading example is one of that many shortest items
  std::string_view instruction;  ///< where the file has none; may be empty
  bool question = true;          ///< asked in the question format, else in icl or instruction
};

namespace detail {
inline constexpr std::string_view kFunctionVectors = "TASK.json of ericwtodd/function_vectors, dataset_files/abstractive";
}

inline constexpr std::array<TextTask, 10> text_tasks{
    {{"antonym", detail::kFunctionVectors, 10, "", false},
     {"capitalize", detail::kFunctionVectors, 10, "", false},
     {"country-capital", detail::kFunctionVectors, 10, "", false},
     {"english-french", detail::kFunctionVectors, 10, "", false},
     {"present-past", detail::kFunctionVectors, 10, "", false},
     {"singular-plural", detail::kFunctionVectors, 10, "", false},
     {"commonsense", "CommonsenseQA, a .jsonl split with answers; or function_vectors, commonsense_qa.json", 10, ""},
     {"tense", "BIG-bench, benchmark_tasks/tense/task.json; or QUESTION, tab, ANSWER a line", 10, ""},
     {"agreement", "SENTENCE, CONDITION, correct or wrong, ID a line (Lakretz et al. 2019)", 10,
      "Continue the sentence with a verb that agrees with its subject."},
     {"math", "GSM8K or OpenMathInstruct-2, .jsonl", 50, ""}}};

/// Null when there is no such task.
inline TextTask const* find_text_task(std::string_view name) {
  auto const found = std::ranges::find(text_tasks, name, &TextTask::name);
  return found == text_tasks.end() ? nullptr : &*found;
}

namespace detail {

inline text_task::PromptOptions prompt_options(TextTask const& task, TaskWords const& w, Settings const& s) {
  auto const wanted = !w.format.empty() ? w.format : task.question ? "question" : "icl";
  check(w.corrupt == "none" || (w.corrupt == "outputs" && wanted == "icl"), "--corrupt",
        task.question ? text("none, for ", task.name) : text("outputs, in the format icl, for ", task.name), w.corrupt);
  check((wanted == "question") == task.question, "--format", task.question ? "question" : "icl or instruction", wanted,
        text("It is the format of ", task.name, "."));
  text_task::PromptOptions options;
  options.format = wanted == "icl"           ? text_task::TextFormat::icl
                   : wanted == "instruction" ? text_task::TextFormat::instruction
                                             : text_task::TextFormat::question;
  options.examples = w.examples, options.seed = s.seed, options.split = split_of(w);
  options.instruction = !w.instruction.empty() ? w.instruction
                        : task.question        ? std::string(task.instruction)
                                               : std::string(text_task::instruction_of(task.name));
  if (w.pairs > 0) {
    check(wanted == "icl", "--pairs", "the format icl; the others have one leading example", wanted);
    options.pairs = w.pairs;
  }
  options.leading = w.leading >= 0 ? w.leading : task.leading;
  options.shuffle_outputs = w.corrupt == "outputs";
  return options;
}

inline std::string json_line(nlohmann::ordered_json const& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace detail

/// Lines of prompt and target. Throws Error when the file is not of this task, and for the first example that the model's tokenizer
/// does not part between prompt and target, or that is longer than its context.
inline std::string make_text_task(TextTask const& task, TaskWords const& w, ModelWord const& word, Settings const& s) {
  auto const tokenizer = model_tokenizer(word, s);
  auto const options = detail::prompt_options(task, w, s);
  check(!w.source.empty(), "--source", "the items of " + std::string(task.name) + ": " + std::string(task.file), "none");
  auto const items = text_task::read_items(w.source);
  auto const choices = task.name == "commonsense";
  check(choices == !items.all.front().options.empty(), w.source, choices ? "questions with options" : "questions and answers",
        choices ? "items without options" : "a multiple choice", text("--source wants ", task.file, "."));
  std::string lines;
  Index number = 0;
  for (auto const& e : text_task::prompts(items, options)) {
    auto const name = text("example ", number++, " of ", task.name);
    auto const length = text_task::to_example(tokenizer, e, bos_of(s), name).tokens.size();
    check(static_cast<Index>(length) <= word.config().context, name + ": tokens",
          text(word.config().context, " at most, the model's context"), length,
          "Ask for fewer --pairs, or take a file of shorter items.");
    lines += detail::json_line({{"prompt", e.prompt}, {"target", e.target}});
  }
  return lines;
}

/// Lines of tokens, with the text that they are: prompts of words that are single tokens of the model.
inline std::string make_symbolic_task(TaskWords const& w, ModelWord const& word, Settings const& s) {
  auto const tokenizer = model_tokenizer(word, s);
  auto const vocabulary = text_task::symbolic_vocabulary(tokenizer, word.config().vocab, bos_of(s));
  auto options = aba_abb_options(w, s);
  options.bos = vocabulary.bos.has_value();
  std::string lines;
  for (auto const& e : task::aba_abb(vocabulary, options)) {
    nlohmann::ordered_json line{{"tokens", e.tokens}, {"target_mask", e.target_mask}};
    std::vector<Token> const shown(e.tokens.begin() + (options.bos ? 1 : 0), e.tokens.end());
    line["text"] = tokenizer.decode(shown);
    lines += detail::json_line(line);
  }
  return lines;
}

}  // namespace chg::cli
