// SPDX-License-Identifier: MIT
// Patching at one position: every head in turn puts out something else where an example's last target is read, and the
// log-probabilities there are read again.
//
// Todd et al. 2024 ("Function Vectors in Large Language Models", section 2.3): causal mediation of attention heads. What differs:
// any replacement, a clean run's output or a mean over clean runs; log-probabilities, from which probabilities and differences of
// logits follow. Patches at several positions: Scorer::mean_logprobs with a resampled Replacement whose rows are the base run's
// own but for those positions.
#pragma once

#include <chg/model/patch_rows.hpp>
#include <chg/model/replacement.hpp>

#include <numeric>
#include <vector>

namespace chg {

/// The outputs z of all heads where each example's last target is read, under the gates: one matrix a layer, [examples, H D].
template <TransformerModel M>
std::vector<Matrix<typename M::scalar_type>> heads_at_last_target(M const& model, Examples const& examples,
                                                                  Matrix<double> const& gates, RunOptions options = {}) {
  using Scalar = typename M::scalar_type;
  check_examples(model, examples);
  check_shape("gates", gates, model.layers(), model.heads());
  struct Scratch {
    PrefixTree tree;
    Pass<Scalar> pass;
  };
  auto const columns = model.heads() * model.config().head_dim;
  std::vector<Matrix<Scalar>> z(static_cast<std::size_t>(model.layers()), Matrix<Scalar>(examples.size(), columns));
  Matrix<Scalar> const g = gates.template cast<Scalar>();
  Workers<Scratch>(options.threads).run(examples.size(), [&](Index i, Scratch& scratch) {
    Example const* const one[] = {&examples[i]};
    scratch.tree.build(one, Sharing::none);
    model.forward_layers(scratch.tree, g.data(), scratch.pass, Keep::for_backward, {});
    for (std::size_t l = 0; l < z.size(); ++l) {
      auto const queries =
          l + 1 < z.size() ? scratch.tree.rows() : static_cast<Index>(scratch.tree.target_rows().size());
      z[l].row(i) = map(scratch.pass.layers[l].attention.z + (queries - 1) * columns, 1, columns);
    }
  });
  return z;
}

/// Log-probabilities where an example's last target is read, nats. K: the tokens asked for.
struct Patched {
  Array<double, 4> logprob;  ///< [examples, L, H, K], with head h of layer l patched
  Array<double, 2> base;     ///< [examples, K], with none
};

/// Patches one data set again and again. The model and the examples must outlive it. Memory, beside the result: for each worker
/// a chunk of examples with rows for every head, 2 L H C numbers an example, and one layer's activations.
template <TransformerModel M>
class PositionPatcher {
 public:
  using Scalar = typename M::scalar_type;

  /// Throws Error when the model cannot read an example.
  PositionPatcher(M const& model, Examples const& examples, RunOptions options = {})
      : model_(model), examples_(examples), max_rows_(options.max_rows), workers_(options.threads) {
    check_examples(model, examples);
    std::vector<Index> all(static_cast<std::size_t>(examples.size()));
    std::iota(all.begin(), all.end(), Index{0});
    Examples const* const data[] = {&examples};
    plan_.cut(data, all, chunk_limits<Scalar>(options, model.config().vocab), Sharing::none);
  }

  /// patches: one a layer, [examples, H D], such as heads_at_last_target of clean examples, or a mean in every row.
  /// tokens: K an example, [examples, K]; none: the last target of each. gates: [L, H], of the base run; a patched head puts out
  /// its patch whatever its gate. Throws Error on another shape, or on a token outside the vocabulary.
  Patched operator()(std::vector<Matrix<Scalar>> const& patches, Matrix<double> const& gates, std::vector<Token> tokens = {}) {
    auto const n = examples_.size();
    check_shape("gates", gates, model_.layers(), model_.heads());
    check(static_cast<Index>(patches.size()) == model_.layers(), "patches",
          text("one matrix for each of ", model_.layers(), " layers"), patches.size());
    for (auto const& p : patches) check_shape("patches", p, n, model_.heads() * model_.config().head_dim);
    if (tokens.empty())
      for (auto const& e : examples_) tokens.push_back(e.tokens[PrefixTree::length_to_last_target(e) - 1]);
    check(static_cast<Index>(tokens.size()) % n == 0, "patched positions: tokens", text("as many for each of ", n, " examples"),
          tokens.size());
    for (auto const token : tokens)
      check(token >= 0 && token < model_.config().vocab, "patched positions: token",
            text("an id in 0..", model_.config().vocab - 1), token);
    auto const size = [](Index extent) { return static_cast<std::size_t>(extent); };
    auto const K = tokens.size() / size(n);
    Patched result{Array<double, 4>({size(n), size(model_.layers()), size(model_.heads()), K}), Array<double, 2>({size(n), K})};
    Matrix<Scalar> const g = gates.template cast<Scalar>();
    workers_.run(plan_.chunks(), [&](Index c, Scratch& scratch) {
      auto const chunk = plan_.chunk(c);
      scratch.pointers.clear();
      for (auto const i : chunk) scratch.pointers.push_back(&examples_[i]);
      scratch.tree.build(scratch.pointers, Sharing::none);
      patch_rows(model_, scratch.tree, g.data(), scratch.arena,
                 PatchJob<Scalar>{chunk, patches, tokens, max_rows_, &result.logprob, &result.base});
    });
    return result;
  }

 private:
  struct Scratch {
    PrefixTree tree;
    Arena arena;
    std::vector<Example const*> pointers;
  };

  M const& model_;
  Examples const& examples_;
  Index max_rows_;
  Workers<Scratch> workers_;
  ChunkPlan plan_;
};

}  // namespace chg
