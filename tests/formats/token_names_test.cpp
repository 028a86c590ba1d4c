// SPDX-License-Identifier: MIT
#include <chg/formats/token_names.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using chg::test::ordered;
using chg::test::message_of;

namespace {
std::vector<std::string> parse(std::string const& json) {
  return chg::formats::parse_token_names(chg::formats::parse_json(json, "FILE"), "FILE");
}
std::string complaint(std::string const& json) {
  return message_of([&] { parse(json); });
}
}  // namespace

TEST_CASE("token_names: entry i is the string of token i, with the added tokens among them", "[formats]") {
  using Names = std::vector<std::string>;
  REQUIRE(
      parse(
          R"({"model": {"type": "WordLevel", "vocab": {"cat": 2, "<bos>": 0, "\n": 1}}, "added_tokens": [{"id": 0, "content": "<bos>"}, {"id": 3, "content": "end"}]})") ==
      Names{"<bos>", "\n", "cat", "end"});
  REQUIRE(parse(R"({"model": {"type": "WordLevel", "vocab": {"a": 0}}})") == Names{"a"});
}

TEST_CASE("token_names: a vocabulary of another kind, or with holes, clashes or ids out of range, is refused", "[formats]") {
  CHECK(ordered(complaint(R"({"model": {"type": "BPE", "vocab": {}}})"), {"FILE: model: type", "WordLevel", "\"BPE\""}));
  CHECK(ordered(complaint(R"({"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 0}}})"), {"token 0", "one string"}));
  CHECK(
      ordered(complaint(R"({"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 2}}})"), {"vocab: b", "from 0 to 1", "got 2"}));
  CHECK(ordered(complaint(R"({"model": {"type": "WordLevel", "vocab": {"a": -1}}})"), {"got -1"}));
  CHECK(ordered(
      complaint(R"({"model": {"type": "WordLevel", "vocab": {"a": 0, "b": 2}}, "added_tokens": [{"id": 0, "content": "a"}]})"),
      {"token 1", "none"}));
  CHECK(ordered(complaint(R"({"vocab": {}})"), {"FILE: model", "no such key"}));
}
