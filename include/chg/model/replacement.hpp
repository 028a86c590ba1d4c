// SPDX-License-Identifier: MIT
// What a closed head puts out instead, in ablations: a head's output becomes g z + (1 - g) r.
//
//     zero:      r = 0
//     mean:      r = the mean of z over all positions and examples of the data, under the context gates
//     resample:  r = z of the same head in another example under the context gates, aligned at the end; where that example is
//                shorter, its first position stands in for the missing ones
#pragma once

#include <chg/model/batch_runner.hpp>
#include <chg/tensor/random.hpp>

#include <vector>

namespace chg {

enum class Replace { zero, mean, resample };

constexpr std::string_view name(Replace replace) {
  constexpr std::string_view names[] = {"zero", "mean", "resample"};
  return names[static_cast<int>(replace)];
}

/// Replacement outputs of every head. Belongs to the model and the examples that it was captured from. Default: zero.
template <class Scalar>
struct Replacement {
  Replace kind = Replace::zero;
  /// mean: one a layer, [1, H D]. resample: one a layer, [rows, H D], the rows of example i being first_row[i] and on.
  std::vector<Matrix<Scalar>> heads;
  std::vector<Index> first_row;  ///< [examples + 1]
};

namespace detail {

/// z of every head at every row, under the context gates, examples end to end: one a layer, [rows, H D]. first_row as above.
template <TransformerModel M>
Replacement<typename M::scalar_type> capture_heads(M const& model, Examples const& examples, Matrix<double> const& context,
                                                   RunOptions const& options) {
  using Scalar = typename M::scalar_type;
  check_examples(model, examples);
  check_shape("context gates", context, model.layers(), model.heads());
  struct Scratch {
    PrefixTree tree;
    Pass<Scalar> pass;
  };
  Replacement<Scalar> captured;
  captured.first_row.assign(1, 0);
  for (auto const& e : examples)
    captured.first_row.push_back(captured.first_row.back() + static_cast<Index>(PrefixTree::length_to_last_target(e)) - 1);
  auto const columns = model.heads() * model.config().head_dim;
  captured.heads.assign(static_cast<std::size_t>(model.layers()), Matrix<Scalar>(captured.first_row.back(), columns));
  Matrix<Scalar> const gates = context.template cast<Scalar>();
  Workers<Scratch> workers(options.threads);
  workers.run(examples.size(), [&](Index i, Scratch& scratch) {
    Example const* const one[] = {&examples[i]};
    scratch.tree.build(one, Sharing::none, ReadAt::every_row);
    model.forward_layers(scratch.tree, gates.data(), scratch.pass, Keep::for_backward);
    for (Index l = 0; l < model.layers(); ++l)
      captured.heads[static_cast<std::size_t>(l)].middleRows(captured.first_row[static_cast<std::size_t>(i)],
                                                             scratch.tree.rows()) =
          map(static_cast<Scalar const*>(scratch.pass.layers[static_cast<std::size_t>(l)].attention.z), scratch.tree.rows(),
              columns);
  });
  return captured;
}

}  // namespace detail

/// context: [L, H]. Rows that hold an example's last target and what follows it are not computed, and not in the mean.
template <TransformerModel M>
Replacement<typename M::scalar_type> capture_mean(M const& model, Examples const& examples, Matrix<double> const& context,
                                                  RunOptions options = {}) {
  using Scalar = typename M::scalar_type;
  auto captured = detail::capture_heads(model, examples, context, options);
  for (auto& z : captured.heads) {
    RowVector<Accumulator<Scalar>> sum = RowVector<Accumulator<Scalar>>::Zero(z.cols());
    for (Index i = 0; i < z.rows(); ++i)
      for (Index j = 0; j < z.cols(); ++j) sum[j] += number_cast<Accumulator<Scalar>>(z(i, j));
    auto const rows = Accumulator<Scalar>(static_cast<double>(z.rows()));
    z.resize(1, sum.size());
    for (Index j = 0; j < sum.size(); ++j) z(0, j) = number_cast<Scalar>(sum[j] / rows);
  }
  captured.kind = Replace::mean;
  captured.first_row.clear();
  return captured;
}

/// Pairs the examples by a derangement drawn from the seed. Needs memory for L x rows x H D numbers, twice.
template <TransformerModel M>
Replacement<typename M::scalar_type> capture_resample(M const& model, Examples const& examples, Matrix<double> const& context,
                                                      std::uint64_t seed, RunOptions options = {}) {
  check(examples.size() >= 2, "replacement by resampling: examples", "2 or more, since each takes what heads put out in another",
        examples.size(), "Give it more examples, or replace by the mean or by zero.");
  auto const partner = derangement(examples.size(), seed, Stream::replacement);
  auto const captured = detail::capture_heads(model, examples, context, options);
  auto resampled = captured;
  resampled.kind = Replace::resample;
  auto const rows = [&](Index i) {
    return captured.first_row[static_cast<std::size_t>(i) + 1] - captured.first_row[static_cast<std::size_t>(i)];
  };
  for (std::size_t l = 0; l < captured.heads.size(); ++l)
    for (Index i = 0; i < examples.size(); ++i) {
      auto const j = partner[static_cast<std::size_t>(i)];
      for (Index t = 0; t < rows(i); ++t)
        resampled.heads[l].row(captured.first_row[static_cast<std::size_t>(i)] + t) =
            captured.heads[l].row(captured.first_row[static_cast<std::size_t>(j)] + std::max<Index>(0, t + rows(j) - rows(i)));
    }
  return resampled;
}

}  // namespace chg
