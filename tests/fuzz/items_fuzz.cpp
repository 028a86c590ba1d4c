// SPDX-License-Identifier: MIT
// Any bytes as the items of a task, in each of the formats that are told apart by content.
#include <chg/text_task/items.hpp>

#include "fuzz/mutate_json.hpp"

void chg::fuzz::read(std::string_view bytes) {
  for (auto const& item : text_task::parse_items(bytes, "FILE").all) {
    require(!item.question.empty() && !item.answer.empty());
    require(item.options.empty() || item.options.at(item.right) == item.answer);
  }
}

std::vector<std::string> chg::fuzz::seeds() {
  return {R"([{"input": "hot", "output": "cold"}, {"input": " up ", "output": "down"}])",
          R"([{"input": "Where?\na: bank\nb: mall", "output": "b"}])",
          R"({"task_prefix": "Say it.",
"examples": [{"input": "go", "target": "went"}]})",
          "{\"question\": \"Q\", \"choices\": {\"label\": [\"A\", \"B\"], \"text\": [\"x\", \"y\"]}, \"answerKey\": \"B\"}\n",
          "{\"question\": \"1 + 1?\", \"answer\": \"2\"}\r\n\n{\"question\": \"2 + 2?\", \"answer\": \"4\"}",
          "Did he go?\tHe went.\nDid she go?\tShe went.\n"};
}

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  static constexpr std::array<std::string_view, 16> words{
      "input", "output", "target",    "examples", "task_prefix",        "question", "answer", "choices",
      "label", "text",   "answerKey", "problem",  "generated_solution", "correct",  "a\tb",   "x\na: y\nb: z"};
  auto whole = json_mutator(bytes, words);
  return whole ? whole : json_lines_mutator(bytes, words);
}
