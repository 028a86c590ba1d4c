// SPDX-License-Identifier: MIT
// The models on small vocabularies: against the definition, at their edges, and with what a vocabulary lacks.
#include <chg/tokenizer/pair_bpe.hpp>
#include <chg/tokenizer/piece_bpe.hpp>
#include <chg/tokenizer/unigram.hpp>
#include <chg/tokenizer/word_piece.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <functional>

using namespace chg::tokenizer;
using chg::Token;
using chg::test::has_all;
using chg::test::message_of;
using Ids = std::vector<Token>;

namespace {
Vocabulary vocabulary_of(std::vector<std::string> const& pieces) {
  Vocabulary v(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) v.add(pieces[i], static_cast<chg::Index>(i), "F");
  return v;
}
Ids encode(PairBpe const& bpe, Vocabulary const& v, std::string const& word) {
  MergeBuffers buffers;
  Ids ids;
  bpe.encode(v, word, buffers, ids);
  return ids;
}
Ids encode(PieceBpe const& bpe, std::string const& word) {
  MergeBuffers buffers;
  Ids ids;
  bpe.encode(word, buffers, ids);
  return ids;
}
Ids encode(Unigram const& unigram, std::string const& word) {
  Ids ids;
  unigram.encode(word, ids);
  return ids;
}
}  // namespace

TEST_CASE("pair_bpe: merges by rank, and unknown characters as the options say", "[tokenizer]") {
  auto const v = vocabulary_of({"<unk>", "a", "b", "c", "ab", "bc", "abc", "<0xE6>", "<0x97>", "<0xA5>"});
  PairBpeOptions options{.unknown = 0};
  PairBpe bpe(options, v, 3);
  bpe.add_merge(v, "b", "c", 0, "F");
  bpe.add_merge(v, "a", "b", 1, "F");
  CHECK(encode(bpe, v, "abc") == Ids{1, 5});
  CHECK(encode(bpe, v, "ab") == Ids{4});
  CHECK(encode(bpe, v, "").empty());
  CHECK(encode(bpe, v, "zz\u65e5") == Ids{0, 0, 0});
  options.fuse_unknown = true;
  CHECK(encode(PairBpe(options, v, 0), v, "azz\u65e5b") == Ids{1, 0, 2});
  options.byte_fallback = true;
  // <0x7A> is missing: an unknown character waits for the next piece, and bytes overtake it.
  CHECK(encode(PairBpe(options, v, 0), v, "z\u65e5z") == Ids{7, 8, 9, 0});
  CHECK(encode(PairBpe(options, v, 0), v, "z\u65e5az") == Ids{7, 8, 9, 0, 1, 0});
  options.ignore_merges = true;
  CHECK(encode(PairBpe(options, v, 0), v, "abc") == Ids{6});
  CHECK(encode(PairBpe({.drop_unknown = true}, v, 0), v, "az") == Ids{1});
  CHECK(has_all(message_of([&] { encode(PairBpe({}, v, 0), v, "az"); }), {"no unknown token", "\"z\""}));
}

TEST_CASE("pair_bpe: merges of unknown pieces are refused, cyclic ones end", "[tokenizer]") {
  auto const v = vocabulary_of({"a", "b", "aa", "aaaa"});
  PairBpe bpe({}, v, 3);
  CHECK(has_all(message_of([&] { bpe.add_merge(v, "a", "x", 4, "F"); }), {"F: merge 4", "\"a\" and \"x\"", "got \"x\""}));
  CHECK(has_all(message_of([&] { bpe.add_merge(v, "a", "b", 4, "F"); }), {"got \"ab\""}));
  bpe.add_merge(v, "aa", "aa", 0, "F");
  bpe.add_merge(v, "a", "a", 1, "F");
  CHECK(encode(bpe, v, std::string(9, 'a')) == Ids{3, 3, 0});
}

TEST_CASE("pair_bpe: a word of a million characters takes no quadratic time", "[tokenizer]") {
  auto const v = vocabulary_of({"a", "aa", "aaaa", "aaaaaaaa"});
  PairBpe bpe({}, v, 3);
  bpe.add_merge(v, "a", "a", 0, "F"), bpe.add_merge(v, "aa", "aa", 1, "F"), bpe.add_merge(v, "aaaa", "aaaa", 2, "F");
  CHECK(encode(bpe, v, std::string(1 << 20, 'a')).size() == 1 << 17);
}

TEST_CASE("pair_bpe: a prefix for what continues a word and a suffix for its end", "[tokenizer]") {
  auto const v = vocabulary_of({"a", "##b", "##c", "c</w>", "##b</w>", "ab</w>", "##bc", "abc"});
  PairBpe bpe({.drop_unknown = true, .prefix = "##"}, v, 2);
  bpe.add_merge(v, "##b", "##c", 0, "F"), bpe.add_merge(v, "a", "##bc", 1, "F");
  CHECK(encode(bpe, v, "abc") == Ids{7});
  CHECK(encode(bpe, v, "bc") == Ids{2});  // b begins the word, and there is none
  PairBpe ends({.drop_unknown = true, .prefix = "##", .suffix = "</w>"}, v, 1);
  ends.add_merge(v, "a", "##b</w>", 0, "F");
  CHECK(encode(ends, v, "ab") == Ids{5});
  CHECK(encode(ends, v, "c") == Ids{3});
  CHECK(has_all(message_of([&] { ends.add_merge(v, "a", "##c", 1, "F"); }), {"merge 1", "got \"ac\""}));
}

TEST_CASE("word_piece: the longest piece at each place, or the whole word unknown", "[tokenizer]") {
  WordPiece words({.unknown = 9, .longest_word = 6});
  for (auto const& [piece, id] : {std::pair("ab", 0), {"abc", 1}, {"##c", 2}, {"##cd", 3}, {"##", 4}, {"d", 5}})
    words.add_piece(piece, id);
  auto const ids = [&](char const* word) {
    Ids all{7};
    words.encode(word, all);
    return Ids(all.begin() + 1, all.end());
  };
  CHECK(ids("abcc") == Ids{1, 2});
  CHECK(ids("abcd") == Ids{9});  // the longest comes first: abc, and no piece continues with d
  CHECK(ids("abccccc") == Ids{9});
  CHECK(ids("") == Ids{});
  CHECK(has_all(message_of([] {
                  Ids all;
                  WordPiece({}).encode("a", all);
                }),
                {"no unknown token", "\"a\""}));
}

TEST_CASE("piece_bpe: by rank of the concatenation, with bytes, frozen symbols and unused pieces", "[tokenizer]") {
  PieceBpe plain({.from_bytes = false, .unknown = 0, .byte_fallback = false, .user_defined = nullptr});
  for (auto const& [piece, id, rank] :
       {std::tuple("a", 1, 9u), {"b", 2, 9u}, {"c", 3, 9u}, {"ab", 4, 5u}, {"bc", 5, 1u}, {"abc", 6, 7u}})
    plain.add_piece(piece, id, rank);
  CHECK(encode(plain, "abc") == Ids{6});
  CHECK(encode(plain, "abbc") == Ids{4, 5});
  CHECK(encode(plain, "zzazy") == Ids{0, 1, 0});
  plain.add_piece("qu", 7, 3);  // q alone is no piece, but it takes part in a merge
  CHECK(encode(plain, "aquq") == Ids{1, 7, 0});
  CHECK(has_all(message_of([&] { plain.add_piece(std::string(4097, 'x'), 8, 1); }), {"at most 4096 bytes"}));

  auto user = std::make_shared<PrefixTree>();
  user->add("bc", 8);
  PieceBpe frozen({.from_bytes = false, .unknown = 0, .byte_fallback = false, .user_defined = user});
  frozen.add_piece("a", 1, 9), frozen.add_piece("abc", 6, 1);
  CHECK(encode(frozen, "abc") == Ids{1, 8});

  PieceBpe unused({.from_bytes = false, .unknown = 0, .byte_fallback = false, .user_defined = nullptr});
  unused.add_piece("a", 1, 9), unused.add_piece("b", 2, 9), unused.add_piece("ab", 3, 1, true),
      unused.add_piece("aba", 4, 2, true);
  CHECK(encode(unused, "aba") == Ids{1, 2, 1});
  CHECK(has_all(message_of([] { encode(PieceBpe({}), "a"); }), {"no unknown token"}));
}

TEST_CASE("unigram: the best of all segmentations, unknown characters fused", "[tokenizer]") {
  std::vector<std::pair<std::string, double>> const pieces{{"a", -2},     {"b", -2.5},   {"ab", -3},
                                                           {"ba", -2.75}, {"aba", -4.5}, {"bb", -6}};
  Unigram unigram({.unknown = 99});
  for (std::size_t i = 0; i < pieces.size(); ++i) unigram.add_piece(pieces[i].first, static_cast<Token>(i), pieces[i].second);
  unigram.set_least_score(-6);
  std::function<double(std::string_view)> const best = [&](std::string_view rest) {
    if (rest.empty()) return 0.0;
    auto most = -1e9;
    for (auto const& [piece, score] : pieces)
      if (rest.starts_with(piece)) most = std::max(most, score + best(rest.substr(piece.size())));
    return most;
  };
  for (unsigned bits = 0; bits < 256; ++bits) {
    std::string word;
    for (unsigned i = 0; i < 8; ++i) word += bits >> i & 1 ? 'a' : 'b';
    double sum = 0;
    std::string together;
    for (auto const id : encode(unigram, word))
      sum += pieces[static_cast<std::size_t>(id)].second, together += pieces[static_cast<std::size_t>(id)].first;
    REQUIRE(together == word);
    REQUIRE(sum == best(word));  // quarters add up exactly
  }
  for (auto const& [both, ids] :
       {std::pair(-1.0, Ids{0, 1}), {2.5, Ids{99, 2}}}) {  // unknown: 10 below -8, and 16 is the way round
    Unigram edge({.unknown = 99});
    edge.add_piece("ab", 0, -8), edge.add_piece("c", 1, -8), edge.add_piece("bc", 2, both);
    edge.set_least_score(-8);
    CHECK(encode(edge, "abc") == ids);
  }
  CHECK(encode(unigram, "zza\u65e5") == Ids{99, 0, 99});
  CHECK(encode(unigram, "").empty());
  CHECK(has_all(message_of([&] { unigram.add_piece("c", 9, std::nan("")); }), {"log-probability of \"c\"", "finite"}));
  CHECK(has_all(message_of([] { encode(Unigram({}), "a"); }), {"no unknown token", "\"a\""}));
}
