// SPDX-License-Identifier: MIT
// Log-probabilities of target tokens from logits, and the gradient of their weighted sum. Natural logarithms: nats.
//
//     log p_v = x_v - log sum_j exp(x_j)
//     loss = -sum_e w_e log p_(v_e)        dx = (sum_e w_e) p - sum_e w_e onehot(v_e)
//
// A row may carry several targets e (a shared prefix with different continuations), each with a weight of its own.
#pragma once

#include <chg/ops/rows.hpp>
#include <chg/tensor/dual.hpp>

#include <cmath>

namespace chg::ops {

/// The constant that log p subtracts from a logit, and the row's most likely token.
template <class Scalar>
struct RowLikelihood {
  Scalar log_normaliser;  ///< log sum_j exp(x_j)
  Index argmax;           ///< ties: the lowest index
};

/// Overwrites the logits of one row with probabilities. x: [vocab]. A target's logit must be read before.
template <class Scalar>
RowLikelihood<Scalar> softmax_row(Scalar* x, Index vocab) {
  using std::log;
  Index argmax = 0;
  auto highest = real(x[0]);
  auto values = row(x, vocab);
  if constexpr (!is_dual<Scalar>) {
    highest = values.maxCoeff();
    while (argmax + 1 < vocab && x[argmax] != highest) ++argmax;
  } else {
    for (Index v = 1; v < vocab; ++v)
      if (real(x[v]) > highest) highest = real(x[v]), argmax = v;
  }
  values = (values - Scalar(highest)).exp();
  auto const sum = values.sum();
  values *= Scalar(1) / sum;
  return {log(sum) + Scalar(highest), argmax};
}

}  // namespace chg::ops
