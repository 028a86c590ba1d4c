// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <atomic>
#include <cstdlib>
#include <new>
#include <numeric>

using namespace chg;
using namespace chg::tests;

#if !defined(__SANITIZE_ADDRESS__)  // which replaces the same functions
namespace {
std::atomic<long> allocations = 0;
}

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // inlined, the pairs below look mismatched to g++ 12
#endif

// Every operator new of the program counts; sized and array forms forward to these two.
void* operator new(std::size_t bytes) {
  ++allocations;
  if (auto* const p = std::malloc(bytes ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  ++allocations;
  auto const a = static_cast<std::size_t>(alignment);
  if (auto* const p = std::aligned_alloc(a, (bytes + a - 1) / a * a)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
#endif

namespace {

template <class Runner>
std::vector<typename Runner::Job> jobs_for(Runner const& runner, Index sets, Index units, Index examples) {
  std::vector<typename Runner::Job> jobs(static_cast<std::size_t>(sets));
  for (std::size_t s = 0; s < jobs.size(); ++s) {
    Random random(s, Stream::user);
    for (Index i = 0; i < units; ++i)
      jobs[s].units.push_back(static_cast<Index>(random.below(static_cast<std::uint64_t>(examples))));
    jobs[s].gates = random_gates(runner.model().layers(), runner.model().heads(), s).template cast<typename Runner::Scalar>();
  }
  return jobs;
}

// A retain / forget objective with different weights on its two halves, to tell them apart.
struct Pair {
  static constexpr Index examples_per_unit = 2;
  template <class Sum>
  Sum operator()(std::span<Sum const> logprob, std::span<Sum> d) const {
    d[0] = Sum(-1), d[1] = Sum(0.25);
    return Sum(0.25) * logprob[1] - logprob[0];
  }
};

}  // namespace

TEST_CASE("batch_runner: a gate set's results have the same bits alone and among others, in any order", "[model]") {
  auto const model = llama<float>();
  auto const examples = ragged(50);
  BatchRunner<decltype(model)> together(model, {.threads = 2, .max_rows = 30}), alone(model, {.threads = 1, .max_rows = 30});
  auto jobs = jobs_for(together, 5, 32, examples.size());
  together.run({&examples}, std::span(jobs), MeanNll{});
  for (auto const& expected : jobs) {
    std::vector job{expected};
    alone.run({&examples}, std::span(job), MeanNll{});
    CHECK(job[0].loss == expected.loss);
    CHECK(job[0].d_gates == expected.d_gates);
    CHECK(job[0].logprob == expected.logprob);
  }
}

TEST_CASE("batch_runner: an example drawn twice counts twice", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(9);
  BatchRunner<decltype(model)> runner(model);
  auto jobs = jobs_for(runner, 1, 1, 9);
  auto const run = [&](std::vector<Index> units) {
    jobs[0].units = std::move(units);
    runner.run({&examples}, std::span(jobs), MeanNll{});
    return jobs[0];
  };
  auto const a = run({0}), b = run({1}), mixed = run({0, 1, 0});
  CHECK(mixed.loss == Approx((2 * a.loss + b.loss) / 3).epsilon(1e-13));
  CHECK(relative_error(mixed.d_gates, Matrix<double>((2 * a.d_gates + b.d_gates) / 3)) < 1e-12);
  CHECK(mixed.logprob[0] == mixed.logprob[2]);
}

TEST_CASE("batch_runner: pairs contribute by the derivatives of their objective", "[model]") {
  auto const model = llama<double>();
  auto const retain = ragged(12, 14, 1), forget = ragged(12, 14, 2);
  BatchRunner<decltype(model)> runner(model, {.max_rows = 50});
  std::vector<BatchRunner<decltype(model)>::Job> jobs(1);
  jobs[0].gates = random_gates(3, 6);
  jobs[0].units.resize(12);
  std::iota(jobs[0].units.begin(), jobs[0].units.end(), Index{0});
  runner.run({&retain, &forget}, std::span(jobs), Pair{});
  auto const r = gradient(model, retain, jobs[0].gates), f = gradient(model, forget, jobs[0].gates);
  CHECK(jobs[0].loss == Approx(r.nll - 0.25 * f.nll).epsilon(1e-12));
  CHECK(relative_error(jobs[0].d_gates, Matrix<double>(r.d_gates - 0.25 * f.d_gates)) < 1e-12);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("batch_runner: batches of a size that was there allocate nothing", "[model]") {
  auto const model = llama<double>();
  auto const examples = ragged(64);
  for (int const threads : {1, 2}) {
    BatchRunner<decltype(model)> runner(model, {.threads = threads, .max_rows = 40});
    auto jobs = jobs_for(runner, 3, 64, examples.size());
    // With two threads a worker may meet the largest chunk late, but some time all have met it.
    auto quiet = 0;
    for (int batch = 0; batch < 1000 && quiet < 3; ++batch) {
      auto const before = allocations.load();
      runner.run({&examples}, std::span(jobs), MeanNll{});
      quiet = allocations.load() == before ? quiet + 1 : 0;
      if (threads == 1 && batch == 4) CHECK(quiet == 3);
    }
    CHECK(quiet == 3);
  }
}
#endif

TEST_CASE("batch_runner: a batch that is stopped ends before its next chunk, and the same runner can run another", "[model]") {
  static std::atomic<int> left;
  auto const model = llama<double>();
  auto const examples = ragged(50);
  BatchRunner<decltype(model)> runner(model, {.threads = 2, .max_rows = 20, .stop = [] { return left-- <= 0; }});
  auto jobs = jobs_for(runner, 2, 32, examples.size());
  for (auto const stop : {0, 1, 5}) {
    left = stop;
    CHECK_THROWS_AS(runner.run({&examples}, std::span(jobs), MeanNll{}), Stopped);
    CHECK(left >= -2);  // one look a thread
  }
  left = 10'000;
  runner.run({&examples}, std::span(jobs), MeanNll{});
  auto again = jobs;
  BatchRunner<decltype(model)>(model, {.threads = 1, .max_rows = 20}).run({&examples}, std::span(again), MeanNll{});
  CHECK(again[1].d_gates == jobs[1].d_gates);
}

TEST_CASE("batch_runner: bad jobs are refused", "[model]") {
  auto const model = llama<float>();
  auto const examples = ragged(5);
  BatchRunner<decltype(model)> runner(model);
  auto jobs = jobs_for(runner, 1, 3, 5);
  jobs[0].units[1] = 5;
  CHECK_THROWS_WITH(runner.run({&examples}, std::span(jobs), MeanNll{}), Catch::Contains("an index in 0..4, got 5"));
  jobs[0].units.clear();
  CHECK_THROWS_WITH(runner.run({&examples}, std::span(jobs), MeanNll{}), Catch::Contains("batch: units"));
  jobs = jobs_for(runner, 1, 3, 5);
  jobs[0].gates.resize(3, 5);
  CHECK_THROWS_WITH(runner.run({&examples}, std::span(jobs), MeanNll{}), Catch::Contains("Expected [3, 6], got [3, 5]"));
  CHECK_THROWS_WITH((BatchRunner<decltype(model)>(model, {.max_rows = 0})), Catch::Contains("max_rows"));
}
