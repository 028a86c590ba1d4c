// SPDX-License-Identifier: MIT
// The published task files and a published tokenizer, where CHG_TEST_DATA names the folder that holds them.
#include <chg/task/aba_abb.hpp>
#include <chg/text_task/prompts.hpp>
#include <chg/text_task/symbolic.hpp>
#include <chg/tokenizer/load_tokenizer.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <map>

using namespace chg;
using namespace chg::text_task;

namespace {
std::filesystem::path data(char const* folder) { return test::test_data(folder); }
}  // namespace

#define NEEDS_TEST_DATA                                                                          \
  if (data("function_vectors").empty() || data("tokenizers").empty()) {                          \
    WARN("skipped: the environment variable CHG_TEST_DATA does not name a folder of test data"); \
    return;                                                                                      \
  }

TEST_CASE("published tasks: the six function-vector tasks become prompts in both formats, line by line", "[text_task]") {
  NEEDS_TEST_DATA
  auto const tokenizer = load_tokenizer(data("tokenizers") / "smollm2");
  for (auto const& [task, instruction] : function_vector_tasks) {
    INFO(task);
    auto const items = read_items(data("function_vectors") / (std::string(task) + ".json"));
    CHECK(items.all.size() > 190);
    auto const pairs =
        contrastive_prompts(items, TextFormat::icl, {.examples = 40, .seed = 1, .instruction = std::string(instruction)});
    auto const retain = to_examples(tokenizer, pairs.retain), forget = to_examples(tokenizer, pairs.forget);
    for (Index i = 0; i < 40; ++i) {
      auto const target = [](Example const& e) { return std::vector<Token>(e.tokens.end() - e.targets(), e.tokens.end()); };
      REQUIRE(target(retain[i]) == target(forget[i]));
    }
  }
}

TEST_CASE("published tasks: multiple choice, tense, agreement and worked answers become prompts", "[text_task]") {
  NEEDS_TEST_DATA
  auto const tokenizer = load_tokenizer(data("tokenizers") / "smollm2");
  auto const check = [&](std::filesystem::path const& file, std::size_t least) {
    INFO(file.string());
    auto const items = read_items(file);
    CHECK(items.all.size() >= least);
    auto const all = prompts(items, {.format = TextFormat::question, .examples = 50, .split = task::Split::train});
    CHECK(to_examples(tokenizer, all).size() == 50);
    return all;
  };
  for (auto const& e : check(data("commonsenseqa") / "dev_rand_split.jsonl", 1200)) REQUIRE(e.target.size() == 2);
  CHECK(check(data("bigbench_tense") / "task.json", 280)[0].prompt.starts_with(
      "Modify the tense of a given sentence.\nQuestion: "));
  check(data("mccoy_question_tense") / "tense.dev", 900);
  check(data("gsm8k") / "test.jsonl", 1300);
}

TEST_CASE("published tasks: CommonsenseQA has the same questions, options and answers in both of its layouts", "[text_task]") {
  NEEDS_TEST_DATA
  auto const split = read_items(data("commonsenseqa") / "dev_rand_split.jsonl");
  auto const both = read_items(data("commonsenseqa") / "commonsense_qa.fv.json");  // training and development items
  std::map<std::string, Item> by_question;
  for (auto const& item : both.all) by_question.emplace(item.question, item);
  CHECK(both.all.size() > 10'000);
  Index different = 0;
  for (auto const& item : split.all) different += by_question.at(item.question) != item;
  CHECK(different == 0);
}

TEST_CASE("published tasks: SmolLM2 and Llama 3 have thousands of words for the symbolic tasks", "[text_task]") {
  NEEDS_TEST_DATA
  for (auto const* name : {"smollm2", "llama3"}) {
    INFO(name);
    auto const tokenizer =
        load_tokenizer(data("tokenizers") / name, {.pretokenizer = std::string(name) == "llama3" ? "llama3" : ""});
    auto const vocabulary = symbolic_vocabulary(tokenizer, tokenizer.vocab_size(), Bos::off);
    CHECK(vocabulary.words.size() > 1000);
    for (auto const& e : task::aba_abb(vocabulary, {.examples = 50, .seed = 1})) {
      REQUIRE(e.tokens.size() == 29);
      REQUIRE(tokenizer.encode(tokenizer.decode(e.tokens), {.bos = Bos::off}) == e.tokens);
    }
  }
}
