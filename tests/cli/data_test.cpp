// SPDX-License-Identifier: MIT
#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <chg/cli/data.hpp>

using namespace chg;
using namespace chg::cli;
using namespace chg::test;

namespace {

constexpr DataLimits kLimits{.vocab = 10, .context = 4};

struct DataFile {
  explicit DataFile(std::string const& bytes) { directory.write("data.jsonl", bytes); }
  Examples read(TokenSource const& tokens = {}) const { return read_data(directory.path() / "data.jsonl", kLimits, tokens); }
  std::string error() const {
    return message_of([&] { read(); });
  }

  TemporaryDirectory directory;
};

std::string const kGood = "{\"tokens\": [1, 2, 9], \"target_mask\": [0, 0, 1]}";

}  // namespace

TEST_CASE("data: tokens are taken as they are, other keys are passed over", "[cli]") {
  auto const examples = DataFile(kGood + "\n{\"note\": [1.5], \"target_mask\": [0, 1], \"tokens\": [0, 0]}\n").read();
  REQUIRE(examples.size() == 2);
  CHECK(examples[0] == Example{{1, 2, 9}, {0, 0, 1}});
  CHECK(examples[1] == Example{{0, 0}, {0, 1}});
}

TEST_CASE("data: a byte order mark, CRLF, a last line without an end and empty lines at the end change nothing", "[cli]") {
  for (auto const& bytes : {kGood, kGood + "\n", "\xEF\xBB\xBF" + kGood + "\r\n", kGood + "\n\n \r\n"})
    CHECK(DataFile(bytes).read().size() == 1);
  CHECK(has_all(DataFile(kGood + "\n\n" + kGood).error(), {"data.jsonl, line 2", "an empty line"}));
  CHECK(has_all(DataFile("\xFF\xFE{").error(), {"UTF-16"}));
}

TEST_CASE("data: a bad line is an error that names file, line, place and what was expected", "[cli]") {
  auto const error = [](std::string const& line) { return DataFile(kGood + "\n" + line + "\n").error(); };
  CHECK(
      has_all(error("{\"tokens\": [1, 10], \"target_mask\": [0, 1]}"), {"data.jsonl, line 2", "tokens[1]", "0 to 9", "got 10"}));
  CHECK(has_all(error("{\"tokens\": [1, -1], \"target_mask\": [0, 1]}"), {"line 2", "tokens[1]", "got -1"}));
  CHECK(has_all(error("{\"tokens\": [1, 2.0], \"target_mask\": [0, 1]}"), {"tokens[1]", "got 2.0"}));
  CHECK(has_all(error("{\"tokens\": [1, \"2\"], \"target_mask\": [0, 1]}"), {"tokens[1]", "\"2\""}));
  CHECK(has_all(error("{\"tokens\": [1, 18446744073709551617], \"target_mask\": [0, 1]}"), {"tokens[1]"}));
  CHECK(has_all(error("{\"tokens\": [1, 2], \"target_mask\": [0, 1, 1]}"), {"target_mask", "2 entries", "got 3"}));
  CHECK(has_all(error("{\"tokens\": [1, 2], \"target_mask\": [0, 0]}"), {"target_mask", "at least one 1"}));
  CHECK(has_all(error("{\"tokens\": [1, 2], \"target_mask\": [1, 1]}"), {"target_mask[0]", "Expected 0"}));
  CHECK(has_all(error("{\"tokens\": [1, 2], \"target_mask\": [0, 2]}"), {"target_mask[1]", "0 or 1"}));
  CHECK(has_all(error("{\"tokens\": [1, 2], \"target_mask\": [0, true]}"), {"target_mask[1]", "0 or 1"}));
  CHECK(has_all(error("{\"tokens\": [], \"target_mask\": []}"), {"line 2", "at least one 1"}));
  CHECK(has_all(error("{\"tokens\": [1, 2]}"), {"line 2: target_mask", "no such key"}));
  CHECK(has_all(error("{\"tokens\": [1,1,1,1,1], \"target_mask\": [0,0,0,0,1]}"),
                {"length of the sequence", "at most 4", "got 5"}));
  CHECK(has_all(error("{}"), {"line 2", "either tokens", "neither"}));
  CHECK(has_all(error("{\"tokens\": [1, 2], \"target_mask\": [0, 1], \"prompt\": \"a\"}"), {"line 2", "either tokens", "both"}));
  CHECK(has_all(error("[1, 2]"), {"line 2", "a JSON object"}));
  CHECK(has_all(error("{\"tokens\": [1"), {"line 2", "not valid JSON"}));
  CHECK(has_all(DataFile("").error(), {"data.jsonl", "a file without lines"}));
}

TEST_CASE("data: text goes to the tokenizer with the name of its line; without one it is an error", "[cli]") {
  DataFile const file("{\"prompt\": \"ab\", \"target\": \" c\"}\n");
  CHECK(has_all(file.error(), {"line 1", "no tokenizer"}));
  std::string seen;
  auto const examples = file.read([&](std::string const& prompt, std::string const& target, std::string const& name) {
    seen = prompt + "|" + target + "|" + name.substr(name.size() - 6);
    return Example{{1, 2}, {0, 1}};
  });
  CHECK(seen == "ab| c|line 1");
  CHECK(examples.size() == 1);
  auto const foreign = message_of([&] { file.read([](auto&&...) { return Example{{1, 10}, {0, 1}}; }); });
  CHECK(has_all(foreign, {"line 1", "ids of its tokens", "0 to 9", "got 10", "another model"}));
  for (auto const& none : {Example{}, Example{{1}, {0}}, Example{{}, {1}}}) {
    auto const message = message_of([&] { file.read([&](auto&&...) { return none; }); });
    CHECK(has_all(message, {"line 1", "target", "one token or more", "got none"}));
  }
}

TEST_CASE("data: a written line reads back as the example it was", "[cli]") {
  Example const e{{3, 0, 7}, {0, 1, 0}};
  CHECK(DataFile(data_line(e)).read()[0] == e);
}
