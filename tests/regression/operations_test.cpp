// SPDX-License-Identifier: MIT
// Operations as they happen, counted by the number type: a product that is done twice is seen, whatever the formulas say.
#include <chg/tensor/gemm.hpp>

#if !defined(CHG_GEMM_BLAS) && !defined(CHG_GEMM_EIGEN)  // whose products are not made of our tile

#include "regression/counted.hpp"
#include "regression/fit_of_tiny_model.hpp"
#include "regression/table.hpp"
#include "support/catch.hpp"
#include "support/work.hpp"  // of bench

#include <chg/model/evaluate.hpp>
#include <chg/model/position_patch.hpp>

using namespace chg;
using namespace chg::tests;

namespace {

using Model = Transformer<llama_like, Counted>;

Config counted_config() {
  Config c;
  c.layers = 3, c.heads = 4, c.kv_heads = 2, c.head_dim = 4, c.d_model = 12, c.d_ff = 20, c.vocab = 132, c.context = 128;
  return c;
}
Model counted_model() { return {counted_config(), random_weights<Counted>(llama_like, counted_config())}; }

struct Counts {
  double with_weights, others;
};
template <class Work>
Counts count(Work const& work) {
  Multiplications::with_weights = Multiplications::others = 0;
  work();
  return {static_cast<double>(Multiplications::with_weights), static_cast<double>(Multiplications::others)};
}

std::vector<Index> all_of(Examples const& examples) {
  std::vector<Index> units(static_cast<std::size_t>(examples.size()));
  std::iota(units.begin(), units.end(), Index{0});
  return units;
}

}  // namespace

TEST_CASE("regression: an update multiplies with weights as often as the minimal work says, in one chunk and in many",
          "[regression]") {
  TableSection table("multiplications.update.");
  auto const model = counted_model();
  auto const examples = Workload(3, model.config().vocab).instruction(20);
  auto const units = all_of(examples);
  Examples const* const data[] = {&examples};
  for (auto const& [max_rows, chunks] : {std::pair(1024, "one_chunk."), std::pair(60, "many_chunks.")}) {
    RunOptions const options{.threads = 1, .max_rows = max_rows};
    ChunkPlan plan;
    plan.cut(data, units, chunk_limits<Counted>(options, model.config().vocab));
    bench::Work work;
    for (Index c = 0; c < plan.chunks(); ++c) {
      std::vector<Example const*> pointers;
      for (auto const i : plan.chunk(c)) pointers.push_back(&examples[i]);
      PrefixTree tree;
      tree.build(pointers);
      auto const chunk = bench::minimal_work(model.config(), tree);
      work.projections += chunk.projections, work.attention += chunk.attention, work.mlp += chunk.mlp;
      work.unembedding += chunk.unembedding;
    }
    BatchRunner<Model> runner(model, options);
    std::vector<BatchRunner<Model>::Job> jobs(1);
    jobs[0].units = units;
    jobs[0].gates = Matrix<Counted>::Constant(model.layers(), model.heads(), 0.5);
    auto const counts = count([&] { runner.run({&examples}, std::span(jobs), MeanNll{}); });
    CHECK(2 * counts.with_weights == work.projections + work.mlp + work.unembedding);
    CHECK(2 * counts.others >= work.attention);
    CHECK((plan.chunks() == 1) == (max_rows == 1024));
    table.at_most(text(chunks, "with_weights"), counts.with_weights);
    table.at_most(text(chunks, "others"), counts.others);
  }
}

TEST_CASE("regression: heads switched off one by one, and patched at one position, multiply less than whole runs do",
          "[regression]") {
  TableSection table("multiplications.heads.");
  auto const model = counted_model();
  auto const examples = Workload(4, model.config().vocab).aba(6);
  RunOptions const options{.threads = 1};
  Matrix<double> const ones = Matrix<double>::Ones(model.layers(), model.heads());
  Scorer<Model> scorer(model, examples, options);
  auto const whole = count([&] { scorer(ones); });
  std::vector<Variation> variations;
  for (Index l = 0; l < model.layers(); ++l)
    for (Index h = 0; h < model.heads(); ++h) {
      variations.push_back({ones, {}});
      variations.back().gates(l, h) = 0;
    }
  auto const off = count([&] { scorer.mean_logprobs(ones, variations); });
  PositionPatcher<Model> patcher(model, examples, options);
  std::vector<Matrix<Counted>> const patches(
      static_cast<std::size_t>(model.layers()),
      Matrix<Counted>::Constant(examples.size(), model.heads() * model.config().head_dim, 0.05));
  auto const patched = count([&] { patcher(patches, ones); });
  table.at_most("whole_run", whole.with_weights);
  table.at_most("all_off_one_by_one", off.with_weights);
  table.at_most("all_patched_one_by_one", patched.with_weights);
  auto const runs = static_cast<double>(variations.size());
  CHECK(off.with_weights < runs * whole.with_weights);
  CHECK(patched.with_weights < runs * whole.with_weights);
}

#endif
