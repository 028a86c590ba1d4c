// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/model/chunks.hpp>

#include <numeric>
#include <set>

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
