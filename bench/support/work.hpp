// SPDX-License-Identifier: MIT
// The floating-point operations that an update cannot do without: the exact sum over the products of an execution without
// redundancy. A multiplication and an addition count as two operations; what is not a product counts nothing.
#pragma once

#include <chg/model/chunks.hpp>
#include <chg/model/transformer.hpp>

#include <array>
#include <span>
#include <vector>

namespace chg::bench {

/// Operations of one forward and one backward pass, by part.
struct Work {
  double projections = 0;  ///< W_Q, W_K, W_V, W_O
  double attention = 0;    ///< scores and their use, over visible pairs
  double mlp = 0;
  double unembedding = 0;

  double total() const { return products() + attention; }
  double products() const { return projections + mlp + unembedding; }  ///< with weights

  Work& operator+=(Work const& other) {
    projections += other.projections, attention += other.attention, mlp += other.mlp, unembedding += other.unembedding;
    return *this;
  }
};

/// c: with every policy known. The minimum for one prefix tree of a whole batch: no gradient below layer 0's heads; the last layer's queries, W_O and
/// MLP, and the logits, at target rows only.
inline Work minimal_work(Config const& c, PrefixTree const& tree) {
  auto const product = [](Index rows, Index in, Index out) {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
  };
  auto const n = tree.rows(), targets = static_cast<Index>(tree.target_rows().size());
  auto const queries = c.heads * c.head_dim, keys = c.kv_heads * c.head_dim;
  auto mlp = 0.0;  // of one row
  LayerWeights<float> const none;
  for_each_layer_tensor(c, none, [&](TensorSpec const& spec, auto const&) {
    if (spec.role == Role::mlp) mlp += product(1, spec.columns, spec.rows);
  });
  Work work;
  for (Index l = 0; l < c.layers; ++l) {
    auto const first = l == 0, last = l + 1 == c.layers;
    auto const asking = last ? targets : n;
    auto const inputs = product(asking, c.d_model, queries) + product(n, c.d_model, 2 * keys);
    work.projections += inputs * (first ? 1 : 2) + product(asking, queries, c.d_model) * 2;
    auto const pairs = static_cast<double>(tree.visible_pairs(last, c.window(l)));
    auto const one_product = 2.0 * pairs * static_cast<double>(c.head_dim * c.heads);
    work.attention += one_product * (first ? 2 : 6);
    work.mlp += static_cast<double>(asking) * mlp * 2;
  }
  work.unembedding = product(targets, c.d_model, c.vocab) * 2;
  return work;
}

/// One tree of a whole batch.
inline PrefixTree tree_of(Examples const& examples, std::span<Index const> units) {
  std::vector<Example const*> pointers;
  for (auto const unit : units) pointers.push_back(&examples[unit]);
  PrefixTree tree;
  tree.build(pointers);
  return tree;
}

/// A batch as one tree or as several, each with what its examples share.
struct BatchWork {
  Work work;
  std::vector<Index> rows;  ///< of each tree
};

/// The chunks that BatchRunner cuts the batch into.
template <class Scalar>
BatchWork chunked_work(Config const& c, Examples const& examples, std::span<Index const> units,
                       RunOptions const& options) {
  ChunkPlan plan;
  std::array const data{&examples};
  plan.cut(data, units, chunk_limits<Scalar>(options, c.vocab));
  BatchWork result;
  for (Index chunk = 0; chunk < plan.chunks(); ++chunk) {
    std::vector<Index> members;
    for (auto const place : plan.chunk(chunk)) members.push_back(units[static_cast<std::size_t>(place)]);
    auto const tree = tree_of(examples, members);
    result.work += minimal_work(c, tree);
    result.rows.push_back(tree.rows());
  }
  return result;
}

}  // namespace chg::bench
