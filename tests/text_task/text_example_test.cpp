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
  CHECK(has_all(message_of([] { to_example(words(), {"", "cat"}, Bos::off, "line 1"); }), {"line 1: prompt", "BOS"}));
  CHECK(has_all(message_of([] { to_example(words(), {"cat", ""}, Bos::off, "line 1"); }), {"line 1: target"}));
  CHECK(has_all(message_of([] { to_examples(words(), {{"cat ^", " dog"}, {"cat", " "}}); }), {"example 1: target"}));
}
