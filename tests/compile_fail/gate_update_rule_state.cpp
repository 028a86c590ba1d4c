// expects: chg: an update rule needs `std::span<double> state()` and `std::span<double const> state() const`: all that a resumed fit must restore.
// SPDX-License-Identifier: MIT
#include <chg/gate/gate_optimizer.hpp>

#include <span>

struct Rule {
  void start(chg::Index) {}
  void step(std::span<double const>, double, std::span<double>) {}
};

template class chg::GateOptimizer<chg::NextToken, Rule>;
