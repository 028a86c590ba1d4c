// SPDX-License-Identifier: MIT
#include "gate/toy.hpp"
#include "support/catch.hpp"

#include <limits>

using namespace chg;
using toy::complaint;
using toy::has;

namespace {

constexpr auto kInfinity = std::numeric_limits<double>::infinity();

/// Steps straight down: makes visible what the optimizer hands to its rule.
struct Descent {
  void start(Index) {}
  void step(std::span<double const> gradient, double learning_rate, std::span<double> x) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] -= learning_rate * gradient[i];
  }
  std::span<double> state() { return {}; }
  std::span<double const> state() const { return {}; }
};

Matrix<double> logits(std::initializer_list<double> values) {
  Matrix<double> u(1, static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), u.data());
  return u;
}

template <class Optimizer>
auto step(Optimizer& optimizer, Matrix<double> const& d_gates, double loss = 1) {
  std::vector<double> const logprob(Index{1}, -loss);
  return optimizer.step(loss, logprob, d_gates);
}

}  // namespace

TEST_CASE("gate_optimizer: a step is the chain rule, the regulariser, the clip and the rule, by hand", "[gate]") {
  auto const u = logits({0.3, -1.2, 4.0, 5.0});
  auto const d_gates = logits({2, -1, 30, 0.5});
  PhaseOptions const options{.phase = Phase::retain,
                             .updates = 10,
                             .learning_rate = {0.5, 0.1},
                             .regularizer = {.pressure = Pressure::retain, .lambda = 0.1},
                             .clip_norm = 0.25};
  GateOptimizer<NextToken, Descent> optimizer(u, options, {}, {}, 42);
  auto const row = step(optimizer, d_gates, 1.5);

  Matrix<double> du(1, 4);
  double squares = 0;
  for (Index i = 0; i < 4; ++i) {
    auto const g = 1 / (1 + std::exp(-u(i)));
    du(i) = d_gates(i) * g * (1 - g) - (u(i) <= 4 ? 0.1 / 4 : 0);
    squares += du(i) * du(i);
  }
  auto const norm = std::sqrt(squares);
  REQUIRE(norm > 0.25);
  for (Index i = 0; i < 4; ++i) REQUIRE(std::abs(optimizer.logits()(i) - (u(i) - 0.5 * du(i) * 0.25 / (norm + 1e-6))) < 1e-15);
  auto const R = (0.3 - 1.2 + 4 + 4) / 4;
  REQUIRE(row.seed == 42);
  REQUIRE(row.phase == Phase::retain);
  REQUIRE(row.update == 0);
  REQUIRE(row.nll == 1.5);
  REQUIRE(std::abs(row.regularizer - R) < 1e-15);
  REQUIRE(std::abs(row.loss - (1.5 - 0.1 * R)) < 1e-15);
  REQUIRE(std::abs(row.grad_norm - norm) < 1e-14);  // before the clip
  REQUIRE(row.lr == 0.5);
}

TEST_CASE("gate_optimizer: the gradient in u is that of the loss by central differences", "[gate]") {
  toy::Runner<double> runner;
  auto const data = toy::examples(9);
  std::vector<toy::Runner<double>::Job> jobs(1);
  jobs[0].units = {0, 1, 2, 3, 4, 5, 6, 7, 8, 8};  // the last one counts twice
  auto const loss_at = [&](Matrix<double> const& u, Regularizer const& r) {
    jobs[0].gates = u.unaryExpr([](double x) { return sigmoid(x); });
    runner.run(std::array{&data}, std::span(jobs), NextToken{});
    return jobs[0].loss + r.loss(std::span<double const>(u.data(), 6));
  };
  for (auto const pressure : {Pressure::none, Pressure::retain, Pressure::remove}) {
    Regularizer const r{.pressure = pressure, .lambda = 0.4};
    auto const u = random_logits(1, 2, 3, 4).set(0);
    PhaseOptions const options{.updates = 1, .learning_rate = {1, 1}, .regularizer = r, .clip_norm = kInfinity};
    GateOptimizer<NextToken, Descent> optimizer(u, options);
    auto const loss = loss_at(u, r) - r.loss(std::span<double const>(u.data(), 6));
    auto const row = optimizer.step(loss, jobs[0].logprob, jobs[0].d_gates);
    REQUIRE(std::abs(row.loss - loss_at(u, r)) < 1e-15);
    for (Index i = 0; i < 6; ++i) {
      auto up = u, down = u;
      up.data()[i] += 1e-4, down.data()[i] -= 1e-4;
      auto const slope = (loss_at(up, r) - loss_at(down, r)) / 2e-4;
      REQUIRE(std::abs((u.data()[i] - optimizer.logits().data()[i]) - slope) < 1e-8);  // error of the difference: h^2
    }
  }
}

TEST_CASE("gate_optimizer: on a flat loss retain drives gates to 1, remove to 0, none nowhere", "[gate]") {
  auto const after = [](Pressure pressure) {
    GateOptimizer optimizer(logits({0.0, -2.0, 3.0}),
                            {.updates = 300, .learning_rate = {0.5, 0.1}, .regularizer = {.pressure = pressure}});
    while (!optimizer.finished()) step(optimizer, logits({0, 0, 0}));
    return optimizer.logits();
  };
  REQUIRE((after(Pressure::retain).array() > 4).all());
  REQUIRE((after(Pressure::remove).array() < -4).all());
  REQUIRE(after(Pressure::none) == logits({0.0, -2.0, 3.0}));
}

TEST_CASE("gate_optimizer: update i of N uses a + (b - a) i / N, so that b is never reached", "[gate]") {
  GateOptimizer optimizer(logits({0.0}), {.updates = 4, .learning_rate = {0.5, 0.1}});
  std::vector<double> rates;
  while (!optimizer.finished()) rates.push_back(step(optimizer, logits({1})).lr);
  REQUIRE(rates.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) REQUIRE(std::abs(rates[i] - (0.5 - 0.4 * static_cast<double>(i) / 4)) < 1e-16);
  REQUIRE(rates.back() > 0.1);
}

TEST_CASE("gate_optimizer: a gradient inside the clip is left alone, an infinite clip clips nothing", "[gate]") {
  for (double const clip : {1.00001, kInfinity}) {
    GateOptimizer<NextToken, Descent> optimizer(logits({0.0}), {.updates = 1, .learning_rate = {1, 1}, .clip_norm = clip});
    step(optimizer, logits({4}));  // du = 4 / 4 = 1, just inside the bound
    REQUIRE(optimizer.logits()(0) == -1);
  }
  GateOptimizer<NextToken, Descent> free(logits({0.0}), {.updates = 1, .learning_rate = {1, 1}, .clip_norm = kInfinity});
  step(free, logits({400}));
  REQUIRE(free.logits()(0) == -100);
}

TEST_CASE("gate_optimizer: begin starts the update rule afresh and keeps the logits", "[gate]") {
  PhaseOptions const options{.updates = 3, .learning_rate = {0.1, 0.1}};
  GateOptimizer used(logits({0.5, -0.5}), options);
  for (int i = 0; i < 3; ++i) step(used, logits({1, 2}));
  GateOptimizer fresh(used.logits(), options);
  used.begin(options);
  REQUIRE(used.updates_made() == 0);
  auto const a = step(used, logits({-1, 0.1})), b = step(fresh, logits({-1, 0.1}));
  REQUIRE(used.logits() == fresh.logits());
  REQUIRE(a == b);
}

TEST_CASE("gate_optimizer: go_on gives the bits of one that was never left", "[gate]") {
  PhaseOptions const options{.updates = 9, .learning_rate = {0.3, 0.1}, .regularizer = {.pressure = Pressure::remove}};
  auto const d_gates = [](Index i) { return logits({std::sin(static_cast<double>(i)), 0.5}); };
  GateOptimizer whole(logits({0.5, -0.5}), options);
  for (Index i = 0; i < 4; ++i) step(whole, d_gates(i));
  GateOptimizer second(logits({7, 7}));
  std::vector<double> const state(whole.state().begin(), whole.state().end());
  second.go_on(options, whole.logits(), whole.updates_made(), state);
  for (Index i = 4; i < 9; ++i) REQUIRE(step(whole, d_gates(i)) == step(second, d_gates(i)));
  REQUIRE(whole.logits() == second.logits());
}

TEST_CASE("gate_optimizer: gates are sigmoid of the logits in the scalar of the model", "[gate]") {
  GateOptimizer optimizer(logits({-1.0, 0.0, 25.0}));
  Matrix<float> g;
  optimizer.gates(g);
  REQUIRE(g(0) == static_cast<float>(1 / (1 + std::exp(1.0))));
  REQUIRE(g(1) == 0.5f);
  REQUIRE(g(2) == 1.0f);  // rounded; the logit is still there
  REQUIRE(optimizer.logits()(2) == 25.0);
}

TEST_CASE("gate_optimizer: a gradient or loss that is not finite is refused by name and changes nothing", "[gate]") {
  GateOptimizer optimizer(logits({0.0, 1.0}));
  REQUIRE(has(complaint([&] { step(optimizer, logits({0, std::nan("")})); }), "gradient of layer 0, head 1 in update 0"));
  REQUIRE(has(complaint([&] { step(optimizer, logits({0, 0}), kInfinity); }), "loss of update 0"));
  REQUIRE(has(complaint([&] { step(optimizer, logits({1e200, 0})); }), "norm of the gradient in update 0 of phase none"));
  std::vector<double> const logprob{-1, -kInfinity};
  REQUIRE(has(complaint([&] { optimizer.step(1, logprob, logits({0, 0})); }), "log-probability of an example in update 0"));
  REQUIRE(optimizer.logits() == logits({0.0, 1.0}));
  REQUIRE(optimizer.updates_made() == 0);
}

TEST_CASE("gate_optimizer: an update rule that leaves the finite numbers is an error", "[gate]") {
  struct Diverging {
    void start(Index) {}
    void step(std::span<double const>, double, std::span<double> x) { x[1] = kInfinity; }
    std::span<double> state() { return {}; }
    std::span<double const> state() const { return {}; }
  };
  GateOptimizer<NextToken, Diverging> optimizer(logits({0.0, 1.0}), {}, {}, {}, 7);
  REQUIRE(has(complaint([&] { step(optimizer, logits({0, 0})); }), "logit after update 0 of phase none, gate set of seed 7"));
}

TEST_CASE("gate_optimizer: bad logits, bad options, a wrong shape and an update too many are refused by name", "[gate]") {
  REQUIRE(has(complaint([] { GateOptimizer(logits({kInfinity})); }), "logits"));
  REQUIRE(has(complaint([] { GateOptimizer(Matrix<double>(0, 3)); }), "at least one head"));
  REQUIRE(has(complaint([] { GateOptimizer(logits({0}), {.updates = 0}); }), "updates"));
  REQUIRE(has(complaint([] { GateOptimizer(logits({0}), {.learning_rate = {-1, 0}}); }), "start. Expected 0 to 1"));
  REQUIRE(has(complaint([] { GateOptimizer(logits({0}), {.learning_rate = {1, std::nan("")}}); }), "end"));
  REQUIRE(has(complaint([] { GateOptimizer(logits({0}), {.clip_norm = 0}); }), "clip_norm"));
  REQUIRE(has(complaint([] { GateOptimizer(logits({0}), {.regularizer = {.lambda = -1}}); }), "lambda"));
  REQUIRE(has(complaint([] { GateOptimizer<Contrastive>(logits({0}), {}, {.clip_difference = -1}); }), "clip_difference"));
  GateOptimizer optimizer(logits({0.0}), {.updates = 1});
  REQUIRE(has(complaint([&] { step(optimizer, logits({0, 0})); }), "[1, 1], got [1, 2]"));
  step(optimizer, logits({0}));
  REQUIRE(has(complaint([&] { step(optimizer, logits({0})); }), "Begin another phase"));
}

TEST_CASE("gate_optimizer: a phase is gone on with from any of its updates, and from nothing else", "[gate]") {
  PhaseOptions const options{.updates = 3};
  GateOptimizer optimizer(logits({0.5, -0.5}), options);
  std::vector<double> const state(optimizer.state().begin(), optimizer.state().end());
  auto const go_on = [&](Matrix<double> const& u, Index made, std::span<double const> numbers) {
    return complaint([&] { optimizer.go_on(options, u, made, numbers); });
  };
  auto const u = logits({1, 2});
  for (Index const made : {0, 1, 3}) {
    REQUIRE(go_on(u, made, state) == "nothing was thrown");
    REQUIRE(optimizer.updates_made() == made);
    REQUIRE(optimizer.finished() == (made == 3));
    REQUIRE(optimizer.logits() == u);
  }
  for (Index const made : {-1, 4})
    REQUIRE(go_on(u, made, state) == text("gate optimizer: updates made. Expected 0 to 3, got ", made, "."));
  auto const fewer = std::span(state).first(state.size() - 1);
  REQUIRE(go_on(u, 1, fewer) == text("gate optimizer: numbers in the state of the update rule. Expected ", state.size(), ", got ",
                                     fewer.size(), "."));
  REQUIRE(has(go_on(logits({1, 2, 3}), 1, state), "gate optimizer: logits"));
  REQUIRE(has(go_on(logits({1, kInfinity}), 1, state), "logits. Expected finite numbers, got NaN or infinity. A gate"));
}

TEST_CASE("gate_optimizer: options at the edge of their range are in it, and errors say what is wrong, due and there", "[gate]") {
  auto const said = [](PhaseOptions const& options) { return complaint([&] { GateOptimizer(logits({0}), options); }); };
  REQUIRE(said({.updates = 1, .learning_rate = {0, largest_option}, .clip_norm = 1e-300}) == "nothing was thrown");
  REQUIRE(said({.updates = 0}) == "updates. Expected 1 or more, got 0.");
  REQUIRE(said({.clip_norm = 0}) == "clip_norm. Expected a positive number, infinity for no clip, got 0.");
  REQUIRE(has(said({.learning_rate = {0, 2 * largest_option}}), "learning rate of the phase: end. Expected 0 to "));
  REQUIRE(complaint([] { GateOptimizer(Matrix<double>(0, 3)); }) ==
          "gate optimizer: logits. Expected at least one head, got [0, 3].");
  GateOptimizer optimizer(logits({0}), {.updates = 1});
  step(optimizer, logits({0}));
  REQUIRE(complaint([&] { step(optimizer, logits({0})); }) ==
          "gate optimizer: updates of the phase. Expected no more than its options say, got 2. Begin another phase.");
}
