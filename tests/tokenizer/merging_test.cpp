// SPDX-License-Identifier: MIT
#include <chg/tokenizer/merging.hpp>

#include "support/catch.hpp"

#include <map>

using namespace chg::tokenizer;
using chg::Token;

namespace {

/// The definition: again and again, the leftmost pair of the lowest rank.
std::vector<Token> merged_plainly(std::vector<Token> ids, std::map<std::pair<Token, Token>, Merge> const& merges) {
  for (;;) {
    auto best = no_rank;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i)
      if (auto const m = merges.find({ids[i], ids[i + 1]}); m != merges.end() && m->second.rank < best)
        best = m->second.rank, at = i;
    if (best == no_rank) return ids;
    ids[at] = merges.at({ids[at], ids[at + 1]}).id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

}  // namespace

TEST_CASE("merging: the heap gives what merging pair by pair gives", "[tokenizer]") {
  std::uint64_t state = 7;
  auto const draw = [&](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>((state >> 33) % below);
  };
  for (int round = 0; round < 300; ++round) {
    std::map<std::pair<Token, Token>, Merge> merges;
    MergeTable table(60);
    for (std::uint32_t rank = 0; rank < 60; ++rank) {
      std::pair const pair(static_cast<Token>(draw(3 + rank)), static_cast<Token>(draw(3 + rank)));
      if (!merges.emplace(pair, Merge{rank, static_cast<Token>(3 + rank)}).second) continue;
      table.set(pair.first, pair.second, merges.at(pair));
    }
    std::vector<Token> ids;
    MergeBuffers buffers;
    for (std::uint32_t i = 0, n = draw(40); i < n; ++i) {
      ids.push_back(static_cast<Token>(draw(3)));
      buffers.symbols.push_back({i, i + 1, ids.back()});
    }
    merge_symbols(buffers, [&](Symbol const& a, Symbol const& b) { return table.find(a.id, b.id); });
    std::vector<Token> fast;
    for (auto const& s : buffers.symbols) fast.push_back(s.id);
    REQUIRE(fast == merged_plainly(ids, merges));
  }
}

TEST_CASE("merging: frozen symbols stay apart, and none or one symbol is left alone", "[tokenizer]") {
  auto const always = [](Symbol const&, Symbol const&) { return Merge{0, 9}; };
  MergeBuffers buffers;
  merge_symbols(buffers, always);
  CHECK(buffers.symbols.empty());
  buffers.symbols = {{0, 1, 1}};
  merge_symbols(buffers, always);
  CHECK(buffers.symbols.size() == 1);
  buffers.symbols = {{0, 1, 1}, {1, 2, 2}, {2, 3, 3, true}, {3, 4, 4}, {4, 5, 5}};
  merge_symbols(buffers, always);
  REQUIRE(buffers.symbols.size() == 3);
  CHECK(buffers.symbols[0].end == 2);
  CHECK(buffers.symbols[1].id == 3);
}

TEST_CASE("merge table: a later merge of the same pair replaces the earlier one", "[tokenizer]") {
  MergeTable table(2);
  table.set(1, 2, {5, 3});
  table.set(1, 2, {6, 4});
  CHECK(table.find(1, 2).rank == 6);
  CHECK(table.find(2, 1).rank == no_rank);
  CHECK(MergeTable().find(0, 0).rank == no_rank);
}
