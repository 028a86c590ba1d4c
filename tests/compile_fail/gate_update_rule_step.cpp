// expects: chg: an update rule needs `void step(std::span<double const> gradient, double learning_rate, std::span<double> parameters)`.
// SPDX-License-Identifier: MIT
#include <chg/gate/gate_optimizer.hpp>

#include <span>

struct Rule {
  void start(chg::Index) {}
  void step(std::span<double> gradient, double, std::span<double>);   // writes its gradient
  std::span<double> state() { return {}; }
  std::span<double const> state() const { return {}; }
};

template class chg::GateOptimizer<chg::NextToken, Rule>;
