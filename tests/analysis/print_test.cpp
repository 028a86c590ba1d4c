// SPDX-License-Identifier: MIT
#include "finished_fits.hpp"
#include "support/catch.hpp"

#include <chg/analysis/print.hpp>

#include <sstream>

using namespace chg;
using namespace chg::tests;

namespace {

template <class T>
std::string printed(T const& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

bool has(std::string const& where, std::string const& what) { return where.find(what) != std::string::npos; }

}  // namespace

TEST_CASE("print: the table of roles names every head with its mean scores, and both counts", "[analysis]") {
  auto const fit = fit_with_gates(Gates::filled(2, 2, 3, 0.9), Gates::filled(2, 2, 3, 0.8));
  auto const table = printed(roles(fit));
  CHECK(has(table, "    1    2          0.80          0.10         0.18  facilitating\n"));
  CHECK(has(table, "by score >= 0.5:  facilitation  6.0  interference  0.0  irrelevance  0.0"));
  CHECK(has(table, "by class:         contradictory  0.0  facilitating  6.0"));
}

TEST_CASE("print: counts of a hundred heads and more stand apart from their labels, in one width", "[analysis]") {
  auto const table = printed(roles(fit_with_gates(Gates::filled(1, 10, 13, 0.9), Gates::filled(1, 10, 13, 0.8))));
  CHECK(has(table, "by score >= 0.5:  facilitation 130.0  interference   0.0  irrelevance   0.0\n"));
  CHECK(has(table, "by class:         contradictory   0.0  facilitating 130.0  interfering   0.0"));
}

TEST_CASE("print: a head that is in several classes shows in how many fits it is in which", "[analysis]") {
  Array<double, 3> plus({3, 1, 1}, 0.9), minus({3, 1, 1}, 0.1);
  minus(2, 0, 0) = 0.9;
  CHECK(has(printed(roles(fit_with_gates(Gates(plus), Gates(minus)))), "facilitating 1, irrelevant 2\n"));
}

TEST_CASE("print: of a large model only heads that facilitate, interfere or contradict are listed, and the others are counted",
          "[analysis]") {
  Array<double, 3> plus({1, 5, 13}, 0.9), minus({1, 5, 13}, 0.1);
  minus(0, 3, 7) = 0.9;
  auto const table = printed(roles(fit_with_gates(Gates(plus), Gates(minus))));
  CHECK(std::count(table.begin(), table.end(), '\n') == 1 + 1 + 1 + 3);
  CHECK(has(table, "    3    7          0.90"));
  CHECK(has(table, "(64 heads that are irrelevant or undecided in every fit are left out)"));
}

TEST_CASE("print: an ablation shows mean, standard error over fits and signs at each k", "[analysis]") {
  Ablation ablation{Score::facilitation, {}, {7, 8}, {}};
  for (Index set : {0, 1})
    for (Index k : {1, 2}) {
      AblationPoint point;
      point.set = set, point.k = k;
      point.effects = {static_cast<double>(k == 1 ? -1 - 2 * set : set)};
      ablation.points.push_back(point);
    }
  auto const table = printed(ablation);
  CHECK(has(table, "ablation by facilitation, cumulative, context plus, replaced by zero"));
  CHECK(has(table, "    1          -2.0000       1.0000        2 of 2\n"));
  CHECK(has(table, "    2           0.5000       0.5000        0 of 2\n"));
}

TEST_CASE("print: a heat map has a cell a head, and colour only where it is asked for", "[analysis]") {
  auto const fit = fit_with_gates(Gates::filled(2, 2, 3, 0.9), Gates::filled(2, 2, 3, 0.02));
  auto const plain = printed(heatmap(fit, 1)), colour = printed(heatmap(fit, 1, true));
  CHECK(has(plain, "0   ██████"));  // .9 is full
  CHECK(has(plain, "······"));
  CHECK_FALSE(has(plain, "\x1b"));
  CHECK(has(colour, "\x1b[48;5;232m  \x1b[0m"));
  CHECK(has(printed(Heatmap{{{"a", Matrix<double>::Constant(1, 1, 0.5)}}}), "▒▒"));
  CHECK_THROWS_WITH(printed(Heatmap{{{"a", Matrix<double>::Ones(2, 2)}, {"b", Matrix<double>::Ones(2, 3)}}}),
                    Catch::Contains("heatmap: b"));
  CHECK_THROWS_WITH(printed(Heatmap{}), Catch::Contains("at least one"));
}
