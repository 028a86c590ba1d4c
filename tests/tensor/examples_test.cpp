// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/tensor/examples.hpp>

#include <string>
#include <vector>

namespace {

using namespace chg;

template <class Act>
std::string message(Act&& act) {
  try {
    act();
  } catch (Error const& e) {
    return e.what();
  }
  return "no error";
}

Example const kGood{{5, 6, 7}, {0, 0, 1}};

}  // namespace

TEST_CASE("examples: a prompt and its target become one sequence in which the target counts", "[tensor]") {
  auto const e = prompt_and_target({1, 2, 3}, {4, 5});
  CHECK(e.tokens == std::vector<Token>{1, 2, 3, 4, 5});
  CHECK(e.target_mask == std::vector<std::uint8_t>{0, 0, 0, 1, 1});
  CHECK(e.targets() == 2);
}

TEST_CASE("examples: what is kept is what was given, of any lengths", "[tensor]") {
  std::vector<Example> const given{kGood, {{1, 2}, {0, 1}}, {{9, 9, 9, 9}, {0, 1, 0, 1}}};
  Examples const examples(given);
  CHECK(examples.size() == 3);
  CHECK(std::vector(examples.begin(), examples.end()) == given);
  CHECK(examples[2].targets() == 2);
  CHECK(examples.slice(1, 2)[0] == given[1]);
  CHECK(examples.slice(0, 3).size() == 3);
}

TEST_CASE("examples: an empty data set is refused", "[tensor]") {
  CHECK(message([] { Examples({}); }) == "examples: the data set is empty. Expected at least one example, got none.");
}

TEST_CASE("examples: a bad example is refused by its index", "[tensor]") {
  auto const after_good = [](Example const& e) { return message([&] { Examples({kGood, e}); }); };
  CHECK(after_good({{1, 2, 3}, {0, 1}}) ==
        "examples: example 1: target_mask has another length than tokens. Expected 3 entries, got 2.");
  CHECK(after_good({{1, 2}, {0, 2}}) == "examples: example 1: target_mask. Expected entries of 0 or 1, got another value.");
  CHECK(after_good({{1, 2}, {0, 0}}) ==
        "examples: example 1 has no target token. Expected at least one 1 in target_mask, got none. "
        "Mark the tokens whose log-probability counts, or leave the example out.");
  CHECK(after_good({{1, 2}, {1, 1}}) ==
        "examples: example 1: target_mask[0]. Expected 0, since nothing precedes the first token, got 1. Put a token (BOS, for "
        "instance) before it.");
  CHECK(after_good({{}, {}}).find("example 1 has no target token") != std::string::npos);
  CHECK(after_good({{7}, {0}}).find("example 1 has no target token") != std::string::npos);  // one token can have none
  CHECK(after_good({{7}, {1}}).find("nothing precedes the first token") != std::string::npos);
  CHECK(message([] {
          Examples({{{1, 2}, {0, 0}}, {{1, 2}, {1, 1}}});
        }).find("example 0") != std::string::npos);  // the first of two
}

TEST_CASE("examples: a slice that is not all there is refused", "[tensor]") {
  Examples const examples({kGood, kGood, kGood});
  CHECK(message([&] { examples.slice(2, 2); }) == "examples: slice. Expected a non-empty range inside 0..3, got 2..4.");
  CHECK(message([&] { examples.slice(0, 0); }) == "examples: slice. Expected a non-empty range inside 0..3, got 0..0.");
  CHECK(message([&] { examples.slice(-1, 2); }) == "examples: slice. Expected a non-empty range inside 0..3, got -1..1.");
}

TEST_CASE("examples: contrastive sets of different sizes are refused", "[tensor]") {
  CHECK(ContrastiveExamples(Examples({kGood, kGood}), Examples({kGood, kGood})).size() == 2);
  CHECK(message([] {
          ContrastiveExamples(Examples({kGood, kGood}), Examples({kGood}));
        }) == "contrastive examples: forget. Expected 2 examples, one for each of retain, got 1.");
}
