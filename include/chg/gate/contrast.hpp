// SPDX-License-Identifier: MIT
// The contrastive fit of the paper: gates under which a model keeps a task in one format and loses it in another.
//
//     loss(G) = mean over pairs of [ -log P(y_R | x_R) + max(log P(y_F | x_F) - stopgrad(log P(y_R | x_R)), -5) ] - lambda R(u)
//
// Nam et al. 2025, section 4.4, eq. 2, with lambda > 0: retention. (The appendix prints -0.1, the opposite convention of sign.)
#pragma once

#include <chg/gate/fit.hpp>

namespace chg {

/// Fits gates from any source of gradients; what chg::contrast does with a model.
template <GradientSource<Contrastive> Runner>
ContrastiveFit contrast_with(Runner& runner, Index layers, Index heads, ContrastiveExamples const& data,
                             ContrastOptions options = {}) {
  std::array const both{&data.retain, &data.forget};
  return detail::begin_training<ContrastiveFit>(runner, layers, heads, both, std::move(options));
}
template <GradientSource<Contrastive> Runner>
ContrastiveFit resume_with(Runner& runner, Index layers, Index heads, ContrastiveExamples const& data, ContrastiveFit fit,
                           ContrastOptions options) {
  std::array const both{&data.retain, &data.forget};
  return detail::continue_training(runner, layers, heads, both, std::move(fit), std::move(options));
}

/// options.gate_sets gate sets [L, H] that keep data.retain and lose data.forget; a unit of a batch is a matched pair.
/// Throws Error for bad options, for examples that the model cannot read, and when a loss or gradient is not finite.
template <TransformerModel Model>
ContrastiveFit contrast(Model const& model, ContrastiveExamples const& data, ContrastOptions options = {}) {
  check_examples(model, data.retain);
  check_examples(model, data.forget);
  auto runner = detail::runner_for(model, options.run);
  return contrast_with(runner, model.layers(), model.heads(), data, std::move(options));
}

/// Goes on with an interrupted contrastive fit, like chg::resume of a chg::Fit.
template <TransformerModel Model>
ContrastiveFit resume(Model const& model, ContrastiveExamples const& data, ContrastiveFit fit, ContrastOptions options) {
  check_examples(model, data.retain);
  check_examples(model, data.forget);
  auto runner = detail::runner_for(model, options.run);
  return resume_with(runner, model.layers(), model.heads(), data, std::move(fit), std::move(options));
}
template <TransformerModel Model>
ContrastiveFit resume(Model const& model, ContrastiveExamples const& data, ContrastiveFit const& fit) {
  return resume(model, data, fit, fit.options);
}

}  // namespace chg
