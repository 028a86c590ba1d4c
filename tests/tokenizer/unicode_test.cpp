// SPDX-License-Identifier: MIT
#include <chg/tokenizer/character_classes.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

namespace t = chg::tokenizer;
using chg::test::has_all;
using chg::test::message_of;

TEST_CASE("unicode: a text that is not UTF-8 is refused at its first bad byte", "[tokenizer]") {
  CHECK(has_all(message_of([] { t::check_text("ab\xff", "a text"); }), {"a text", "valid UTF-8", "offset 2"}));
  CHECK(has_all(message_of([] { t::check_text("\xed\xa0\x80", "a text"); }), {"offset 0"}));       // a surrogate
  CHECK(has_all(message_of([] { t::check_text("\xc0\x80", "a text"); }), {"offset 0"}));           // an overlong form
  CHECK(has_all(message_of([] { t::check_text("x\xf4\x90\x80\x80", "a text"); }), {"offset 1"}));  // beyond U+10FFFF
  CHECK(has_all(message_of([] { t::check_text("\xe6\x97", "a text"); }), {"offset 0"}));           // cut short
  CHECK(has_all(message_of([] { t::check_text(std::string(t::longest_text + 1, 'a'), "a text"); }), {"at most 100000000 bytes"}));
  t::check_text(std::string("\0\x7f\xf4\x8f\xbf\xbf", 6), "a text");
}

TEST_CASE("unicode: characters are read and written at both ends", "[tokenizer]") {
  for (char32_t c : {0x0u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    t::append_character(text, c);
    CHECK(t::character_length(text.front()) == text.size());
    CHECK(t::first_character(text + "x") == c);
    CHECK(t::last_character("x" + text) == c);
    CHECK(t::last_character(text) == c);
  }
}

TEST_CASE("unicode: valid_utf8 puts U+FFFD for each longest invalid part", "[tokenizer]") {
  CHECK(t::valid_utf8("a\xe6\x97z") == "a\ufffdz");
  CHECK(t::valid_utf8("\xff\xfe") == "\ufffd\ufffd");
  CHECK(t::valid_utf8("\u65e5") == "\u65e5");
}

TEST_CASE("unicode: normal forms and lower case", "[tokenizer]") {
  CHECK(t::normal_form("e\u0301", t::NormalForm::nfc) == "\u00e9");
  CHECK(t::normal_form("\u00e9", t::NormalForm::nfd) == "e\u0301");
  CHECK(t::normal_form("\ufb01\u00bd", t::NormalForm::nfkc) == "fi1\u20442");
  CHECK(t::normal_form("\ufb01\u00e9", t::NormalForm::nfkd) == "fie\u0301");
  CHECK(t::normal_form("", t::NormalForm::nfc).empty());
  CHECK(t::lowercase("AZ\u00c9\u03a3 \u03a3") == "az\u00e9\u03c3 \u03c3");
  CHECK(t::lowercase("\u0130") == "i\u0307");
}

TEST_CASE("unicode: white space and word characters", "[tokenizer]") {
  for (char32_t c : {0x20u, 0x9u, 0x85u, 0xA0u, 0x2028u, 0x3000u}) CHECK(t::is_space(c));
  for (char32_t c : {0x200Bu, 0x180Eu, 0xFEFFu, 0x41u}) CHECK_FALSE(t::is_space(c));
  for (char32_t c : {0x41u, 0x5Fu, 0x301u, 0x663u, 0x65E5u, 0x200Du}) CHECK(t::is_word(c));
  for (char32_t c : {0x2Du, 0x20u, 0xB2u}) CHECK_FALSE(t::is_word(c));
}
