// SPDX-License-Identifier: MIT
// The steps before and after a model, at their edges; what they do to whole texts is in golden_test.cpp.
#include <chg/tokenizer/added_tokens.hpp>
#include <chg/tokenizer/decoder.hpp>
#include <chg/tokenizer/pre_tokenizer.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg::tokenizer;
using chg::test::has_all;
using chg::test::message_of;
using Strings = std::vector<std::string>;

namespace {
Strings words(PreTokenizerStep const& step, std::string const& text, bool starts_text = true) {
  Words w{text, {{0, text.size()}}, starts_text ? std::size_t{1} : 0};
  pre_tokenize({step}, w);
  Strings all;
  for (auto const range : w.ranges) all.emplace_back(w.word(range));
  return all;
}
}  // namespace

TEST_CASE("byte_level: 256 bytes have 256 characters, and go there and back", "[tokenizer]") {
  for (int b = 0; b < 256; ++b) {
    std::string const byte(1, static_cast<char>(b));
    std::string characters;
    append_byte_characters(characters, byte);
    CHECK(bytes_of_characters(characters) == byte);
  }
  CHECK(byte_characters()[' '] == "\u0120");
  CHECK(byte_characters()['\n'] == "\u010a");
  CHECK_FALSE(bytes_of_characters("a b").has_value());
  CHECK_FALSE(bytes_of_characters("\u65e5").has_value());
}

TEST_CASE("pre_tokenizer: a Split by its behaviours", "[tokenizer]") {
  auto const split = [](SplitBehavior behavior, bool invert = false) { return Split{std::string("-"), behavior, invert}; };
  CHECK(words(split(SplitBehavior::removed), "-a--b-") == Strings{"a", "b"});
  CHECK(words(split(SplitBehavior::isolated), "-a--b-") == Strings{"-", "a", "-", "-", "b", "-"});
  CHECK(words(split(SplitBehavior::merged_with_previous), "-a--b-") == Strings{"-", "a-", "-", "b-"});
  CHECK(words(split(SplitBehavior::merged_with_next), "-a--b-") == Strings{"-a", "-", "-b", "-"});
  CHECK(words(split(SplitBehavior::contiguous), "-a--b-") == Strings{"-", "a", "--", "b", "-"});
  CHECK(words(split(SplitBehavior::removed, true), "-a--b-") == Strings{"-", "-", "-", "-"});
  CHECK(words(Split{std::string(), SplitBehavior::isolated}, "a\u00e9b") == Strings{"a", "\u00e9", "b"});
  CHECK(words(Split{std::string(), SplitBehavior::merged_with_next}, "ab") == Strings{"a", "b"});
  CHECK(words(split(SplitBehavior::removed), "").empty());
}

TEST_CASE("pre_tokenizer: Metaspace puts its prefix where its scheme says", "[tokenizer]") {
  Metaspace m{"_", Metaspace::Prefix::first, false};
  CHECK(words(m, "a b") == Strings{"_a_b"});
  CHECK(words(m, "a b", false) == Strings{"a_b"});
  CHECK(words(m, " a") == Strings{"_a"});
  CHECK(words(m, "_a") == Strings{"_a"});
  m.prefix = Metaspace::Prefix::always, m.split = true;
  CHECK(words(m, "a  b", false) == Strings{"_a", "_", "_b"});
}

TEST_CASE("normalizer: Strip, Replace and Prepend at their edges", "[tokenizer]") {
  CHECK(normalized({StripStep{}}, "\u3000 \u00a0").empty());
  CHECK(normalized({StripStep{true, false}}, " a ") == "a ");
  CHECK(normalized({PrependStep{"_"}}, "").empty());
  CHECK(normalized({ReplaceStep{std::string("aa"), "b"}}, "aaa") == "ba");
  CHECK(normalized({ReplaceStep{std::string("a"), ""}}, "aa").empty());
  CHECK(normalized({ReplaceStep{std::string(), "b"}}, "aa") == "babab");
  CHECK(normalized({ReplaceStep{Regex("a*", "P"), "<>"}}, "aab") == "<>b<>");
  std::vector<NormalizerStep> const grows(5, ReplaceStep{std::string("a"), std::string(200, 'a')});
  CHECK(has_all(message_of([&] { normalized(grows, "a"); }), {"Replace", "at most 1000000000 bytes"}));
}

TEST_CASE("added_tokens: the longest at the leftmost place, and their white space", "[tokenizer]") {
  AddedTokens added;
  added.add({.content = "<a>", .id = 1, .special = true}, "<a>");
  added.add({.content = "<a>b", .id = 2}, "<a>b");
  added.add({.content = "[w]", .id = 3, .single_word = true}, "[w]");
  added.add({.content = "[l]", .id = 4, .lstrip = true, .rstrip = true}, "[l]");
  added.add({.content = "", .id = 5}, "");
  auto const parts = [&](std::string const& text, bool special = true) {
    Strings all;
    added.split(
        text, false, special, [&](AddedToken const& token) { all.push_back("#" + std::to_string(token.id)); },
        [&](std::size_t begin, std::size_t end) { all.push_back(text.substr(begin, end - begin)); });
    return all;
  };
  CHECK(parts("x<a>y<a>b") == Strings{"x", "#1", "y", "#2"});
  CHECK(parts("x<a>y", false) == Strings{"x<a>y"});
  CHECK(parts("[w] x[w] [w]\u00e9") == Strings{"#3", " x[w] [w]\u00e9"});
  CHECK(parts("a \u3000[l]\n b[l][l] ") == Strings{"a", "#4", "b", "#4", "#4"});
  CHECK(parts("").empty());
  CHECK(parts("<a") == Strings{"<a"});
}

TEST_CASE("added_tokens: white space that tokens take along takes no quadratic time", "[tokenizer]") {
  AddedTokens added;
  added.add({.content = " ", .id = 1, .rstrip = true}, " ");
  std::size_t tokens = 0, rest = 0;
  std::string const text = std::string(1 << 20, ' ') + "a";
  added.split(
      text, false, true, [&](AddedToken const&) { ++tokens; }, [&](std::size_t begin, std::size_t end) { rest += end - begin; });
  CHECK(tokens == 1 << 20);
  CHECK(rest == 1);
}

TEST_CASE("decoder: bytes of pieces, strips, and what is no byte", "[tokenizer]") {
  auto const text = [](std::vector<DecoderStep> const& steps, Strings const& strings) {
    DecodedPieces pieces;
    for (auto const& s : strings) pieces.push_back({s});
    return decoded(steps, pieces);
  };
  CHECK(text({DecodeByteFallback{}}, {"<0xE6>", "<0x97>", "<0xA5>", "<0xG0>", "<0x4>"}) == "\u65e5<0xG0><0x4>");
  CHECK(text({DecodeStrip{" ", 1, 2}}, {"  a   ", " "}) == " a ");
  CHECK(text({DecodeFirstSpace{}}, {" ", " a"}) == " a");
  CHECK(text({DecodeFirstSpace{true}}, {" ", "  a", " b"}) == " a b");
  CHECK(text({DecodeMetaspace{}}, {"\u2581a", "\u2581b"}) == "a b");
  CHECK(text({DecodeWords{}}, {"a", "b"}) == "a b");
  CHECK(text({DecodeByteLevel{}}, {"\u0120a", "<|x y|>"}) == " a<|x y|>");
  CHECK(text({DecodeByteLevel{}}, {"\u00c3", "\u00a9", "\u00c3"}) == "\u00e9\xc3");
  // What follows reads text: the bytes that are none are U+FFFD by then.
  CHECK(text({DecodeByteLevel{}, DecodeReplace{{Regex("[^a]", "P"), "-"}}}, {"\u00c3", "a"}) == "-a");
  CHECK(text({DecodeByteFallback{}}, {"<0xE6>", "<0x97>", "a", "<0xE6>", "<0x97>", "<0xA5>"}) == "\uFFFD\uFFFDa\u65e5");
  CHECK(text({DecodeByteFallback{.keep_bytes = true}}, {"<0xE6>", "<0x97>"}) == "\xe6\x97");
  CHECK(text({DecodeWordPiece{"##", true}}, {"##do", "n't", "##s", "."}) == "##don'ts.");
  CHECK(text({DecodeSuffix{}}, {"a</w>", "b", "c</w>"}) == "a bc");
  CHECK(text({DecodeCtc{}}, {"a", "a", "<pad>", "a", "|", "|", "b"}) == "aa b");
  CHECK(text({DecodeFuse{}}, {}).empty());
}
