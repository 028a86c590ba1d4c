// SPDX-License-Identifier: MIT
// The tables of a run as comma-separated text: metrics.csv, heads.csv, ablation.csv. Columns are only ever appended.
#pragma once

#include <chg/analysis/ablation.hpp>
#include <chg/run/file.hpp>

#include <span>
#include <string>
#include <vector>

namespace chg::run {

/// The log of a fit, one row an update and gate set, in the order phase, update, seed.
template <class Row>
std::string metrics_csv(std::vector<Row> const& rows) {
  if constexpr (requires(Row const& r) { r.share_clipped; }) {
    Csv csv{"seed", "phase",          "update",         "nll",          "regularizer", "loss", "grad_norm",
            "lr",   "logprob_retain", "logprob_forget", "share_clipped"};
    for (auto const& r : rows)
      csv.row(r.seed, chg::name(r.phase), r.update, r.nll, r.regularizer, r.loss, r.grad_norm, r.lr, r.logprob_retain,
              r.logprob_forget, r.share_clipped);
    return csv.bytes();
  } else {
    Csv csv{"seed", "phase", "update", "nll", "regularizer", "loss", "grad_norm", "lr"};
    for (auto const& r : rows) csv.row(r.seed, chg::name(r.phase), r.update, r.nll, r.regularizer, r.loss, r.grad_norm, r.lr);
    return csv.bytes();
  }
}

/// Gates, scores and class of every head, one row a gate set and head. Throws Error unless the fit is finished, all phases run.
inline std::string heads_csv(Fit const& fit) {
  auto const r = roles(fit);
  auto const g0 = fit.g0(), plus = fit.g_plus(), minus = fit.g_minus();
  Csv csv{"seed", "layer", "head", "g0", "g_plus", "g_minus", "facilitation", "interference", "irrelevance", "class"};
  for (Index s = 0; s < r.sets(); ++s)
    r.for_each_head([&](Index l, Index h) {
      csv.row(fit.seed(s), l, h, g0(s, l, h), plus(s, l, h), minus(s, l, h), r.score(Score::facilitation, s, l, h),
              r.score(Score::interference, s, l, h), r.score(Score::irrelevance, s, l, h), name(r.head_class(s, l, h)));
    });
  return csv.bytes();
}

/// Ablation curves, one row a point; effect_stderr is empty for a single example.
inline std::string ablation_csv(std::span<Ablation const> curves) {
  Csv csv{"seed", "score",      "context",    "mode",        "replacement", "k", "layer",
          "head", "head_score", "logprob_on", "logprob_off", "effect",      "n", "effect_stderr"};
  for (auto const& curve : curves)
    for (auto const& p : curve.points)
      csv.row(curve.seeds[static_cast<std::size_t>(p.set)], name(curve.score), name(curve.options.context),
              name(curve.options.mode), name(curve.options.replace), p.k, p.layer, p.head, p.head_score, p.logprob_on,
              p.logprob_off, p.effect(), p.effects.size(), p.standard_error());
  return csv.bytes();
}

}  // namespace chg::run
