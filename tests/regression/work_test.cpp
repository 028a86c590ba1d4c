// SPDX-License-Identifier: MIT
// Rows and operations of whole batches of large models, by formula: no weights are made.
#include "regression/table.hpp"
#include "regression/workloads.hpp"
#include "support/catch.hpp"
#include "support/work.hpp"  // of bench

#include <chg/model/chunks.hpp>

#include <numeric>

using namespace chg;
using namespace chg::tests;

namespace {

struct Cost {
  Index rows = 0;
  double operations = 0;
};

Cost cost_of(Architecture const& a, Examples const& examples, std::span<Index const> units) {
  std::vector<Example const*> pointers;
  for (auto const unit : units) pointers.push_back(&examples[unit]);
  PrefixTree tree;
  tree.build(pointers);
  return {tree.rows(), bench::minimal_work(a, config_of(a), tree).total()};
}

void compare(TableSection& table, std::string const& name, Architecture const& a, Examples const& examples) {
  std::vector<Index> units(static_cast<std::size_t>(examples.size()));
  std::iota(units.begin(), units.end(), Index{0});
  ChunkPlan plan;
  Examples const* const data[] = {&examples};
  plan.cut(data, units, chunk_limits<float>({}, a.vocab));
  Cost chunks;
  for (Index c = 0; c < plan.chunks(); ++c) {
    auto const chunk = cost_of(a, examples, plan.chunk(c));
    chunks.rows += chunk.rows, chunks.operations += chunk.operations;
  }
  auto const tree = cost_of(a, examples, units);
  CHECK(tree.rows <= chunks.rows);
  CHECK(tree.operations <= chunks.operations);
  table.at_most(name + ".tree.rows", static_cast<double>(tree.rows));
  table.at_most(name + ".tree.megaflop", tree.operations / 1e6);
  table.at_most(name + ".chunks.rows", static_cast<double>(chunks.rows));
  table.at_most(name + ".chunks.megaflop", chunks.operations / 1e6);
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
