// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

using namespace chg;
using toy::complaint;
using toy::has;

namespace {

ContrastOptions small() {
  ContrastOptions o;
  o.gate_sets = 2, o.batch = 7, o.updates = 15, o.seed = 5;
  return o;
}

/// One head a format: example tokens below 1000 need head 0, the others head 1; head 2 does nothing.
struct TwoHeads {
  struct Job {
    std::vector<Index> units;
    Matrix<float> gates;
    Matrix<double> d_gates;
    std::vector<double> logprob;
    double loss;
  };

  template <class Objective>
  void run(std::array<Examples const*, 2> data, std::span<Job> jobs, Objective const& objective) {
    for (auto& job : jobs) {
      job.d_gates.setZero(1, 3);
      job.logprob.resize(job.units.size() * 2);
      job.loss = 0;
      for (std::size_t u = 0; u < job.units.size(); ++u) {
        std::array<double, 2> logprob, d{};
        for (std::size_t k = 0; k < 2; ++k) {
          auto const head = (*data[k])[job.units[u]].tokens[0] < 1000 ? 0 : 1;
          logprob[k] = job.logprob[2 * u + k] = -8.0 * (1 - static_cast<double>(job.gates(head)));
        }
        auto const share = 1 / static_cast<double>(job.units.size());
        job.loss += share * objective(std::span<double const>(logprob), std::span<double>(d));
        for (std::size_t k = 0; k < 2; ++k) job.d_gates((*data[k])[job.units[u]].tokens[0] < 1000 ? 0 : 1) += 8.0 * d[k] * share;
      }
    }
  }
};

}  // namespace

TEST_CASE("contrast: the head of the retained format opens, that of the forgotten one closes, an idle one is retained",
          "[gate]") {
  TwoHeads runner;
  auto const data = toy::pairs(20);
  auto const fit = contrast_with(runner, 1, 3, data, {.gate_sets = 5, .batch = 8});
  auto const other_way = contrast_with(runner, 1, 3, ContrastiveExamples(data.forget, data.retain), {.gate_sets = 5, .batch = 8});
  for (Index s = 0; s < 5; ++s) {
    REQUIRE(fit.g()(s, 0, 0) > 0.95);
    REQUIRE(fit.g()(s, 0, 1) < 0.5);  // as far as a difference of 5 of 8 asks; retention pulls it back up from there
    REQUIRE(fit.g()(s, 0, 2) > 0.95);
    REQUIRE(other_way.g()(s, 0, 0) < 0.5);
    REQUIRE(other_way.g()(s, 0, 1) > 0.95);
  }
  REQUIRE(fit.metrics.back().logprob_retain > -0.5);
  REQUIRE(fit.metrics.back().logprob_forget < -4);
}

TEST_CASE("contrast: a row holds both formats' means; nll is that of the retained one; loss is eq. 2", "[gate]") {
  toy::Runner<> runner;
  auto const fit = contrast_with(runner, 2, 3, toy::pairs(10), small());
  REQUIRE(fit.metrics.size() == 30);
  for (std::size_t i = 0; i < fit.metrics.size(); ++i) {
    auto const& row = fit.metrics[i];
    REQUIRE(row.phase == Phase::contrast);
    REQUIRE(row.update == static_cast<Index>(i / 2));
    REQUIRE(row.seed == 5 + i % 2);
    REQUIRE(row.nll == -row.logprob_retain);
    REQUIRE((row.share_clipped >= 0 && row.share_clipped <= 1));
    if (row.share_clipped == 0) {  // then eq. 2 is linear in the means
      auto const objective = -row.logprob_retain + (row.logprob_forget - row.logprob_retain);
      REQUIRE(std::abs(row.loss - (objective - 0.1 * row.regularizer)) < 1e-14);
    }
  }
}

TEST_CASE("contrast: gate set s of a run has the bits of a run with seed + s alone", "[gate]") {
  toy::Runner<float> runner;
  auto const data = toy::pairs(10);
  auto options = small();
  options.gate_sets = 3;
  auto const all = contrast_with(runner, 2, 3, data, options);
  for (Index s = 0; s < 3; ++s) {
    auto alone = options;
    alone.gate_sets = 1;
    alone.seed += static_cast<std::uint64_t>(s);
    REQUIRE(contrast_with(runner, 2, 3, data, alone).u.set(0) == all.u.set(s));
  }
}

TEST_CASE("contrast: a fit stopped after any update and resumed has the bits of one that was not", "[gate]") {
  toy::Runner<float> runner;
  auto const data = toy::pairs(10);
  auto const whole = contrast_with(runner, 2, 3, data, small());
  for (Index stop = 1; stop <= 15; ++stop) {
    auto options = small();
    options.progress = [stop](Progress const& p) { return p.done < stop; };
    auto part = contrast_with(runner, 2, 3, data, options);
    REQUIRE(part.status == (stop < 15 ? Status::interrupted : Status::finished));
    auto const fit = resume_with(runner, 2, 3, data, std::move(part), small());
    REQUIRE(fit.u == whole.u);
    REQUIRE(fit.metrics == whole.metrics);
  }
}

TEST_CASE("contrast: other options and other data of either format are refused on resume; G of an unfinished fit says so",
          "[gate]") {
  toy::Runner<> runner;
  auto const data = toy::pairs(10);
  auto options = small();
  options.progress = [](Progress const&) { return false; };
  auto const part = contrast_with(runner, 2, 3, data, options);
  REQUIRE(has(complaint([&] { part.g(); }), "phase contrast"));
  auto other = small();
  other.clip_difference = 4;
  REQUIRE(has(complaint([&] { resume_with(runner, 2, 3, data, part, other); }), "option clip_difference. Expected 5"));
  REQUIRE(has(complaint([&] { resume_with(runner, 2, 3, ContrastiveExamples(data.forget, data.retain), part, small()); }),
              "resume: data"));
  REQUIRE(has(complaint([&] { resume_with(runner, 2, 3, ContrastiveExamples(data.retain, data.retain), part, small()); }),
              "resume: data"));
}
