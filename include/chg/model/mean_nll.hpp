// SPDX-License-Identifier: MIT
// The loss of an example: the negative log-likelihood of its targets.
//
//     loss = -log P(y | x)          log P: mean over the target tokens of the example, nats
//
// Nam et al. 2025, eq. 1 without the pressure.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <span>

namespace chg {

/// An objective of BatchRunner; a unit is one example.
struct MeanNll {
  static constexpr Index examples_per_unit = 1;

  /// The loss of one unit; writes (=) its derivative by the log-probability.
  template <class Sum>
  Sum operator()(std::span<Sum const> logprob, std::span<Sum> d_logprob) const {
    d_logprob[0] = Sum(-1);
    return -logprob[0];
  }
};

}  // namespace chg
