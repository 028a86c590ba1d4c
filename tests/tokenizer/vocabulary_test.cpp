// SPDX-License-Identifier: MIT
#include <chg/tokenizer/vocabulary.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg::tokenizer;
using chg::Token;
using chg::test::has_all;
using chg::test::message_of;

TEST_CASE("vocabulary: pieces and ids go both ways, with holes", "[tokenizer]") {
  Vocabulary v(2);
  v.add("a", 0, "F");
  v.add("b", 7, "F");
  CHECK(v.size() == 8);
  CHECK(v.find("b") == 7);
  CHECK(v.find("c") == no_token);
  CHECK(v.piece(7) == "b");
  CHECK_FALSE(v.contains(3));
  CHECK(has_all(message_of([&] { v.piece(3); }), {"token id", "from 0 to 7", "got 3"}));
  CHECK(has_all(message_of([&] { v.piece(-1); }), {"got -1"}));
  CHECK(has_all(message_of([&] { v.piece(8); }), {"got 8"}));
}

TEST_CASE("vocabulary: an id that is taken, or far beyond the number of entries, is refused", "[tokenizer]") {
  Vocabulary v(2);
  v.add("a", 0, "F");
  CHECK(has_all(message_of([&] { v.add("b", 0, "F"); }), {"F: id 0", "\"a\" and \"b\""}));
  CHECK(has_all(message_of([&] { v.add("b", -1, "F"); }), {"id of \"b\"", "got -1"}));
  CHECK(has_all(message_of([&] { v.add("b", chg::Index{1} << 60, "F"); }), {"from 0 to 1000004", "got 1152921504606846976"}));
}

TEST_CASE("prefix tree: the longest of all strings, and every one on the way", "[tokenizer]") {
  PrefixTree tree;
  CHECK(tree.empty());
  for (auto const& [string, id] : {std::pair("a", 0), {"abc", 1}, {"abd", 2}, {"b", 3}, {"\xff", 4}}) tree.add(string, id);
  CHECK(tree.longest_prefix("abcx").length == 3);
  CHECK(tree.longest_prefix("abcx").id == 1);
  CHECK(tree.longest_prefix("abx").id == 0);
  CHECK(tree.longest_prefix("\xff").id == 4);
  CHECK(tree.longest_prefix("c").length == 0);
  CHECK(tree.longest_prefix("").length == 0);
  std::vector<Token> ids;
  tree.each_prefix("abd", [&](std::size_t, Token id) { ids.push_back(id); });
  CHECK(ids == std::vector<Token>{0, 2});
  CHECK(has_all(message_of([&] { tree.add("", 5); }), {"1 to 4096 bytes", "got 0"}));
  CHECK(has_all(message_of([&] { tree.add(std::string(4097, 'x'), 5); }), {"got 4097"}));
}
