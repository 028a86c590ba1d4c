// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

using namespace chg;
using toy::complaint;

TEST_CASE("fit_record: gates of a phase that has not run to its end are refused by name", "[gate]") {
  Fit const fit;
  auto const said = [](char const* gates, char const* phase) {
    return text("fit: ", gates, ". Expected a fit whose phase ", phase,
                " has run to its end, got one that has not come so far. Resume it, or give that phase "
                "updates.");
  };
  REQUIRE(complaint([&] { fit.g0(); }) == said("G0", "none"));
  REQUIRE(complaint([&] { fit.g_plus(); }) == said("G+", "retain"));
  REQUIRE(complaint([&] { fit.g_minus(); }) == said("G-", "remove"));
  REQUIRE(complaint([] { ContrastiveFit().g(); }) == said("G", "contrast"));
}

TEST_CASE("fit_record: a record begins with nothing, and set s has the seed + s", "[gate]") {
  Fit fit;
  REQUIRE(fit.origin == Origin{0, 0, 0, 0, 0});
  REQUIRE(fit.point.phase == 0);
  REQUIRE(fit.point.update == 0);
  fit.options.seed = 40;
  REQUIRE(fit.seed(0) == 40);
  REQUIRE(fit.seed(2) == 42);
}

TEST_CASE("fit_record: a model of one head and a single gate set make a record, none makes none", "[gate]") {
  Fit fit;
  fit.options.gate_sets = 1;
  fit.options.normalise = Normalise::mean;
  fit.status = Status::interrupted;
  fit.origin = {.data = 0, .units = 1, .layers = 1, .heads = 1, .scalar_bytes = 8};
  auto const said = [](Fit const& record) {
    return complaint([&] { detail::validate_record(record); });
  };
  REQUIRE(said(fit) == "nothing was thrown");
  auto none = fit;
  none.origin.units = 0;
  REQUIRE(said(none) == "fit: examples. Expected 1 or more, got 0.");
  none = fit, none.origin.layers = 0;
  REQUIRE(said(none).starts_with("fit: layers and heads. Expected 1 to "));
  none = fit, none.origin.heads = 0;
  REQUIRE(said(none).starts_with("fit: layers and heads. Expected 1 to "));
  none = fit, none.options.gate_sets = 0;
  REQUIRE(said(none).starts_with("fit: gate sets. Expected 1 to "));
  for (auto const extent : {&Origin::layers, &Origin::heads}) {
    none = fit, none.origin.*extent = detail::kMostSets;
    REQUIRE(said(none) == "nothing was thrown");
    ++(none.origin.*extent);
    REQUIRE(said(none).starts_with("fit: layers and heads. Expected 1 to "));
  }
  none = fit, none.options.normalise.reset();
  REQUIRE(said(none) == "fit: option normalise. Expected mean or sum, got none.");
  none = fit, none.status = Status::finished;
  REQUIRE(said(none) ==
          "fit: status. Expected finished after the last phase alone, got a contradiction.");
}
