// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/verify/table.hpp>

namespace {

using namespace chg;

verify::Report report(verify::Verdict verdict, double relative, std::string where) {
  verify::Report r;
  r.verdict = verdict, r.method = "dual numbers", r.compared = 24, r.where = std::move(where), r.relative = relative,
  r.tolerance = 1e-12;
  return r;
}

}  // namespace

TEST_CASE("table: columns are aligned and the last line counts what did not pass", "[verify]") {
  verify::Table table;
  table.add("norm", report(verify::Verdict::passed, 3.14e-16, "x(1, 3)"));
  table.add("causal attention", report(verify::Verdict::failed, 0.5, "k(2, 11)"));
  CHECK(text(table) ==
        "operation         against       compared  relative error    limit  worst at  verdict\n"
        "norm              dual numbers        24         3.1e-16  1.0e-12  x(1, 3)   passed\n"
        "causal attention  dual numbers        24         5.0e-01  1.0e-12  k(2, 11)  FAILED\n"
        "1 of 2 checks did NOT pass\n");
  CHECK_FALSE(table.passed());
  CHECK(table.failures() == 1);
}

TEST_CASE("table: a layer gets a column of its own when some row has one", "[verify]") {
  verify::Table table;
  table.add("norm", 10, report(verify::Verdict::passed, 0, "x"));
  table.add("head", report(verify::Verdict::passed, 0, "x"));
  CHECK(text(table) ==
        "operation  layer  against       compared  relative error    limit  worst at  verdict\n"
        "norm          10  dual numbers        24               0  1.0e-12  x         passed\n"
        "head              dual numbers        24               0  1.0e-12  x         passed\n"
        "2 checks, all passed\n");
  CHECK(table.passed());
}

TEST_CASE("table: undecided is not passed", "[verify]") {
  verify::Table table;
  table.add("norm", report(verify::Verdict::undecided, 0.5, "x"));
  CHECK_FALSE(table.passed());
  CHECK(text(table).find("UNDECIDED\n1 of 1 check did NOT pass\n") != std::string::npos);
}

TEST_CASE("table: an empty table has not passed", "[verify]") {
  verify::Table const table;
  CHECK_FALSE(table.passed());
  CHECK(text(table).find("nothing was checked: NOT passed\n") != std::string::npos);
}
