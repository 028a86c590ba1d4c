// SPDX-License-Identifier: MIT
// A vocabulary for tests, and what an action complains about.
#pragma once

#include <chg/task/vocabulary.hpp>

namespace vocabularies {

using chg::Token;

enum : Token { kBos, kCaret, kNewline, kQuestion, kAnswer, kGive, kWord, kFirst = 10 };

/// 12 words from 10 on, and two mappings of them: word i to 40 + i, and to 60 + i.
inline chg::task::Vocabulary small() {
  chg::task::Vocabulary v{
      .size = 80, .bos = kBos, .caret = kCaret, .newline = kNewline, .question = kQuestion, .answer = kAnswer};
  chg::task::Mapping plus{"plus", {kGive, kWord}, {}, {}}, other{"other", {kGive, kGive, kWord}, {}, {}};
  for (Token i = 0; i < 12; ++i) {
    v.words.push_back(kFirst + i);
    plus.inputs.push_back(kFirst + i), plus.outputs.push_back(40 + i);
    other.inputs.push_back(kFirst + i), other.outputs.push_back(60 + i);
  }
  v.mappings = {plus, other};
  return v;
}

template <class Action>
std::string complaint(Action&& action) {
  try {
    action();
  } catch (chg::Error const& error) {
    return error.what();
  }
  return "nothing was thrown";
}
inline bool has(std::string const& message, std::string_view part) { return message.find(part) != std::string::npos; }

}  // namespace vocabularies
