// SPDX-License-Identifier: MIT
// Attention whose heads are scaled by gates before W_O, and its hand-derived gradient.
//
//     Z_h = A_h V_h       Y_h = G_h Z_h + (1 - G_h) R_h       out = concat_h(Y_h) W_O^T + b_O
//     dY = dout W_O       dG_h = sum_t <dY_h[t], Z_h[t] - R_h[t]>       dZ_h = G_h dY_h
//
// Nam et al. 2025, section 3.1: one gate a QUERY head, applied before the heads are mixed. R is
// what a head is replaced by when its gate is closed: nothing (R = 0) in the paper's fits; a mean
// or another example's output in ablations. The weights are frozen, so no gradient of theirs is
// formed; R is a constant. With Architecture::query_key_norm every query and key is RMS-normed over
// its D channels before positions are applied.
#pragma once

#include <chg/model/tensors.hpp>
#include <chg/ops/causal_attention.hpp>
#include <chg/ops/norm.hpp>
#include <chg/ops/patched_attention.hpp>
#include <chg/ops/rotary.hpp>
#include <chg/tensor/gemm.hpp>

#include <memory>
#include <span>

namespace chg {

/// What closed heads put out instead, for one layer.
template <class Scalar>
struct HeadReplacement {
  Scalar const* rows = nullptr;  ///< [queries, H D]; null: nothing is replaced
  Index stride = 0;  ///< numbers from one query's row to the next; 0: every query has the same row
  std::uint8_t const* heads = nullptr;  ///< [H], 1 for the heads that are replaced; null: all

  bool applies(Index head) const { return rows && (!heads || heads[head]); }
};

/// What the backward pass needs of a forward pass, in arena memory. queries = rows of q, z.
template <class Scalar>
struct AttentionState {
  Scalar* q = nullptr;              ///< [queries, H D], positions applied
  Scalar* kv = nullptr;             ///< [rows, 2 H_kv D]: keys with positions applied, then values
  Scalar* probabilities = nullptr;  ///< [H, queries, stride]
  Scalar* slope = nullptr;          ///< like probabilities, with a soft cap only
  Scalar* z = nullptr;              ///< [queries, H D], before the gates
  /// [queries, H D] entering the query norm, Architecture::query_key_norm only.
  Scalar* q_before = nullptr;
  Scalar* k_before = nullptr;  ///< [rows, H_kv D] entering the key norm
  Scalar* q_scale = nullptr;   ///< [queries, H], what the query norm multiplied by
  Scalar* k_scale = nullptr;   ///< [rows, H_kv]
};

namespace detail {
/// A fixed extent where the architecture has one, so that loops over it have a length known to the
/// compiler.
template <Index Fixed>
constexpr Index extent(Index at_run_time) {
  return Fixed == dynamic ? at_run_time : Fixed;
}
/// The same for a policy.
template <Policy Fixed>
constexpr auto policy(decltype(Fixed.value) at_run_time) {
  return Fixed.known ? Fixed.value : at_run_time;
}
}  // namespace detail

/// A frozen attention layer. Knows nothing of the layers around it: its input is whatever enters
/// W_Q, W_K and W_V (in a transformer: the normed residual stream). Immutable, hence safe to share
/// between threads.
template <Architecture A = llama_like, class Scalar = float>
class GatedAttention : CheckArchitecture<A> {
 public:
  using RealType = Real<Scalar>;

  /// Takes the attention weights of `layer`; what else it holds is left alone. window: see
  /// Config::windows. rotary: the table of config.rotary_of(window), which layers share; null: the
  /// layer makes its own. Throws Error naming the extent or the tensor that is missing, misshapen
  /// or not finite. Of the config, layers, d_ff and vocab are not read.
  GatedAttention(Config const& config, LayerWeights<RealType>&& layer, Index window = 0,
                 std::shared_ptr<ops::RotaryTable<RealType> const> rotary = nullptr,
                 Products products = Products::full)
      : shape_(checked_shape(config, layer, window)),
        d_model_(config.d_model),
        context_(config.context),
        W_Q_(std::move(layer.W_Q), products),
        W_KV_(stack(layer.W_K, layer.W_V), products),
        W_O_(std::move(layer.W_O), products),
        b_Q_(std::move(layer.b_Q)),
        b_O_(std::move(layer.b_O)),
        q_norm_(std::move(layer.q_norm)),
        k_norm_(std::move(layer.k_norm)),
        norm_epsilon_(config.norm_epsilon),
        position_(policies_of(A, config).position.value),
        query_key_norm_(policies_of(A, config).query_key_norm.value),
        rotary_(std::move(rotary)) {
    layer.W_K.resize(0, 0), layer.W_V.resize(0, 0);
    if (layer.b_K.size() > 0 || layer.b_V.size() > 0) {
      b_KV_ = RowVector<RealType>::Zero(2 * shape_.kv_heads * shape_.head_dim);
      if (layer.b_K.size() > 0) b_KV_.head(layer.b_K.size()) = layer.b_K;
      if (layer.b_V.size() > 0) b_KV_.tail(layer.b_V.size()) = layer.b_V;
    }
    if (turned() && !rotary_)
      rotary_ = std::make_shared<ops::RotaryTable<RealType>>(config.rotary_of(window),
                                                             config.head_dim, config.context);
  }

  Index heads() const { return detail::extent<A.heads>(shape_.heads); }
  Index kv_heads() const { return detail::extent<A.kv_heads>(shape_.kv_heads); }
  Index head_dim() const { return detail::extent<A.head_dim>(shape_.head_dim); }
  Index d_model() const { return detail::extent<A.d_model>(d_model_); }
  Index head_columns() const { return heads() * head_dim(); }
  Index kv_columns() const { return 2 * kv_heads() * head_dim(); }

  // ---- A layer on its own
  // -------------------------------------------------------------------------------------------

  /// One forward pass over one sequence; hand it back to backward().
  struct Run {
    Matrix<Scalar> out;    ///< [T, C]
    Matrix<Scalar> heads;  ///< [T, H D]: Z, every head's output before its gate

   private:
    friend class GatedAttention;
    PrefixTree tree;
    Arena arena;
    AttentionState<Scalar> state;
    RowVector<Scalar> gates;
  };

  struct Gradient {
    RowVector<Accumulator<Scalar>> gates;  ///< [H]
    Matrix<Scalar> x;                      ///< [T, C]
  };

  /// Runs one sequence. x: [T, C], T between 1 and the context; gates: [H], any finite number.
  /// Throws Error on another shape.
  Run forward(Matrix<Scalar> const& x, RowVector<Scalar> const& gates) const {
    check_shape("GatedAttention: x", x, x.rows(), d_model());
    check_shape("GatedAttention: gates", gates, 1, heads());
    check(x.rows() >= 1, "GatedAttention: x", "at least one token (row)", "none");
    check(x.rows() <= context_, "GatedAttention: x is longer than the context",
          text(context_, " rows at most"), x.rows());
    Run run;
    run.tree.build_path(std::vector<Token>(static_cast<std::size_t>(x.rows())));
    run.gates = gates;
    run.out.resize(x.rows(), d_model());
    forward({run.tree, ops::Rows::all}, x.data(), x.data(), gates.data(), HeadReplacement<Scalar>{},
            run.arena, run.state, run.out.data());
    run.heads = map(run.state.z, x.rows(), head_columns());
    return run;
  }

  /// The gradient of a scalar loss, given its gradient d_out at run.out: [T, C].
  Gradient backward(Run& run, Matrix<Scalar> const& d_out) const {
    check_shape("GatedAttention: d_out", d_out, run.out.rows(), d_model());
    Gradient d;
    d.gates = RowVector<Accumulator<Scalar>>::Zero(heads());
    d.x.resize(d_out.rows(), d_model());
    auto const mark = run.arena.mark();
    auto const T = d_out.rows();
    auto* const dz = run.arena.template allocate<Scalar>(T * head_columns());
    auto* const delta = run.arena.template allocate<Scalar>(T * heads());
    backward_to_gates(run.state, T, run.gates.data(), HeadReplacement<Scalar>{}, d_out.data(), dz,
                      delta, d.gates.data());
    backward_to_inputs({run.tree, ops::Rows::all}, run.state, dz, delta, run.arena, d.x.data(),
                       static_cast<Scalar*>(nullptr));
    run.arena.rewind(mark);
    return d;
  }

  // ---- A layer of a transformer: packed rows, arena memory, RealType or duals over it
  // ---------------------------------

  /// Writes out = attention over a prefix tree, and fills `state`. x: [rows, C]; x_queries:
  /// [queries, C], the rows of x that ask (x itself when all do); gates: [H]; out: [queries, C].
  template <class T>
  void forward(ops::AttentionRows const& rows, T const* x, T const* x_queries, T const* gates,
               HeadReplacement<T> replacement, Arena& arena, AttentionState<T>& state,
               T* out) const {
    auto const n = rows.tree().rows(), queries = rows.queries();
    state.q = arena.template allocate<T>(queries * head_columns());
    state.kv = arena.template allocate<T>(n * kv_columns());
    state.probabilities = arena.template allocate<T>(heads() * queries * rows.stride());
    if (shape_.soft_cap > 0)
      state.slope = arena.template allocate<T>(heads() * queries * rows.stride());
    state.z = arena.template allocate<T>(queries * head_columns());
    project(x, n, x_queries, queries, arena, state);
    if (turned()) {
      for (Index i = 0; i < queries; ++i)
        rotary_->turn(state.q + i * head_columns(), heads(), rows.position(i));
      for (Index i = 0; i < n; ++i)
        rotary_->turn(state.kv + i * kv_columns(), kv_heads(), rows.tree().position(i));
    }
    ops::causal_attention(rows, shape(), state.q, state.kv, state.probabilities, state.slope,
                          state.z, arena);

    auto const mark = arena.mark();
    auto* const y = arena.template allocate<T>(queries * head_columns());
    auto const D = head_dim();
    for (Index i = 0; i < queries; ++i)
      for (Index h = 0; h < heads(); ++h) {
        auto const at = i * head_columns() + h * D;
        ops::row(y + at, D) = gates[h] * ops::row(state.z + at, D);
        if (replacement.applies(h))
          ops::row(y + at, D) +=
              (T(1) - gates[h]) * ops::row(replacement.rows + i * replacement.stride + h * D, D);
      }
    W_O_.forward(y, queries, out);
    ops::add_bias(b_O_, out, queries);
    arena.rewind(mark);
  }

  /// The same for patched rows, which see the keys of their base run and their own; nothing is kept
  /// for a backward pass. x: [rows, C]; out: [rows, C]. The third and fifth argument are there for
  /// the call of the other form.
  template <class T>
  void forward(ops::PatchRows<T> const& rows, T const* x, T const*, T const* gates,
               HeadReplacement<T>, Arena& arena, AttentionState<T>& state, T* out) const {
    auto const n = rows.queries(), D = head_dim();
    state.q = arena.template allocate<T>(n * head_columns());
    state.kv = arena.template allocate<T>(n * kv_columns());
    state.z = arena.template allocate<T>(n * head_columns());
    project(x, n, x, n, arena, state);
    if (turned())
      for (Index i = 0; i < n; ++i) {
        rotary_->turn(state.q + i * head_columns(), heads(), rows.position(i));
        rotary_->turn(state.kv + i * kv_columns(), kv_heads(), rows.position(i));
      }
    ops::patched_attention(rows, shape(), state.q, state.kv, state.z, arena);
    for (Index i = 0; i < n; ++i)
      for (Index h = 0; h < heads(); ++h) {
        auto y = ops::row(state.z + i * head_columns() + h * D, D);
        if (auto const* const patch = rows.patch(i, h, heads()))
          y = ops::row(patch + h * D, D);
        else
          y *= gates[h];
      }
    W_O_.forward(state.z, n, out);
    ops::add_bias(b_O_, out, n);
  }

  /// Adds to d_gates [H] the gradient by gate, and writes what backward_to_inputs goes on from: dz
  /// [queries, H D] and delta [queries, H]. dout: [queries, C].
  template <class T, class Sum>
  void backward_to_gates(AttentionState<T> const& state, Index queries, T const* gates,
                         HeadReplacement<T> replacement, T const* dout, T* dz, T* delta,
                         Sum* d_gates) const {
    auto const D = head_dim();
    W_O_.backward(dout, queries, dz);  // dY, for now
    for (Index i = 0; i < queries; ++i)
      for (Index h = 0; h < heads(); ++h) {
        auto const at = i * head_columns() + h * D;
        auto dy = ops::row(dz + at, D);
        T const along_z = (dy * ops::row(state.z + at, D)).sum();
        d_gates[h] += number_cast<Sum>(along_z);
        if (replacement.applies(h)) {
          T const along_r =
              (dy * ops::row(replacement.rows + i * replacement.stride + h * D, D)).sum();
          d_gates[h] -= number_cast<Sum>(along_r);
        }
        delta[i * heads() + h] = gates[h] * along_z;  // <dZ, Z>
        dy *= gates[h];                               // forward: Y = G Z + (1 - G) R
      }
  }

  /// Writes dx [rows, C], the gradient through keys and values, and dx_queries [queries, C], the
  /// gradient through queries; where every row asks, dx_queries is null and dx holds their sum.
  template <class T>
  void backward_to_inputs(ops::AttentionRows const& rows, AttentionState<T> const& state,
                          T const* dz, T const* delta, Arena& arena, T* dx, T* dx_queries) const {
    auto const n = rows.tree().rows(), queries = rows.queries();
    auto const mark = arena.mark();
    auto* dq = arena.template allocate<T>(queries * head_columns());
    auto* const dkv = arena.template allocate<T>(n * kv_columns());
    ops::causal_attention_backward(rows, shape(), state.q, state.kv, state.probabilities,
                                   state.slope, dz, delta, dq, dkv, arena);
    if (turned()) {
      for (Index i = 0; i < queries; ++i)
        rotary_->turn_back(dq + i * head_columns(), heads(), rows.position(i));
      for (Index i = 0; i < n; ++i)
        rotary_->turn_back(dkv + i * kv_columns(), kv_heads(), rows.tree().position(i));
    }
    if (normed()) dq = norm_queries_and_keys_backward(queries, n, arena, state, dq, dkv);
    W_KV_.backward(dkv, n, dx);
    W_Q_.backward(dq, queries, dx_queries ? dx_queries : dx, dx_queries == nullptr);
    arena.rewind(mark);
  }

  std::size_t weight_bytes() const { return W_Q_.bytes() + W_KV_.bytes() + W_O_.bytes(); }

 private:
  bool turned() const { return detail::policy<A.position>(position_) == Position::rotary; }
  bool normed() const { return detail::policy<A.query_key_norm>(query_key_norm_); }

  // Queries, keys and values, before positions are applied.
  template <class T>
  void project(T const* x, Index n, T const* x_queries, Index queries, Arena& arena,
               AttentionState<T>& state) const {
    W_Q_.forward(x_queries, queries, state.q);
    ops::add_bias(b_Q_, state.q, queries);
    W_KV_.forward(x, n, state.kv);
    ops::add_bias(b_KV_, state.kv, n);
    if (normed()) norm_queries_and_keys(queries, n, arena, state);
  }

  // Queries and keys, a head at a time, become x r g; what goes in is kept.
  template <class T>
  void norm_queries_and_keys(Index queries, Index n, Arena& arena, AttentionState<T>& state) const {
    auto const keys = kv_heads() * head_dim();
    state.q_before = state.q;
    state.q = arena.template allocate<T>(queries * head_columns());
    state.q_scale = arena.template allocate<T>(queries * heads());
    state.k_before = arena.template allocate<T>(n * keys);
    state.k_scale = arena.template allocate<T>(n * kv_heads());
    ops::rms_norm(state.q_before, queries * heads(), q_norm_, norm_epsilon_, state.q,
                  state.q_scale);
    for (Index i = 0; i < n; ++i) {
      auto* const key = state.kv + i * kv_columns();
      ops::row(state.k_before + i * keys, keys) = ops::row(key, keys);
      ops::rms_norm(state.k_before + i * keys, kv_heads(), k_norm_, norm_epsilon_, key,
                    state.k_scale + i * kv_heads());
    }
  }

  // Returns the gradient at the queries before their norm, in arena memory; overwrites that at the
  // keys.
  template <class T>
  T* norm_queries_and_keys_backward(Index queries, Index n, Arena& arena,
                                    AttentionState<T> const& state, T const* dq, T* dkv) const {
    auto const keys = kv_heads() * head_dim();
    auto* const d_before = arena.template allocate<T>(queries * head_columns());
    ops::row(d_before, queries * head_columns()).setZero();
    ops::rms_norm_backward(state.q_before, state.q_scale, queries * heads(), q_norm_, dq, d_before);
    auto* const d_key = arena.template allocate<T>(keys);
    for (Index i = 0; i < n; ++i) {
      auto d = ops::row(dkv + i * kv_columns(), keys);
      ops::row(d_key, keys) = d;
      d.setZero();
      ops::rms_norm_backward(state.k_before + i * keys, state.k_scale + i * kv_heads(), kv_heads(),
                             k_norm_, d_key, d.data());
    }
    return d_before;
  }

  static Matrix<RealType> stack(Matrix<RealType> const& above, Matrix<RealType> const& below) {
    Matrix<RealType> both(above.rows() + below.rows(), above.cols());
    both << above, below;
    return both;
  }

  static ops::AttentionShape<RealType> checked_shape(Config config,
                                                     LayerWeights<RealType> const& layer,
                                                     Index window) {
    auto attention_alone = A;
    attention_alone.layers = attention_alone.vocab = dynamic;
    attention_alone.norm = Norm::none, attention_alone.mlp = Mlp::none;
    attention_alone.post_norms = attention_alone.parallel = false;
    config.norm = dynamic, config.mlp = dynamic, config.post_norms = config.parallel = dynamic;
    config.layers = config.vocab = 1, config.windows.clear();
    validate(attention_alone, config);
    for_each_attention_tensor(resolved(attention_alone, config), layer,
                              [](TensorSpec const& spec, auto const& tensor) {
      check_tensor(spec, tensor, "GatedAttention: ");
    });
    return {config.heads,    config.kv_heads,
            config.head_dim, static_cast<RealType>(config.query_scale()),
            window,          static_cast<RealType>(config.attention_soft_cap)};
  }

  ops::AttentionShape<RealType> shape() const {
    return {heads(), kv_heads(), head_dim(), shape_.scale, shape_.window, shape_.soft_cap};
  }

  ops::AttentionShape<RealType> shape_;
  Index d_model_, context_;
  FrozenMatrix<RealType> W_Q_, W_KV_, W_O_;
  RowVector<RealType> b_Q_, b_KV_, b_O_, q_norm_, k_norm_;
  double norm_epsilon_;
  Position position_;
  bool query_key_norm_;
  std::shared_ptr<ops::RotaryTable<RealType> const> rotary_;
};

}  // namespace chg
