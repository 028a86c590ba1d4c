// SPDX-License-Identifier: MIT
#include <chg/formats/text_file.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg::formats;
using chg::test::ordered;
using chg::test::message_of;

TEST_CASE("text_file: what is UTF-8 and what is not, by the table of RFC 3629", "[formats]") {
  // Every sequence of one and two bytes, and the bounds of longer ones.
  for (unsigned a = 0; a < 256; ++a) {
    CHECK(first_not_utf8(std::string{static_cast<char>(a)}).has_value() == (a >= 0x80));
    for (unsigned b = 0; b < 256; ++b) {
      std::string const two{static_cast<char>(a), static_cast<char>(b)};
      auto const valid = (a < 0x80 && b < 0x80) || (a >= 0xC2 && a < 0xE0 && b >= 0x80 && b < 0xC0);
      if (first_not_utf8(two).has_value() == valid) FAIL("bytes " << a << " " << b);
    }
  }
  for (auto const* valid :
       {"\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    CHECK_FALSE(first_not_utf8(valid));
  for (auto const* wrong : {"\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                            "\xE2\x82", "\xF0\x9F\x98", "\xE2\x82z", "\xF0\x9F\x98z"})
    CHECK(first_not_utf8(std::string("ab") + wrong) == 2);
}

TEST_CASE("text_file: a line is named where there are several", "[formats]") {
  CHECK(line_of("a\nb\nc", 2) == ", line 2");
  CHECK(line_of("a\nb\nc", 4) == ", line 3");
  CHECK(line_of("a\nb\nc", 5) == ", line 3");
  CHECK(line_of("abc\n", 2) == "");
  CHECK(line_of("", 0) == "");
}

TEST_CASE("text_file: the mark of UTF-8 is passed over, those of others are refused by name", "[formats]") {
  CHECK(text_without_mark("\xEF\xBB\xBF"
                          "a",
                          "F") == "a");
  CHECK(text_without_mark("a\xEF\xBB\xBF", "F") == "a\xEF\xBB\xBF");
  CHECK(text_without_mark("", "F").empty());
  for (auto const& wide : {std::string("\xFF\xFE"), std::string("\xFE\xFF\0a", 4), std::string("a\0", 2), std::string("\0a", 2)})
    CHECK(ordered(message_of([&] { text_without_mark(wide, "F"); }), {"F: encoding", "UTF-8", "UTF-16", "Save it as UTF-8"}));
  CHECK(ordered(message_of([] { check_utf8("a\nb\xE4", "F"); }), {"F, line 2: encoding", "0xE4"}));
}
