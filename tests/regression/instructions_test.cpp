// SPDX-License-Identifier: MIT
// Instructions of one update of a tiny model, which valgrind counts: the same on every machine, as far as the compiler, Eigen and
// the mathematical functions of the C library are the same. The table says for which compiler and Eigen it holds; under others
// the numbers are printed only.
#include "regression/fit_of_tiny_model.hpp"
#include "regression/table.hpp"
#include "support/catch.hpp"
#include "support/work.hpp"  // of bench

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace chg;
using namespace chg::tests;

namespace {

struct Instructions {
  double update = 0, tiles = 0;
};

/// Sums the costs of functions themselves, without what they call, in a file of callgrind whose names are not compressed.
Instructions read_callgrind(std::string const& path) {
  Instructions sum;
  std::ifstream file(path);
  auto in_tile = false, of_a_call = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("fn="))  // attention has a tile of its own
      in_tile = line.find("multiply_tile") != std::string::npos && line.find("AttentionTile") == std::string::npos;
    if (line.starts_with("calls=")) {
      of_a_call = true;
      continue;
    }
    if (!line.empty() && std::string_view("0123456789+-*").find(line[0]) != std::string_view::npos) {  // PLACE COST
      std::istringstream words(line);
      std::string place;
      double cost = 0;
      words >> place >> cost;
      if (!of_a_call) sum.update += cost, sum.tiles += in_tile ? cost : 0;
    }
    of_a_call = false;
  }
  return sum;
}

double multiply_adds_with_weights() {
  auto const examples = tiny_examples();
  std::vector<Example const*> pointers;
  for (auto const& e : examples) pointers.push_back(&e);
  PrefixTree tree;
  tree.build(pointers);
  auto const work = bench::minimal_work(resolved(llama_like, tiny_config()), tree);
  return (work.projections + work.mlp + work.unembedding) / 2;
}

/// Why nothing can be counted, or nothing.
std::string reason_to_skip() {
  if (std::string_view(CHG_COUNTED_PROGRAM).empty())
    return "the table is for g++ on x86-64 and products of chg's own; this build is another";
  if (std::string_view(CHG_VALGRIND).empty())
    return "valgrind was not found when this build was configured. Install it and configure again";
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return "the processor has no AVX2";
#endif
  return "";
}

}  // namespace

TEST_CASE("regression: instructions of an update", "[.][instructions]") {  // hidden: tests/regression/CMakeLists.txt asks for it
  if (auto const reason = reason_to_skip(); !reason.empty()) {
    WARN("skipped: " << reason << ".");
    return;
  }
  auto const out = std::string(CHG_COUNTED_PROGRAM) + ".callgrind";
  auto const command = text("'", CHG_VALGRIND, "' -q --tool=callgrind --toggle-collect=chg_counted_update --compress-strings=no ",
                            "'--callgrind-out-file=", out, "' '", CHG_COUNTED_PROGRAM, "'");
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
  auto const counted = read_callgrind(out);
  auto const per_thousand = 1000 * counted.tiles / multiply_adds_with_weights();
  REQUIRE(counted.tiles > 0);
  REQUIRE(counted.update > counted.tiles);

  TableSection table(text("instructions.g++_", __GNUC__, ".eigen_", EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".",
                          EIGEN_MINOR_VERSION, "."));
  if (table.empty() && !TableSection::renewing()) {
    WARN("the table has no numbers for this compiler and Eigen: update " << counted.update << ", tiles " << counted.tiles << ", "
                                                                         << per_thousand << " for 1000 multiply-adds");
    return;
  }
  table.at_most("update", counted.update);
  table.at_most("tiles", counted.tiles);
  table.at_most("tiles_for_1000_multiply_adds", per_thousand);
}
