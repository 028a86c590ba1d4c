// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "task/vocabularies.hpp"

#include <chg/task/aba_abb.hpp>

using namespace chg;
using namespace chg::task;
using vocabularies::complaint;
using vocabularies::has;
using vocabularies::small;
using namespace vocabularies;

namespace {
std::set<std::vector<Token>> prompts(Examples const& data) {
  std::set<std::vector<Token>> all;
  for (auto const& e : data) all.insert(e.tokens);
  return all;
}
}  // namespace

TEST_CASE("aba_abb: a prompt is BOS, four examples x^y^z and the query, over ten different words; the target follows the rule",
          "[task]") {
  for (auto const rule : {Rule::aba, Rule::abb}) {
    auto const data = aba_abb(small(), {.rule = rule, .examples = 50, .seed = 3});
    REQUIRE(data.size() == 50);
    for (auto const& e : data) {
      REQUIRE(e.tokens.size() == 30);  // 29 and the target
      REQUIRE(e.targets() == 1);
      REQUIRE(e.target_mask.back() == 1);
      REQUIRE(e.tokens[0] == kBos);
      std::set<Token> words;
      for (std::size_t pair = 0; pair < 5; ++pair) {
        auto const at = 1 + 6 * pair;
        auto const x = e.tokens[at], y = e.tokens[at + 2];
        REQUIRE(x >= kFirst);
        REQUIRE(y >= kFirst);
        words.insert({x, y});
        REQUIRE(e.tokens[at + 1] == kCaret);
        REQUIRE(e.tokens[at + 3] == kCaret);
        REQUIRE(e.tokens[at + 4] == (rule == Rule::aba ? x : y));
        if (pair < 4) REQUIRE(e.tokens[at + 5] == kNewline);
      }
      REQUIRE(words.size() == 10);
    }
  }
}

TEST_CASE("aba_abb: separators that the vocabulary lacks, and BOS when asked, are left out", "[task]") {
  auto v = small();
  REQUIRE(aba_abb(v, {.examples = 1, .bos = false})[0].tokens.size() == 29);
  v.bos.reset(), v.caret.reset(), v.newline.reset();
  auto const e = aba_abb(v, {.examples = 1, .pairs = 1})[0];
  REQUIRE(e.tokens.size() == 6);  // x y x, x y x
  REQUIRE(e.tokens[5] == e.tokens[3]);
}

TEST_CASE("aba_abb: the same seed gives the same prompts, a longer set begins with the shorter, another seed differs", "[task]") {
  auto const data = aba_abb(small(), {.examples = 20, .seed = 3});
  auto const longer = aba_abb(small(), {.examples = 40, .seed = 3});
  for (Index i = 0; i < 20; ++i) REQUIRE(data[i] == longer[i]);
  REQUIRE(aba_abb(small(), {.examples = 20, .seed = 4})[0] != data[0]);
}

TEST_CASE("aba_abb: counterparts match line by line: the other rule, or x and y exchanged", "[task]") {
  AbaAbbOptions const options{.rule = Rule::aba, .examples = 30, .seed = 3};
  auto by_rule = options, by_tokens = options, other = options;
  by_rule.corruption = SymbolicCorruption::rule;
  by_tokens.corruption = SymbolicCorruption::tokens;
  other.rule = Rule::abb;
  auto const clean = aba_abb(small(), options), abb = aba_abb(small(), other);
  auto const rule = aba_abb(small(), by_rule), tokens = aba_abb(small(), by_tokens);
  for (Index i = 0; i < 30; ++i) {
    REQUIRE(rule[i] == abb[i]);
    for (std::size_t pair = 0; pair < 5; ++pair) {
      auto const at = 1 + 6 * pair;
      REQUIRE(tokens[i].tokens[at] == clean[i].tokens[at + 2]);
      REQUIRE(tokens[i].tokens[at + 2] == clean[i].tokens[at]);
      REQUIRE(tokens[i].tokens[at + 4] == clean[i].tokens[at + 2]);  // still ABA
    }
  }
}

TEST_CASE("aba_abb: no prompt occurs twice, up to every prompt there is", "[task]") {
  auto v = small();
  v.words.resize(5);  // 5 * 4 * 3 * 2 = 120 prompts of one pair and a query
  auto const all = aba_abb(v, {.examples = 120, .pairs = 1});
  REQUIRE(prompts(all).size() == 120);
  REQUIRE(has(complaint([&] { aba_abb(v, {.examples = 121, .pairs = 1}); }), "5 words make 120 different prompts of 4 words"));
}

TEST_CASE("aba_abb: training and validation share no prompt, whatever the seeds, and hold about 90 and 10 percent", "[task]") {
  auto v = small();
  v.words.resize(8);  // 1680 prompts of one pair and a query
  auto const all = prompts(aba_abb(v, {.examples = 1680, .pairs = 1}));
  auto const some = [&](Split split, std::uint64_t seed, Index count) {
    return prompts(aba_abb(v, {.examples = count, .seed = seed, .pairs = 1, .split = split}));
  };
  std::set<std::vector<Token>> train, validation;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    train.merge(some(Split::train, seed, 1000));
    validation.merge(some(Split::validation, seed, 100));
  }
  for (auto const& prompt : validation) REQUIRE(train.count(prompt) == 0);
  REQUIRE((validation.size() > 100 && validation.size() < 230));
  REQUIRE(train.size() > 1300);
  REQUIRE(has(complaint([&] { some(Split::validation, 0, 300); }), "of which the split holds a part"));
}

TEST_CASE("aba_abb: too few words, no example and no pair are refused by name", "[task]") {
  auto v = small();
  REQUIRE(has(complaint([&] { aba_abb(v, {.examples = 0}); }), "aba_abb: examples"));
  REQUIRE(has(complaint([&] { aba_abb(v, {.pairs = 0}); }), "aba_abb: pairs"));
  v.words.resize(9);
  REQUIRE(has(complaint([&] { aba_abb(v); }),
              "aba_abb: words of the vocabulary. Expected 10 or more for 4 pairs and a query, got 9"));
  v.words[0] = 500;
  REQUIRE(has(complaint([&] { aba_abb(v); }), "vocabulary: words"));
}

TEST_CASE("aba_abb: every word is equally likely at every place", "[task]") {
  auto v = small();
  v.words.resize(6);
  auto const data = aba_abb(v, {.examples = 300, .pairs = 1});
  for (std::size_t const at : {1u, 3u, 7u, 9u}) {
    std::vector<double> count(6);
    for (auto const& e : data) ++count[static_cast<std::size_t>(e.tokens[at] - kFirst)];
    double chi_square = 0;
    for (auto const n : count) chi_square += (n - 50) * (n - 50) / 50;
    REQUIRE(chi_square < 20.5);  // 5 degrees of freedom, p = 0.001
  }
}
