// SPDX-License-Identifier: MIT
#include <chg/tokenizer/sentencepiece.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg::tokenizer;
using chg::test::has_all;
using chg::test::message_of;

namespace {

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string field(unsigned number, std::string const& bytes) { return varint(number << 3 | 2) + varint(bytes.size()) + bytes; }
std::string field(unsigned number, std::uint64_t value) { return varint(number << 3) + varint(value); }
std::string score(float value) { return varint(2 << 3 | 5) + std::string(reinterpret_cast<char const*>(&value), 4); }
std::string piece(std::string const& string, float value, PieceType type) {
  return field(1, field(1, string) + score(value) + field(3, static_cast<std::uint64_t>(type)));
}
std::string const kUnknown = piece("<unk>", 0, PieceType::unknown);

std::string complaint(std::string const& bytes) {
  return message_of([&] { sentencepiece_parts(parse_sentencepiece(bytes, "F"), "F"); });
}
chg::Tokenizer tokenizer_of(std::string const& bytes) {
  return chg::Tokenizer(sentencepiece_parts(parse_sentencepiece(bytes, "F"), "F"));
}

}  // namespace

TEST_CASE("protobuf: damage is refused with the field and the place", "[tokenizer]") {
  CHECK(has_all(complaint("\x0a"), {"F: field", "the end of the data"}));
  CHECK(has_all(complaint("\x0a\x05xx"), {"at most the 2 bytes that follow", "got 5"}));
  CHECK(has_all(complaint(std::string(11, '\xff')), {"at most 10 bytes"}));
  CHECK(has_all(complaint("\x0b"), {"wire type of 0, 1, 2 or 5", "got 3"}));
  CHECK(has_all(complaint(std::string("\0\0", 2)), {"field number from 1"}));
  CHECK(has_all(complaint(varint(0x20000000ull << 3 | 5) + "xxxx"), {"field number", "536870912"}));
  CHECK(has_all(complaint("\x08\x01"), {"a length and bytes", "wire type 0"}));
  CHECK(has_all(complaint(field(1, field(1, 7))), {"F: piece 0", "a length and bytes"}));
  CHECK(has_all(complaint("\x0a" + varint(std::uint64_t{1} << 60)), {"got 1152921504606846976"}));
}

TEST_CASE("sentencepiece model: pieces and settings out of bounds are refused by name", "[tokenizer]") {
  CHECK(has_all(complaint(""), {"F: pieces", "got none"}));
  CHECK(has_all(complaint(field(1, score(1))), {"F: piece 0: its string"}));
  CHECK(has_all(complaint(piece("\xff", 0, PieceType::normal)), {"valid UTF-8"}));
  CHECK(has_all(complaint(piece("a", std::numeric_limits<float>::infinity(), PieceType::normal)), {"its score", "finite"}));
  CHECK(has_all(complaint(piece("a", 0, static_cast<PieceType>(7))), {"a type of piece from 1 to 6", "got 7"}));
  CHECK(has_all(complaint(kUnknown + field(2, field(3, 5))), {"trainer_spec", "a model type from 1 to 4"}));
  CHECK(has_all(complaint(kUnknown + field(2, field(3, 3))), {"BPE or unigram", "got word"}));
  CHECK(has_all(complaint(kUnknown + field(2, field(3, 4))), {"got char"}));
  CHECK(has_all(complaint(kUnknown + field(2, field(3, std::uint64_t{1} << 40))), {"a 32-bit number"}));
  CHECK(has_all(complaint(kUnknown + field(5, field(2, "xxxx"))), {"denormalizer_spec", "not supported"}));
  CHECK(has_all(complaint(piece("a", 0, PieceType::normal)), {"type unknown", "got none"}));
  CHECK(has_all(complaint(kUnknown + piece("x", 0, PieceType::unknown)), {"type unknown", "two or more"}));
  CHECK(has_all(complaint(kUnknown + kUnknown), {"piece 1", "a string of its own"}));
  CHECK(has_all(complaint(kUnknown + field(2, field(35, 1))), {"byte_fallback", "256 pieces"}));
}

TEST_CASE("sentencepiece: a map of characters is checked, and a damaged one stays within bounds", "[tokenizer]") {
  auto const with_map = [](std::string const& map) {
    return kUnknown + piece("a", -1, PieceType::normal) + field(3, field(2, map));
  };
  CHECK(has_all(complaint(with_map("xx")), {"precompiled_charsmap", "4 bytes or more"}));
  CHECK(has_all(complaint(with_map(std::string("\x08\0\0\0", 4) + std::string(20, 'x'))), {"size of the trie"}));
  auto const trie = std::string("\0\4\0\0", 4);
  CHECK(has_all(complaint(with_map(trie + std::string(1024, 'x') + "ab")), {"last byte"}));
  CHECK(has_all(complaint(with_map(trie + std::string(1024, 'x') + std::string("\xff\0", 2))), {"replacements", "valid UTF-8"}));
  for (auto const fill : {'\0', '\xff', 'a', '\x01'})
    for (auto const* text : {"a", "hello", "\u65e5\u672c", ""})
      tokenizer_of(with_map(trie + std::string(1024, fill) + std::string(1, '\0'))).encode(text);
}

TEST_CASE("sentencepiece: a user-defined symbol of a unigram model scores a tenth below its bytes at their best", "[tokenizer]") {
  auto const with_h = [](float h) {
    return tokenizer_of(kUnknown + piece("he", 0, PieceType::user_defined) + piece("h", h, PieceType::normal) +
                        piece("e", -1, PieceType::normal) + field(3, field(3, std::uint64_t{0})));
  };
  using Ids = std::vector<chg::Token>;
  CHECK(with_h(-1.2F).encode("he") == Ids{1});
  CHECK(with_h(-1.0F).encode("he") == Ids{2, 3});
}

TEST_CASE("sentencepiece: control pieces are special in a text unless it is plain", "[tokenizer]") {
  auto const tokenizer =
      tokenizer_of(kUnknown + piece("<s>", 0, PieceType::control) + piece("\u2581", -1, PieceType::normal) +
                   piece("a", -2, PieceType::normal) + piece("\u2581a", -0.5, PieceType::normal) + field(2, field(3, 2)));
  using Ids = std::vector<chg::Token>;
  CHECK(tokenizer.adds_bos());
  CHECK(tokenizer.encode("a<s>a") == Ids{1, 4, 1, 4});
  CHECK(tokenizer.encode("a", {.bos = chg::Bos::off}) == Ids{4});
  CHECK(tokenizer.encode("a<s>", {.bos = chg::Bos::off, .special = chg::SpecialTokens::plain_text}) == Ids{4, 0});
  CHECK(tokenizer.encode("") == Ids{1});
  CHECK(tokenizer.decode(Ids{1, 4, 4}) == "<s> a a");
  CHECK(tokenizer.decode(Ids{1, 4, 4}, {.skip_special = true}) == "a a");
  auto const m = parse_sentencepiece(kUnknown + piece("<s>", 0, PieceType::control) + piece("\u2581", -1, PieceType::normal) +
                                         piece("a", -2, PieceType::normal) + field(2, field(3, 2)),
                                     "F");
  chg::Tokenizer const first(sentencepiece_parts(m, "F", {.add_bos = false, .prefix_every_part = false}));
  CHECK(first.encode("a<s>a") == Ids{2, 3, 1, 3});
  CHECK(first.encode("a", {.bos = chg::Bos::on}) == Ids{1, 2, 3});
  CHECK(has_all(message_of([&] { sentencepiece_parts(parse_sentencepiece(kUnknown, "F"), "F", {.add_bos = true}); }),
                {"add_bos_token"}));
  CHECK(has_all(message_of([&] { tokenizer_of(kUnknown).encode("a", {.bos = chg::Bos::on}); }),
                {"beginning of a text", "--bos off"}));
}
