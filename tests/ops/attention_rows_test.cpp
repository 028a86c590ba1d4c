// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/ops/attention_rows.hpp>

#include <set>
#include <utility>
#include <vector>

namespace {

using namespace chg;

PrefixTree branching() {
  static std::vector<Example> const examples{
      {{1, 2, 3, 4, 5, 6}, {0, 0, 0, 0, 0, 1}}, {{1, 2, 3, 7, 8}, {0, 0, 0, 1, 1}}, {{8, 1, 2}, {0, 0, 1}}};
  std::vector<Example const*> pointers;
  for (auto const& e : examples) pointers.push_back(&e);
  PrefixTree tree;
  tree.build(pointers);
  return tree;
}

}  // namespace

TEST_CASE("attention_rows: blocks pair every query once with every key on its path, and with no other", "[ops]") {
  auto const tree = branching();
  for (auto const which : {ops::Rows::all, ops::Rows::targets}) {
    ops::AttentionRows const rows(tree, which);
    CHECK(rows.keys() == tree.rows());
    std::set<std::pair<Index, Index>> seen;
    ops::for_each_block(rows, [&](ops::KeyBlock const& b) {
      for (Index query = b.first; query < b.first + b.count; ++query)
        for (Index key = 0; key < b.visible(rows, query); ++key) CHECK(seen.insert({query, b.segment.begin + key}).second);
    });
    // Each query has as many keys as its path is long: with each pair once, these are the path.
    Index pairs = 0;
    for (Index query = 0; query < rows.queries(); ++query) {
      pairs += rows.position(query) + 1;
      CHECK(rows.query(rows.row(query)) == query);
    }
    CHECK(static_cast<Index>(seen.size()) == pairs);
    for (auto const& [query, key] : seen) CHECK(tree.position(key) <= rows.position(query));
  }
}

TEST_CASE("attention_rows: the rows that ask are all, or those of targets", "[ops]") {
  auto const tree = branching();
  CHECK(ops::AttentionRows(tree, ops::Rows::all).queries() == tree.rows());
  ops::AttentionRows const targets(tree, ops::Rows::targets);
  CHECK(targets.queries() == static_cast<Index>(tree.target_rows().size()));
  for (Index i = 0; i < targets.queries(); ++i) CHECK(targets.row(i) == tree.target_rows()[static_cast<std::size_t>(i)]);
}
