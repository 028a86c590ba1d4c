// SPDX-License-Identifier: MIT
// Cutting a text into the words that a model encodes one by one: the pre_tokenizer of a tokenizer.json, step by step.
#pragma once

#include <chg/tokenizer/byte_level.hpp>
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
  bool starts_text = false;  ///< the first word, if it begins at 0, is where the whole text that is encoded begins

  std::string_view word(Range range) const { return std::string_view(text).substr(range.begin, range.end - range.begin); }
};

/// What happens to the separators that a Split finds. `contiguous`: neighbours of one sort stay together.
enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// Splits every word where a pattern matches: a regular expression, or a string taken literally.
struct Split {
  std::variant<Regex, std::string> pattern;
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
    } else if (auto const& literal = std::get<std::string>(pattern); !literal.empty()) {
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

/// Builds a new text out of the words of another one.
template <class Write>
void rewrite_words(Words& words, Write&& write) {
  std::string out;
  out.reserve(words.text.size() + words.text.size() / 2 + words.ranges.size());
  for (auto& range : words.ranges) {
    auto const word = words.word(range);
    auto const begin = out.size();
    write(word, range.begin == 0, out);
    range = {begin, out.size()};
  }
  words.text = std::move(out);
}

/// Splits by GPT-2's pattern if asked to, then writes every byte as its printable character.
struct ByteLevel {
  bool add_prefix_space = true;
  std::vector<Split> split;  ///< none, or one

  void operator()(Words& words) const {
    if (add_prefix_space)
      rewrite_words(words, [](std::string_view word, bool, std::string& out) {
        if (word.empty() || word.front() != ' ') out += ' ';
        out += word;
      });
    for (auto const& step : split) step(words);
    rewrite_words(words, [](std::string_view word, bool, std::string& out) { append_byte_characters(out, word); });
  }
};

/// Writes a space as another character, puts one before the words, and splits before each one.
struct Metaspace {
  enum class Prefix { always, first, never };
  std::string replacement = "\u2581";
  Prefix prefix = Prefix::always;
  bool split = true;

  void operator()(Words& words) const {
    auto const starts = words.starts_text;
    rewrite_words(words, [&](std::string_view word, bool at_zero, std::string& out) {
      auto const wanted = prefix == Prefix::always || (prefix == Prefix::first && at_zero && starts);
      if (wanted && !word.starts_with(replacement) && !word.starts_with(' ')) out += replacement;
      for (auto const c : word) c == ' ' ? out += replacement : out += c;
    });
    if (split) Split{replacement, SplitBehavior::merged_with_next}(words);
  }
};

using PreTokenizerStep = std::variant<Split, ByteLevel, Metaspace>;

inline void pre_tokenize(std::vector<PreTokenizerStep> const& steps, Words& words) {
  for (auto const& step : steps) std::visit([&](auto const& s) { s(words); }, step);
}

}  // namespace chg::tokenizer
