// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/prefix_tree.hpp>
#include <chg/tensor/random.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace chg;
using Path = std::vector<Token>;

std::vector<Example const*> pointers(std::vector<Example> const& examples) {
  std::vector<Example const*> all;
  for (auto const& e : examples) all.push_back(&e);
  return all;
}

PrefixTree tree_of(std::vector<Example> const& examples, Sharing sharing = Sharing::prefixes) {
  PrefixTree tree;
  tree.build(pointers(examples), sharing);
  return tree;
}

// The parent of a row: in depth-first order, the nearest earlier row one position up.
Index parent(PrefixTree const& tree, Index row) {
  if (tree.position(row) == 0) return -1;
  auto p = row - 1;
  while (tree.position(p) != tree.position(row) - 1) --p;
  return p;
}

Path path(PrefixTree const& tree, Index row) {
  Path tokens;
  for (; row >= 0; row = parent(tree, row)) tokens.insert(tokens.begin(), tree.token(row));
  return tokens;
}

// Examples over few tokens, so that they share much: lengths 2 to `longest`, masks at random.
std::vector<Example> random_examples(Random& random, Index count, Index longest, std::uint64_t vocabulary) {
  std::vector<Example> all;
  while (static_cast<Index>(all.size()) < count) {
    Example e;
    auto const length = 2 + random.below(std::uint64_t(longest) - 1);
    for (std::uint64_t t = 0; t < length; ++t) {
      e.tokens.push_back(Token(random.below(vocabulary)));
      e.target_mask.push_back(t > 0 && random.below(3) == 0);
    }
    if (e.targets() > 0) all.push_back(e);
    if (e.targets() > 0 && random.below(5) == 0) all.push_back(e);  // now and then twice
  }
  return all;
}

Path prefix(Example const& e, std::size_t length) { return {e.tokens.begin(), e.tokens.begin() + std::ptrdiff_t(length)}; }

// What a tree must hold, from the definition: sets of paths and of edges.
struct Plain {
  std::set<Path> nodes;
  std::set<std::pair<Path, Token>> edges;
  std::set<Path> targets;

  explicit Plain(std::vector<Example> const& examples) {
    for (auto const& e : examples)
      for (std::size_t t = 1; t < e.tokens.size(); ++t)
        if (e.target_mask[t]) {
          edges.emplace(prefix(e, t), e.tokens[t]);
          targets.insert(prefix(e, t));
          for (std::size_t length = 1; length <= t; ++length) nodes.insert(prefix(e, length));
        }
  }
};

void check_structure(PrefixTree const& tree) {
  Index covered = 0, deepest = 0;
  for (auto const& s : tree.segments()) {
    CHECK(s.begin == covered);  // segments tile the rows, in order
    CHECK(s.end > s.begin);
    CHECK(s.subtree_end >= s.end);
    covered = s.end;
    for (Index row = s.begin; row < s.end; ++row) {
      CHECK(tree.position(row) == s.position + row - s.begin);
      if (row > s.begin) CHECK(parent(tree, row) == row - 1);
    }
    // Exactly the rows below the segment lie in its subtree.
    auto const trunk = path(tree, s.end - 1);
    for (Index row = s.end; row < tree.rows(); ++row) {
      auto const p = path(tree, row);
      auto const below = p.size() > trunk.size() && std::equal(trunk.begin(), trunk.end(), p.begin()) && [&] {
        auto r = row;
        while (r > s.end - 1) r = parent(tree, r);
        return r == s.end - 1;
      }();
      CHECK(below == (row < s.subtree_end));
    }
  }
  CHECK(covered == tree.rows());
  for (Index row = 0; row < tree.rows(); ++row) deepest = std::max(deepest, tree.position(row) + 1);
  CHECK(tree.depth() == deepest);

  Index before = 0;
  for (Index row = 0; row <= tree.rows(); ++row) {
    CHECK(tree.targets_before(row) == before);
    if (before < Index(tree.target_rows().size()) && tree.target_rows()[std::size_t(before)] == row) ++before;
  }
  CHECK(before == Index(tree.target_rows().size()));
  for (auto const& edge : tree.edges()) CHECK(tree.target_rows()[std::size_t(edge.target)] == edge.row);
}

void check_edges_of_examples(PrefixTree const& tree, std::vector<Example> const& examples) {
  CHECK(tree.examples() == Index(examples.size()));
  for (std::size_t i = 0; i < examples.size(); ++i) {
    auto const& e = examples[i];
    auto const edges = tree.edges_of(Index(i));
    CHECK(Index(edges.size()) == e.targets());
    std::size_t k = 0;
    for (std::size_t t = 1; t < e.tokens.size(); ++t)
      if (e.target_mask[t]) {
        auto const& edge = tree.edges()[std::size_t(edges[k++])];
        CHECK(edge.token == e.tokens[t]);
        CHECK(path(tree, edge.row) == prefix(e, t));
      }
  }
}

}  // namespace

TEST_CASE("prefix tree: nodes and edges are those of the definition, each once", "[tensor]") {
  Random random(1, Stream::user);
  for (auto round = 0; round < 200; ++round) {
    auto const examples = random_examples(random, 1 + Index(random.below(12)), 2 + Index(random.below(9)), 1 + random.below(4));
    auto const tree = tree_of(examples);
    Plain const plain(examples);
    std::set<Path> nodes, targets;
    for (Index row = 0; row < tree.rows(); ++row) nodes.insert(path(tree, row));
    for (auto const row : tree.target_rows()) targets.insert(path(tree, row));
    std::set<std::pair<Path, Token>> edges;
    for (auto const& edge : tree.edges()) edges.emplace(path(tree, edge.row), edge.token);
    CHECK(nodes == plain.nodes);
    CHECK(Index(nodes.size()) == tree.rows());
    CHECK(edges == plain.edges);
    CHECK(edges.size() == tree.edges().size());
    CHECK(targets == plain.targets);
    CHECK(targets.size() == tree.target_rows().size());
    check_structure(tree);
    check_edges_of_examples(tree, examples);
  }
}

TEST_CASE("prefix tree: without sharing every example has rows of its own, in the order given", "[tensor]") {
  Random random(2, Stream::user);
  for (auto round = 0; round < 50; ++round) {
    auto const examples = random_examples(random, 1 + Index(random.below(8)), 2 + Index(random.below(9)), 1 + random.below(3));
    auto const tree = tree_of(examples, Sharing::none);
    Index row = 0, edges = 0;
    for (auto const& e : examples) {
      edges += e.targets();
      for (std::size_t t = 0; t + 1 < PrefixTree::length_to_last_target(e); ++t, ++row) {
        CHECK(tree.token(row) == e.tokens[t]);
        CHECK(tree.position(row) == Index(t));
      }
    }
    CHECK(tree.rows() == row);
    CHECK(Index(tree.edges().size()) == edges);
    CHECK(tree.segments().size() == examples.size());
    check_structure(tree);
    check_edges_of_examples(tree, examples);
  }
}

TEST_CASE("prefix tree: a batch of known shape", "[tensor]") {
  //            1 - 2 - 3 - [4]      the last token is read, and has no row
  //                  \ 5 - [6]
  auto const tree = tree_of({{{1, 2, 5, 6}, {0, 0, 0, 1}}, {{1, 2, 3, 4}, {0, 0, 1, 1}}});
  CHECK(tree.rows() == 4);
  CHECK(tree.depth() == 3);
  CHECK(tree.segments().size() == 3);
  CHECK(tree.segments()[0].end == 2);
  CHECK(tree.segments()[0].subtree_end == 4);
  CHECK(tree.token(2) == 3);  // ordered by token, whatever the order of the examples
  CHECK(tree.token(3) == 5);
  CHECK(tree.edges_of(0).size() == 1);
  CHECK(tree.edges_of(1).size() == 2);
  CHECK(std::vector<Index>(tree.target_rows().begin(), tree.target_rows().end()) == std::vector<Index>{1, 2, 3});
  CHECK(tree.visible_pairs(false) == 1 + 2 + 3 + 3);
  CHECK(tree.visible_pairs(true) == 2 + 3 + 3);
  CHECK(tree.visible_pairs(false, 2) == 1 + 2 + 2 + 2);
  CHECK(tree.visible_pairs(true, 1) == 3);
}

TEST_CASE("prefix tree: a last token gets a row only where another example goes on from it", "[tensor]") {
  std::vector<Example> const one{{{1, 2, 3}, {0, 0, 1}}}, two{{{1, 2, 3}, {0, 0, 1}}, {{1, 2, 3, 4}, {0, 0, 0, 1}}};
  CHECK(tree_of(one).rows() == 2);
  CHECK(tree_of(two).rows() == 3);
  // What follows the last target changes nothing.
  CHECK(tree_of({{{1, 2, 3, 9, 9}, {0, 0, 1, 0, 0}}}).rows() == 2);
}

TEST_CASE("prefix tree: the same example twice shares every row and edge, and lists its edges twice", "[tensor]") {
  Example const e{{1, 2, 3}, {0, 1, 1}};
  auto const tree = tree_of({e, e});
  CHECK(tree.rows() == 2);
  CHECK(tree.edges().size() == 2);
  CHECK(tree.edges_of(0)[0] == tree.edges_of(1)[0]);
  CHECK(tree.edges_of(0)[1] == tree.edges_of(1)[1]);
  // The same tokens with another mask share rows, and only the edges that both count.
  auto const masked = tree_of({e, {{1, 2, 3}, {0, 0, 1}}});
  CHECK(masked.rows() == 2);
  CHECK(masked.edges().size() == 2);
  CHECK(masked.edges_of(1).size() == 1);
  CHECK(masked.edges_of(1)[0] == masked.edges_of(0)[1]);
}

TEST_CASE("prefix tree: one-token prompts and a shared root with different targets", "[tensor]") {
  auto const tree = tree_of({{{1, 2}, {0, 1}}, {{1, 3}, {0, 1}}, {{4, 2}, {0, 1}}});
  CHECK(tree.rows() == 2);
  CHECK(tree.depth() == 1);
  CHECK(tree.edges().size() == 3);
  CHECK(tree.target_rows().size() == 2);
}

TEST_CASE("prefix tree: pairs that attention visits are counted right for every window", "[tensor]") {
  Random random(3, Stream::user);
  for (auto round = 0; round < 20; ++round) {
    auto const tree = tree_of(random_examples(random, 6, 9, 2));
    for (Index window = 0; window < 11; ++window) {
      Index all = 0, targets = 0;
      for (Index row = 0; row < tree.rows(); ++row) {
        Index seen = 0;
        for (auto key = row; key >= 0; key = parent(tree, key))
          seen += window == 0 || tree.position(row) - tree.position(key) < window;
        all += seen;
        if (std::binary_search(tree.target_rows().begin(), tree.target_rows().end(), row)) targets += seen;
      }
      CHECK(tree.visible_pairs(false, window) == all);
      CHECK(tree.visible_pairs(true, window) == targets);
    }
  }
}

TEST_CASE("prefix tree: a tree that is built again is the tree built afresh", "[tensor]") {
  Random random(4, Stream::user);
  PrefixTree reused;
  for (auto round = 0; round < 30; ++round) {
    auto const examples = random_examples(random, 1 + Index(random.below(10)), 8, 3);
    auto const sharing = random.below(2) == 0 ? Sharing::prefixes : Sharing::none;
    reused.build(pointers(examples), sharing);
    auto const fresh = tree_of(examples, sharing);
    CHECK(reused.rows() == fresh.rows());
    CHECK(reused.depth() == fresh.depth());
    for (Index row = 0; row < fresh.rows(); ++row) {
      CHECK(reused.token(row) == fresh.token(row));
      CHECK(reused.position(row) == fresh.position(row));
    }
    check_structure(reused);
    check_edges_of_examples(reused, examples);
  }
}

TEST_CASE("prefix tree: no examples give no rows, also after a batch that had some", "[tensor]") {
  PrefixTree tree = tree_of({{{1, 2, 3}, {0, 1, 1}}});
  tree.build({});
  CHECK(tree.rows() == 0);
  CHECK(tree.depth() == 0);
  CHECK(tree.examples() == 0);
  CHECK(tree.edges().empty());
  CHECK(tree.segments().empty());
  CHECK(tree.target_rows().empty());
  CHECK(tree.visible_pairs(false) == 0);
}
