// SPDX-License-Identifier: MIT
// Byte-level vocabularies without a pre-tokenizer: tiktoken ranks, a line "BASE64 RANK" for each token, and vocab.json with
// merges.txt. The pre-tokenizer comes from outside, by name (named_patterns.hpp).
#pragma once

#include <chg/tokenizer/base64.hpp>
#include <chg/tokenizer/named_patterns.hpp>
#include <chg/tokenizer/tokenizer.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::tokenizer {

namespace detail {

/// Calls read(line, number) for every line that is not empty, counted from 1, without its line feed and carriage return.
template <class Read>
void each_line(std::string_view bytes, Read&& read) {
  for (std::size_t number = 1; !bytes.empty(); ++number) {
    auto const end = std::min(bytes.find('\n'), bytes.size());
    auto line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) read(line, number);
  }
}

/// The special tokens of Llama 3, whose rank file leaves them out; ids count from the number of ranks on. The names of the five
/// that chats are made of are those of every release; the others are those of Llama 3.1 and 3.2.
inline void add_llama3_special_tokens(Parts& parts, Index first, std::string const& name) {
  static constexpr std::array<std::string_view, 11> named{"<|begin_of_text|>",
                                                          "<|end_of_text|>",
                                                          "",
                                                          "",
                                                          "<|finetune_right_pad_id|>",
                                                          "",
                                                          "<|start_header_id|>",
                                                          "<|end_header_id|>",
                                                          "<|eom_id|>",
                                                          "<|eot_id|>",
                                                          "<|python_tag|>"};
  for (Index i = 0, reserved = 0; i < 256; ++i) {
    auto const known = i < static_cast<Index>(named.size()) ? named[static_cast<std::size_t>(i)] : std::string_view();
    auto const content = known.empty() ? "<|reserved_special_token_" + std::to_string(reserved++) + "|>" : std::string(known);
    add_token(parts, {.content = content, .special = true}, first + i, name);
  }
  parts.bos = static_cast<Token>(first);
  parts.before = {*parts.bos};
}

}  // namespace detail

/// Whether the bytes of a tokenizer.model are tiktoken ranks; a SentencePiece model begins with the byte 0x0A.
inline bool looks_like_ranks(std::string_view bytes) {
  auto const line = bytes.substr(0, std::min<std::size_t>(bytes.find('\n'), 8192));
  auto const space = line.find(' ');
  return space != std::string_view::npos && detail::from_base64(line.substr(0, space)).has_value();
}

/// Reads tiktoken ranks; `name` stands for them in errors. With the pattern llama3 the special tokens of Llama 3 and its BOS are
/// added. Throws Error for a line that is not "BASE64 RANK", a rank or a token that is there twice, and a byte that is no token.
inline Parts parse_ranks(std::string_view bytes, NamedPattern const& pattern, std::string const& name) {
  std::size_t lines = 1;
  for (auto const c : bytes) lines += c == '\n';
  Vocabulary vocabulary(lines);
  PieceBpeOptions options;
  options.from_bytes = true;
  PieceBpe bpe(options);
  StringMap<Token> seen;
  std::array<bool, 256> single{};
  detail::each_line(bytes, [&](std::string_view line, std::size_t number) {
    auto const space = line.find(' ');
    auto const token = detail::from_base64(line.substr(0, space));
    Index rank = -1;
    auto const digits = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    auto const whole = error == std::errc() && end == digits.data() + digits.size();
    if (!token || !whole || rank < 0 || rank > vocabulary.highest_id())
      throw Error({name + ": line " + std::to_string(number),
                   text("a token in base64, a space and a rank from 0 to ", vocabulary.highest_id()), formats::in_quotes(line),
                   "The file is damaged, or is no list of tiktoken ranks."});
    if (!seen.emplace(*token, static_cast<Token>(rank)).second)
      throw Error({name + ": line " + std::to_string(number), "a token that is not there yet", formats::in_quotes(line), ""});
    std::string characters;
    append_byte_characters(characters, *token);
    vocabulary.add(characters, rank, name);
    bpe.add_piece(*token, static_cast<Token>(rank), static_cast<std::uint32_t>(rank));
    if (token->size() == 1) single[static_cast<unsigned char>(token->front())] = true;
  });
  for (std::size_t b = 0; b < single.size(); ++b) check(single[b], name, "a token for every byte", text("none for the byte ", b));

  auto const ranks = vocabulary.size();
  Parts parts{TokenizerKind::byte_level_bpe, std::move(bpe), std::move(vocabulary)};
  if (pattern.compose) parts.normalizer.emplace_back(NormalFormStep{NormalForm::nfc});
  parts.pre_tokenizer = named_pre_tokenizer(pattern, false);
  parts.decoder.emplace_back(DecodeByteLevel{});
  parts.added_are_spelled = true;
  if (pattern.name == "llama3") detail::add_llama3_special_tokens(parts, ranks, name);
  return parts;
}

/// A byte-level BPE of a vocabulary whose pieces are spelled in printable characters, and its merges "a b" by rank; without the
/// steps before it.
inline Parts merges_parts(Vocabulary vocabulary, std::vector<std::string_view> const& merges, bool whole_words_first,
                          std::string const& name) {
  PairBpe bpe({.drop_unknown = true, .ignore_merges = whole_words_first}, vocabulary, merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    auto const space = merges[rank].find(' ');
    if (space == std::string_view::npos || merges[rank].find(' ', space + 1) != std::string_view::npos)
      throw Error(
          {name + ": merge " + std::to_string(rank), "two pieces with a space between", formats::in_quotes(merges[rank]), ""});
    bpe.add_merge(vocabulary, merges[rank].substr(0, space), merges[rank].substr(space + 1), static_cast<std::uint32_t>(rank),
                  name);
  }
  Parts parts{TokenizerKind::byte_level_bpe, std::move(bpe), std::move(vocabulary)};
  parts.decoder.emplace_back(DecodeByteLevel{});
  return parts;
}

/// Puts the steps of a name before the model.
inline void add_named_steps(Parts& parts, NamedPattern const& pattern) {
  if (pattern.compose) parts.normalizer.emplace_back(NormalFormStep{NormalForm::nfc});
  parts.pre_tokenizer = named_pre_tokenizer(pattern, true);
}

/// Reads vocab.json (ids by piece) and merges.txt (a merge a line, after a line "#version: ..." where there is one). GPT-2's
/// <|endoftext|> is a special token where the vocabulary has it; with the pattern llama3 and no special tokens those of Llama 3
/// follow the vocabulary.
inline Parts parse_vocab_merges(nlohmann::json const& vocab, std::string_view merges, NamedPattern const& pattern,
                                std::string const& vocab_name, std::string const& merges_name) {
  check(vocab.is_object(), vocab_name, "an object of ids", formats::shown(vocab));
  Vocabulary vocabulary(vocab.size() + 256);
  formats::JsonObject const object(vocab, vocab_name);
  for (auto const& item : vocab.items())
    vocabulary.add(item.key(), object.integer(item.key(), 0, vocabulary.highest_id()), vocab_name);
  std::vector<std::string_view> lines;
  detail::each_line(merges, [&](std::string_view line, std::size_t number) {
    if (number > 1 || !line.starts_with("#version")) lines.push_back(line);
  });
  auto const size = vocabulary.size();
  auto parts = merges_parts(std::move(vocabulary), lines, pattern.whole_words_first, merges_name);
  add_named_steps(parts, pattern);
  if (auto const end = parts.vocabulary.find("<|endoftext|>"); end != no_token) {
    add_token(parts, {.content = "<|endoftext|>", .special = true}, end, vocab_name);
    if (pattern.name == "gpt2") parts.bos = end;
  }
  if (pattern.name == "llama3" && parts.vocabulary.find("<|begin_of_text|>") == no_token)
    detail::add_llama3_special_tokens(parts, size, vocab_name);
  return parts;
}

}  // namespace chg::tokenizer
