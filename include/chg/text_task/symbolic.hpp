// SPDX-License-Identifier: MIT
// The vocabulary of the symbolic tasks ABA and ABB for a model with a tokenizer: words that are a single token wherever the task
// puts them.
//
//     x^y^x\n  x^y^y\n         a word stands at the start, after a caret or after a newline, and before a caret or a newline
//
// Nam et al. 2025, appendix 6.1: single tokens of the model's own vocabulary, also inside the joined text.
#pragma once

#include <chg/task/vocabulary.hpp>
#include <chg/tokenizer/tokenizer.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace chg::text_task {

struct SymbolicWords {
  Index shortest = 2;  ///< letters
  Index longest = 12;
  Index most = 20'000;  ///< words, those of the lowest ids
};

/// Words of lower-case Latin letters. `size`: of the model's vocabulary, which may exceed the tokenizer's. The BOS is there where
/// the tokenizer adds one by itself, or for Bos::on. Throws Error when caret or newline are no single tokens or cannot stand
/// between words without spaces, for Bos::on without a BOS, and when there is no such word.
inline task::Vocabulary symbolic_vocabulary(Tokenizer const& tokenizer, Index size, Bos bos = Bos::automatic,
                                            SymbolicWords const& words = {}) {
  auto const ids = [&](std::string_view string) {
    try {
      return tokenizer.encode(string, {.bos = Bos::off});
    } catch (Error const&) {
      throw Error({"tokenizer for the symbolic tasks", "one that reads words joined by carets and newlines, as in \"ab^ab^\"",
                   "one that has no tokens for \"" + std::string(string) + "\"",
                   "Write the lines of DATA yourself: tokens (chg tokenize tells the ids) and target_mask."});
    }
  };
  auto const single = [&](std::string_view string, char const* name) {
    auto const after_word = ids("^ab" + std::string(string) + "ab^"), without = ids("^ab");
    auto const there = after_word.size() > without.size() && std::equal(without.begin(), without.end(), after_word.begin());
    check(there && tokenizer.decode(std::span(&after_word[without.size()], 1)) == string, std::string("token of a ") + name,
          "one of its own between words", "a token that holds more",
          "This tokenizer cannot write the symbolic tasks with single tokens.");
    return after_word[without.size()];
  };
  task::Vocabulary v;
  v.size = size;
  v.caret = single("^", "caret");
  v.newline = single("\n", "newline");
  if (bos == Bos::on)
    check(tokenizer.bos().has_value(), "the token for the beginning of a text", "one in the tokenizer's files", "none");
  if (bos == Bos::on || (bos == Bos::automatic && tokenizer.adds_bos())) v.bos = tokenizer.bos();

  auto const lower_case = [](char c) { return c >= 'a' && c <= 'z'; };
  auto const last = std::min(tokenizer.vocab_size(), size);
  for (Index id = 0; id < last && std::ssize(v.words) < words.most; ++id) {
    auto const token = static_cast<Token>(id);
    if (!tokenizer.contains(token)) continue;
    auto const& piece = tokenizer.piece(token);
    auto const length = static_cast<Index>(piece.size());
    if (length < words.shortest || length > words.longest || !std::all_of(piece.begin(), piece.end(), lower_case)) continue;
    auto const expected = std::vector<Token>{token, *v.caret, token, *v.newline, token, *v.caret};
    auto const actual = ids("^" + piece + "^" + piece + "\n" + piece + "^");
    // Whatever the first caret became, the words after it must be single tokens.
    if (actual.size() > expected.size() && std::equal(expected.rbegin(), expected.rend(), actual.rbegin()))
      v.words.push_back(token);
  }
  check(!v.words.empty(), "words of the tokenizer", "one or more that are single tokens wherever they stand", "none");
  return v;
}

}  // namespace chg::text_task
