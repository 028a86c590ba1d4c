// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "task/vocabularies.hpp"

#include <chg/task/null_targets.hpp>

#include <map>

using namespace chg;
using namespace chg::task;
using vocabularies::complaint;
using vocabularies::has;

namespace {

/// Prompts of one to three tokens, targets of one or two that name their example.
Examples data(Index count, Token offset = 0) {
  std::vector<Example> all;
  for (Token i = 0; i < count; ++i) {
    std::vector<Token> prompt(static_cast<std::size_t>(1 + i % 3), i),
        target(static_cast<std::size_t>(1 + i % 2), offset + 100 + i);
    all.push_back(prompt_and_target(prompt, target));
  }
  return Examples(all);
}

}  // namespace

TEST_CASE("null_targets: prompts stay, each example gets all target tokens of another one, and each target is used once",
          "[task]") {
  auto const original = data(20);
  auto const permuted = permute_targets(original, 3);
  std::map<Token, int> used;
  REQUIRE(permuted.size() == 20);
  for (Index i = 0; i < 20; ++i) {
    auto const& e = permuted[i];
    auto const prompt = static_cast<std::size_t>(1 + i % 3);
    auto const source = e.tokens[prompt] - 100;
    REQUIRE(source != i);
    REQUIRE(e == prompt_and_target(std::vector<Token>(prompt, static_cast<Token>(i)),
                                   std::vector<Token>(static_cast<std::size_t>(1 + source % 2), 100 + source)));
    ++used[source];
  }
  REQUIRE(used.size() == 20);
}

TEST_CASE("null_targets: the seed decides; two examples always exchange", "[task]") {
  auto const same = [](Examples const& a, Examples const& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); };
  REQUIRE(same(permute_targets(data(20), 3), permute_targets(data(20), 3)));
  REQUIRE_FALSE(same(permute_targets(data(20), 3), permute_targets(data(20), 4)));
  for (std::uint64_t seed = 0; seed < 10; ++seed) REQUIRE(permute_targets(data(2), seed)[0].tokens.back() == 101);
}

TEST_CASE("null_targets: partners of a contrastive data set stay partners", "[task]") {
  auto const permuted = permute_targets(ContrastiveExamples(data(20), data(20, 1000)), 5);
  for (Index i = 0; i < 20; ++i) REQUIRE(permuted.forget[i].tokens.back() == permuted.retain[i].tokens.back() + 1000);
}

TEST_CASE("null_targets: a single example, and targets that are not at the end, are refused", "[task]") {
  REQUIRE(has(complaint([] { permute_targets(data(1), 0); }), "permute_targets: examples. Expected 2 or more"));
  Examples const inner({prompt_and_target({1}, {2}), Example{{1, 2, 3}, {0, 1, 0}}});
  REQUIRE(
      has(complaint([&] { permute_targets(inner, 0); }), "permute_targets: example 1. Expected target tokens at the very end"));
}
