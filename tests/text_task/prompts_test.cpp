// SPDX-License-Identifier: MIT
#include <chg/text_task/prompts.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <set>

using namespace chg;
using namespace chg::text_task;
using test::has_all;
using test::message_of;

namespace {

// Inputs of different lengths: item i is "w", i times "o", and its number.
Items numbered(Index count) {
  Items items{.name = "numbered", .instruction = "", .all = {}};
  for (Index i = 0; i < count; ++i)
    items.all.push_back({.question = "w" + std::string(static_cast<std::size_t>(i), 'o') + std::to_string(i),
                         .answer = "out" + std::to_string(i)});
  return items;
}

std::vector<std::string> questions(std::string const& prompt, std::string const& mark) {
  std::vector<std::string> all;
  for (auto at = prompt.find(mark); at != std::string::npos; at = prompt.find(mark, at + 1)) {
    auto const begin = at + mark.size();
    all.push_back(prompt.substr(begin, prompt.find('\n', begin) - begin));
  }
  return all;
}

std::string answer_of(Items const& items, std::string const& question) {
  auto const found = std::find_if(items.all.begin(), items.all.end(), [&](Item const& i) { return i.question == question; });
  return found == items.all.end() ? "" : found->answer;
}

}  // namespace

TEST_CASE("prompts: the three templates, to the letter", "[text_task]") {
  Items const two{.name = "two", .instruction = "", .all = {{"a", "A"}, {"bbb", "B"}, {"cccc", "C"}}};
  // One leading item, the shortest; two left, one of them the query.
  PromptOptions options{.examples = 1, .pairs = 1, .leading = 1};
  auto const icl = prompts(two, options)[0];
  auto const query = icl.target == " B" ? "bbb" : "cccc", shown = icl.target == " B" ? "cccc" : "bbb";
  CHECK(icl.prompt == std::string("Q: ") + shown + "\nA: " + answer_of(two, shown) + "\n\nQ: " + query + "\nA:");
  options.format = TextFormat::instruction, options.instruction = "Say it.";
  CHECK(prompts(two, options)[0] == TextExample{std::string("Say it.\n\nQ: a\nA: A\n\nQ: ") + query + "\nA:", icl.target});
  options.format = TextFormat::question;
  CHECK(prompts(two, options)[0] ==
        TextExample{std::string("Say it.\nQuestion: a\nAnswer: A\nQuestion: ") + query + "\nAnswer:", icl.target});
  options.leading = 0, options.instruction = "";
  CHECK(prompts(two, options)[0].prompt.starts_with("Question: "));
  CHECK(prompts(two, options)[0].prompt.find("Answer: ") == std::string::npos);
}

TEST_CASE("prompts: options are lettered and shuffled, and the target is the letter of the right one", "[text_task]") {
  Items items{.name = "choices", .instruction = "", .all = {}};
  for (int i = 0; i < 12; ++i)
    items.all.push_back(
        {"q" + std::to_string(i),
         "right" + std::to_string(i),
         {"right" + std::to_string(i), "wrong", "other", "last" + std::string(static_cast<std::size_t>(i), 'x')}});
  std::set<std::string> letters;
  for (auto const& e : prompts(items, {.format = TextFormat::question, .examples = 8, .leading = 3})) {
    auto const query = questions(e.prompt, "Question: ").back();
    auto const options = e.prompt.substr(e.prompt.rfind("Question: "));
    CHECK(options.find("\n" + e.target.substr(1) + ". " + answer_of(items, query) + "\n") != std::string::npos);
    CHECK(options.ends_with("\nAnswer:"));
    letters.insert(e.target);
  }
  CHECK(letters.size() > 1);
}

TEST_CASE("prompts: validation queries never occur in training, leading items are never queries, seeds agree on both",
          "[text_task]") {
  auto const items = numbered(60);
  std::set<std::string> trained, validated, leading;
  for (std::uint64_t seed : {0, 1, 2})
    for (auto const split : {task::Split::train, task::Split::validation})
      for (auto const format : {TextFormat::icl, TextFormat::instruction}) {
        PromptOptions const options{
            .format = format, .examples = 80, .seed = seed, .split = split, .instruction = "I", .pairs = 4, .leading = 5};
        for (auto const& e : prompts(items, options)) {
          auto shown = questions(e.prompt, "Q: ");
          auto const query = shown.back();
          shown.pop_back();
          CHECK(e.target == " " + answer_of(items, query));
          CHECK(std::find(shown.begin(), shown.end(), query) == shown.end());
          (split == task::Split::train ? trained : validated).insert(query);
          if (format == TextFormat::icl) {
            CHECK(std::set(shown.begin(), shown.end()).size() == 4);
            trained.insert(shown.begin(), shown.end());
          } else {
            leading.insert(shown.begin(), shown.end());
          }
        }
      }
  for (auto const& q : validated) CHECK(trained.count(q) == 0);
  for (auto const& q : leading) CHECK((trained.count(q) == 0 && validated.count(q) == 0));
  CHECK(leading.size() == 5);
  CHECK(validated.size() == 6);  // a tenth of 55, rounded up
  CHECK(trained.size() == 49);
  for (auto const& q : leading) CHECK(q.size() <= std::string("wooooo4").size());  // the shortest
}

TEST_CASE("prompts: formats match line by line, and shuffled outputs keep query and target", "[text_task]") {
  auto const items = numbered(40);
  auto const pairs = contrastive_prompts(items, TextFormat::instruction, {.examples = 30, .seed = 3, .instruction = "I"});
  auto const shuffled = prompts(items, {.examples = 30, .seed = 3, .shuffle_outputs = true});
  auto moved = 0;
  for (std::size_t i = 0; i < 30; ++i) {
    CHECK(pairs.retain[i].target == pairs.forget[i].target);
    CHECK(pairs.retain[i].prompt.starts_with("I\n\n"));
    CHECK(questions(pairs.retain[i].prompt, "Q: ").back() == questions(pairs.forget[i].prompt, "Q: ").back());
    CHECK(shuffled[i].target == pairs.forget[i].target);
    CHECK(questions(shuffled[i].prompt, "Q: ") == questions(pairs.forget[i].prompt, "Q: "));
    moved += questions(shuffled[i].prompt, "A: ") != questions(pairs.forget[i].prompt, "A: ");
  }
  CHECK(moved >= 29);  // one in 10! stays as it was
}

TEST_CASE("prompts: what cannot be made is refused by name", "[text_task]") {
  CHECK(has_all(message_of([] { prompts(numbered(5), {.leading = 4}); }), {"numbered: items beside the leading ones"}));
  CHECK(has_all(message_of([] { prompts(numbered(8), {.pairs = 10, .leading = 0}); }), {"prompts: pairs. Expected at most 7"}));
  CHECK(has_all(message_of([] { prompts(numbered(30), {.format = TextFormat::instruction}); }), {"prompts: instruction"}));
  CHECK(has_all(message_of([] { prompts(numbered(30), {.examples = 0}); }), {"prompts: examples"}));
  CHECK(has_all(message_of([] { prompts(numbered(30), {.format = TextFormat::question, .shuffle_outputs = true}); }),
                {"the icl format"}));
  CHECK(has_all(message_of([] { instruction_of("antonyms"); }), {"antonym, capitalize", "\"antonyms\""}));
  CHECK(instruction_of("capitalize").starts_with("Given an input word"));
}
