// SPDX-License-Identifier: MIT
// What patterns match is in patterns_test.cpp, with values of the library that defines it.
#include <chg/tokenizer/regex.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <thread>

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

TEST_CASE("regex: empty matches advance by a character, none stands where the match before ends, an empty text has none",
          "[tokenizer]") {
  CHECK(matches("x*", "\u65e5x") == Strings{"", "x"});
  CHECK(matches("", "ab").size() == 3);
  CHECK(matches("", "").empty());
  CHECK(matches(R"(\Ga|(?=b))", "aab") == Strings{"a", "a"});
}

TEST_CASE("regex: what no pattern is says so in Oniguruma's words", "[tokenizer]") {
  CHECK(has_all(complaint("a("), {"P", "a regular expression of Oniguruma", "end pattern with unmatched parenthesis"}));
  CHECK(has_all(complaint(R"(\p{Foo})"), {"P", "invalid character property name {Foo}"}));
  CHECK(has_all(complaint("a\xff"), {"P", "valid UTF-8"}));
  CHECK(has_all(complaint(std::string(20'001, 'a')), {"at most 20000 bytes"}));
  CHECK(has_all(complaint(std::string(9'000, '(') + std::string(9'000, ')')), {"P", "parse depth limit over"}));
  CHECK(matches(std::string(1'000, '(') + "a" + std::string(1'000, ')'), "ba") == Strings{"a"});
}

TEST_CASE("regex: effort is bounded, and the message says what to do", "[tokenizer]") {
  CHECK(has_all(message_of([] { matches("(a+)+[bx]", std::string(40, 'a') + "c"); }),
                {"P on a text of 41 bytes", "limits on effort", "retry-limit", "Cut"}));
  CHECK(matches(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", std::string(1'000'000, ' ') + "x").size() == 2);
  CHECK(matches("(?:a|b)+", std::string(1'000'000, 'a')).size() == 1);
}

TEST_CASE("regex: a match that \\K moves back into the one before is refused", "[tokenizer]") {
  CHECK(has_all(message_of([] { matches(R"(ab|(?<=a\Kb)c)", "abc"); }), {"P on a text of 3 bytes", "from byte 2 on", "\\K"}));
  CHECK(matches(R"(a\Kb)", "abab") == Strings{"b", "b"});
}

TEST_CASE("regex: threads compile and match at once", "[tokenizer]") {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  Regex const shared(R"(\p{L}+|\p{N}{1,3})", "P");
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        std::size_t count = 0;
        shared.each_match("ab 12345 \u65e5", [&](chg::tokenizer::Range) { ++count; });
        right += count == 4 && matches(R"((?i)stra\u00dfe|[[:punct:]])", "STRASSE!").size() == 2;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(right == 400);
}

TEST_CASE("regex: sets of characters are those of Unicode 16 and Oniguruma 6.9.10, whatever is installed", "[tokenizer]") {
  CHECK(matches(R"(\p{L}+)", "a\U00031350\U0001E030\U00010D50b-") == Strings{"a\U00031350\U0001E030\U00010D50b"});
  CHECK(matches(R"([^\s\p{L}\p{N}]+)", "\U00031350\U0001D2C0\U0001F6DC") == Strings{"\U0001F6DC"});
  CHECK(matches(R"(\w+)", "\u0897\U00010D69-") == Strings{"\u0897\U00010D69"});
  CHECK(matches(R"(\p{Han}+)", "\U00031350\u3001\U0002EBF0") == Strings{"\U00031350", "\U0002EBF0"});
  CHECK(matches(R"(\p{Cn}+)", "\U00031350\u0378") == Strings{"\u0378"});
  CHECK(matches("[[:alpha:]]+", "\u0363\u00b2") == Strings{"\u0363"});
  CHECK(matches("[[:punct:]]+", "a\u00a3$!") == Strings{"\u00a3$!"});
  CHECK(matches(R"(\p{Punct}+)", "a\u00a3$!") == Strings{"!"});
  CHECK(matches(R"([^[:^punct:]\p{Punct}]+)", "a\u00a3$!") == Strings{"\u00a3$"});
}

TEST_CASE("regex: where an older Oniguruma may match otherwise, a notice says so once", "[tokenizer]") {
  Strings said;
  auto const before = chg::set_notice_handler([&](std::string const& line) { said.push_back(line); });
  auto& library = chg::tokenizer::detail::onig();
  library.doubt_said = false;
  matches(R"((?i:'s|'t)|\p{L}+)", "\ua7cb\u0264");  // its letters have the same other cases in all versions
  matches(R"('(?i:[sdmt])|\p{L}+)", "'S\u0264\u019b");
  CHECK(said.empty());
  for (int i = 0; i < 2; ++i) matches("(?i)\u0264", "b\ua7cb\ua7da");
  CHECK(said.size() == (library.unicode < 160 ? 1 : 0));
  matches(R"(\p{Emoji}|\\X)", "b");
  matches(R"(\X)", "b");
  chg::set_notice_handler(before);
  if (library.unicode >= 160) return;
  REQUIRE(said.size() == 3);
  CHECK(has_all(said[0], {"U+A7CB", "Oniguruma", "Unicode 1", "16.0"}));
  CHECK(has_all(said[1], {"P names the property Emoji", "16.0"}));
  CHECK(has_all(said[2], {"\\X", "16.0"}));
}

TEST_CASE("regex: what an older Oniguruma misreads is found in a pattern", "[tokenizer]") {
  using chg::tokenizer::detail::misread_part;
  CHECK(misread_part(R"(a\R+)") == "\\R");
  CHECK(misread_part(R"(a\\R+)").empty());
  CHECK(misread_part("(a)(?(1)b|c)") == "(?(");
  CHECK(misread_part("(?L)a|ab") == "(?L");
  CHECK(misread_part("(?i-m:a)(?<CIL>b)(?=C)").empty());
  CHECK(misread_part(R"([\xC3\xA9\351])") == "\\xC3\\xA9\\351");
  CHECK(misread_part(R"(\xC3\xA9|\303\251|\x41|\101|\\xC3)").empty());
  CHECK(misread_part("[[:d:igit:]]") == "[:d:igit:]");
  CHECK(misread_part("[[:alpha:][:^punct:]a:]|[:;,]").empty());
  if (!chg::tokenizer::detail::onig().before_6_9_9) return;
  CHECK(has_all(complaint(R"(a\R)"), {"P", "Oniguruma 6.9", "\\R", "another way"}));
  CHECK(has_all(complaint(R"(\p{Word})"), {"P", "{Word}", "write \\w"}));
}
