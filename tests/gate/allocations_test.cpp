// SPDX-License-Identifier: MIT
// The steady state of a fit allocates nothing: every malloc of the program is counted, operator new and Eigen included.
#include "gate/toy.hpp"
#include "support/catch.hpp"
#include "support/count_allocations.hpp"
#include "support/tiny_models.hpp"

#if CHG_TEST_OWN_MALLOC

using namespace chg;

namespace {

/// The count after each update, and for each phase the allocations between its second and its last update.
struct Counter {
  std::vector<long> after;
  std::vector<Index> update;

  explicit Counter(std::size_t updates) { after.reserve(updates), update.reserve(updates); }
  ProgressCallback callback() {
    return [this](Progress const& p) { return after.push_back(allocations), update.push_back(p.update), true; };
  }
  long steady() const {
    long sum = 0;
    for (std::size_t i = 1; i < after.size(); ++i)
      if (update[i] > 2) sum += after[i] - after[i - 1];
    return sum;
  }
};

}  // namespace

TEST_CASE("fit: the counter sees allocations by new, by malloc and by Eigen", "[gate]") {
  auto const count = [](auto&& action) {
    auto const before = allocations.load();
    action();
    return allocations - before;
  };
  std::vector<double> v;
  Matrix<double> m;
  REQUIRE(count([&] { v.resize(100); }) == 1);
  REQUIRE(count([&] { m.resize(10, 10); }) == 1);
  REQUIRE(count([&] { std::free(std::malloc(static_cast<std::size_t>(m.size()))); }) == 1);
}

TEST_CASE("fit: the loop around the model allocates nothing in the steady state", "[gate]") {
  toy::Runner<float> runner;
  Counter counter(60), pairs(20);
  fit_with(runner, 2, 3, toy::examples(10),
           {.gate_sets = 3, .batch = 7, .updates = 20, .updates_pressed = 20, .progress = counter.callback()});
  REQUIRE(counter.after.size() == 60);
  REQUIRE(counter.steady() == 0);
  contrast_with(runner, 2, 3, toy::pairs(10), {.gate_sets = 3, .batch = 7, .updates = 20, .progress = pairs.callback()});
  REQUIRE(pairs.after.size() == 20);
  REQUIRE(pairs.steady() == 0);
}

TEST_CASE("fit: a fit of a transformer allocates nothing in the steady state", "[gate]") {
  // The counter sees malloc itself, so it also counts what OpenBLAS allocates for its own use.
  if (std::string_view(gemm_backend) == "blas") {
    WARN("skipped: the products are by BLAS, which may allocate by itself. Build with CHG_GEMM=packed to run it.");
    return;
  }
  auto const model = tests::llama<float>();
  auto const data = tests::ragged(24);
  Counter counter(60);
  FitOptions options;
  options.gate_sets = 2, options.batch = 24, options.updates = 20, options.updates_pressed = 20;
  options.order = Order::sequential;             // every batch is the data, so every update needs the same space
  options.run = {.threads = 1, .max_rows = 60};  // with more threads the chunks a worker gets first, and hence its growth, vary
  options.progress = counter.callback();
  fit(model, data, options);
  REQUIRE(counter.steady() == 0);
}

#endif
