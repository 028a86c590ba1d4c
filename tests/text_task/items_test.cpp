// SPDX-License-Identifier: MIT
#include <chg/text_task/items.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg;
using namespace chg::text_task;
using test::has_all;
using test::message_of;

namespace {
std::string complaint(std::string const& chars) {
  return message_of([&] { parse_items(chars, "F"); });
}
}  // namespace

TEST_CASE("items: every format is told apart by its content", "[text_task]") {
  CHECK(parse_items(R"([{"input": "hot", "output": "cold"}, {"output": "B", "input": " a "}])", "F").all ==
        std::vector<Item>{{"hot", "cold"}, {"a", "B"}});
  auto const bigbench =
      parse_items("{\n \"task_prefix\": \"Do it.\\n\",\n \"examples\": [{\"input\": \"x: \", \"target\": \"y\"}]\n}", "F");
  CHECK(bigbench.instruction == "Do it.");
  CHECK(bigbench.all == std::vector<Item>{{"x:", "y"}});
  CHECK(parse_items("{\"question\": \"1+1?\", \"answer\": \"2\"}\r\n\n{\"question\": \"2+2?\", \"answer\": \"4\"}", "F").all ==
        std::vector<Item>{{"1+1?", "2"}, {"2+2?", "4"}});
  CHECK(
      parse_items(R"({"question": "Where?", "choices": {"label": ["A", "B"], "text": ["bank", "mall"]}, "answerKey": "B"})", "F")
          .all == std::vector<Item>{{"Where?", "mall", {"bank", "mall"}, 1}});
  CHECK(parse_items("the dog ran . PRESENT\tthe dog runs .\n", "F").all ==
        std::vector<Item>{{"the dog ran . PRESENT", "the dog runs ."}});
  CHECK(parse_items("{\"problem\": \"1+1?\", \"generated_solution\": \"2\", \"expected_answer\": \"2\"}", "F").all ==
        std::vector<Item>{{"1+1?", "2"}});
  CHECK(parse_items("The dog near the cats runs\tsg_pl\tcorrect\tid1\nThe dog near the cats run\tsg_pl\twrong\tid1\n", "F").all ==
        std::vector<Item>{{"The dog near the cats", "runs"}});
  CHECK(parse_items("a\tb\na\tc\n", "F").all.size() == 1);  // the same question twice
}

TEST_CASE("items: a multiple choice of the function-vector tasks has its options in the input, and a letter as output",
          "[text_task]") {
  auto const all = parse_items(
                       R"([{"input": "Where?\na: bank\nb:  the mall ", "output": "b"},
                           {"input": " Who \nsaid so?\na: me", "output": "a"}])",
                       "F")
                       .all;
  CHECK(all == std::vector<Item>{{"Where?", "the mall", {"bank", "the mall"}, 1}, {"Who \nsaid so?", "me", {"me"}, 0}});
  for (std::string const plain :  // lines that are no such options, and outputs that are no letter of one
       {R"("Where?\na: bank\nc: mall", "output": "a")", R"("Where?\na: bank\nmall", "output": "a")",
        R"("Where?\na: bank\nb: mall", "output": "c")", R"("Where?\na: bank\nb: mall", "output": "A")",
        R"("Where?\na: bank\nb: mall", "output": "mall")", R"("Where?\nb: mall", "output": "b")"}) {
    INFO(plain);
    CHECK(parse_items("[{\"input\": " + plain + "}]", "F").all.at(0).options.empty());
  }
  CHECK(has_all(complaint(R"([{"input": "Where?\na: bank", "output": "a"}, {"input": "hot", "output": "cold"}])"),
                {"F: item 1", "options, as the first item has", "\"hot\""}));
  CHECK(has_all(complaint(R"([{"input": "hot", "output": "cold"}, {"input": "Where?\na: bank", "output": "a"}])"),
                {"F: item 1", "no options", "\"Where?\""}));
}

TEST_CASE("items: white space between the words of JSON means nothing", "[text_task]") {
  auto const bigbench =
      parse_items("{\n \"task_prefix\": \"Do it.\",\n \"examples\": [{\"input\": \"x\", \"target\": \"y\"}]\n}", "F");
  for (auto const* chars :
       {R"({"task_prefix": "Do it.", "examples": [{"input": "x", "target": "y"}]})",
        "{\"metrics\": {}\n, \"task_prefix\": \"Do it.\", \"examples\": [{\"input\": \"x\", \"target\": \"y\"}]}\n\n"}) {
    auto const same = parse_items(chars, "F");
    CHECK(same.all == bigbench.all);
    CHECK(same.instruction == bigbench.instruction);
  }
  std::vector<Item> const two{{"1", "a}"}, {"2", "\\\"{"}};
  std::string const second = R"({"question": "2", "answer": "\\\"{"})";
  CHECK(parse_items("{\"question\": \"1\", \"answer\": \"a}\"}\n" + second, "F").all == two);
  CHECK(parse_items("{\n\"question\": \"1\",\n\"answer\": \"a}\"\n} " + second, "F").all == two);
  CHECK(has_all(complaint("{\"question\": \"1\",\n\"answer\": \"a\"}\n\n{\"question\": \"2\"}"), {"F, line 4: answer"}));
  CHECK(has_all(complaint("{\"question\": \"1\", \"answer\": \"a\"}\n{\"question\": \"2\""), {"F, line 2", "JSON"}));
}

TEST_CASE("items: a byte order mark is no part of the first item, and other encodings are named", "[text_task]") {
  for (std::string const chars : {"a\tb\n", R"([{"input": "a", "output": "b"}])", R"({"question": "a", "answer": "b"})"}) {
    CHECK(parse_items("\xEF\xBB\xBF" + chars, "F").all == std::vector<Item>{{"a", "b"}});
    std::string little = "\xFF\xFE", big = "\xFE\xFF";
    for (auto const c : chars) little += c, little += '\0', big += '\0', big += c;
    for (auto const& wide : {little, big, little.substr(2), big.substr(2)})
      CHECK(has_all(complaint(wide), {"F: encoding", "UTF-8", "UTF-16"}));
  }
  CHECK(has_all(complaint("a\tb\ncaf\xE9\tc\n"), {"F, line 2: encoding", "UTF-8", "0xE9"}));
}

TEST_CASE("items: bad files are refused with file, line or item, and key", "[text_task]") {
  CHECK(has_all(complaint(""), {"F", "one item or more"}));
  CHECK(has_all(complaint("[{\"input\": \"x\"}]"), {"F: item 0: output"}));
  CHECK(has_all(complaint("[{\"input\": \"x\", \"output\": 3}]"), {"F: item 0: output", "a string", "3"}));
  CHECK(has_all(complaint("[{\"input\": \" \", \"output\": \"y\"}]"), {"F: item 0", "an empty string"}));
  CHECK(has_all(complaint("{\"question\": \"x\", \"answer\": \"y\"}\n{\"question\": \"x\"}"), {"F, line 2: answer"}));
  CHECK(has_all(complaint("{\"question\": \"x\", \"answer\": \"y\"}\nnot json"), {"F, line 2", "JSON"}));
  CHECK(has_all(complaint("a\tb\nno tab\n"), {"F, line 2", "one tab"}));
  CHECK(has_all(complaint("a\tb\tc\n"), {"F, line 1", "one tab"}));
  auto const choices = [](char const* labels, char const* texts, char const* key) {
    return complaint(std::string("{\"question\": \"q\", \"choices\": {\"label\": ") + labels + ", \"text\": " + texts +
                     "}, \"answerKey\": \"" + key + "\"}");
  };
  CHECK(has_all(choices("[\"A\"]", "[\"x\", \"y\"]", "A"), {"F, line 1: choices", "1 and 2"}));
  CHECK(has_all(choices("[\"A\", \"B\"]", "[\"x\", \"y\"]", "C"), {"answerKey", "\"C\""}));
  CHECK(has_all(choices("[\"A\", \"B\"]", "[\"x\", 3]", "A"), {"strings"}));
}
