// SPDX-License-Identifier: MIT
// One position, every head: a base run, and beside it one row for each (layer, head) whose output is patched there.
//
//     layer l:   rows of heads patched below l:   attention over the base run's keys and their own, then MLP
//                rows of heads patched in l:      copies of the base run's row, one head's output replaced before W_O
//
// Causality leaves all other positions as they are, so L H rows are recomputed in place of L H sequences. They rise with the base
// run, layer by layer, and those of all examples share each product; nothing below the layer at hand is kept.
#pragma once

#include <chg/model/transformer.hpp>
#include <chg/tensor/array.hpp>

#include <span>
#include <vector>

namespace chg {

/// What the patched runs of one tree read and write. K: tokens whose log-probability is asked for.
template <class Scalar>
struct PatchJob {
  std::span<Index const> examples;         ///< of the data: the tree's, in its order
  std::span<Matrix<Scalar> const> patches; ///< one a layer, [data, H D]
  std::span<Token const> tokens;           ///< [data, K]
  Index max_rows;                          ///< patched rows of a product, if one example's are not more
  Array<double, 4>* logprob;               ///< out: [data, L, H, K], nats; this tree's examples alone are written
  Array<double, 2>* base;                  ///< out: [data, K]
};

namespace detail {

/// read(row, logits [V], their log normaliser) for each row of x [n, C], which leaves the last layer.
template <Architecture A, class Scalar, class Read>
void read_logits(Transformer<A, Scalar> const& model, Scalar const* x, Index n, Arena& arena, Read const& read) {
  using std::log;
  constexpr Index kRows = 256;  // 50 MB of logits in float at 50,000 tokens
  auto const C = model.d_model(), V = model.vocab();
  auto const mark = arena.mark();
  auto* const norm_state = arena.template allocate<Scalar>(2 * kRows);
  auto* const logits = arena.template allocate<Scalar>(std::min(n, kRows) * V);
  auto const cap = Scalar(static_cast<Real<Scalar>>(model.config().logit_soft_cap));
  for (Index first = 0; first < n; first += kRows) {
    auto const rows = std::min(kRows, n - first);
    model.unembed(x + first * C, rows, arena, norm_state, logits);
    for (Index i = 0; i < rows; ++i) {
      auto all = ops::row(logits + i * V, V);
      if (model.config().logit_soft_cap > 0) all = (all / cap).tanh() * cap;
      auto const highest = all.maxCoeff();
      read(first + i, logits + i * V, log((all - highest).exp().sum()) + highest);
    }
  }
  arena.rewind(mark);
}

}  // namespace detail

/// Patches each head of each layer at the row where an example's last target is read. tree: built with Sharing::none;
/// gates: [L, H], of the base run; a patched head puts out its patch whatever its gate.
template <Architecture A, class Scalar>
void patch_rows(Transformer<A, Scalar> const& model, PrefixTree const& tree, Scalar const* gates, Arena& arena,
                PatchJob<Scalar> const& job) {
  auto const L = model.layers(), H = model.heads(), C = model.d_model(), n = tree.rows(), E = tree.examples();
  auto const columns = H * model.config().head_dim, kv_columns = model.attention(0).kv_columns();
  auto const last_edge = [&](Index e) { return tree.edges()[static_cast<std::size_t>(tree.edges_of(e).back())]; };
  arena.reset();
  // The base run's stream, and that of the patched rows: [E, rows an example, C].
  Scalar* x[2] = {arena.template allocate<Scalar>(n * C), arena.template allocate<Scalar>(n * C)};
  Scalar* patched[2] = {arena.template allocate<Scalar>(E * L * H * C), arena.template allocate<Scalar>(E * L * H * C)};
  auto* const normed = arena.template allocate<Scalar>(n * C);
  std::vector<ops::PatchBase<Scalar>> bases(static_cast<std::size_t>(E));
  model.embed(tree, x[0]);
  for (Index l = 0; l < L; ++l) {
    auto const mark = arena.mark();
    BlockState<Scalar> base;
    base.x = x[0];
    model.block(l).forward(ops::AttentionRows(tree, l + 1 < L ? ops::Rows::all : ops::Rows::targets), gates + l * H,
                           HeadReplacement<Scalar>{}, arena, base, normed, x[1]);
    auto const carried = l * H, each = carried + H, group = std::max<Index>(1, job.max_rows / each);
    for (Index e = 0; e < E; ++e) {
      auto const row = last_edge(e).row, position = tree.position(row);
      bases[static_cast<std::size_t>(e)] = {
          base.attention.kv + (row - position) * kv_columns, position,
          job.patches[static_cast<std::size_t>(l)].data() + job.examples[static_cast<std::size_t>(e)] * columns};
    }
    for (Index first = 0; first < E; first += group) {
      auto const examples = std::min(group, E - first);
      auto const group_mark = arena.mark();
      auto* const in = arena.template allocate<Scalar>(examples * each * C);
      auto* const group_normed = arena.template allocate<Scalar>(examples * each * C);
      for (Index e = 0; e < examples; ++e) {
        ops::row(in + e * each * C, carried * C) =
            ops::row(static_cast<Scalar const*>(patched[0]) + (first + e) * carried * C, carried * C);
        map(in + (e * each + carried) * C, H, C).rowwise() = map(x[0] + last_edge(first + e).row * C, 1, C).row(0);
      }
      BlockState<Scalar> state;
      state.x = in;
      ops::PatchRows<Scalar> const rows(
          std::span<ops::PatchBase<Scalar> const>(bases).subspan(static_cast<std::size_t>(first),
                                                                 static_cast<std::size_t>(examples)),
          each);
      model.block(l).forward(rows, gates + l * H, HeadReplacement<Scalar>{}, arena, state, group_normed,
                             patched[1] + first * each * C);
      arena.rewind(group_mark);
    }
    arena.rewind(mark);
    std::swap(x[0], x[1]);
    std::swap(patched[0], patched[1]);
  }
  auto const K = static_cast<Index>(job.base->shape(1));
  auto const write = [&](Index e, double* out, Scalar const* logits, Scalar log_normaliser) {
    auto const tokens = job.tokens.subspan(static_cast<std::size_t>(job.examples[static_cast<std::size_t>(e)] * K));
    for (Index k = 0; k < K; ++k)
      out[k] = static_cast<double>(logits[tokens[static_cast<std::size_t>(k)]] - log_normaliser);
  };
  detail::read_logits(model, patched[0], E * L * H, arena, [&](Index i, Scalar const* logits, Scalar log_normaliser) {
    auto const e = i / (L * H);
    write(e, job.logprob->data() + (job.examples[static_cast<std::size_t>(e)] * L * H + i % (L * H)) * K, logits, log_normaliser);
  });
  for (Index e = 0; e < E; ++e)
    detail::read_logits(model, x[0] + last_edge(e).target * C, 1, arena, [&](Index, Scalar const* logits, Scalar log_normaliser) {
      write(e, job.base->data() + job.examples[static_cast<std::size_t>(e)] * K, logits, log_normaliser);
    });
}

}  // namespace chg
