// SPDX-License-Identifier: MIT
// Checks the hand-derived gate gradient of a whole model on given examples, layer by layer, and prints a table.
//
//     std::cout << chg::verify_gradient(model, examples, gates);
#pragma once

#include <chg/model/evaluate.hpp>
#include <chg/verify/verify.hpp>

#include <algorithm>
#include <limits>

namespace chg {

struct VerifyGradientOptions {
  Index heads = 0;          ///< check that many heads a layer, drawn by the seed; 0: all
  Index directions = 4;     ///< random directions over all gates
  bool differences = true;  ///< also by central differences of a double model, which share no code with duals; `heads` entries
  double tolerance = 0;     ///< relative; 0: 1e-12 for a double model, 1e-4 for a float model, whose duals round as floats
  std::uint64_t seed = 0;
  RunOptions run{};
};

/// The derivative of the NLL (mean over examples, nats) by each gate, against dual numbers carried through the model itself: one
/// forward pass a gate. Errors are relative to the largest entry of a layer, also where only some of its heads are compared. gates: [L, H]. Throws Error on gates of another shape or examples that the model cannot read.
template <TransformerModel M>
verify::Table verify_gradient(M const& model, Examples const& examples, Matrix<double> const& gates,
                              VerifyGradientOptions const& options = {}) {
  using Scalar = typename M::scalar_type;
  static_assert(!is_dual<Scalar>, "chg::verify_gradient: give it the model over float or double; it makes the duals itself.");
  check_shape("verify: gates", gates, model.layers(), model.heads());
  auto const tolerance = options.tolerance > 0 ? options.tolerance : sizeof(Scalar) == sizeof(double) ? 1e-12 : 1e-4;
  auto const by_hand = gradient(model, examples, Matrix<Scalar>(gates.cast<Scalar>()), options.run).d_gates;
  // A Table's functions see double or Dual<double>; the model runs on its own scalar, or on duals over it.
  auto const loss = [&](auto const& g) {
    using Wide = typename std::decay_t<decltype(g)>::Scalar;
    using Narrow = std::conditional_t<is_dual<Wide>, Dual<Scalar>, Scalar>;
    Matrix<Narrow> narrow(g.rows(), g.cols());
    for (Index i = 0; i < g.size(); ++i) narrow.data()[i] = number_cast<Narrow>(g.data()[i]);
    return number_cast<Wide>(nll(model.template as<Narrow>(), examples, narrow, options.run));
  };
  auto const floor = by_hand.cwiseAbs().maxCoeff() * 1e-3;

  verify::Table table;
  for (Index l = 0; l < model.layers(); ++l) {
    auto const row_loss = [&](auto const& row) {
      using Wide = typename std::decay_t<decltype(row)>::Scalar;
      Matrix<Wide> g = gates.template cast<Wide>();
      g.row(l) = row;
      return loss(g);
    };
    table.add("gates of layer", l,
              verify::against_duals(row_loss, Matrix<double>(by_hand.row(l)), verify::at("head", Matrix<double>(gates.row(l))),
                                    {.tolerance = tolerance,
                                     .floor = std::max(floor, by_hand.row(l).cwiseAbs().maxCoeff()),
                                     .entries = options.heads,
                                     .seed = options.seed + static_cast<std::uint64_t>(l)}));
  }
  table.add("all gates", verify::directional(
                             loss, by_hand, verify::at("gates", gates),
                             {.tolerance = tolerance, .floor = floor, .directions = options.directions, .seed = options.seed}));
  if constexpr (sizeof(Scalar) == sizeof(double))
    if (options.differences)
      table.add("all gates", verify::against_differences(loss, by_hand, verify::at("gates", gates),
                                                         {.entries = options.heads, .seed = options.seed}));
  return table;
}

}  // namespace chg
