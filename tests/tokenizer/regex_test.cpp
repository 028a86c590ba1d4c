// SPDX-License-Identifier: MIT
#include <chg/tokenizer/regex.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using chg::test::has_all;
using chg::test::message_of;
using chg::tokenizer::Regex;

namespace {
std::vector<std::string> matches(std::string const& pattern, std::string const& text) {
  std::vector<std::string> all;
  Regex(pattern, "P").each_match(text, [&](chg::tokenizer::Range r) { all.push_back(text.substr(r.begin, r.end - r.begin)); });
  return all;
}
std::string complaint(std::string const& pattern) {
  return message_of([&] { Regex(pattern, "P"); });
}
using Strings = std::vector<std::string>;
}  // namespace

TEST_CASE("regex: classes mean what they mean in Oniguruma", "[tokenizer]") {
  CHECK(matches(R"(\s+)", "a\u0085\u00a0b\u180ec\u3000") == Strings{"\u0085\u00a0", "\u3000"});
  CHECK(matches(R"([^\s\d]+)", "a1 \u0663b") == Strings{"a", "b"});
  CHECK(matches(R"(\w+)", "a\u0301_\u203f\u00b2-\u2460") == Strings{"a\u0301_\u203f\u00b2"});
  CHECK(matches(R"([\w-]+|\W)", "a-b!") == Strings{"a-b", "!"});
  CHECK(matches(R"(\h+)", "xBEEf") == Strings{"BEEf"});
  CHECK(matches(R"(\H)", "ax") == Strings{"x"});
  CHECK(matches("[\\u4e00-\\u9fff]+", "a\u65e5\u672c") == Strings{"\u65e5\u672c"});
  CHECK(matches("[[:alpha:]]+", "ab1") == Strings{"ab"});
  CHECK(matches("[]a]+", "a]b") == Strings{"a]"});
  CHECK(matches("(?i:'s)", "'S '\u017f") == Strings{"'S", "'\u017f"});
}

TEST_CASE("regex: a repeated repetition is not possessive, lines begin and end anywhere, a dot stops at a line feed",
          "[tokenizer]") {
  CHECK(matches(R"(\p{N}{1,3}+)", "1234567") == Strings{"1234567"});
  CHECK(matches(R"(x\p{N}{0,2}+y)", "x1234y") == Strings{"x1234y"});
  CHECK(matches(R"(\p{L}++x|a)", "aax") == Strings{"a", "a"});
  CHECK(matches("^a$", "a\nb\na") == Strings{"a", "a"});
  CHECK(matches("a.c", "a\ncabc").size() == 1);
}

TEST_CASE("regex: empty matches advance by a character", "[tokenizer]") {
  CHECK(matches("x*", "\u65e5x") == Strings{"", "x"});
  CHECK(matches("", "ab").size() == 3);
}

TEST_CASE("regex: what the two libraries read differently is refused by name", "[tokenizer]") {
  CHECK(has_all(complaint("[a[bc]]"), {"P", "brackets inside brackets"}));
  CHECK(has_all(complaint("[a-z&&[^b]]"), {"&&"}));
  CHECK(has_all(complaint("(?m)a"), {"(?m"}));
  CHECK(has_all(complaint(R"([\W])"), {"\\W inside brackets"}));
  CHECK(has_all(complaint(R"([\H])"), {"\\H inside brackets"}));
  CHECK(has_all(complaint(R"(a\Kb)"), {"\\K"}));
  CHECK(has_all(complaint(R"(a{2,3}+)"), {"{2,3}+"}));
  CHECK(has_all(complaint("a("), {"P", "a regular expression", "at byte"}));
  CHECK(has_all(complaint("a\xff"), {"P", "valid UTF-8"}));
  CHECK(has_all(complaint(std::string(20'001, 'a')), {"at most 20000 bytes"}));
  CHECK(has_all(complaint(std::string(60, '(') + std::string(60, ')')), {"P"}));
  CHECK(has_all(complaint("(((a{1,500}){1,500}){1,500})"), {"P", "too large"}));
}

TEST_CASE("regex: effort is bounded, and the message says what to do", "[tokenizer]") {
  CHECK(has_all(message_of([] { matches("(a+)+[bx]", std::string(40, 'a') + "c"); }),
                {"P on a text of 41 bytes", "limits on effort", "Cut"}));
  CHECK(matches(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", std::string(1'000'000, ' ') + "x").size() == 2);
  CHECK(matches("(?:a|b)+", std::string(1'000'000, 'a')).size() == 1);
}
