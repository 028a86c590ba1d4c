// SPDX-License-Identifier: MIT
// Cutting a text into the words that a model encodes one by one: the pre_tokenizer of a tokenizer.json, step by step.
#pragma once

#include <chg/tokenizer/byte_level.hpp>
#include <chg/tokenizer/character_classes.hpp>
#include <chg/tokenizer/regex.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace chg::tokenizer {

/// A text and the words in it, in order. Bytes between words belong to none.
struct Words {
  std::string text;
  std::vector<Range> ranges;
  std::size_t start = 0;  ///< bytes at the beginning that stand for the first character of the whole text that is encoded

  std::string_view word(Range range) const { return std::string_view(text).substr(range.begin, range.end - range.begin); }
};

/// What happens to the separators that a Split finds. `contiguous`: neighbours of one sort stay together.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// A set of characters.
using CharacterSet = bool (*)(char32_t);

/// Splits every word where a pattern matches: a regular expression, a string taken literally, which matches between all characters
/// when it is empty, or each character of a set.
struct Split {
  std::variant<Regex, std::string, CharacterSet> pattern;
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;  ///< what does not match is the separator

  void operator()(Words& words) const {
    std::vector<Range> cut;
    std::vector<Part> parts;
    for (auto const range : words.ranges) {
      parts.clear();
      find_parts(words.word(range), parts);
      for (auto& part : parts) {
        part.range = {part.range.begin + range.begin, part.range.end + range.begin};
        part.separator = part.separator != invert;
      }
      join(parts, cut);
    }
    words.ranges = std::move(cut);
  }

 private:
  struct Part {
    Range range;
    bool separator;
  };

  void find_parts(std::string_view word, std::vector<Part>& parts) const {
    std::size_t end = 0;
    auto const found = [&](Range match) {
      if (match.begin > end) parts.push_back({{end, match.begin}, false});
      parts.push_back({match, true});
      end = match.end;
    };
    if (auto const* regex = std::get_if<Regex>(&pattern)) {
      regex->each_match(word, found);
    } else if (auto const* set = std::get_if<CharacterSet>(&pattern)) {
      for (std::size_t at = 0; at < word.size();) {
        auto const length = character_length(word[at]);
        if ((*set)(first_character(word.substr(at)))) found({at, at + length});
        at += length;
      }
    } else if (auto const& literal = std::get<std::string>(pattern); literal.empty()) {
      for (std::size_t at = 0; at < word.size(); at += character_length(word[at])) found({at, at});
      found({word.size(), word.size()});
    } else {
      for (auto at = word.find(literal); at != std::string_view::npos; at = word.find(literal, at + literal.size()))
        found({at, at + literal.size()});
    }
    if (end < word.size()) parts.push_back({{end, word.size()}, false});
  }

  void join(std::vector<Part> const& parts, std::vector<Range>& out) const {
    auto const add = [&](Range range) {
      if (range.begin != range.end) out.push_back(range);
    };
    auto const count = parts.size();
    for (std::size_t i = 0; i < count; ++i) {
      auto range = parts[i].range;
      auto const separator = parts[i].separator;
      switch (behavior) {
        case SplitBehavior::removed:
          if (!separator) add(range);
          break;
        case SplitBehavior::isolated: add(range); break;
        case SplitBehavior::merged_with_previous:
          if (!separator && i + 1 < count && parts[i + 1].separator) range.end = parts[++i].range.end;
          add(range);
          break;
        case SplitBehavior::merged_with_next:
          if (separator && i + 1 < count && !parts[i + 1].separator) range.end = parts[++i].range.end;
          add(range);
          break;
        case SplitBehavior::contiguous:
          while (i + 1 < count && parts[i + 1].separator == separator) range.end = parts[++i].range.end;
          add(range);
          break;
      }
    }
  }
};

/// Builds a new text out of the words of another one: before(word, at the start of the text) is put in front of each, and
/// write(part, out) writes a part of a word.
template <class Before, class Write>
void rewrite_words(Words& words, Before&& before, Write&& write) {
  std::string out;
  out.reserve(words.text.size() + words.text.size() / 2 + words.ranges.size());
  std::size_t start = 0;
  for (auto& range : words.ranges) {
    auto const word = words.word(range);
    auto const first = range.begin < words.start ? std::min(words.start, range.end) - range.begin : 0;
    auto const begin = out.size();
    out += before(word, first > 0);
    write(word.substr(0, first), out);
    if (first > 0) start = out.size();
    write(word.substr(first), out);
    range = {begin, out.size()};
  }
  words.text = std::move(out);
  words.start = start;
}

/// Splits by GPT-2's pattern if asked to, then writes every byte as its printable character.
struct ByteLevel {
  bool add_prefix_space = true;
  std::vector<Split> split;  ///< none, or one

  void operator()(Words& words) const {
    auto const none = [](std::string_view, bool) { return std::string_view(); };
    if (add_prefix_space)
      rewrite_words(
          words, [](std::string_view word, bool) { return std::string_view(word.starts_with(' ') ? "" : " "); },
          [](std::string_view part, std::string& out) { out += part; });
    for (auto const& step : split) step(words);
    rewrite_words(words, none, [](std::string_view part, std::string& out) { append_byte_characters(out, part); });
  }
};

/// Writes a space as another character, puts one before the words, and splits before each one.
struct Metaspace {
  enum class Prefix { always, first, never };
  std::string replacement = "\u2581";
  Prefix prefix = Prefix::always;
  bool split = true;

  void operator()(Words& words) const {
    rewrite_words(
        words,
        [&](std::string_view word, bool at_start) {
      auto const wanted = prefix == Prefix::always || (prefix == Prefix::first && at_start);
      return wanted && !word.starts_with(replacement) && !word.starts_with(' ') ? std::string_view(replacement)
                                                                                : std::string_view();
        },
        [&](std::string_view part, std::string& out) {
      for (auto const c : part) c == ' ' ? out += replacement : out += c;
    });
    if (split) Split{replacement, SplitBehavior::merged_with_next}(words);
  }
};

/// Words in the sense of `\w`, and runs of what is neither that nor white space.
struct SplitWords {
  void operator()(Words& words) const {
    auto const sort_of = [](char32_t c) { return is_word_character(c) ? 1 : is_space(c) ? 0 : 2; };
    std::vector<Range> cut;
    for (auto const range : words.ranges)
      for (auto at = range.begin, begin = at; at < range.end; begin = at) {
        auto const sort = sort_of(first_character(std::string_view(words.text).substr(at)));
        while (at < range.end && sort_of(first_character(std::string_view(words.text).substr(at))) == sort)
          at += character_length(words.text[at]);
        if (sort != 0) cut.push_back({begin, at});
      }
    words.ranges = std::move(cut);
  }
};

/// Words of so many characters each, the last of a stretch shorter.
struct SplitByLength {
  std::size_t length = 5;

  void operator()(Words& words) const {
    std::vector<Range> cut;
    for (auto const range : words.ranges)
      for (auto at = range.begin, begin = at; at < range.end; begin = at) {
        for (std::size_t i = 0; i < length && at < range.end; ++i) at += character_length(words.text[at]);
        cut.push_back({begin, at});
      }
    words.ranges = std::move(cut);
  }
};

/// Splits between characters of two scripts.
struct SplitByScript {
  void operator()(Words& words) const {
    constexpr int any = -1, none = -2;
    std::vector<Range> cut;
    for (auto const range : words.ranges) {
      auto last = none;
      // Characters that go with any script at the beginning of a text belong to no word until one has a script.
      auto begin = range.end;
      for (auto at = range.begin; at < range.end; at += character_length(words.text[at])) {
        auto const script = script_of(first_character(std::string_view(words.text).substr(at)));
        if (script == any) continue;
        if (script != last) {
          if (begin < at) cut.push_back({begin, at});
          begin = at;
        }
        last = script;
      }
      if (begin < range.end) cut.push_back({begin, range.end});
    }
    words.ranges = std::move(cut);
  }
};

using PreTokenizerStep = std::variant<Split, ByteLevel, Metaspace, SplitWords, SplitByLength, SplitByScript>;

inline void pre_tokenize(std::vector<PreTokenizerStep> const& steps, Words& words) {
  for (auto const& step : steps) std::visit([&](auto const& s) { s(words); }, step);
}

}  // namespace chg::tokenizer
