// SPDX-License-Identifier: MIT
#include <chg/text_task/text_example.hpp>
#include <chg/tokenizer/load_tokenizer.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg;
using namespace chg::text_task;
using test::has_all;
using test::message_of;

namespace {
Tokenizer const& words() {
  static auto const tokenizer = load_tokenizer(test::repository("examples/models/teaching"));
  return tokenizer;
}
Tokenizer const& llama() {
  static auto const tokenizer = load_tokenizer(test::repository("tests/tokenizer/golden/llama3"));
  return tokenizer;
}
}  // namespace

TEST_CASE("text_example: the target is what the whole text has beyond the prompt", "[text_task]") {
  auto const e = to_example(words(), {"cat ^ dog ^", " cat"}, Bos::off, "F");
  CHECK(e.tokens.size() == 5);
  CHECK(e.targets() == 1);
  CHECK(e.target_mask.back() == 1);
  CHECK(words().decode(std::span(e.tokens).last(1)) == words().decode(std::span(e.tokens).first(1)));
  auto const several = to_example(llama(), {"The", " dog doesn't mind."}, Bos::off, "F");
  CHECK(several.targets() ==
        static_cast<Index>(several.tokens.size()) - static_cast<Index>(llama().encode("The", {.bos = Bos::off}).size()));
  CHECK(llama().decode(several.tokens) == "The dog doesn't mind.");
}

TEST_CASE("text_example: a token that crosses from prompt to target, and empty parts, are refused with what to do",
          "[text_task]") {
  CHECK(has_all(message_of([] {
                  to_example(llama(), {"hello ", "dog"}, Bos::off, "data, line 3");
                }),
                {"data, line 3: token", "crosses from prompt to target", "Move the space"}));
  // Inside a word there is no space to move.
  auto const inside = message_of([] { to_example(llama(), {"mi", "nd"}, Bos::off, "line 2"); });
  CHECK(has_all(inside, {"line 2: token", "begin where a token does", "start of the word"}));
  CHECK(inside.find("space") == std::string::npos);
  CHECK(has_all(message_of([] { to_example(words(), {"", "cat"}, Bos::off, "line 1"); }), {"line 1: prompt", "BOS"}));
  CHECK(has_all(message_of([] { to_example(words(), {"cat", ""}, Bos::off, "line 1"); }), {"line 1: target"}));
  CHECK(has_all(message_of([] { to_examples(words(), {{"cat ^", " dog"}, {"cat", " "}}); }), {"example 1: target"}));
}

TEST_CASE("text_example: what a template puts behind a text is neither between prompt and target nor counted", "[text_task]") {
  auto const tokenizer = Tokenizer(tokenizer::parse_tokenizer_json(
      formats::parse_json(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "<s>": 2, "</s>": 3}, "merges": []},
        "post_processor": {"type": "RobertaProcessing", "cls": ["<s>", 2], "sep": ["</s>", 3]}})",
                          "F"),
      "F"));
  CHECK(tokenizer.encode("ab") == std::vector<Token>{2, 0, 1, 3});
  auto const e = to_example(tokenizer, {"a", "b"}, Bos::automatic, "F");
  CHECK(e.tokens == std::vector<Token>{2, 0, 1});
  CHECK(e.target_mask == std::vector<std::uint8_t>{0, 0, 1});
  CHECK(to_example(tokenizer, {"a", "b"}, Bos::off, "F").tokens == std::vector<Token>{0, 1});
}
