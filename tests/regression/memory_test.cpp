// SPDX-License-Identifier: MIT
// Calls of malloc, and bytes.
#include "regression/fit_of_tiny_model.hpp"
#include "regression/table.hpp"
#include "support/catch.hpp"
#include "support/count_allocations.hpp"

using namespace chg;
using namespace chg::tests;

// BLAS and Eigen's products may allocate by themselves; clang's OpenMP does so in every parallel region.
#if CHG_TEST_OWN_MALLOC && !defined(CHG_GEMM_BLAS) && !defined(CHG_GEMM_EIGEN) && !defined(__clang__)
TEST_CASE("regression: updates allocate nothing once the first has, but to join what the first did", "[regression]") {
  TableSection table("allocations.");
  FitOfTinyModel fit;
  std::array<long, 4> after{};
  for (auto& count : after) {
    fit.update();
    count = allocations.load();
  }
  table.at_most("second_update", static_cast<double>(after[1] - after[0]));
  table.at_most("later_updates", static_cast<double>(after[3] - after[1]));
}
#endif

namespace {

/// The bytes of arena that a forward and a backward pass need: fewer make the arena grow.
Index least_arena(FitOfTinyModel::Model const& model, PrefixTree const& tree, Index most) {
  Matrix<float> const gates = Matrix<float>::Constant(model.layers(), model.heads(), 0.5f);
  auto const enough = [&](Index bytes) {
    Pass<float> pass;
    pass.arena.allocate<std::byte>(bytes);
    auto const held = pass.arena.capacity();
    model.forward(tree, gates.data(), pass, Keep::for_backward);  // begins by taking back what was handed out
    std::vector<float> const d_logprob(tree.edges().size(), 0.1f);
    Matrix<double> d_gates = Matrix<double>::Zero(model.layers(), model.heads());
    model.backward(tree, gates.data(), pass, std::span(d_logprob), d_gates.data());
    return pass.arena.capacity() == held;
  };
  Index too_few = 0;
  while (most - too_few > 64) {
    auto const middle = (too_few + most) / 128 * 64;
    (enough(middle) ? most : too_few) = middle;
  }
  return most;
}

double mega(std::size_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

TEST_CASE("regression: bytes of a pass", "[regression]") {
  TableSection table("bytes.");
  FitOfTinyModel const fit;
  auto const examples = tiny_examples();
  std::vector<Example const*> pointers;
  for (auto const& e : examples) pointers.push_back(&e);
  PrefixTree tree;
  tree.build(pointers);
  auto const bound = fit.model().pass_bytes(tree.rows(), static_cast<Index>(tree.target_rows().size()), tree.depth());
  auto const least = least_arena(fit.model(), tree, static_cast<Index>(bound));
  CHECK(static_cast<std::size_t>(least) < bound);
  table.at_most("tiny.pass", static_cast<double>(least));
  table.at_most("tiny.pass_bound", static_cast<double>(bound));
  // 1024 rows, 64 targets, 118 tokens deep.
  table.at_most("smollm2.pass_bound.megabytes", mega(pass_bytes<float>(smollm2_135m, config_of(smollm2_135m), 1024, 64, 118)));
  table.at_most("llama_1b.pass_bound.megabytes", mega(pass_bytes<float>(llama_3_2_1b, config_of(llama_3_2_1b), 1024, 64, 118)));
}

#if !defined(CHG_GEMM_BLAS) && !defined(CHG_GEMM_EIGEN)
TEST_CASE("regression: bytes of packed weights", "[regression]") {
  TableSection table("packed_bytes.");
  table.at_most("tiny.weights", static_cast<double>(FitOfTinyModel().model().weight_bytes()));
}
#endif
