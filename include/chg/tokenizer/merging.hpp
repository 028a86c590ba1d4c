// SPDX-License-Identifier: MIT
// The merging of byte-pair encoding: of all neighbours that may merge, those of the lowest rank do, the leftmost first, until
// none may (Sennrich et al., arXiv 1508.07909, section 3.2).
//
// Symbols form a linked list and candidates a heap: O(n log n) for n symbols, however the merges cascade.
#pragma once

#include <chg/tokenizer/vocabulary.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace chg::tokenizer {

inline constexpr std::uint32_t no_rank = 0xFFFF'FFFF;

/// What two neighbours become; rank no_rank: they stay apart.
struct Merge {
  std::uint32_t rank = no_rank;
  Token id = no_token;
};

/// A stretch [begin, end) of the word that is merged.
struct Symbol {
  std::uint32_t begin, end;
  Token id;             ///< no_token: not in the vocabulary
  bool frozen = false;  ///< takes no part in merges
  std::uint32_t previous = 0, next = 0;
};

/// Buffers that are reused from word to word.
struct MergeBuffers {
  struct Candidate {
    std::uint64_t order;  ///< rank, then the place of the left symbol
    std::uint32_t end;    ///< of the right symbol when the candidate was made
    Token id;
    bool operator<(Candidate const& other) const { return order > other.order; }  // the heap's top is its largest
  };
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

/// Merges buffers.symbols in place; those that are left stay in order. find(left, right) says what two symbols become.
template <class Find>
void merge_symbols(MergeBuffers& buffers, Find&& find) {
  constexpr std::uint32_t none = 0xFFFF'FFFF;
  auto& symbols = buffers.symbols;
  auto& heap = buffers.heap;
  auto const count = static_cast<std::uint32_t>(symbols.size());
  heap.clear();
  auto const consider = [&](std::uint32_t left) {
    auto const& a = symbols[left];
    if (a.next == none || a.frozen || symbols[a.next].frozen) return false;
    auto const& b = symbols[a.next];
    auto const merge = find(a, b);
    if (merge.rank == no_rank) return false;
    heap.push_back({static_cast<std::uint64_t>(merge.rank) << 32 | left, b.end, merge.id});
    return true;
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    symbols[i].previous = i == 0 ? none : i - 1;
    symbols[i].next = i + 1 == count ? none : i + 1;
  }
  for (std::uint32_t i = 0; i < count; ++i) consider(i);
  std::make_heap(heap.begin(), heap.end());

  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    auto const top = heap.back();
    heap.pop_back();
    auto const left = static_cast<std::uint32_t>(top.order);
    auto& a = symbols[left];
    // A symbol only grows, so a pair that still ends where it did is the pair of then.
    if (a.begin == a.end || a.next == none || symbols[a.next].end != top.end) continue;
    auto& b = symbols[a.next];
    a.end = b.end;
    a.id = top.id;
    a.next = b.next;
    b.begin = b.end;
    if (a.next != none) symbols[a.next].previous = left;
    if (consider(left)) std::push_heap(heap.begin(), heap.end());
    if (a.previous != none && consider(a.previous)) std::push_heap(heap.begin(), heap.end());
  }
  symbols.erase(std::remove_if(symbols.begin(), symbols.end(), [](Symbol const& s) { return s.begin == s.end; }), symbols.end());
}

/// Merges by pair of ids, in a table of open addresses.
class MergeTable {
 public:
  explicit MergeTable(std::size_t merges = 0) {
    std::size_t places = 16;
    while (places < 2 * merges) places *= 2;
    slots_.resize(places);
  }

  /// A pair that is there already takes the later rank.
  void set(Token left, Token right, Merge merge) {
    auto& slot = slots_[place_of(key_of(left, right))];
    slot = {key_of(left, right), merge};
  }
  Merge find(Token left, Token right) const { return slots_[place_of(key_of(left, right))].merge; }

 private:
  static constexpr std::uint64_t free = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = free;
    Merge merge;
  };

  static std::uint64_t key_of(Token left, Token right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  }
  /// Where the key is, or would be. The mixer is the finaliser of SplitMix64.
  std::size_t place_of(std::uint64_t key) const {
    auto hash = key;
    hash = (hash ^ hash >> 30) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ hash >> 27) * 0x94D049BB133111EBu;
    auto place = static_cast<std::size_t>(hash ^ hash >> 31) & (slots_.size() - 1);
    while (slots_[place].key != key && slots_[place].key != free) place = (place + 1) & (slots_.size() - 1);
    return place;
  }

  std::vector<Slot> slots_;
};

}  // namespace chg::tokenizer
