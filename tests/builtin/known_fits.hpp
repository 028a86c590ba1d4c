// SPDX-License-Identifier: MIT
// What the tests of constructed models share. The heavy templates are instantiated once, in induction_test.cpp.
#pragma once

#include <chg/analysis/ablation.hpp>
#include <chg/builtin/known_model.hpp>
#include <chg/gate/contrast.hpp>

namespace chg {

using KnownFloat = builtin::KnownModel<builtin::attention_only, float>;
extern template Fit fit<KnownFloat>(KnownFloat const&, Examples const&, FitOptions);
extern template ContrastiveFit contrast<KnownFloat>(KnownFloat const&, ContrastiveExamples const&, ContrastOptions);
extern template Ablation ablate<KnownFloat>(KnownFloat const&, Examples const&, Fit const&, Score, AblationOptions);
extern template Evaluation score<KnownFloat>(KnownFloat const&, Examples const&, Matrix<double> const&, RunOptions);

}  // namespace chg

namespace chg::tests {

inline constexpr Index kFits = 20;

/// Seeds of the gate sets that do not show the model's circuit.
inline std::vector<std::uint64_t> missed(builtin::Circuit const& circuit, Fit const& fit) {
  auto const found = roles(fit);
  std::vector<std::uint64_t> seeds;
  for (Index s = 0; s < found.sets(); ++s)
    if (!circuit.matches(found, s)) seeds.push_back(fit.seed(s));
  return seeds;
}

inline Matrix<double> all_open(KnownFloat const& model) { return Matrix<double>::Ones(model.layers(), model.heads()); }

/// Gates with some heads closed.
inline Matrix<double> closed(Matrix<double> gates, std::initializer_list<std::pair<Index, Index>> heads) {
  for (auto const& [layer, head] : heads) gates(layer, head) = 0;
  return gates;
}

}  // namespace chg::tests
