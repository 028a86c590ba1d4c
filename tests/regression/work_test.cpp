// SPDX-License-Identifier: MIT
// Rows and operations of whole batches of large models, by formula: no weights are made.
#include "regression/table.hpp"
#include "regression/workloads.hpp"
#include "support/catch.hpp"
#include "support/work.hpp"  // of bench

#include <numeric>

using namespace chg;
using namespace chg::tests;

namespace {

void compare(TableSection& table, std::string const& name, Architecture const& a, Examples const& examples) {
  std::vector<Index> units(static_cast<std::size_t>(examples.size()));
  std::iota(units.begin(), units.end(), Index{0});
  auto const tree = bench::tree_of(examples, units);
  auto const operations = bench::minimal_work(config_of(a), tree).total();
  auto const chunks = bench::chunked_work<float>(config_of(a), examples, units, {});
  auto const rows = std::accumulate(chunks.rows.begin(), chunks.rows.end(), Index{0});
  CHECK(tree.rows() <= rows);
  CHECK(operations <= chunks.work.total());
  table.at_most(name + ".tree.rows", static_cast<double>(tree.rows()));
  table.at_most(name + ".tree.megaflop", operations / 1e6);
  table.at_most(name + ".chunks.rows", static_cast<double>(rows));
  table.at_most(name + ".chunks.megaflop", chunks.work.total() / 1e6);
}

}  // namespace

TEST_CASE("regression: rows and operations of an update, in one tree and in chunks", "[regression]") {
  TableSection table("work.");
  constexpr auto kSeed = 7;
  Workload small(kSeed, smollm2_135m.vocab), large(kSeed, llama_3_2_1b.vocab);
  compare(table, "smollm2.aba", smollm2_135m, small.aba(64));
  compare(table, "smollm2.in_context", smollm2_135m, small.in_context(64));
  compare(table, "smollm2.instruction", smollm2_135m, small.instruction(64));
  compare(table, "smollm2.commonsense", smollm2_135m, small.commonsense(64));
  compare(table, "llama_1b.aba", llama_3_2_1b, large.aba(16));
}
