// SPDX-License-Identifier: MIT
// What a command holds in memory beside weights and passes, in bytes: counted from its options and data before it begins.
//
// Text that grows takes twice its size while it moves to a larger place: pages are memory once they are written to.
#pragma once

#include <chg/gate/fit_record.hpp>
#include <chg/model/architecture.hpp>
#include <chg/model/chunks.hpp>
#include <chg/tensor/examples.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace chg::cli {

inline constexpr double kTreeRow = 200;   ///< of a prefix tree, a row, with what its vectors hold in reserve
inline constexpr double kTreeEdge = 130;  ///< a target token of an example
inline constexpr double kTextGrowth = 2.2;

/// The size of a data set: of several, the sum, so that a unit of a batch is one example.
struct DataSize {
  Index examples = 0, longest = 0, most_targets = 0;
  double tokens = 0, targets = 0;

  double bytes() const { return static_cast<double>(examples) * 160 + 5 * tokens; }
  /// Of the prefix trees of all chunks, whatever the examples share.
  double tree_bytes() const { return kTreeRow * tokens + kTreeEdge * targets; }
  /// Of one Evaluation.
  double evaluation_bytes() const { return static_cast<double>(examples) * 200 + 40 * targets; }
};

inline DataSize size_of(Examples const& data) {
  DataSize size{.examples = data.size()};
  for (auto const& e : data) {
    size.longest = std::max(size.longest, static_cast<Index>(e.tokens.size()));
    size.most_targets = std::max(size.most_targets, e.targets());
    size.tokens += static_cast<double>(e.tokens.size());
    size.targets += static_cast<double>(e.targets());
  }
  return size;
}

/// Of matched data sets.
inline DataSize size_of(std::initializer_list<Examples const*> matched) {
  DataSize sum;
  for (auto const* data : matched) {
    auto const one = size_of(*data);
    sum.examples = one.examples;
    sum.longest += one.longest, sum.most_targets += one.most_targets, sum.tokens += one.tokens, sum.targets += one.targets;
  }
  return sum;
}

struct MemoryUse {
  double data = 0;           ///< all examples
  double data_fitted = 0;    ///< those that decide the rows of a chunk
  Index longest_fitted = 1;  ///< tokens of a unit of these
  Index longest = 1;         ///< of all data
  double units = 0;          ///< of a batch
  double repeats = 1;        ///< how often a unit may be in one batch
  double targets = 1;        ///< of a unit at most
  double passes = 1;         ///< a worker's memory, in passes of the model's own numbers
  std::function<double(Index rows)> held = [](Index) { return 0.0; };
  std::string what = "memory";  ///< for errors: memory for what
  std::string advice{};         ///< where `held` is the larger part of the whole

  /// Examples that batches of so many units are drawn from.
  static MemoryUse of(DataSize const& size, double batch) {
    auto const n = static_cast<double>(std::max<Index>(1, size.examples));
    MemoryUse use;
    use.data = use.data_fitted = size.bytes();
    use.longest_fitted = use.longest = std::max<Index>(1, size.longest);
    use.units = batch, use.repeats = std::ceil(batch / n) + 1, use.targets = static_cast<double>(size.most_targets);
    return use;
  }
};

/// Of a batch's plan, and of the gradient of each of its chunks: [L, H] in double.
inline double batch_bytes(DataSize const& size, double batch, Index rows, double gates) {
  auto const distinct = std::min(batch, static_cast<double>(size.examples));
  auto const chunks = std::min(batch, 2 * distinct * static_cast<double>(size.longest) / static_cast<double>(rows) + 8);
  return batch * 64 + chunks * (8 * gates + 160);
}

/// Of chg fit and chg contrast: gate sets with the state of Adam, orders, batches, the log, the text of the tables, and what
/// summary.csv is scored on. scored: the data sets of summary.csv, the training sample first.
template <class Options>
MemoryUse fit_use(Options const& o, DataSize const& fitted, std::vector<DataSize> const& scored, Index layers, Index heads) {
  auto const sets = static_cast<double>(o.gate_sets), batch = static_cast<double>(o.batch);
  auto const gates = static_cast<double>(layers * heads);
  auto updates = static_cast<double>(o.updates);
  if constexpr (requires { o.updates_pressed; }) updates += 2 * static_cast<double>(o.updates_pressed);
  auto use = MemoryUse::of(fitted, batch);
  double evaluated = 0;
  for (auto const& size : scored) {
    use.data += size.bytes();
    use.longest = std::max(use.longest, size.longest);
    use.targets = std::max(use.targets, static_cast<double>(size.most_targets));
    evaluated = std::max(evaluated, size.tree_bytes() + 2 * size.evaluation_bytes());
  }
  using Row = std::conditional_t<std::is_same_v<Options, FitOptions>, UpdateRow, ContrastiveRow>;
  constexpr double kMetricsLine = 1.8 * sizeof(Row) + 20, kHeadsLine = 160, kSummaryLine = 300;
  auto const log = updates * sets * (sizeof(Row) + kTextGrowth * kMetricsLine);
  auto const state =
      sets * gates * (25 * 8 + kTextGrowth * kHeadsLine) + sets * (8 * static_cast<double>(fitted.examples) + 2000);
  auto const summary = evaluated + sets * 6 * static_cast<double>(scored.size()) * kSummaryLine * kTextGrowth;
  use.held = [=](Index rows) { return state + log + summary + sets * batch_bytes(fitted, batch, rows, gates); };
  use.what = text("memory for --batch ", o.batch, ", --seeds ", o.gate_sets, " and ", updates, " updates");
  use.advice = "Use a smaller --batch, fewer --seeds or fewer updates";
  return use;
}

/// Of chg score: all prefix trees, and the result as JSON and as text.
inline MemoryUse score_use(DataSize const& size, Index sets) {
  auto use = MemoryUse::of(size, static_cast<double>(size.examples));
  auto const result = static_cast<double>(size.examples) * 900 + size.targets * (2 * 24 + kTextGrowth * 34);
  auto const held = size.tree_bytes() + size.evaluation_bytes() + static_cast<double>(sets) * result;
  use.held = [held](Index) { return held; };
  use.advice = "Use fewer examples or fewer gate sets";
  return use;
}

/// Of chg gradient: the data set is one batch.
inline MemoryUse gradient_use(DataSize const& size, Index sets, Index layers, Index heads) {
  auto use = MemoryUse::of(size, static_cast<double>(size.examples));
  auto const gates = static_cast<double>(layers * heads);
  use.held = [=](Index rows) {
    return 5 * 8 * static_cast<double>(sets) * gates + batch_bytes(size, static_cast<double>(size.examples), rows, gates);
  };
  use.advice = "Use fewer examples";
  return use;
}

/// Of chg ablate: a curve's variations and their log-probabilities, the effects of all curves, what closed heads are replaced by,
/// and the residual stream of each worker. copies: of every head's output, 0 (zero), 1 (mean) or 2 (resample).
template <class Real>
MemoryUse ablation_use(DataSize const& size, Config const& config, Index sets, Index points, int curves, int copies) {
  auto use = MemoryUse::of(size, static_cast<double>(size.examples));
  auto const gates = static_cast<double>(config.layers * config.heads), n = static_cast<double>(size.examples);
  auto const ks = points > 0 ? std::min(gates, static_cast<double>(points)) : gates;
  auto const curve = 2 * ks * (9 * gates + 200 + 8 * n);
  auto const rows = static_cast<double>(sets) * ks * curves;
  auto const results = rows * (8 * n + 200 + kTextGrowth * 250);
  auto const replaced = copies * size.tokens * gates * static_cast<double>(config.head_dim) * sizeof(Real);
  auto const held =
      (copies > 1 ? 2 : 1) * size.tree_bytes() + curve + results + replaced + gates * static_cast<double>(sets) * 100;
  use.held = [held](Index) { return held; };
  use.passes = 1.25;  // the stream, and a replacement's rows of the last layer
  use.advice = copies > 1 ? "Use fewer --points or examples, or --replace mean" : "Use fewer --points or fewer examples";
  return use;
}

/// Of chg verify, whose passes run on dual numbers beside real ones.
inline MemoryUse verify_use(DataSize const& size) {
  auto use = MemoryUse::of(size, static_cast<double>(size.examples));
  use.passes = 4;
  auto const held = 2 * size.tree_bytes();
  use.held = [held](Index) { return held; };
  use.advice = "Use fewer --examples";
  return use;
}

}  // namespace chg::cli
