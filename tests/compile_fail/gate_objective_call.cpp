// expects: chg: an objective needs `template <class Sum> Sum operator()(std::span<Sum const> logprob, std::span<Sum> d_logprob) const`
// SPDX-License-Identifier: MIT
#include <chg/gate/gate_optimizer.hpp>

#include <span>

struct Mine {
  static constexpr chg::Index examples_per_unit = 1;
  using Row = chg::UpdateRow;
  template <class Sum>
  Sum operator()(std::span<Sum const> logprob, std::span<Sum>) { return -logprob[0]; }   // not const
  template <class AnyRow>
  void summarise(double loss, std::span<double const>, AnyRow& row) const { row.nll = loss; }
};

template class chg::GateOptimizer<Mine>;
