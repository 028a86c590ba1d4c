// SPDX-License-Identifier: MIT
// The symbolic tasks ABA and ABB: complete x^y^ by the rule that four examples show, over random words.
//
//     ABA:  (x ^ y ^ x \n) four times, x ^ y ^  ->  x          ABB:  (x ^ y ^ y \n) four times, x ^ y ^  ->  y
//
// Yang et al. 2025 (arXiv 2502.20332); Nam et al. 2025, section 4.3 and appendix 6.1.
#pragma once

#include <chg/task/split.hpp>
#include <chg/task/vocabulary.hpp>

#include <set>

namespace chg::task {

enum class Rule { aba, abb };

/// The counterpart prompt that activations are patched from or into. rule: the same words under the other rule.
/// tokens: the same rule with x and y exchanged in every example and in the query.
enum class SymbolicCorruption { none, rule, tokens };

struct AbaAbbOptions {
  Rule rule = Rule::aba;
  Index examples = 512;  ///< prompts, all different
  std::uint64_t seed = 0;
  Index pairs = 4;  ///< examples before the query; 10 words a prompt, as in the paper
  Split split = Split::all;
  SymbolicCorruption corruption = SymbolicCorruption::none;  ///< line i of two data sets that differ in this alone match
  bool bos = true;                                           ///< begin with BOS, where the vocabulary has one
};

namespace detail {

/// How many ordered choices of `count` out of `pool` there are, in double since it overflows every integer.
inline double arrangements(Index pool, Index count) {
  double n = 1;
  for (Index i = 0; i < count; ++i) n *= static_cast<double>(pool - i);
  return n;
}

/// `examples` different draws of `items` different words, in the order in which they come up.
inline std::vector<std::vector<Token>> symbolic_items(Vocabulary const& v, Index items, AbaAbbOptions const& options) {
  auto const possible = arrangements(static_cast<Index>(v.words.size()), items);
  auto const too_many = [&] {
    auto const part = options.split == Split::all ? "" : ", of which the split holds a part";
    return Error({"aba_abb: examples",
                  text("fewer: ", v.words.size(), " words make ", possible, " different prompts of ", items, " words", part),
                  text(options.examples), "Ask for fewer examples, or fewer pairs."});
  };
  if (static_cast<double>(options.examples) > possible) throw too_many();
  auto const patience = 1000 + 40 * possible;  // a prompt still to be found is missed with probability e^-40 at most
  std::set<std::vector<Token>> seen;
  std::vector<std::vector<Token>> drawn;
  double misses = 0;
  for (std::uint32_t draw = 0; static_cast<Index>(drawn.size()) < options.examples; ++draw) {
    Random random(options.seed, Stream::task, draw);
    auto words = draw_distinct(random, v.words, items);
    auto const validation = options.split != Split::all && content_fraction(words) < validation_share;
    auto const wanted = options.split == Split::all || validation == (options.split == Split::validation);
    if (wanted && seen.insert(words).second) {
      drawn.push_back(std::move(words));
      misses = 0;
    } else if (++misses > patience) {
      throw too_many();
    }
  }
  return drawn;
}

}  // namespace detail

/// Random prompts of one symbolic rule: 2 (pairs + 1) different words each, no two prompts alike. Separators that the
/// vocabulary lacks are left out. The words of prompt i depend on the seed and the split, not on the rule.
/// Throws Error when the vocabulary has too few words.
inline Examples aba_abb(Vocabulary const& vocabulary, AbaAbbOptions options = {}) {
  validate(vocabulary);
  check(options.examples >= 1 && options.examples <= detail::kMostExamples, "aba_abb: examples",
        text("1 to ", detail::kMostExamples), options.examples);
  check(options.pairs >= 1, "aba_abb: pairs", "1 or more", options.pairs, "Without an example the rule cannot be known.");
  auto const items = 2 * (options.pairs + 1);
  check(static_cast<Index>(vocabulary.words.size()) >= items, "aba_abb: words of the vocabulary",
        text(items, " or more for ", options.pairs, " pairs and a query"), vocabulary.words.size(), "Ask for fewer pairs.");
  auto const other_rule = options.rule == Rule::aba ? Rule::abb : Rule::aba;
  auto const rule = options.corruption == SymbolicCorruption::rule ? other_rule : options.rule;
  auto const exchange = options.corruption == SymbolicCorruption::tokens;

  std::vector<Example> examples;
  for (auto const& words : detail::symbolic_items(vocabulary, items, options)) {
    std::vector<Token> prompt;
    auto const put = [&](std::optional<Token> token) {
      if (token) prompt.push_back(*token);
    };
    if (options.bos) put(vocabulary.bos);
    for (std::size_t pair = 0;; ++pair) {
      auto const x = words[2 * pair + exchange], y = words[2 * pair + !exchange];
      auto const third = rule == Rule::aba ? x : y;
      put(x), put(vocabulary.caret), put(y), put(vocabulary.caret);
      if (static_cast<Index>(pair) == options.pairs) {
        examples.push_back(prompt_and_target(std::move(prompt), {third}));
        break;
      }
      put(third), put(vocabulary.newline);
    }
  }
  return Examples(std::move(examples));
}

}  // namespace chg::task
