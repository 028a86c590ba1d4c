// SPDX-License-Identifier: MIT
// Calls of malloc, and bytes.
#include "regression/fit_of_tiny_model.hpp"
#include "regression/table.hpp"
#include "support/catch.hpp"
#include "support/count_allocations.hpp"

#include <algorithm>
#include <cstddef>

using namespace chg;
using namespace chg::tests;

// BLAS and Eigen's products may allocate by themselves; clang's OpenMP does so in every parallel region.
#if CHG_TEST_OWN_MALLOC && !defined(CHG_GEMM_BLAS) && !defined(CHG_GEMM_EIGEN) && !defined(__clang__)
TEST_CASE("regression: updates allocate nothing once the first has", "[regression]") {
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

/// The bytes of arena, from its start, that a forward and a backward pass write to. The arena has `bound` bytes or more.
Index bytes_written(FitOfTinyModel::Model const& model, PrefixTree const& tree, std::size_t bound) {
  constexpr auto untouched = std::byte{0xa5};
  Matrix<float> const gates = Matrix<float>::Constant(model.layers(), model.heads(), 0.5f);
  Pass<float> pass;
  pass.arena.reset(bound);
  auto const held = pass.arena.capacity();
  auto* const bytes = pass.arena.allocate<std::byte>(static_cast<Index>(held));
  std::fill_n(bytes, held, untouched);
  model.forward(tree, gates.data(), pass, Keep::for_backward);  // begins by taking back what was handed out
  std::vector<float> const d_logprob(tree.edges().size(), 0.1f);
  Matrix<double> d_gates = Matrix<double>::Zero(model.layers(), model.heads());
  model.backward(tree, gates.data(), pass, std::span(d_logprob), d_gates.data());
  CHECK(pass.arena.capacity() == held);
  auto last = static_cast<Index>(held);
  while (last > 0 && bytes[last - 1] == untouched) --last;
  return last;
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
  auto const written = bytes_written(fit.model(), tree, bound);
  CHECK(static_cast<std::size_t>(written) < bound);
  table.at_most("tiny.pass", static_cast<double>(written));
  table.at_most("tiny.pass_bound", static_cast<double>(bound));
  // 1024 rows, 64 targets, 118 tokens deep.
  table.at_most("smollm2.pass_bound.megabytes", mega(pass_bytes<float>(config_of(smollm2_135m), 1024, 64, 118)));
  table.at_most("llama_1b.pass_bound.megabytes", mega(pass_bytes<float>(config_of(llama_3_2_1b), 1024, 64, 118)));
}

#if !defined(CHG_GEMM_BLAS) && !defined(CHG_GEMM_EIGEN)
TEST_CASE("regression: bytes of packed weights", "[regression]") {
  TableSection table("packed_bytes.");
  table.at_most("tiny.weights", static_cast<double>(FitOfTinyModel().model().weight_bytes()));
}
#endif
