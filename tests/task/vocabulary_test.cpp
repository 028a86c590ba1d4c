// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "task/vocabularies.hpp"

using namespace chg;
using namespace chg::task;
using vocabularies::complaint;
using vocabularies::has;
using vocabularies::small;

namespace {
template <class Damage>
std::string refused(Damage&& damage) {
  auto v = small();
  damage(v);
  return complaint([&] { validate(v); });
}
}  // namespace

TEST_CASE("vocabulary: what is no id, occurs twice or has another count is refused by name", "[task]") {
  REQUIRE_NOTHROW(validate(small()));
  REQUIRE(has(refused([](Vocabulary& v) { v.size = 0; }), "vocabulary: size"));
  REQUIRE(has(refused([](Vocabulary& v) { v.bos = 80; }), "vocabulary: bos. Expected ids of the vocabulary, 0 to 79, got 80"));
  REQUIRE(has(refused([](Vocabulary& v) { v.caret = -1; }), "vocabulary: caret"));
  REQUIRE(has(refused([](Vocabulary& v) { v.newline = -1; }), "vocabulary: newline"));
  REQUIRE(has(refused([](Vocabulary& v) { v.question = 99; }), "vocabulary: question"));
  REQUIRE(has(refused([](Vocabulary& v) { v.answer = 99; }), "vocabulary: answer"));
  REQUIRE(has(refused([](Vocabulary& v) { v.words.push_back(v.words[0]); }),
              "vocabulary: words. Expected every id once, got id 10 twice"));
  REQUIRE(has(refused([](Vocabulary& v) { v.mappings[1].outputs.pop_back(); }),
              "mapping \"other\": outputs. Expected 12, one for each input, got 11"));
  REQUIRE(has(refused([](Vocabulary& v) { v.mappings[0].inputs[1] = 10; }), "mapping \"plus\": inputs. Expected every id once"));
  REQUIRE(has(refused([](Vocabulary& v) { v.mappings[0].outputs[1] = 80; }), "mapping \"plus\": outputs"));
  REQUIRE(has(refused([](Vocabulary& v) { v.mappings[0].instruction[0] = -3; }), "mapping \"plus\": instruction"));
  REQUIRE(has(refused([](Vocabulary& v) { v.mappings[0].inputs.clear(), v.mappings[0].outputs.clear(); }), "at least one"));
  REQUIRE(has(refused([](Vocabulary& v) { v.names = {"one"}; }), "vocabulary: names"));
}

TEST_CASE("vocabulary: a mapping is found by name, and a wrong name is answered with those there are", "[task]") {
  auto const v = small();
  REQUIRE(v.mapping("other").outputs[0] == 60);
  REQUIRE(has(complaint([&] { v.mapping("french"); }), "Expected one of plus, other, got french"));
  REQUIRE(has(complaint([] { Vocabulary{}.mapping("french"); }), "a vocabulary with mappings"));
}
