// SPDX-License-Identifier: MIT
// What happens to a text before it is cut into words: the normalizer of a tokenizer.json, step by step.
//
// A step that puts a space before the first word alone (Metaspace) asks where the first character of the text went: each step
// keeps count of `start`, the bytes at the beginning that stand for it.
#pragma once

#include <chg/tokenizer/byte_level.hpp>
#include <chg/tokenizer/character_classes.hpp>
#include <chg/tokenizer/regex.hpp>
#include <chg/tokenizer/sentencepiece_normalizer.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace chg::tokenizer {

/// Throws Error when a step has blown a text up beyond what any text that is let in needs.
inline void check_growth(std::size_t size, std::string_view step) {
  constexpr std::size_t most = 1'000'000'000;
  check(size <= most, std::string("a text after the normalizer ").append(step), text("at most ", most, " bytes"), size,
        "Cut the text into parts.");
}

/// Writes every character anew: write(character, out).
template <class Write>
void rewrite_characters(std::string& string, std::size_t& start, Write&& write) {
  std::string out;
  out.reserve(string.size() + string.size() / 8);
  auto new_start = std::size_t{0};
  for (std::size_t at = 0; at < string.size();) {
    auto const rest = std::string_view(string).substr(at);
    write(first_character(rest), out);
    at += character_length(rest.front());
    if (at <= start) new_start = out.size();
  }
  start = new_start;
  string = std::move(out);
}

struct NormalFormStep {
  NormalForm form;
  void operator()(std::string& string, std::size_t& start) const {
    auto out = normal_form(string, form);
    if (start > 0) {
      auto const first = normal_form(std::string_view(string).substr(0, start), form);
      // Where the next characters joined the first, what they became together begins with it too.
      std::size_t same = 0;
      while (same < first.size() && same < out.size() && first[same] == out[same]) ++same;
      while (same > 0 && same < out.size() && (static_cast<unsigned char>(out[same]) & 0xC0u) == 0x80) --same;
      start = same == first.size() || same == out.size() ? same : same + character_length(out[same]);
    }
    string = std::move(out);
  }
};

struct LowercaseStep {
  void operator()(std::string& string, std::size_t& start) const {
    if (start > 0) start = library_lowercase(std::string_view(string).substr(0, start)).size();
    string = library_lowercase(string);
  }
};

/// Takes white space away at the ends.
struct StripStep {
  bool left = true, right = true;

  void operator()(std::string& string, std::size_t& start) const {
    std::string_view rest = string;
    while (left && !rest.empty() && is_space(first_character(rest))) rest.remove_prefix(character_length(rest.front()));
    start -= std::min(start, string.size() - rest.size());
    while (right && !rest.empty() && is_space(last_character(rest))) {
      std::string last;
      append_character(last, last_character(rest));
      rest.remove_suffix(last.size());
    }
    start = std::min(start, rest.size());
    string = std::string(rest);
  }
};

/// Puts `content` in the place of every match. An empty string matches between all characters.
struct ReplaceStep {
  std::variant<Regex, std::string> pattern;
  std::string content;

  void operator()(std::string& string, std::size_t& start) const {
    std::string out;
    std::size_t end = 0, new_start = 0;
    auto const found = [&](Range match) {
      if (end < start) new_start = out.size() + std::min(match.begin, start) - end;
      out.append(string, end, match.begin - end).append(content);
      // What is put in stands for the last character of the match.
      if (match.end <= start && start > 0) new_start = out.size();
      end = match.end;
      check_growth(out.size(), "Replace");
    };
    each_match(string, found);
    if (end == 0 && out.empty()) return;
    if (end < start) new_start = out.size() + start - end;
    start = new_start;
    string = out.append(string, end, std::string::npos);
  }
  void operator()(std::string& string) const {
    std::size_t start = 0;
    (*this)(string, start);
  }

 private:
  template <class Found>
  void each_match(std::string_view string, Found&& found) const {
    if (auto const* regex = std::get_if<Regex>(&pattern)) {
      if (!string.empty()) regex->each_match(string, found);
      return;
    }
    auto const& literal = std::get<std::string>(pattern);
    if (literal.empty()) {
      if (string.empty()) return;
      for (std::size_t at = 0; at < string.size(); at += character_length(string[at])) found({at, at});
      found({string.size(), string.size()});
      return;
    }
    for (auto at = string.find(literal); at != std::string::npos; at = string.find(literal, at + literal.size()))
      found({at, at + literal.size()});
  }
};

/// Puts `content` before a text that is not empty.
struct PrependStep {
  std::string content;
  void operator()(std::string& string, std::size_t& start) const {
    if (string.empty()) return;
    string.insert(0, content);
    if (start > 0) start += content.size();
    check_growth(string.size(), "Prepend");
  }
};

/// Takes marks away, wherever they stand: the text should be decomposed (NFD) before.
struct StripAccentsStep {
  void operator()(std::string& string, std::size_t& start) const {
    rewrite_characters(string, start, [](char32_t c, std::string& out) {
      if (!is_mark(c)) append_character(out, c);
    });
  }
};

/// SentencePiece's rules nmt: control characters go, other white space becomes a space.
struct NmtStep {
  void operator()(std::string& string, std::size_t& start) const {
    rewrite_characters(string, start, [](char32_t c, std::string& out) {
      auto const dropped = (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
      if (dropped) return;
      auto const space = c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
      append_character(out, space ? U' ' : c);
    });
  }
};

/// Every byte as its printable character.
struct ByteLevelStep {
  void operator()(std::string& string, std::size_t& start) const {
    std::string out;
    append_byte_characters(out, std::string_view(string).substr(0, start));
    auto const first = out.size();
    append_byte_characters(out, std::string_view(string).substr(start));
    start = first;
    string = std::move(out);
    check_growth(string.size(), "ByteLevel");
  }
};

/// BERT's cleaning, spaces around ideographs, accents and capitals, each if asked for.
struct BertStep {
  bool clean = true, ideographs = true, accents = true, lower = true;

  void operator()(std::string& string, std::size_t& start) const {
    if (clean)
      rewrite_characters(string, start, [](char32_t c, std::string& out) {
        if (c == 0 || c == 0xFFFD || is_control(c)) return;
        append_character(out, is_space(c) ? U' ' : c);
      });
    if (ideographs)
      rewrite_characters(string, start, [](char32_t c, std::string& out) {
        if (is_ideograph(c)) out += ' ';
        append_character(out, c);
        if (is_ideograph(c)) out += ' ';
      });
    if (accents) {
      NormalFormStep{NormalForm::nfd}(string, start);
      rewrite_characters(string, start, [](char32_t c, std::string& out) {
        if (!is_nonspacing_mark(c)) append_character(out, c);
      });
    }
    if (lower) LowercaseStep{}(string, start);
    check_growth(string.size(), "BertNormalizer");
  }
};

/// The map of a SentencePiece model as the tokenizers library applies it: to what a reader takes for one character, when that is
/// shorter than 6 bytes, by the shortest entry that it begins with; otherwise to each code point.
struct PrecompiledStep {
  CharacterMap map;

  void operator()(std::string& string, std::size_t& start) const {
    std::string out;
    std::size_t new_start = 0;
    each_grapheme(string, [&](std::size_t begin, std::size_t end) {
      auto const grapheme = std::string_view(string).substr(begin, end - begin);
      if (auto const whole = grapheme.size() < 6 ? map.shortest_prefix(grapheme) : std::nullopt) {
        out += *whole;
        if (begin < start)
          new_start = end <= start || whole->empty() ? out.size() : out.size() - whole->size() + character_length(whole->front());
        return;
      }
      for (std::size_t at = 0; at < grapheme.size();) {
        auto const length = character_length(grapheme[at]);
        auto const part = grapheme.substr(at, length);
        out += map.shortest_prefix(part).value_or(part);
        at += length;
        if (begin + at <= start) new_start = out.size();
      }
      check_growth(out.size(), "Precompiled");
    });
    start = new_start;
    string = std::move(out);
  }
};

using NormalizerStep = std::variant<NormalFormStep, LowercaseStep, StripStep, ReplaceStep, PrependStep, SentencePieceNormalizer,
                                    StripAccentsStep, NmtStep, ByteLevelStep, BertStep, PrecompiledStep>;

struct NormalizedFragment {
  std::string string;
  std::size_t start;  ///< bytes at the beginning that stand for the first character of the whole text; 0: it is not here
};

/// A part of a text in its normal form; `first`: the text begins with it.
inline NormalizedFragment normalized_fragment(std::vector<NormalizerStep> const& steps, std::string_view text, bool first) {
  NormalizedFragment f{std::string(text), first && !text.empty() ? character_length(text.front()) : 0};
  for (auto const& step : steps) {
    std::visit([&](auto const& s) { s(f.string, f.start); }, step);
    check_growth(f.string.size(), "steps");
  }
  return f;
}

inline std::string normalized(std::vector<NormalizerStep> const& steps, std::string_view text) {
  return normalized_fragment(steps, text, false).string;
}

}  // namespace chg::tokenizer
