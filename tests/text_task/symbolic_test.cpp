// SPDX-License-Identifier: MIT
#include <chg/task/aba_abb.hpp>
#include <chg/text_task/symbolic.hpp>
#include <chg/text_task/text_example.hpp>
#include <chg/tokenizer/load_tokenizer.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg;
using namespace chg::text_task;
using test::has_all;
using test::message_of;

TEST_CASE("symbolic: the tokens of every prompt are those that its text has", "[text_task]") {
  for (auto const* name : {"llama3", "gpt2"}) {
    INFO(name);
    auto const tokenizer = load_tokenizer(test::repository(std::string("tests/tokenizer/golden/") + name));
    auto const vocabulary = symbolic_vocabulary(tokenizer, tokenizer.vocab_size(), Bos::off);
    CHECK_NOTHROW(task::validate(vocabulary));
    REQUIRE(vocabulary.words.size() >= 4);
    for (auto const rule : {task::Rule::aba, task::Rule::abb})
      for (auto const& e : task::aba_abb(vocabulary, {.rule = rule, .examples = 20, .seed = 1, .pairs = 1})) {
        auto const text = tokenizer.decode(e.tokens);
        CHECK(tokenizer.encode(text, {.bos = Bos::off}) == e.tokens);
        CHECK(std::count(text.begin(), text.end(), '^') == 4);
        CHECK(std::count(text.begin(), text.end(), '\n') == 1);
      }
  }
}

TEST_CASE("symbolic: a tokenizer of whole words has no carets between letters", "[text_task]") {
  auto const tokenizer = load_tokenizer(test::repository("examples/models/teaching"));
  CHECK(has_all(message_of([&] { symbolic_vocabulary(tokenizer, 240, Bos::off); }),
                {"tokenizer for the symbolic tasks", "no tokens for \"^ab^ab^\"", "chg tokenize", "target_mask"}));
}
