// SPDX-License-Identifier: MIT
// Any bytes as vocab.json (the first line) and merges.txt (the others). The first byte chooses the pattern; a text to encode
// follows the last zero byte.
#include <chg/tokenizer/ranks.hpp>

#include "fuzz/tokenizer.hpp"

void chg::fuzz::read(std::string_view bytes) {
  if (bytes.empty()) return;
  auto const& pattern = tokenizer::named_patterns[static_cast<unsigned char>(bytes.front()) % tokenizer::named_patterns.size()];
  FileAndText const input(bytes.substr(1));
  auto const vocab = input.file.substr(0, input.file.find('\n'));
  auto const merges = input.file.substr(std::min(vocab.size() + 1, input.file.size()));
  auto const json = formats::parse_json(vocab, "VOCAB", {.bytes = 100'000});
  encode_and_decode(tokenizer::parse_vocab_merges(json, merges, pattern, "VOCAB", "MERGES"), input.text);
}

std::vector<std::string> chg::fuzz::seeds() {
  std::vector<std::string> all;
  for (unsigned pattern = 0; pattern < tokenizer::named_patterns.size(); ++pattern)
    all.push_back(static_cast<char>(pattern) +
                  std::string("{\"a\": 0, \"b\": 1, \"ab\": 2, \"\u0120\": 3, \"<|endoftext|>\": 4, \"\u0120ab\": 5}\n"
                              "#version: 0.2\na b\n\u0120 ab\n") +
                  std::string("\0abb ab<|endoftext|>", 20));
  return all;
}
