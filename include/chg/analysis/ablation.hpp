// SPDX-License-Identifier: MIT
// Tests the claim of a fit by switching heads: in the context of fitted gates, the heads with the highest score are forced
// off and, for comparison, on.
//
//     effect(k) = mean over examples of  log P(target | first k heads off) - log P(target | the same heads on)
//
// Nam et al. 2025, section 4.1 and figure 2. Expected: negative for facilitation, about 0 for irrelevance, positive for
// interference until the interfering heads are used up. Off is a gate of 0, the head's output replaced as chosen; on is a
// gate of 1.
#pragma once

#include <chg/analysis/taxonomy.hpp>
#include <chg/model/evaluate.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace chg {

/// Gates of the heads that are not switched: those fitted under retention, those fitted under removal, or all 1.
enum class Context { plus, minus, ones };
/// The first k heads together, or the k-th alone.
enum class Toggle { cumulative, single };

constexpr std::string_view name(Context c) {
  constexpr std::string_view names[] = {"plus", "minus", "ones"};
  return names[static_cast<int>(c)];
}
constexpr std::string_view name(Toggle t) {
  constexpr std::string_view names[] = {"cumulative", "single"};
  return names[static_cast<int>(t)];
}

struct AblationOptions {
  Context context = Context::plus;
  Toggle mode = Toggle::cumulative;
  Replace replace = Replace::zero;
  Index points = 0;        ///< that many k, evenly spread from 1 to L H; 0: all
  std::uint64_t seed = 0;  ///< of the derangement, for Replace::resample
  RunOptions run{};
};

/// One point of one gate set's curve. Log-probabilities in nats, mean over an example's target tokens.
struct AblationPoint {
  Index set = 0;
  Index k = 0;                ///< 1 .. L H
  Index layer = 0, head = 0;  ///< the k-th head by score
  double head_score = 0;
  double logprob_on = 0;  ///< mean over examples
  double logprob_off = 0;
  std::vector<double> effects;  ///< off minus on, an example at a time, in the order of the data

  double effect() const { return std::accumulate(effects.begin(), effects.end(), 0.0) / static_cast<double>(effects.size()); }
  /// Standard error of the mean over examples; NaN for a single example.
  double standard_error() const {
    if (effects.size() < 2) return std::numeric_limits<double>::quiet_NaN();
    auto const n = static_cast<double>(effects.size()), mean = effect();
    double squares = 0;
    for (auto const e : effects) squares += (e - mean) * (e - mean);
    return std::sqrt(squares / (n - 1) / n);
  }
};

struct Ablation {
  Score score = Score::facilitation;
  AblationOptions options;
  std::vector<std::uint64_t> seeds;   ///< of the gate sets
  std::vector<AblationPoint> points;  ///< set after set, k ascending
};

/// Heads by score, highest first; ties by layer, then head.
inline std::vector<std::pair<Index, Index>> heads_by_score(Roles const& roles, Score score, Index set) {
  std::vector<std::pair<Index, Index>> order;
  roles.for_each_head([&](Index l, Index h) { order.emplace_back(l, h); });
  std::stable_sort(order.begin(), order.end(), [&](auto const& a, auto const& b) {
    return roles.score(score, set, a.first, a.second) > roles.score(score, set, b.first, b.second);
  });
  return order;
}

/// `points` values of k from 1 to n, evenly spread, both ends among them; all of them for 0 or for n and more. One point: n.
inline std::vector<Index> spread(Index n, Index points) {
  std::vector<Index> ks;
  if (points <= 0 || points >= n) {
    ks.resize(static_cast<std::size_t>(n));
    std::iota(ks.begin(), ks.end(), Index{1});
  } else if (points == 1) {
    ks.push_back(n);
  } else {
    for (Index i = 0; i < points; ++i) ks.push_back(1 + (i * (n - 1) + (points - 1) / 2) / (points - 1));
  }
  return ks;
}

/// The curve of one score for every gate set of a finished fit. Use examples that the fit has not seen.
/// Throws Error when the fit is not the model's, or the model cannot read an example.
template <TransformerModel M>
Ablation ablate(M const& model, Examples const& examples, Fit const& fit, Score score, AblationOptions options = {}) {
  check(options.points >= 0, "ablate: points", "0 (all) or more", options.points);
  auto const r = roles(fit);
  check(r.layers() == model.layers() && r.heads() == model.heads(), "ablate: gates of the fit",
        shape_text(model.layers(), model.heads()), shape_text(r.layers(), r.heads()), "Use the model that was fitted.");
  auto const n = r.layers() * r.heads();
  auto const ks = spread(n, options.points);
  auto const plus = fit.g_plus(), minus = fit.g_minus();
  Scorer<M> scorer(model, examples, options.run);
  Ablation result{score, options, r.seeds(), {}};
  for (Index set = 0; set < r.sets(); ++set) {
    Matrix<double> const context = options.context == Context::plus ? plus.set(set)
                                   : options.context == Context::minus
                                       ? minus.set(set)
                                       : Matrix<double>(Matrix<double>::Ones(r.layers(), r.heads()));
    Replacement<typename M::scalar_type> replacement;
    if (options.replace == Replace::mean) replacement = capture_mean(model, examples, context, options.run);
    if (options.replace == Replace::resample) replacement = capture_resample(model, examples, context, options.seed, options.run);
    auto const order = heads_by_score(r, score, set);
    std::vector<Variation> off, on;
    for (auto const k : ks) {
      Matrix<double> closed = context, opened = context;
      Matrix<std::uint8_t> switched = Matrix<std::uint8_t>::Zero(r.layers(), r.heads());
      for (auto i = options.mode == Toggle::single ? k - 1 : Index{0}; i < k; ++i) {
        auto const [l, h] = order[static_cast<std::size_t>(i)];
        closed(l, h) = 0, opened(l, h) = 1, switched(l, h) = 1;
      }
      off.push_back({std::move(closed), std::move(switched)});
      on.push_back({std::move(opened), {}});
    }
    auto const with = scorer.mean_logprobs(context, on), without = scorer.mean_logprobs(context, off, replacement);
    auto const mean = [](auto const& row) {
      double sum = 0;
      for (Index e = 0; e < row.size(); ++e) sum += row[e];
      return sum / static_cast<double>(row.size());
    };
    for (std::size_t i = 0; i < ks.size(); ++i) {
      auto const [layer, head] = order[static_cast<std::size_t>(ks[i]) - 1];
      auto const at = static_cast<Index>(i);
      AblationPoint point{set,
                          ks[i],
                          layer,
                          head,
                          r.score(score, set, layer, head),
                          mean(with.row(at)),
                          mean(without.row(at)),
                          {}};
      for (Index e = 0; e < examples.size(); ++e) point.effects.push_back(without(at, e) - with(at, e));
      result.points.push_back(std::move(point));
    }
  }
  return result;
}

}  // namespace chg
