// expects: chg: an objective needs `using Row = chg::UpdateRow`, or a struct derived from it: its line in the log.
// SPDX-License-Identifier: MIT
#include <chg/gate/gate_optimizer.hpp>

#include <span>

struct Mine {
  static constexpr chg::Index examples_per_unit = 1;
  template <class Sum>
  Sum operator()(std::span<Sum const> logprob, std::span<Sum>) const { return -logprob[0]; }
  template <class AnyRow>
  void summarise(double loss, std::span<double const>, AnyRow& row) const { row.nll = loss; }
};

template class chg::GateOptimizer<Mine>;
