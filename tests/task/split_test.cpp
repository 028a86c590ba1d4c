// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "task/vocabularies.hpp"

#include <chg/task/split.hpp>

#include <set>

using namespace chg;
using namespace chg::task;
using vocabularies::complaint;
using vocabularies::has;

namespace {

/// Prompts [1, p] with p = i mod `different`, targets i.
Examples data(Index count, Index different) {
  std::vector<Example> all;
  for (Index i = 0; i < count; ++i)
    all.push_back(prompt_and_target({1, static_cast<Token>(i % different)}, {static_cast<Token>(i)}));
  return Examples(all);
}

}  // namespace

TEST_CASE("split: every example is on one side, in its order, and equal prompts are on the same side", "[task]") {
  for (Index const different : {2, 7, 10, 60}) {
    auto const all = data(60, different);
    auto const [train, validation] = split(all, {.share = 0.3, .seed = 1});
    REQUIRE(train.size() + validation.size() == 60);
    std::set<Token> train_prompts, validation_prompts;
    for (auto const* side : {&train, &validation}) {
      Token last = -1;
      for (auto const& e : *side) {
        REQUIRE(e.tokens[2] > last);
        last = e.tokens[2];
        (side == &train ? train_prompts : validation_prompts).insert(e.tokens[1]);
      }
    }
    for (auto const p : validation_prompts) REQUIRE(train_prompts.count(p) == 0);
    REQUIRE(validation_prompts.size() ==
            static_cast<std::size_t>(std::max<Index>(1, std::llround(0.3 * static_cast<double>(different)))));
  }
}

TEST_CASE("split: the seed decides which prompts go where", "[task]") {
  auto const all = data(60, 60);
  auto const targets = [&](std::uint64_t seed) {
    std::vector<Token> out;
    for (auto const& e : split(all, {.seed = seed}).validation) out.push_back(e.tokens[2]);
    return out;
  };
  REQUIRE(targets(1).size() == 6);
  REQUIRE(targets(1) == targets(1));
  REQUIRE(targets(1) != targets(2));
}

TEST_CASE("split: at least one prompt goes to each side", "[task]") {
  auto const all = data(4, 2);
  REQUIRE(split(all, {.share = 0.01}).validation.size() == 2);
  REQUIRE(split(all, {.share = 0.99}).train.size() == 2);
}

TEST_CASE("split: equal prompts alone and a share outside (0, 1) are refused", "[task]") {
  REQUIRE(has(complaint([] { split(data(5, 1)); }), "split: different prompts. Expected 2 or more, got 1"));
  for (double const share : {0.0, 1.0, -0.5, std::nan("")})
    REQUIRE(has(complaint([&] { split(data(5, 5), {.share = share}); }), "split: share"));
}
