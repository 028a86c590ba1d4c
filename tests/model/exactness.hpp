// SPDX-License-Identifier: MIT
// How far a model is from plain loops, and its gate gradient from dual numbers.
#pragma once

#include "support/plain_transformer.hpp"
#include "support/tiny_models.hpp"

#include <algorithm>

namespace chg::tests {

// Rotary positions in neighbouring pairs, scaled; windows; a query scale of its own.
inline Config scaled_and_windowed() {
  auto c = llama_config();
  c.rotary.pairing = RotaryPairing::neighbours;
  c.rotary.scaled = true;
  c.rotary.scaling = {.factor = 4, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 16};
  c.windows = {3, 0, 5};
  c.attention_scale = 0.4;
  return c;
}

// Largest difference between the fast log-probabilities of all targets and the plain ones.
inline double difference_from_plain(Architecture const& a, Config const& c, Weights<double> const& w, Examples const& examples) {
  AnyTransformer<double> const model(resolved(a, c), w);
  auto const gates = random_gates(c.layers, c.heads);
  auto const evaluation = score(model, examples, gates);
  double worst = 0;
  for (Index i = 0; i < examples.size(); ++i) {
    auto const plain = plain_log_probabilities(a, c, w, examples[i].tokens, gates);
    std::size_t target = 0;
    for (std::size_t t = 0; t < examples[i].tokens.size(); ++t)
      if (examples[i].target_mask[t]) {
        auto const expected = plain[t - 1][static_cast<std::size_t>(examples[i].tokens[t])];
        worst = std::max(worst, std::abs(evaluation.examples[static_cast<std::size_t>(i)].logprob[target++] - expected));
      }
  }
  return worst;
}

// The exact gradient: one evaluation on dual numbers a gate.
template <class Model>
Matrix<double> dual_gradient(Model const& model, Examples const& examples, Matrix<double> const& gates, RunOptions options = {}) {
  auto const dual = model.template as<Dual<double>>();
  Matrix<double> result(gates.rows(), gates.cols());
  for (Index i = 0; i < gates.size(); ++i) {
    Matrix<Dual<double>> g = gates.cast<Dual<double>>();
    g.data()[i].tangent = 1;
    result.data()[i] = gradient(dual, examples, g, options).nll.tangent;
  }
  return result;
}

// The larger relative error of the gate gradient at random gates, in one chunk and in many, where the same number is summed in
// another order.
template <class Model>
double gradient_error(Model const& model, Examples const& examples) {
  auto const gates = random_gates(model.layers(), model.heads());
  auto const exact = dual_gradient(model, examples, gates);
  return std::max(relative_error(gradient(model, examples, gates).d_gates, exact),
                  relative_error(gradient(model, examples, gates, {.max_rows = 20}).d_gates, exact));
}

}  // namespace chg::tests
