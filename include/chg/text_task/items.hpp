// SPDX-License-Identifier: MIT
// The items of a task, questions with answers, from the files that tasks are published in.
//
//     pairs            [{"input": ..., "output": ...}, ...]                     function-vector tasks (Todd et al. 2023)
//                      an input that ends in lines "a: OPTION", "b: OPTION", ... and a letter as output: a multiple choice
//     BIG-bench        {"task_prefix": ..., "examples": [{"input": ..., "target": ...}, ...]}
//     multiple choice  {"question": ..., "choices": {"label": [...], "text": [...]}, "answerKey": ...} ...    CommonsenseQA
//     worked answers   {"question": ..., "answer": ...} ...                     GSM8K
//                      {"problem": ..., "generated_solution": ...} ...          OpenMathInstruct-2
//     sentence pairs   QUESTION, a tab, ANSWER a line
//     agreement        SENTENCE, CONDITION, correct or wrong, ID a line, with tabs between them    Lakretz et al. 2019
//
// White space between JSON's words means nothing: objects after each other stand on a line each, or are wrapped as one likes. Text
// is UTF-8, with or without a byte order mark. Of an agreement line the verb, its last word, is the answer to the words before
// it; wrong sentences are passed over.
#pragma once

#include <chg/formats/json.hpp>
#include <chg/formats/text_file.hpp>
#include <chg/tensor/matrix.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace chg::text_task {

struct Item {
  std::string question;
  std::string answer;                  ///< of a multiple choice: the right option
  std::vector<std::string> options{};  ///< of a multiple choice; published ones may be alike
  std::size_t right = 0;               ///< number of the right option

  /// Bytes of all its text.
  std::size_t length() const {
    auto all = question.size() + answer.size();
    for (auto const& option : options) all += option.size();
    return all;
  }
  bool operator==(Item const&) const = default;
};

struct Items {
  std::string name;         ///< of the file, for errors
  std::string instruction;  ///< what the file itself says is to be done; may be empty
  std::vector<Item> all;
};

namespace detail {

using formats::JsonObject;

inline std::string trimmed(std::string_view s) {
  constexpr std::string_view blank = " \t\r\n";
  auto const first = s.find_first_not_of(blank);
  return first == std::string_view::npos ? "" : std::string(s.substr(first, s.find_last_not_of(blank) + 1 - first));
}

/// Calls read(line, "FILE, line N") for every line that is not blank. A last line without its newline counts.
template <class Read>
void each_line(std::string_view chars, std::string const& name, Read&& read) {
  for (std::size_t begin = 0, number = 1; begin < chars.size(); ++number) {
    auto const end = std::min(chars.find('\n', begin), chars.size());
    auto line = chars.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!trimmed(line).empty()) read(line, name + ", line " + std::to_string(number));
    begin = end + 1;
  }
}

/// Where the object that `chars` begin with ends: after its last brace, or at the end of `chars` where that is missing.
inline std::size_t end_of_object(std::string_view chars) {
  std::size_t depth = 0;
  auto quoted = false;
  for (std::size_t i = 0; i < chars.size(); ++i) {
    auto const c = chars[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return chars.size();
}

/// Calls read(object, "FILE, line N") for every object of JSON in `chars`, N being the line that it begins in.
template <class Read>
void each_object(std::string_view chars, std::string const& name, Read&& read) {
  constexpr std::string_view blank = " \t\r\n";
  for (std::size_t number = 1;;) {
    auto const start = chars.find_first_not_of(blank);
    if (start == std::string_view::npos) return;
    auto const lines = [](std::string_view part) { return static_cast<std::size_t>(std::ranges::count(part, '\n')); };
    number += lines(chars.substr(0, start));
    chars.remove_prefix(start);
    auto const at = name + ", line " + std::to_string(number);
    check(chars.front() == '{', at, "an object of JSON, as before it", formats::in_quotes(chars.substr(0, 20)));
    auto const object = chars.substr(0, end_of_object(chars));
    read(object, at);
    number += lines(object);
    chars.remove_prefix(object.size());
  }
}

inline Item choice_item(JsonObject const& line) {
  auto const choices = line.object("choices");
  auto const &labels = choices.array("label"), &texts = choices.array("text");
  check(labels.size() == texts.size() && !texts.empty(), choices.name(), "as many labels as texts, one or more",
        text(labels.size(), " and ", texts.size()));
  auto const key = line.string("answerKey");
  Item item{.question = trimmed(line.string("question")), .answer = ""};
  auto found = false;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    check(labels[i].is_string() && texts[i].is_string(), choices.name(), "labels and texts that are strings",
          formats::shown(texts[i]));
    item.options.push_back(trimmed(texts[i].get<std::string>()));
    if (labels[i].get<std::string>() == key) item.answer = item.options.back(), item.right = i, found = true;
  }
  check(found, line.at("answerKey"), "one of the labels", formats::in_quotes(key));
  return item;
}

/// Takes the lines "a: OPTION", "b: OPTION", ... off the end of a question whose answer is the letter of one of them: how
/// function-vector tasks write a multiple choice. Any other item stays as it is.
inline void take_options(Item& item) {
  auto const end = item.question.find("\na: ");
  if (end == std::string::npos || item.answer.size() != 1) return;
  std::vector<std::string> options;
  for (auto begin = end + 1; begin < item.question.size();) {
    auto const stop = std::min(item.question.find('\n', begin), item.question.size());
    auto const line = std::string_view(item.question).substr(begin, stop - begin);
    if (options.size() == 26 || !line.starts_with(std::string{static_cast<char>('a' + options.size()), ':', ' '})) return;
    options.push_back(trimmed(line.substr(3)));
    begin = stop + 1;
  }
  auto const right = static_cast<std::size_t>(static_cast<unsigned char>(item.answer[0])) - 'a';
  if (right >= options.size()) return;
  item.question = trimmed(item.question.substr(0, end));
  item.answer = options[right], item.right = right, item.options = std::move(options);
}

/// The fields of a line, parted by tabs.
inline std::vector<std::string> fields(std::string_view line) {
  std::vector<std::string> all;
  for (std::size_t begin = 0; begin <= line.size();) {
    auto const end = std::min(line.find('\t', begin), line.size());
    all.push_back(trimmed(line.substr(begin, end - begin)));
    begin = end + 1;
  }
  return all;
}

/// Adds the item of a line with tabs, unless it is a sentence to be passed over.
inline void add_tabbed(std::string_view line, std::string const& name, std::vector<Item>& all) {
  auto const parts = fields(line);
  if (parts.size() == 2) {
    all.push_back({.question = parts[0], .answer = parts[1]});
    return;
  }
  auto const agreement = parts.size() == 4 && (parts[2] == "correct" || parts[2] == "wrong");
  check(agreement, name, "a question, one tab, and an answer; or a sentence, a condition, correct or wrong, and an id",
        formats::in_quotes(line));
  if (parts[2] == "wrong") return;
  auto const space = parts[0].find_last_of(' ');
  check(space != std::string::npos, name, "a sentence of two words or more", formats::in_quotes(parts[0]));
  all.push_back({.question = trimmed(parts[0].substr(0, space)), .answer = parts[0].substr(space + 1)});
}

/// Throws Error for an item without text, for a multiple choice among other questions, and when there are none.
inline Items checked(Items items) {
  check(!items.all.empty(), items.name, "one item or more", "none");
  for (std::size_t i = 0; i < items.all.size(); ++i) {
    auto const& item = items.all[i];
    auto const name = items.name + ": item " + std::to_string(i);
    check(!item.question.empty() && !item.answer.empty(), name, "a question and an answer", "an empty string");
    auto const alike = item.options.empty() == items.all.front().options.empty();
    check(alike, name, item.options.empty() ? "options, as the first item has" : "no options, as the first item has none",
          formats::in_quotes(item.question));
  }
  // An item that is there twice would be on both sides of a split.
  std::unordered_set<std::string> seen;
  std::erase_if(items.all, [&](Item const& item) { return !seen.insert(item.question).second; });
  return items;
}

}  // namespace detail

/// Parses the bytes of a file in any of the formats above, told apart by content; `name` stands for it in errors. Of items with
/// the same question the first is kept. Throws Error naming file, line or item, and key.
inline Items parse_items(std::string_view chars, std::string const& name) {
  chars = formats::text_without_mark(chars, name);
  formats::check_utf8(chars, name);
  Items items{.name = name, .instruction = "", .all = {}};
  auto const start = chars.find_first_not_of(" \t\r\n");
  auto const first = start == std::string_view::npos ? '\0' : chars[start];
  auto const pair = [](detail::JsonObject const& o, char const* question, char const* answer) {
    return Item{.question = detail::trimmed(o.string(question)), .answer = detail::trimmed(o.string(answer))};
  };
  auto const one = first == '{' && detail::trimmed(chars.substr(start)).size() == detail::end_of_object(chars.substr(start));
  if (first == '[') {
    auto const json = formats::parse_json(chars, name);
    for (auto const& element : json) {
      items.all.push_back(pair({element, name + ": item " + std::to_string(items.all.size())}, "input", "output"));
      detail::take_options(items.all.back());
    }
  } else if (auto const json = one ? formats::parse_json(chars, name) : nlohmann::json();
             json.is_object() && json.contains("examples")) {
    detail::JsonObject const file(json, name);
    items.instruction = detail::trimmed(file.string("task_prefix", ""));
    for (auto const& element : file.array("examples"))
      items.all.push_back(pair({element, name + ": item " + std::to_string(items.all.size())}, "input", "target"));
  } else if (first == '{') {
    detail::each_object(chars, name, [&](std::string_view bytes, std::string const& at) {
      auto const parsed = formats::parse_json(bytes, at);
      detail::JsonObject const object(parsed, at);
      items.all.push_back(object.has("choices")   ? detail::choice_item(object)
                          : object.has("problem") ? pair(object, "problem", "generated_solution")
                                                  : pair(object, "question", "answer"));
    });
  } else {
    detail::each_line(chars, name,
                      [&](std::string_view line, std::string const& at) { detail::add_tabbed(line, at, items.all); });
  }
  return detail::checked(std::move(items));
}

/// The items of a file. Throws Error as parse_items does, and when it cannot be read.
inline Items read_items(std::filesystem::path const& path) {
  formats::MappedFile const file(path);
  return parse_items(file.chars(), path.string());
}

}  // namespace chg::text_task
