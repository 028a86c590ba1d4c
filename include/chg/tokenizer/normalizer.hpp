// SPDX-License-Identifier: MIT
// What happens to a text before it is cut into words: the normalizer of a tokenizer.json, step by step.
#pragma once

#include <chg/tokenizer/regex.hpp>
#include <chg/tokenizer/sentencepiece_normalizer.hpp>

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

struct NormalFormStep {
  NormalForm form;
  void operator()(std::string& string) const { string = normal_form(string, form); }
};

struct LowercaseStep {
  void operator()(std::string& string) const { string = lowercase(string); }
};

/// Takes white space away at the ends.
struct StripStep {
  bool left = true, right = true;

  void operator()(std::string& string) const {
    std::string_view rest = string;
    while (left && !rest.empty() && is_space(first_character(rest))) rest.remove_prefix(character_length(rest.front()));
    while (right && !rest.empty() && is_space(last_character(rest))) {
      std::string last;
      append_character(last, last_character(rest));
      rest.remove_suffix(last.size());
    }
    string = std::string(rest);
  }
};

/// Puts `content` in the place of every match.
struct ReplaceStep {
  std::variant<Regex, std::string> pattern;
  std::string content;

  void operator()(std::string& string) const {
    std::string out;
    std::size_t end = 0;
    auto const found = [&](Range match) {
      out.append(string, end, match.begin - end).append(content);
      end = match.end;
      check_growth(out.size(), "Replace");
    };
    if (auto const* regex = std::get_if<Regex>(&pattern)) {
      regex->each_match(string, found);
    } else if (auto const& literal = std::get<std::string>(pattern); !literal.empty()) {
      for (auto at = string.find(literal); at != std::string::npos; at = string.find(literal, at + literal.size()))
        found({at, at + literal.size()});
    }
    if (end == 0 && out.empty()) return;
    string = out.append(string, end, std::string::npos);
  }
};

/// Puts `content` before a text that is not empty.
struct PrependStep {
  std::string content;
  void operator()(std::string& string) const {
    if (!string.empty()) string.insert(0, content);
    check_growth(string.size(), "Prepend");
  }
};

using NormalizerStep = std::variant<NormalFormStep, LowercaseStep, StripStep, ReplaceStep, PrependStep, SentencePieceNormalizer>;

inline std::string normalized(std::vector<NormalizerStep> const& steps, std::string_view text) {
  std::string string(text);
  for (auto const& step : steps) {
    std::visit([&](auto const& s) { s(string); }, step);
    check_growth(string.size(), "steps");
  }
  return string;
}

}  // namespace chg::tokenizer
