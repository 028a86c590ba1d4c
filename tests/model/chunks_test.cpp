// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/model/chunks.hpp>

#include <numeric>
#include <set>
#include <tuple>

using namespace chg;
using namespace chg::tests;

namespace {

std::vector<Index> all_of(Examples const& examples) {
  std::vector<Index> units(static_cast<std::size_t>(examples.size()));
  std::iota(units.begin(), units.end(), Index{0});
  return units;
}

Index rows_of(ChunkPlan const& plan, Index c, Examples const& examples) {
  std::vector<Example const*> pointers;
  for (auto const i : plan.chunk(c)) pointers.push_back(&examples[i]);
  PrefixTree tree;
  tree.build(pointers);
  return tree.rows();
}

}  // namespace

TEST_CASE("chunks: every unit is in exactly one chunk, and no chunk is higher than the limit unless one unit is", "[model]") {
  auto const examples = ragged(80, 20);
  auto const units = all_of(examples);
  for (Index limit : {1, 7, 19, 50, 10'000}) {
    ChunkPlan plan;
    Examples const* const data[] = {&examples};
    plan.cut(data, units, {.rows = limit});
    std::multiset<Index> seen;
    for (Index c = 0; c < plan.chunks(); ++c) {
      REQUIRE(!plan.chunk(c).empty());
      seen.insert(plan.chunk(c).begin(), plan.chunk(c).end());
      if (plan.chunk(c).size() > 1) {
        // A chunk's first unit may bring a prefix that was counted with the chunk before.
        CHECK(rows_of(plan, c, examples) <= limit + 20);
      }
    }
    CHECK(seen == std::multiset<Index>(units.begin(), units.end()));
    if (limit == 10'000) CHECK(plan.chunks() == 2);
  }
}

TEST_CASE("chunks: a batch below the limit is cut evenly for a few threads, unless chunks would be low", "[model]") {
  for (auto const& [count, chunks] : {std::pair(64, 4), std::pair(24, 4), std::pair(16, 2), std::pair(8, 1)}) {
    std::vector<Example> all;
    for (Token i = 0; i < count; ++i) {
      std::vector<Token> tokens(29, i + 1);
      all.push_back(prompt_and_target(std::move(tokens), {0}));
    }
    Examples const examples(std::move(all));
    ChunkPlan plan;
    Examples const* const data[] = {&examples};
    plan.cut(data, all_of(examples), {});
    REQUIRE(plan.chunks() == chunks);
    for (Index c = 0; c < chunks; ++c) CHECK(std::ssize(plan.chunk(c)) == count / chunks);
  }
}

TEST_CASE("chunks: a limit on targets is kept", "[model]") {
  auto const examples = ragged(40);
  ChunkPlan plan;
  Examples const* const data[] = {&examples};
  auto const units = all_of(examples);
  plan.cut(data, units, {.rows = 10'000, .targets = 12});
  for (Index c = 0; c < plan.chunks(); ++c) {
    Index targets = 0;
    for (auto const i : plan.chunk(c)) targets += examples[i].targets();
    CHECK((targets <= 12 || plan.chunk(c).size() == 1));
  }
}

TEST_CASE("chunks: without sharing, the order of the units is kept", "[model]") {
  auto const examples = ragged(30);
  ChunkPlan plan;
  Examples const* const data[] = {&examples};
  auto const units = all_of(examples);
  plan.cut(data, units, {.rows = 40}, Sharing::none);
  std::vector<Index> order;
  for (Index c = 0; c < plan.chunks(); ++c) order.insert(order.end(), plan.chunk(c).begin(), plan.chunk(c).end());
  CHECK(order == units);
}

TEST_CASE("chunks: rows counts the rows of each chunk's prefix tree, but for continuations", "[model]") {
  auto const examples = ragged(80, 20);
  ChunkPlan plan;
  Examples const* const data[] = {&examples};
  plan.cut(data, all_of(examples), {.rows = 60});
  REQUIRE(plan.chunks() > 3);
  for (Index c = 0; c < plan.chunks(); ++c) {
    CHECK(plan.rows(c) <= rows_of(plan, c, examples));
    CHECK(plan.rows(c) >= rows_of(plan, c, examples) - std::ssize(plan.chunk(c)));
  }
}

TEST_CASE("chunks: borders move to where a leading example ends, and a prefix of all is not computed four times", "[model]") {
  // An instruction of `shared` tokens, then one of 10 leading examples of 20, then a query of 14; six prompts a leading example.
  auto const prompts = [](Index shared) {
    std::vector<Example> all;
    for (Token i = 0; i < 60; ++i) {
      auto const group = static_cast<Token>(i % 10);
      std::vector<Token> tokens(static_cast<std::size_t>(shared), 1);
      for (Token t = 0; t < 20; ++t) tokens.push_back(100 + 20 * group + t);
      for (Token t = 0; t < 14; ++t) tokens.push_back(1000 + 14 * i + t);
      all.push_back(prompt_and_target(std::move(tokens), {0}));
    }
    return Examples(std::move(all));
  };
  for (auto const& [shared, chunks, most] : {std::tuple(1, 4, 3), std::tuple(30, 2, 50)}) {
    auto const examples = prompts(shared);
    ChunkPlan plan;
    Examples const* const data[] = {&examples};
    plan.cut(data, all_of(examples), {});
    CHECK(plan.chunks() == chunks);
    PrefixTree tree;
    std::vector<Example const*> pointers;
    for (auto const& e : examples) pointers.push_back(&e);
    tree.build(pointers);
    Index rows = 0;
    for (Index c = 0; c < plan.chunks(); ++c) rows += plan.rows(c);
    CHECK(rows - tree.rows() <= most);
  }
}

TEST_CASE("chunks: of two, the higher is as low as a border between two units can make it", "[model]") {
  // Ten leading examples after an instruction; as many prompts of each as the numbers say.
  std::vector<Example> all;
  Token const prompts[] = {3, 9, 2, 14, 1, 7, 8, 2, 11, 7};
  for (Token group = 0; group < 10; ++group)
    for (Token i = 0; i < prompts[group]; ++i) {
      std::vector<Token> tokens(19, 1);
      for (Token t = 0; t < 9; ++t) tokens.push_back(100 + 9 * group + t);
      for (Token t = 0; t < 5; ++t) tokens.push_back(1000 + 70 * group + 5 * i + t);
      all.push_back(prompt_and_target(std::move(tokens), {0}));
    }
  Examples const examples(std::move(all));
  Examples const* const data[] = {&examples};
  ChunkPlan plan;
  auto const units = all_of(examples);
  plan.cut(data, units, {});
  REQUIRE(plan.chunks() == 2);
  auto const rows = [&](std::size_t begin, std::size_t end) {
    std::vector<Example const*> pointers;
    for (auto i = begin; i < end; ++i) pointers.push_back(&examples[static_cast<Index>(i)]);
    PrefixTree tree;
    tree.build(pointers);
    return tree.rows();
  };
  auto least = examples.size() * 100;
  for (std::size_t border = 1; border < units.size(); ++border)
    least = std::min(least, std::max(rows(0, border), rows(border, units.size())));
  // A border that makes less be computed twice may be chosen for up to a quarter of that.
  CHECK(std::max(plan.rows(0), plan.rows(1)) <= least + 28 / 4);
}
