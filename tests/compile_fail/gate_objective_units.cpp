// expects: chg: an objective needs `static constexpr Index examples_per_unit`: 1 for single examples, 2 for matched pairs.
// SPDX-License-Identifier: MIT
#include <chg/gate/gate_optimizer.hpp>

#include <span>

struct Mine {
  using Row = chg::UpdateRow;
  template <class Sum>
  Sum operator()(std::span<Sum const> logprob, std::span<Sum>) const { return -logprob[0]; }
  template <class AnyRow>
  void summarise(double loss, std::span<double const>, AnyRow& row) const { row.nll = loss; }
};

template class chg::GateOptimizer<Mine>;
