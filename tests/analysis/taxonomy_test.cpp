// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/analysis/taxonomy.hpp>

#include <cmath>

using namespace chg;

namespace {

Roles roles_of(std::vector<double> plus, std::vector<double> minus, Index sets = 1) {
  auto const heads = plus.size() / static_cast<std::size_t>(sets);
  Array<double, 3> p({static_cast<std::size_t>(sets), 1, heads}), m(p.shape());
  std::copy(plus.begin(), plus.end(), p.begin());
  std::copy(minus.begin(), minus.end(), m.begin());
  std::vector<std::uint64_t> seeds(static_cast<std::size_t>(sets));
  return {Gates(p), Gates(m), seeds};
}

}  // namespace

TEST_CASE("taxonomy: the four corners of table 1, and the corner that the table leaves out", "[analysis]") {
  CHECK(classify(1, 1) == HeadClass::facilitating);
  CHECK(classify(0, 0) == HeadClass::interfering);
  CHECK(classify(1, 0) == HeadClass::irrelevant);
  CHECK(classify(0, 1) == HeadClass::contradictory);
}

TEST_CASE("taxonomy: a score of exactly one half is the role, anything below is not", "[analysis]") {
  auto const below = std::nextafter(0.5, 0.0), above = std::nextafter(0.5, 1.0);
  CHECK(classify(1, 0.5) == HeadClass::facilitating);
  CHECK(classify(1, below) == HeadClass::irrelevant);
  CHECK(classify(0.5, 0) == HeadClass::interfering);  // and irrelevant by score: interference is decided first
  CHECK(classify(above, 0) == HeadClass::irrelevant);
  CHECK(classify(0.5, 0.5) == HeadClass::contradictory);
  CHECK(classify(above, 0.5) == HeadClass::facilitating);
}

TEST_CASE("taxonomy: the roles are no partition: heads with none and with two", "[analysis]") {
  CHECK(classify(0.6, 0.3) == HeadClass::undecided);  // F .3, I .4, R .42
  auto const r = roles_of({0.6, 0.3, 0.5}, {0.3, 0.7, 0.0});
  for (auto const score : all_scores) CHECK_FALSE(has_role(r.score(score, 0, 0, 0)));
  CHECK(has_role(r.score(Score::facilitation, 0, 0, 1)));
  CHECK(has_role(r.score(Score::interference, 0, 0, 1)));
  CHECK(r.head_class(0, 0, 1) == HeadClass::contradictory);
  // Head 2 interferes and is irrelevant by score: counted twice by role, once by class.
  CHECK(r.with_role(Score::interference, 0) == 2);
  CHECK(r.with_role(Score::irrelevance, 0) == 1);
  CHECK(r.in_class(HeadClass::interfering, 0) == 1);
  CHECK(r.in_class(HeadClass::irrelevant, 0) == 0);
}

TEST_CASE("taxonomy: irrelevance is G+ (1 - G-), not its misprint", "[analysis]") {
  CHECK(head_score(Score::irrelevance, 0.9, 0.2) == Approx(0.72));
  CHECK(head_score(Score::facilitation, 0.9, 0.2) == 0.2);
  CHECK(head_score(Score::interference, 0.9, 0.2) == Approx(0.1));
}

TEST_CASE("taxonomy: classes are decided fit by fit, never from a mean of gates", "[analysis]") {
  // The mean over the two fits has G+ = 1, G- = .5 for both heads; neither fit alone has two facilitating heads.
  auto const r = roles_of({1, 1, 1, 1}, {1, 0, 0, 1}, 2);
  for (Index set : {0, 1}) {
    CHECK(r.in_class(HeadClass::facilitating, set) == 1);
    CHECK(r.in_class(HeadClass::irrelevant, set) == 1);
  }
  CHECK(r.fits_in_class(HeadClass::facilitating, 0, 0) == 1);
  CHECK(r.scores(Score::facilitation)(1, 0, 1) == 1);
}

TEST_CASE("taxonomy: an interrupted fit and mismatched shapes are refused", "[analysis]") {
  Fit fit;
  fit.status = Status::interrupted;
  CHECK_THROWS_WITH(roles(fit), Catch::Contains("a finished fit"));
  CHECK_THROWS_WITH((Roles(Gates::ones(1, 2, 3), Gates::ones(1, 3, 2), {0})), Catch::Contains("the same shape"));
  CHECK_THROWS_WITH((Roles(Gates::ones(2, 2, 3), Gates::ones(2, 2, 3), {0})), Catch::Contains("one a gate set"));
}
