// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "task/vocabularies.hpp"

#include <chg/task/mapping.hpp>

#include <map>
#include <set>

using namespace chg;
using namespace chg::task;
using namespace vocabularies;

namespace {

Vocabulary const v = small();
Mapping const& plus_30 = v.mappings[0];  // input t to t + 30

/// Inputs that a prompt shows, its query last.
std::vector<Token> inputs_of(Example const& e) {
  std::vector<Token> inputs;
  for (std::size_t t = 0; t + 1 < e.tokens.size(); ++t)
    if (e.tokens[t] == kQuestion) inputs.push_back(e.tokens[t + 1]);
  return inputs;
}

}  // namespace

TEST_CASE("mapping: an in-context prompt is ten different pairs and a query that is none of them", "[task]") {
  for (auto const& e : mapping(v, plus_30, {.examples = 40, .seed = 1})) {
    REQUIRE(e.tokens.size() == 1 + 10 * 5 + 3 + 1);  // 54 tokens and the target
    REQUIRE(e.targets() == 1);
    REQUIRE(e.tokens[0] == kBos);
    for (std::size_t pair = 0; pair < 10; ++pair) {
      auto const at = 1 + 5 * pair;
      REQUIRE(e.tokens[at] == kQuestion);
      REQUIRE(e.tokens[at + 2] == kAnswer);
      REQUIRE(e.tokens[at + 3] == e.tokens[at + 1] + 30);
      REQUIRE(e.tokens[at + 4] == kNewline);
    }
    REQUIRE(e.tokens[51] == kQuestion);
    REQUIRE(e.tokens[53] == kAnswer);
    REQUIRE(e.tokens[54] == e.tokens[52] + 30);
    auto const inputs = inputs_of(e);
    REQUIRE(std::set<Token>(inputs.begin(), inputs.end()).size() == 11);
  }
}

TEST_CASE("mapping: an instruction prompt is the instruction, a newline, the leading pairs and the query", "[task]") {
  auto const plain = mapping(v, plus_30, {.format = Format::instruction, .examples = 12});
  for (auto const& e : plain) {
    auto const x = e.tokens[5];
    REQUIRE(e.tokens == std::vector<Token>{kBos, kGive, kWord, kNewline, kQuestion, x, kAnswer, x + 30});
  }
  auto const led = mapping(v, plus_30, {.format = Format::instruction, .examples = 12, .leading = 1, .bos = false});
  for (auto const& e : led) {
    auto const a = e.tokens[4], x = e.tokens[9];
    REQUIRE(a != x);
    REQUIRE(e.tokens ==
            std::vector<Token>{kGive, kWord, kNewline, kQuestion, a, kAnswer, a + 30, kNewline, kQuestion, x, kAnswer, x + 30});
  }
}

TEST_CASE("mapping: each query is asked equally often", "[task]") {
  std::map<Token, int> asked;
  for (auto const& e : mapping(v, plus_30, {.examples = 36, .seed = 5})) ++asked[inputs_of(e).back()];
  REQUIRE(asked.size() == 12);
  for (auto const& [token, count] : asked) REQUIRE(count == 3);
}

TEST_CASE("mapping: contrastive lines ask the same query in both formats", "[task]") {
  MappingOptions const options{.examples = 30, .seed = 2, .pairs = 4};
  auto const keep_icl = contrastive_mapping(v, plus_30, Format::icl, options);
  auto const keep_instruction = contrastive_mapping(v, plus_30, Format::instruction, options);
  for (Index i = 0; i < 30; ++i) {
    REQUIRE(inputs_of(keep_icl.retain[i]).size() == 5);
    REQUIRE(inputs_of(keep_icl.forget[i]).size() == 1);
    REQUIRE(inputs_of(keep_icl.retain[i]).back() == inputs_of(keep_icl.forget[i]).back());
    REQUIRE(keep_icl.retain[i].tokens.back() == keep_icl.forget[i].tokens.back());
    REQUIRE(keep_instruction.forget[i] == keep_icl.retain[i]);
    REQUIRE(keep_instruction.retain[i] == keep_icl.forget[i]);
  }
}

TEST_CASE("mapping: shuffled outputs keep inputs, query and target, line by line, and are the same outputs in another order",
          "[task]") {
  MappingOptions options{.examples = 30, .seed = 2, .pairs = 6};
  auto const clean = mapping(v, plus_30, options);
  options.shuffle_outputs = true;
  auto const corrupt = mapping(v, plus_30, options);
  Index moved = 0;
  for (Index i = 0; i < 30; ++i) {
    REQUIRE(inputs_of(corrupt[i]) == inputs_of(clean[i]));
    REQUIRE(corrupt[i].tokens.back() == clean[i].tokens.back());
    auto a = clean[i].tokens, b = corrupt[i].tokens;
    moved += a != b;
    std::sort(a.begin(), a.end()), std::sort(b.begin(), b.end());
    REQUIRE(a == b);
  }
  REQUIRE(moved >= 28);
}

TEST_CASE("mapping: no validation query occurs in training data, as query or as example, whatever the seeds", "[task]") {
  std::set<Token> training, validation;
  for (std::uint64_t seed = 0; seed < 5; ++seed)
    for (auto const format : {Format::icl, Format::instruction}) {
      for (auto const& e :
           mapping(v, plus_30, {.format = format, .examples = 30, .seed = seed, .pairs = 9, .split = Split::train}))
        for (auto const token : inputs_of(e)) training.insert(token);
      for (auto const& e :
           mapping(v, plus_30, {.format = format, .examples = 30, .seed = seed, .pairs = 9, .split = Split::validation})) {
        validation.insert(inputs_of(e).back());
        for (std::size_t k = 0; k + 1 < inputs_of(e).size(); ++k) REQUIRE(validation.count(inputs_of(e)[k]) == 0);
      }
    }
  REQUIRE(training.size() == 10);
  REQUIRE(validation.size() == 2);  // a tenth of 12, rounded up
  for (auto const token : validation) REQUIRE(training.count(token) == 0);
}

TEST_CASE("mapping: the same seed gives the same prompts and a longer set begins with the shorter", "[task]") {
  auto const data = mapping(v, plus_30, {.examples = 20, .seed = 3});
  auto const longer = mapping(v, plus_30, {.examples = 40, .seed = 3});
  for (Index i = 0; i < 20; ++i) REQUIRE(data[i] == longer[i]);
  REQUIRE(mapping(v, plus_30, {.examples = 20, .seed = 4})[0] != data[0]);
}

TEST_CASE("mapping: more pairs than inputs, a missing instruction and bad counts are refused by name", "[task]") {
  REQUIRE(has(complaint([] { mapping(v, plus_30, {.pairs = 12}); }),
              "mapping \"plus\": pairs. Expected at most 11, the inputs there are beside the query, got 12"));
  REQUIRE_NOTHROW(mapping(v, plus_30, {.pairs = 11}));
  REQUIRE(has(complaint([] { mapping(v, plus_30, {.pairs = 10, .split = Split::train}); }), "at most 9"));
  REQUIRE(has(complaint([] { mapping(v, plus_30, {.pairs = 11, .split = Split::validation}); }), "at most 10"));
  REQUIRE(has(complaint([] { mapping(v, plus_30, {.format = Format::instruction, .leading = 12}); }),
              "leading. Expected at most 11"));
  REQUIRE(has(complaint([] { mapping(v, plus_30, {.examples = 0}); }), "examples"));
  REQUIRE(has(complaint([] { mapping(v, plus_30, {.pairs = 0}); }), "pairs"));
  REQUIRE(has(complaint([] { mapping(v, plus_30, {.leading = -1}); }), "leading"));
  auto mute = plus_30;
  mute.instruction.clear();
  REQUIRE(has(complaint([&] { mapping(v, mute, {.format = Format::instruction}); }),
              "instruction. Expected at least one token, got none"));
}

TEST_CASE("leave_one_out: the fitted lines take turns among the other mappings and the held-out ones are of the one left out",
          "[task]") {
  auto const out = leave_one_out(v, 1, Format::icl, {.examples = 8, .seed = 4, .pairs = 3});
  REQUIRE(out.fit.size() == 8);
  REQUIRE(out.held_out.size() == 8);
  for (Index i = 0; i < 8; ++i) {
    REQUIRE(out.fit.retain[i].tokens.back() == inputs_of(out.fit.retain[i]).back() + 30);
    REQUIRE(out.held_out.retain[i].tokens.back() == inputs_of(out.held_out.retain[i]).back() + 50);
  }
  auto three = v;
  three.mappings.push_back(three.mappings[0]);
  auto const turns = leave_one_out(three, 0, Format::instruction, {.examples = 5, .seed = 4, .pairs = 3});
  REQUIRE(turns.fit.size() == 10);
  auto const first = contrastive_mapping(three, three.mappings[1], Format::instruction, {.examples = 5, .seed = 5, .pairs = 3});
  for (Index i = 0; i < 5; ++i) {
    REQUIRE(turns.fit.retain[2 * i] == first.retain[i]);
    REQUIRE(turns.fit.forget[2 * i] == first.forget[i]);
    REQUIRE(turns.fit.retain[2 * i].tokens.back() >= 60);
    REQUIRE(turns.fit.retain[2 * i + 1].tokens.back() < 60);
  }
}

TEST_CASE("leave_one_out: a mapping that is not there and a vocabulary with a single one are refused", "[task]") {
  REQUIRE(has(complaint([] { leave_one_out(v, 2, Format::icl); }), "held_out. Expected 0 to 1, got 2"));
  REQUIRE(has(complaint([] { leave_one_out(v, -1, Format::icl); }), "held_out"));
  auto single = v;
  single.mappings.resize(1);
  REQUIRE(has(complaint([&] { leave_one_out(single, 0, Format::icl); }), "2 or more"));
}
