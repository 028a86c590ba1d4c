// SPDX-License-Identifier: MIT
// Prompts of a task in three formats, from its items.
//
//     icl           (Q: x\nA: y\n\n) ten times, Q: x\nA:                               ->  " y"
//     instruction   INSTRUCTION\n\nQ: x\nA: y\n\nQ: x\nA:                              ->  " y"
//     question      [INSTRUCTION\n]Question: q\n[A. option\n...]Answer: t\n, the query the same up to Answer:  ->  " t"
//
// Nam et al. 2025, appendix 6.1; the six instructions are theirs. Of a multiple choice t is the letter of the right option, and
// options are shuffled.
#pragma once

#include <chg/task/draw.hpp>
#include <chg/task/mapping.hpp>
#include <chg/text_task/items.hpp>
#include <chg/text_task/text_example.hpp>

#include <array>
#include <numeric>

namespace chg::text_task {

enum class TextFormat { icl, instruction, question };

struct Instruction {
  std::string_view task, text;
};
/// The function-vector tasks and how the instruction format describes them.
inline constexpr std::array<Instruction, 6> function_vector_tasks{
    {{"antonym", "Given an input word, generate the word with opposite meaning."},
     {"capitalize", "Given an input word, generate the same word with a capital first letter."},
     {"country-capital", "Given a country name, generate the capital city."},
     {"english-french", "Given an English word, generate the French translation of the word."},
     {"present-past", "Given a verb in the present tense, generate the verb's simple past inflection."},
     {"singular-plural", "Given a singular noun, generate its plural inflection."}}};

/// Throws Error naming the tasks there are.
inline std::string_view instruction_of(std::string_view task) {
  std::string known;
  for (auto const& entry : function_vector_tasks) {
    if (entry.task == task) return entry.text;
    known += (known.empty() ? "" : ", ") + std::string(entry.task);
  }
  throw Error({"function-vector task", "one of " + known, formats::in_quotes(task), ""});
}

struct PromptOptions {
  TextFormat format = TextFormat::icl;
  Index examples = 512;
  std::uint64_t seed = 0;
  task::Split split = task::Split::all;
  std::string instruction{};  ///< empty: that of the items, which may be none
  Index pairs = 10;           ///< shown before the query in the icl format
  Index leading = 10;  ///< the leading example is one of that many shortest items, which are never queries; 0: no such example
  bool shuffle_outputs = false;  ///< of the icl format: the counterpart whose outputs are shuffled among the pairs
};

namespace detail {

/// Items by number: those that lead, and those that are asked for in training and in validation.
struct Parts {
  std::vector<Index> leading, train, validation;
};

/// The parts are the same for every seed and format, so that no validation item is ever seen in training.
inline Parts parts_of(Items const& items, Index leading) {
  auto order = task::detail::iota(static_cast<Index>(items.all.size()));
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return items.all[static_cast<std::size_t>(a)].length() < items.all[static_cast<std::size_t>(b)].length();
  });
  Parts parts;
  auto const first_query = std::min<std::ptrdiff_t>(leading, std::ssize(order));
  parts.leading.assign(order.begin(), order.begin() + first_query);
  std::vector<Index> queries(order.begin() + first_query, order.end());
  check(queries.size() >= 2, items.name + ": items beside the leading ones", "2 or more, to split them", queries.size());
  std::sort(queries.begin(), queries.end());
  Random random(0, Stream::task, task::detail::kSplit);
  auto const shuffled = task::detail::draw_distinct(random, queries, static_cast<Index>(queries.size()));
  auto const held_out = static_cast<std::ptrdiff_t>(std::ceil(task::validation_share * static_cast<double>(shuffled.size())));
  parts.validation.assign(shuffled.begin(), shuffled.begin() + held_out);
  parts.train.assign(shuffled.begin() + held_out, shuffled.end());
  return parts;
}

/// Shuffled options with their letters, and the letter of the right one. Options are shuffled by the item, not by the prompt.
struct Lettered {
  std::string lines, right;
};
inline Lettered lettered(Item const& item, std::uint64_t seed, std::uint32_t number) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  check(item.options.size() <= letters.size(), "options of " + formats::in_quotes(item.question), "at most 26",
        item.options.size());
  std::vector<std::size_t> order(item.options.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random(seed, Stream::task, task::detail::kShuffledOutputs + number).shuffle(std::span(order));
  Lettered result;
  for (std::size_t i = 0; i < order.size(); ++i) {
    result.lines += std::string(1, letters[i]) + ". " + item.options[order[i]] + "\n";
    if (order[i] == item.right) result.right = letters[i];
  }
  return result;
}

}  // namespace detail

/// Prompts of one format. Query i, the pairs shown before it and the order of options depend on seed, split and items, not on
/// the format, so that two data sets which differ in format or shuffle_outputs alone match line by line. Validation queries never
/// occur in training prompts, not even as an example. Throws Error when there are too few items, no instruction where the format
/// needs one, or shuffled outputs are asked for in another format than icl.
inline std::vector<TextExample> prompts(Items const& items, PromptOptions const& options = {}) {
  check(options.examples >= 1 && options.examples <= task::detail::kMostExamples, "prompts: examples",
        text("1 to ", task::detail::kMostExamples), options.examples);
  check(options.pairs >= 1, "prompts: pairs", "1 or more", options.pairs);
  check(options.leading >= 0, "prompts: leading", "0 or more", options.leading);
  check(!options.shuffle_outputs || options.format == TextFormat::icl, "prompts: shuffled outputs", "the icl format",
        "another one");
  auto const& instruction = options.instruction.empty() ? items.instruction : options.instruction;
  check(options.format != TextFormat::instruction || !instruction.empty(), "prompts: instruction", "a sentence", "none");
  auto const parts = detail::parts_of(items, options.leading);
  auto queries = options.split == task::Split::validation ? parts.validation : parts.train;
  if (options.split == task::Split::all) queries.insert(queries.end(), parts.validation.begin(), parts.validation.end());
  auto const& shown = options.split == task::Split::all ? queries : parts.train;
  auto const spare = std::ssize(shown) - (options.split == task::Split::validation ? 0 : 1);
  if (options.format == TextFormat::icl)
    check(options.pairs <= spare, "prompts: pairs", text("at most ", spare, ", the items there are beside the query"),
          options.pairs);

  task::detail::Queries next(queries, options.seed);
  auto const item = [&](Index i) -> Item const& { return items.all[static_cast<std::size_t>(i)]; };
  std::vector<TextExample> all;
  for (Index i = 0; i < options.examples; ++i) {
    auto const query = next.next();
    auto const number = static_cast<std::uint32_t>(i);
    Random random(options.seed, Stream::task, number);
    auto const leader = parts.leading.empty() ? Index{-1} : parts.leading[random.below(parts.leading.size())];
    std::string prompt;
    if (options.format == TextFormat::icl) {
      auto pool = shown;
      std::erase(pool, query);
      auto const inputs = task::detail::draw_distinct(random, pool, options.pairs);
      auto outputs = inputs;
      if (options.shuffle_outputs)
        Random(options.seed, Stream::task, task::detail::kShuffledOutputs + number).shuffle(std::span(outputs));
      for (std::size_t k = 0; k < inputs.size(); ++k)
        prompt += "Q: " + item(inputs[k]).question + "\nA: " + item(outputs[k]).answer + "\n\n";
    } else if (options.format == TextFormat::instruction) {
      prompt = instruction + "\n\n";
      if (leader >= 0) prompt += "Q: " + item(leader).question + "\nA: " + item(leader).answer + "\n\n";
    } else if (!instruction.empty()) {
      prompt = instruction + "\n";
    }
    if (options.format != TextFormat::question) {
      all.push_back({prompt + "Q: " + item(query).question + "\nA:", " " + item(query).answer});
      continue;
    }
    auto const ask = [&](Index which) {
      auto const choice = detail::lettered(item(which), options.seed, static_cast<std::uint32_t>(which));
      prompt += "Question: " + item(which).question + "\n" + choice.lines + "Answer:";
      return " " + (item(which).options.empty() ? item(which).answer : choice.right);
    };
    if (leader >= 0) prompt += ask(leader) + "\n";
    auto const target = ask(query);
    all.push_back({std::move(prompt), target});
  }
  return all;
}

/// Contrastive data of one function-vector task: the same queries in both formats, line by line; `retain` is the format kept.
struct TextPairs {
  std::vector<TextExample> retain, forget;
};
inline TextPairs contrastive_prompts(Items const& items, TextFormat retain, PromptOptions options = {}) {
  check(retain != TextFormat::question, "contrastive prompts: format retained", "icl or instruction", "question");
  auto const in_format = [&](TextFormat format) {
    options.format = format;
    return prompts(items, options);
  };
  return {in_format(retain), in_format(retain == TextFormat::icl ? TextFormat::instruction : TextFormat::icl)};
}

}  // namespace chg::text_task
