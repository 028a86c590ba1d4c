// SPDX-License-Identifier: MIT
// One block of the decoder: attention and MLP, each on the normed residual stream, each added to it.
//
//     x' = x + attention(norm(x); G)      x_out = x' + mlp(norm(x'))
//     dx' = dx_out + norm_backward(mlp_backward(dx_out))      dx = dx' + norm_backward(attention_backward(dx'))
//
// post_norms:  what attention and MLP put out is normed before it is added
// parallel:    x_out = x + attention(norm(x); G) + mlp(norm'(x)), so attention's gradient is dx_out itself
#pragma once

#include <chg/model/gated_attention.hpp>
#include <chg/model/mlp.hpp>
#include <chg/model/norm_layer.hpp>

#include <utility>

namespace chg {

/// What a block's backward pass needs of its forward pass, in arena memory.
template <class Scalar>
struct BlockState {
  Scalar* x = nullptr;  ///< [rows, C] entering the block
  Scalar* attention_norm = nullptr;
  AttentionState<Scalar> attention;
  Scalar* x_middle = nullptr;  ///< [queries, C] between attention and MLP
  Scalar* mlp_norm = nullptr;
  Scalar* mlp = nullptr;              ///< [queries, MlpLayer::state_columns()]
  Scalar const* mlp_input = nullptr;  ///< [queries, C] entering the MLP's norm
  Scalar* attention_out = nullptr;    ///< [queries, C] entering the post norm, Architecture::post_norms only
  Scalar* attention_post_norm = nullptr;
  Scalar* mlp_out = nullptr;  ///< [queries, C]
  Scalar* mlp_post_norm = nullptr;
};

/// Immutable, hence safe to share between threads. Runs on RealType and on duals over it.
template <Architecture A, class RealType>
class Block {
 public:
  /// Takes the weights. rotary: see GatedAttention.
  Block(Config const& config, LayerWeights<RealType>& weights, Index layer,
        std::shared_ptr<ops::RotaryTable<RealType> const> rotary, Products products)
      : policies_(policies_of(A, config)),
        attention_norm_(norm(config, weights.attention_norm, weights.attention_norm_bias)),
        mlp_norm_(norm(config, weights.mlp_norm, weights.mlp_norm_bias)),
        attention_post_norm_(norm(config, weights.attention_post_norm, weights.attention_post_norm_bias)),
        mlp_post_norm_(norm(config, weights.mlp_post_norm, weights.mlp_post_norm_bias)),
        attention_(config, std::move(weights), config.window(layer), std::move(rotary), products),
        mlp_(policies_.mlp.value, config, weights, products) {}

  GatedAttention<A, RealType> const& attention() const { return attention_; }

  /// Writes out [queries, C] and the rest of `state`, whose x [rows, C] is the input. gates: [H];
  /// normed: [rows, C] to work in. rows: ops::AttentionRows or ops::PatchRows.
  template <class RowSet, class Scalar>
  void forward(RowSet const& rows, Scalar const* gates, HeadReplacement<Scalar> replaced, Arena& arena, BlockState<Scalar>& state,
               Scalar* normed, Scalar* out) const {
    auto const n = rows.keys(), queries = rows.queries(), C = attention_.d_model();
    state.attention_norm = arena.template allocate<Scalar>(attention_norm_.state_columns() * n);
    state.mlp_norm = arena.template allocate<Scalar>(mlp_norm_.state_columns() * queries);
    state.x_middle = !has_mlp() ? out : arena.template allocate<Scalar>(queries * C);
    if (has_mlp()) state.mlp = arena.template allocate<Scalar>(queries * mlp_.state_columns());
    attention_norm_.forward(state.x, n, state.attention_norm, normed);
    auto const* asking = gather(rows, normed, C, arena);
    if (post_norms()) {
      state.attention_out = arena.template allocate<Scalar>(queries * C);
      state.attention_post_norm = arena.template allocate<Scalar>(attention_post_norm_.state_columns() * queries);
      attention_.forward(rows, normed, asking, gates, replaced, arena, state.attention, state.attention_out);
      attention_post_norm_.forward(state.attention_out, queries, state.attention_post_norm, state.x_middle);
    } else {
      attention_.forward(rows, normed, asking, gates, replaced, arena, state.attention, state.x_middle);
    }
    add_rows(rows, state.x, C, state.x_middle);
    if (has_mlp()) {
      state.mlp_input = parallel() ? gather(rows, static_cast<Scalar const*>(state.x), C, arena) : state.x_middle;
      mlp_norm_.forward(state.mlp_input, queries, state.mlp_norm, normed);
      if (post_norms()) {
        state.mlp_out = arena.template allocate<Scalar>(queries * C);
        state.mlp_post_norm = arena.template allocate<Scalar>(mlp_post_norm_.state_columns() * queries);
        mlp_.forward(normed, queries, state.mlp, state.mlp_out, arena);
        mlp_post_norm_.forward(state.mlp_out, queries, state.mlp_post_norm, out);
      } else {
        mlp_.forward(normed, queries, state.mlp, out, arena);
      }
      ops::row(out, queries * C) += ops::row(state.x_middle, queries * C);
    }
  }

  /// Given the gradient dx [queries, C] at the layer's output, returns the gradient [rows, C] at its input (null unless
  /// `to_input`), in arena memory. Overwrites dx.
  template <class Scalar, class Sum>
  Scalar* backward(ops::AttentionRows const& rows, Scalar const* gates, HeadReplacement<Scalar> replaced, Arena& arena,
                   BlockState<Scalar>& state, Scalar* dx, Sum* d_gates, bool to_input) const {
    auto const n = rows.tree().rows(), queries = rows.queries(), C = attention_.d_model();
    auto* const d_input = to_input && rows.rows() == ops::Rows::targets ? arena.template allocate<Scalar>(n * C) : dx;
    Scalar const* d_attention = dx;  // at what attention adds to the stream
    if (parallel()) {
      auto* const d_out = arena.template allocate<Scalar>(queries * C);
      ops::row(d_out, queries * C) = ops::row(static_cast<Scalar const*>(dx), queries * C);
      d_attention = d_out;
    }
    auto const mark = arena.mark();
    if (has_mlp()) {
      auto* const d_normed = arena.template allocate<Scalar>(queries * C);
      mlp_.backward(state.mlp, queries,
                    before_post_norm(mlp_post_norm_, state.mlp_out, state.mlp_post_norm, queries, C, dx, arena), d_normed, arena);
      mlp_norm_.backward(state.mlp_input, state.mlp_norm, queries, d_normed, dx);  // forward: x' + mlp(norm(x'))
      arena.rewind(mark);
    }
    d_attention =
        before_post_norm(attention_post_norm_, state.attention_out, state.attention_post_norm, queries, C, d_attention, arena);
    auto* const dz = arena.template allocate<Scalar>(queries * attention_.head_columns());
    auto* const delta = arena.template allocate<Scalar>(queries * attention_.heads());
    attention_.backward_to_gates(state.attention, queries, gates, replaced, d_attention, dz, delta, d_gates);
    if (to_input) {
      auto* const d_normed = arena.template allocate<Scalar>(n * C);
      auto* const d_asking = d_input == dx ? nullptr : arena.template allocate<Scalar>(queries * C);
      attention_.backward_to_inputs(rows, state.attention, dz, delta, arena, d_normed, d_asking);
      if (d_asking) {
        ops::row(d_input, n * C).setZero();
        for (Index i = 0; i < queries; ++i) {
          ops::row(d_normed + rows.row(i) * C, C) += ops::row(d_asking + i * C, C);
          ops::row(d_input + rows.row(i) * C, C) = ops::row(dx + i * C, C);
        }
      }
      attention_norm_.backward(state.x, state.attention_norm, n, d_normed, d_input);  // forward: x + attention(norm(x))
    }
    arena.rewind(mark);
    return to_input ? d_input : nullptr;
  }

  std::size_t weight_bytes() const { return attention_.weight_bytes() + mlp_.weight_bytes(); }

 private:
  using NormType = NormLayer<A.norm, RealType>;

  bool has_mlp() const { return detail::policy<A.mlp>(policies_.mlp.value) != Mlp::none; }
  bool post_norms() const { return detail::policy<A.post_norms>(policies_.post_norms.value); }
  bool parallel() const { return detail::policy<A.parallel>(policies_.parallel.value); }

  NormType norm(Config const& config, RowVector<RealType>& scale, RowVector<RealType>& bias) const {
    return {policies_.norm.value, {std::move(scale), std::move(bias)}, config.d_model, config.norm_epsilon};
  }

  /// The gradient [queries, C] at what enters a post norm: in arena memory, or d itself where there is none.
  template <class Scalar>
  Scalar const* before_post_norm(NormType const& norm, Scalar const* x, Scalar const* state, Index queries, Index C,
                                 Scalar const* d, Arena& arena) const {
    if (!post_norms()) return d;
    auto* const d_before = arena.template allocate<Scalar>(queries * C);
    ops::row(d_before, queries * C).setZero();
    norm.backward(x, state, queries, d, d_before);
    return d_before;
  }

  /// The rows of x [rows, C] that ask: x itself when all do.
  template <class RowSet, class Scalar>
  static Scalar const* gather(RowSet const& rows, Scalar const* x, Index C, Arena& arena) {
    if (rows.rows() == ops::Rows::all) return x;
    auto* const asking = arena.template allocate<Scalar>(rows.queries() * C);
    for (Index i = 0; i < rows.queries(); ++i) ops::row(asking + i * C, C) = ops::row(x + rows.row(i) * C, C);
    return asking;
  }

  /// out[query] += x[row of the query].
  template <class RowSet, class Scalar>
  static void add_rows(RowSet const& rows, Scalar const* x, Index C, Scalar* out) {
    if (rows.rows() == ops::Rows::all) {
      ops::row(out, rows.queries() * C) += ops::row(x, rows.queries() * C);
      return;
    }
    for (Index i = 0; i < rows.queries(); ++i) ops::row(out + i * C, C) += ops::row(x + rows.row(i) * C, C);
  }

  Architecture policies_;  // all known
  NormType attention_norm_, mlp_norm_, attention_post_norm_, mlp_post_norm_;
  GatedAttention<A, RealType> attention_;
  MlpLayer<A.mlp, RealType> mlp_;
};

}  // namespace chg
