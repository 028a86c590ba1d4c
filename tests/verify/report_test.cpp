// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/verify/report.hpp>

#include <cmath>
#include <limits>

namespace {

using namespace chg;
using verify::Verdict;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The verdict over one pair, beside an exact entry of size `scale`.
verify::Report judged(double claimed, double truth, double uncertainty, double scale = 1, double floor = 1e-8) {
  verify::detail::Comparison comparison("test", 0.1, floor, 1);
  comparison.add(0, "exact", scale, scale, 0);
  comparison.add(0, "x", claimed, truth, uncertainty);
  return comparison.report();
}

}  // namespace

TEST_CASE("report: the error is relative to the largest true entry of the gradient", "[verify]") {
  auto const r = judged(0.5, 0.0, 0, 100);
  CHECK(r.passed());
  CHECK(r.where == "x");
  CHECK(r.absolute == 0.5);
  CHECK(r.relative == 0.005);
  CHECK(r.compared == 2);
  CHECK_FALSE(judged(0.5, 0.0, 0, 1));
}

TEST_CASE("report: each input is measured against its own largest entry", "[verify]") {
  verify::detail::Comparison comparison("test", 0.1, 1e-8, 2);
  comparison.add(0, "big", 1000, 1000, 0);
  comparison.add(1, "small", 0.002, 0.001, 0);
  auto const r = comparison.report();
  CHECK(r.verdict == Verdict::failed);
  CHECK(r.where == "small");
  CHECK(r.relative == 1.0);
}

TEST_CASE("report: passed, undecided and failed follow from error and uncertainty", "[verify]") {
  CHECK(judged(0.05, 0, 0.04).verdict == Verdict::passed);     // .05 + .04 <= .1
  CHECK(judged(0.05, 0, 0.06).verdict == Verdict::undecided);  // the truth may lie beyond the limit
  CHECK(judged(0.15, 0, 0.06).verdict == Verdict::undecided);  // or within it
  CHECK(judged(0.17, 0, 0.06).verdict == Verdict::failed);     // .17 - .06 > .1
  CHECK_FALSE(judged(0.05, 0, 0.06).passed());
}

TEST_CASE("report: a failed entry is shown before an undecided one with a larger error", "[verify]") {
  verify::detail::Comparison comparison("test", 0.1, 1e-8, 1);
  comparison.add(0, "rough", 1.5, 1, 5);
  comparison.add(0, "wrong", 0.8, 1, 0);
  CHECK(comparison.report().verdict == Verdict::failed);
  CHECK(comparison.report().where == "wrong");
}

TEST_CASE("report: NaN or infinity, claimed or true, fails", "[verify]") {
  for (auto const bad : {kNan, kInfinity, -kInfinity}) {
    for (auto const& r : {judged(bad, 0, 0), judged(0, bad, 0), judged(bad, bad, 0), judged(0, 0, bad)}) {
      CHECK(r.verdict == Verdict::failed);
      CHECK(r.where == "x");
      CHECK(r.relative == kInfinity);
      CHECK(r.absolute == kInfinity);
    }
  }
}

TEST_CASE("report: a gradient of zeros is measured against the floor", "[verify]") {
  auto const zero = [](double claimed, double floor) {
    verify::detail::Comparison comparison("test", 0.1, floor, 1);
    comparison.add(0, "x", claimed, 0, 0);
    return comparison.report();
  };
  CHECK(zero(0, 1e-8).passed());
  CHECK(zero(0, 1e-8).relative == 0);
  CHECK(zero(1e-10, 1e-8).passed());
  CHECK(zero(1e-8, 1e-8).verdict == Verdict::failed);
  CHECK(zero(1e-8, 1.0).passed());
}

TEST_CASE("report: nothing compared, and a floor or tolerance without meaning, are refused by name", "[verify]") {
  auto const message = [](auto&& act) -> std::string {
    try {
      act();
    } catch (Error const& e) {
      return e.what();
    }
    return "no error";
  };
  CHECK(message([] { verify::detail::Comparison("test", 0.1, 1, 1).report(); }) ==
        "verify: nothing to compare. Expected at least one entry or direction, got none.");
  CHECK(message([] { verify::detail::Comparison("test", -0.5, 1, 1); }) ==
        "verify: tolerance. Expected 0 or a positive number, got -0.5.");
  CHECK(message([] { verify::detail::Comparison("test", 0.1, 0, 1); }) ==
        "verify: floor. Expected a positive number, got 0. A gradient of zeros has no size of its own: say below which size its "
        "entries count as round-off.");
}

TEST_CASE("report: prints as one sentence", "[verify]") {
  CHECK(text(judged(0.75, 0.5, 0)) ==
        "FAILED: relative error 2.5e-01, limit 1.0e-01, at x: claimed 0.75, true 0.5 (test, 2 compared)");
  CHECK(text(judged(0.5, 0.5, 0.03125)) ==
        "passed: relative error 0 +- 3.1e-02, limit 1.0e-01, at x: claimed 0.5, true 0.5 (test, 2 compared)");
}
