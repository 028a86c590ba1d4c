// SPDX-License-Identifier: MIT
// Any bytes as a SentencePiece model.
#include <chg/tokenizer/sentencepiece.hpp>

#include "fuzz/tokenizer.hpp"

namespace {

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string field(unsigned number, std::string const& bytes) { return varint(number << 3 | 2) + varint(bytes.size()) + bytes; }
std::string field(unsigned number, std::uint64_t value) { return varint(number << 3) + varint(value); }
std::string piece(std::string const& string, float value, chg::tokenizer::PieceType type) {
  auto const score = varint(2 << 3 | 5) + std::string(reinterpret_cast<char const*>(&value), 4);
  return field(1, field(1, string) + score + field(3, static_cast<std::uint64_t>(type)));
}

}  // namespace

void chg::fuzz::read(std::string_view bytes) {
  encode_and_decode(tokenizer::sentencepiece_parts(tokenizer::parse_sentencepiece(bytes, "FILE"), "FILE"), kText);
}

std::vector<std::string> chg::fuzz::seeds() {
  using enum tokenizer::PieceType;
  auto const pieces = piece("<unk>", 0, unknown) + piece("<s>", 0, control) + piece("He", -1, normal) + piece("l", -2, normal) +
                      piece("ll", -1.5f, normal) + piece("\u2581", -3, normal) + piece("w\u00f6", 0, user_defined);
  std::string bytes;
  for (unsigned b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", b);
    bytes += piece(name, 0, byte);
  }
  auto const trie = std::string("\0\4\0\0", 4) + std::string(1024, '\1') + std::string("a\0", 2);  // a map of characters
  auto const normalizer = field(3, field(3, 1) + field(4, 1) + field(5, 1));
  return {pieces + field(2, field(3, 1)) + normalizer, pieces + field(2, field(3, 2) + field(24, 1)) + normalizer,
          pieces + bytes + field(2, field(3, 2) + field(35, 1)), pieces + field(3, field(2, trie))};
}
