// SPDX-License-Identifier: MIT
// Any bytes as tiktoken ranks. The first byte chooses the pattern; a text to encode follows the last zero byte.
//
// A list without all 256 bytes is refused, so those that the input leaves out may be added: its first byte says so too.
#include <chg/tokenizer/ranks.hpp>

#include "fuzz/tokenizer.hpp"

namespace {

std::string base64(std::string const& bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string code;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) code += i + k > bytes.size() ? '=' : alphabet[bits >> (18 - 6 * k) & 63];
  }
  return code;
}
std::string all_bytes() {
  std::string lines;
  for (int b = 0; b < 256; ++b) lines += base64(std::string(1, static_cast<char>(b))) + " " + std::to_string(b) + "\n";
  return lines;
}

}  // namespace

void chg::fuzz::read(std::string_view bytes) {
  if (bytes.empty()) return;
  auto const choice = static_cast<unsigned char>(bytes.front());
  FileAndText const input(bytes.substr(1));
  auto const file = (choice & 128 ? all_bytes() : "") + std::string(input.file);
  auto const& pattern = tokenizer::named_patterns[choice % 128 % tokenizer::named_patterns.size()];
  static_cast<void>(tokenizer::looks_like_ranks(file));
  encode_and_decode(tokenizer::parse_ranks(file, pattern, "FILE"), input.text);
}

std::vector<std::string> chg::fuzz::seeds() {
  auto const more = base64("He") + " 256\n" + base64("ll") + " 257\r\n" + base64("Hell") + " 258\n";
  std::vector<std::string> all = {"\1" + all_bytes() + more};
  for (unsigned pattern = 0; pattern < tokenizer::named_patterns.size(); ++pattern)
    all.push_back(static_cast<char>(128 + pattern) + more + std::string("\0Hello  w\u00f6rld's 1234\n", 22));
  return all;
}
