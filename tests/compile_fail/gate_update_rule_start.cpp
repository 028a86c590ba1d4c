// expects: chg: an update rule needs `void start(Index parameters)`, which begins afresh with that many parameters.
// SPDX-License-Identifier: MIT
#include <chg/gate/gate_optimizer.hpp>

#include <span>

struct Rule {
  void step(std::span<double const>, double, std::span<double>) {}
  std::span<double> state() { return {}; }
  std::span<double const> state() const { return {}; }
};

template class chg::GateOptimizer<chg::NextToken, Rule>;
