// expects: chg: an objective needs `void summarise(double loss, std::span<double const> logprob, Row& row) const`, which fills row.nll.
// SPDX-License-Identifier: MIT
#include <chg/gate/gate_optimizer.hpp>

#include <span>

struct Mine {
  static constexpr chg::Index examples_per_unit = 1;
  using Row = chg::UpdateRow;
  template <class Sum>
  Sum operator()(std::span<Sum const> logprob, std::span<Sum>) const { return -logprob[0]; }
};

template class chg::GateOptimizer<Mine>;
