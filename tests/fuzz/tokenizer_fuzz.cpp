// SPDX-License-Identifier: MIT
// Any bytes as a tokenizer file: they are read, or refused with a chg::Error, and what was read encodes and decodes.
//
// The first byte chooses the format, the rest is the file; in text formats a text to encode follows the last zero byte.
#include <chg/tokenizer/load_tokenizer.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

namespace t = chg::tokenizer;

t::Parts read(unsigned format, std::string_view file) {
  auto const& pattern = t::named_patterns[format / 4 % t::named_patterns.size()];
  if (format % 4 == 0) return t::parse_tokenizer_json(chg::formats::parse_json(file, "FILE", {.bytes = 100'000}), "FILE");
  if (format % 4 == 1) return t::sentencepiece_parts(t::parse_sentencepiece(file, "FILE"), "FILE");
  if (format % 4 == 2) return t::parse_ranks(file, pattern, "FILE");
  auto const vocab = file.substr(0, file.find('\n'));
  auto const merges = file.substr(std::min(vocab.size() + 1, file.size()));
  return t::parse_vocab_merges(chg::formats::parse_json(vocab, "VOCAB"), merges, pattern, "VOCAB", "MERGES");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 2 || size > 100'000) return 0;
  std::string_view bytes(reinterpret_cast<char const*>(data) + 1, size - 1);
  auto const last_zero = bytes.rfind('\0');
  auto const text =
      last_zero == std::string_view::npos ? std::string_view("Hello <s> w\u00f6rld  12345") : bytes.substr(last_zero + 1);
  auto const file = data[0] % 4 == 1 ? bytes : bytes.substr(0, last_zero);
  try {
    chg::Tokenizer const tokenizer(read(data[0], file));
    for (auto const special : {chg::SpecialTokens::recognised, chg::SpecialTokens::plain_text}) {
      auto const ids = tokenizer.encode(text, {.special = special});
      for (auto const id : ids)
        if (!tokenizer.contains(id)) std::abort();
      tokenizer.decode(ids);
    }
  } catch (chg::Error const&) {
  }
  return 0;
}
