// SPDX-License-Identifier: MIT
// The steady state of a fit allocates nothing: every malloc of the program is counted, operator new and Eigen included.
// Left out under the address sanitizer, which brings a malloc of its own, and without glibc.
#include "gate/toy.hpp"
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <atomic>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define CHG_TEST_OWN_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHG_TEST_OWN_MALLOC 0
#endif
#endif
#if !defined(CHG_TEST_OWN_MALLOC) && defined(__GLIBC__)
#define CHG_TEST_OWN_MALLOC 1
#endif

#if CHG_TEST_OWN_MALLOC

namespace {
std::atomic<long> allocations = 0;
}

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept { return ++allocations, __libc_malloc(bytes); }
void* calloc(std::size_t n, std::size_t bytes) noexcept { return ++allocations, __libc_calloc(n, bytes); }
void* realloc(void* p, std::size_t bytes) noexcept { return ++allocations, __libc_realloc(p, bytes); }
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return ++allocations, __libc_memalign(alignment, bytes);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) noexcept {
  ++allocations;
  *p = __libc_memalign(alignment, bytes);
  return *p ? 0 : ENOMEM;
}
}

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
