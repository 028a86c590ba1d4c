// SPDX-License-Identifier: MIT
// A frozen decoder: forward to the log-probabilities of targets, and backward to the gates.
//
//     x_0 = embed(tokens)      x' = x_l + attention(norm(x_l); G_l)      x_(l+1) = x' + mlp(norm(x'))
//     logits = norm(x_L) W_U^T, at target positions only
//
// Nam et al. 2025, section 3.1. Since the weights are frozen, the backward pass costs one matrix
// product for each forward one, and ends at the gates of layer 0: nothing below them needs a
// gradient. The last layer's queries, W_O and MLP run at target positions only. Knows nothing of
// tasks, optimisers or files.
#pragma once

#include <chg/model/block.hpp>
#include <chg/model/pass_bytes.hpp>
#include <chg/ops/cross_entropy.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <vector>

namespace chg {

/// What Transformer::forward keeps: everything that backward() needs, or only its results.
enum class Keep { for_backward, results };

/// Head outputs that replace closed heads: one entry a layer, or none at all (zero).
template <class Scalar>
using LayerReplacements = std::span<HeadReplacement<Scalar> const>;

/// The state of one pass over one prefix tree: results, and in arena memory what backward() needs.
/// One a worker, reused.
template <class Scalar>
struct Pass {
  std::vector<Scalar> logprob;  ///< by edge of the tree: log P(token | path), nats
  std::vector<Token> argmax;    ///< by target row: the most likely token, ties to the lowest id

  std::vector<BlockState<Scalar>> layers;
  Scalar* x_final = nullptr;  ///< [targets, C] entering the final norm
  Scalar* final_norm = nullptr;
  Scalar* probabilities = nullptr;  ///< [targets, V]; the logits until cross-entropy has read them
  /// [targets, V], what a soft cap lets through of a logit's gradient; null without one.
  Scalar* logit_slope = nullptr;
  std::vector<Scalar> row_weight;  ///< by target row
  Arena arena;
};

/// The residual stream of one prefix tree as it enters a layer: where passes that agree on all
/// layers below may begin.
template <class Scalar>
struct ResidualStream {
  Index layer = 0;
  Matrix<Scalar> x;  ///< [rows, C]; not read at layer 0, where it is the embeddings
};

namespace detail {
/// What a transformer owns, whatever the scalar it runs on.
template <Architecture A, class RealType>
struct TransformerParts {
  Config config;
  Products products;
  Matrix<RealType> embedding;  // empty where it is tied to the unembedding
  Matrix<RealType> positions;
  std::vector<Block<A, RealType>> layers;
  std::optional<NormLayer<A.norm, RealType>> final_norm;
  FrozenMatrix<RealType> unembedding;
  RowVector<RealType> unembedding_bias;
};

/// Hands out the layers of weights that are there already, and then the rest.
template <class Real>
WeightReader<Real> reader_of(Weights<Real>& weights) {
  return [&weights](LayerSink<Real> const& take) {
    for (auto& layer : weights.layers) take(std::move(layer));
    weights.layers.clear();
    return std::move(weights);
  };
}
}  // namespace detail

/// A: what is known at compile time. Scalar: float or double, or a Dual of them, whose weights are
/// real (have no tangent). Immutable, hence safe to share between threads; each thread brings a
/// Pass. Copies share the weights.
template <Architecture A = llama_like, class Scalar = float>
class Transformer : CheckArchitecture<A> {
 public:
  using scalar_type = Scalar;
  using RealType = Real<Scalar>;
  static constexpr Architecture architecture = A;

  /// Checks and packs the weights. Throws Error naming the tensor that is missing, misshapen or not
  /// finite, or the extent that contradicts A, and for Products::bfloat16 unless RealType is float.
  Transformer(Config config, Weights<RealType> weights, Products products = Products::full)
      : Transformer(std::move(config), detail::reader_of(weights), products) {}

  /// The same, each layer as it is read. Throws also what `read` throws.
  Transformer(Config config, WeightReader<RealType> const& read,
              Products products = Products::full);

  /// The same model, sharing the weights, over another scalar with the same Real: `model.template
  /// as<Dual<float>>()` carries a tangent through a float model.
  template <class Other>
  Transformer<A, Other> as() const {
    static_assert(std::is_same_v<Real<Other>, RealType>,
                  "chg::Transformer::as: the other scalar must have this model's Real, since the "
                  "weights are shared. Load the "
                  "weights in that precision instead.");
    return Transformer<A, Other>(parts_);
  }

  Config const& config() const { return parts_->config; }
  Products products() const { return parts_->products; }
  Index layers() const { return detail::extent<A.layers>(parts_->config.layers); }
  Index heads() const { return detail::extent<A.heads>(parts_->config.heads); }
  Index d_model() const { return detail::extent<A.d_model>(parts_->config.d_model); }
  Index vocab() const { return detail::extent<A.vocab>(parts_->config.vocab); }
  /// The attention of one layer.
  GatedAttention<A, RealType> const& attention(Index layer) const {
    return block(layer).attention();
  }
  Block<A, RealType> const& block(Index layer) const {
    return parts_->layers[static_cast<std::size_t>(layer)];
  }

  /// Throws Error unless the example's ids are in the vocabulary and its length is inside the
  /// context.
  void check_example(Example const& example, Index index) const {
    auto const length = static_cast<Index>(example.tokens.size());
    if (length > config().context)
      throw Error({text("examples: example ", index, " is longer than the model's context"),
                   text(config().context, " tokens at most"), text(length),
                   "Shorten it, or leave it out."});
    for (std::size_t t = 0; t < example.tokens.size(); ++t)
      if (example.tokens[t] < 0 || example.tokens[t] >= vocab())
        throw Error({text("examples: example ", index, ", token ", t),
                     text("an id in 0..", vocab() - 1), text(example.tokens[t]),
                     "Were the tokens made for another model?"});
  }

  /// Runs a tree and fills pass.logprob and pass.argmax. gates: [L, H], row-major; replacements:
  /// none, or one a layer.
  void forward(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
               LayerReplacements<Scalar> replacements = {}) const {
    forward_to_logits(tree, gates, pass, keep, replacements);
    likelihoods(tree, pass);
  }

  /// The same, up to the logits [targets, V] in pass.probabilities.
  void forward_to_logits(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
                         LayerReplacements<Scalar> replacements = {}) const {
    forward_layers(tree, gates, pass, keep, replacements);
    final_logits(tree, pass, keep);
  }

  /// The layers alone: fills pass.layers and pass.x_final. With Keep::results the layers' states
  /// share their memory, so only x_final holds at the end.
  void forward_layers(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
                      LayerReplacements<Scalar> replacements = {}) const {
    run_layers(tree, gates, pass, keep, replacements, ResidualStream<Scalar>{}, layers());
  }

  /// Takes the stream through its layer, which must not be the last, to the next. gates: [L, H], of
  /// which that layer's are read.
  void advance(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass,
               ResidualStream<Scalar>& stream) const {
    run_layers(tree, gates, pass, Keep::results, {}, stream, stream.layer + 1);
    stream.x = map(static_cast<Scalar const*>(pass.x_final), tree.rows(), d_model());
    ++stream.layer;
  }

  /// forward() with Keep::results from stream.layer on. The bits are those of the whole run whose
  /// gates and replacements in the layers below are the stream's.
  void forward_from(ResidualStream<Scalar> const& stream, PrefixTree const& tree,
                    Scalar const* gates, Pass<Scalar>& pass,
                    LayerReplacements<Scalar> replacements = {}) const {
    run_layers(tree, gates, pass, Keep::results, replacements, stream, layers());
    final_logits(tree, pass, Keep::results);
    likelihoods(tree, pass);
  }

  /// The stream that enters layer 0. x: [rows, C].
  void embed(PrefixTree const& tree, Scalar* x) const;

  /// Writes the logits [n, V], before their soft cap, of a stream x [n, C] that leaves the last
  /// layer, and the state [NormLayer::state_columns, n] of the final norm.
  void unembed(Scalar const* x, Index n, Arena& arena, Scalar* norm_state, Scalar* logits) const;

  /// Adds d loss / d G to d_gates [L, H], given d loss / d logprob of every edge. Needs forward()
  /// with Keep::for_backward on the same tree, gates and replacements just before; uses up its
  /// state.
  template <class Sum>
  void backward(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass,
                std::span<Scalar const> d_logprob, Sum* d_gates,
                LayerReplacements<Scalar> replacements = {}) const;

  /// Bytes of packed weights, embedding included.
  std::size_t weight_bytes() const {
    auto total = parts_->unembedding.bytes() +
                 static_cast<std::size_t>(parts_->embedding.size() + parts_->positions.size()) *
                     sizeof(RealType);
    for (auto const& layer : parts_->layers) total += layer.weight_bytes();
    return total;
  }

  /// chg::pass_bytes of this model.
  std::size_t pass_bytes(Index rows, Index targets, Index depth) const {
    return chg::pass_bytes<Scalar>(parts_->config, rows, targets, depth);
  }

 private:
  using Parts = detail::TransformerParts<A, RealType>;

  template <Architecture, class>
  friend class Transformer;

  static HeadReplacement<Scalar> replacement(LayerReplacements<Scalar> replacements, Index layer) {
    return replacements.empty() ? HeadReplacement<Scalar>{}
                                : replacements[static_cast<std::size_t>(layer)];
  }

  // Layers stream.layer .. end - 1. Their output is pass.x_final.
  void run_layers(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
                  LayerReplacements<Scalar> replacements, ResidualStream<Scalar> const& stream,
                  Index end) const;
  void final_logits(PrefixTree const& tree, Pass<Scalar>& pass, Keep keep) const;
  /// logits = c tanh(logits / c).
  void cap_logits(Pass<Scalar>& pass, Index targets, Keep keep) const;
  /// Reads the edges' logits, then turns logits into probabilities.
  void likelihoods(PrefixTree const& tree, Pass<Scalar>& pass) const;
  /// Overwrites the probabilities with the gradient at the logits.
  void logit_gradient(PrefixTree const& tree, Pass<Scalar>& pass,
                      std::span<Scalar const> d_logprob) const;
  explicit Transformer(std::shared_ptr<Parts const> parts) : parts_(std::move(parts)) {}

  std::shared_ptr<Parts const> parts_;
};

template <Architecture A, class Scalar>
Transformer<A, Scalar>::Transformer(Config config, WeightReader<RealType> const& read,
                                    Products products) {
  validate(A, config);
  config = resolved(A, std::move(config));
  auto parts = std::make_shared<Parts>();
  parts->products = products;
  std::shared_ptr<ops::RotaryTable<RealType> const> rotary, local;
  if (config.position == Position::rotary) {
    rotary = std::make_shared<ops::RotaryTable<RealType>>(config.rotary, config.head_dim,
                                                          config.context);
    if (config.local_rotary)
      local = std::make_shared<ops::RotaryTable<RealType>>(*config.local_rotary, config.head_dim,
                                                           config.context);
  }
  auto& layers = parts->layers;
  layers.reserve(static_cast<std::size_t>(config.layers));
  Index count = 0;
  auto weights = read([&](LayerWeights<RealType>&& layer) {
    auto const l = count++;
    if (l >= config.layers) return;
    for_each_layer_tensor(config, std::as_const(layer),
                          [&](TensorSpec const& spec, auto const& tensor) {
      check_tensor(spec, tensor, text("weights: layers[", l, "]."));
    });
    layers.emplace_back(config, layer, l, local && config.window(l) > 0 ? local : rotary, products);
  });
  check(count == config.layers, "weights: layers", text(config.layers), count);
  for_each_tensor(config, std::as_const(weights),
                  [](TensorSpec const& spec, auto const& tensor, std::string const& where) {
    check_tensor(spec, tensor, "weights: " + where);
  });
  auto const tied = weights.tied();
  parts->unembedding =
      FrozenMatrix<RealType>(std::move(tied ? weights.embedding : weights.unembedding), products,
                             tied ? PackedFor::backward : PackedFor::forward);
  parts->unembedding_bias = std::move(weights.unembedding_bias);
  if (tied)
    weights.embedding.resize(0, 0);
  else
    parts->embedding = std::move(weights.embedding);
  parts->positions = std::move(weights.positions);
  parts->final_norm.emplace(
      config.norm.value,
      NormWeights<RealType>{std::move(weights.final_norm), std::move(weights.final_norm_bias)},
      config.d_model, config.norm_epsilon);
  parts->config = std::move(config);
  parts_ = std::move(parts);
}

template <Architecture A, class Scalar>
void Transformer<A, Scalar>::embed(PrefixTree const& tree, Scalar* x) const {
  auto const C = d_model();
  auto const scale = Scalar(static_cast<RealType>(config().embedding_scale));
  for (Index i = 0; i < tree.rows(); ++i, x += C) {
    auto const token = tree.token(i);
    if (parts_->embedding.size() > 0)
      ops::row(x, C) = parts_->embedding.row(token).array().template cast<Scalar>() * scale;
    else
      for (Index c = 0; c < C; ++c) x[c] = Scalar(parts_->unembedding(token, c)) * scale;
    if (detail::policy<A.position>(config().position.value) == Position::learned)
      ops::row(x, C) += parts_->positions.row(tree.position(i)).array().template cast<Scalar>();
  }
}

template <Architecture A, class Scalar>
void Transformer<A, Scalar>::unembed(Scalar const* x, Index n, Arena& arena, Scalar* norm_state,
                                     Scalar* logits) const {
  auto const mark = arena.mark();
  auto* const normed = arena.template allocate<Scalar>(n * d_model());
  parts_->final_norm->forward(x, n, norm_state, normed);
  parts_->unembedding.forward(normed, n, logits);
  ops::add_bias(parts_->unembedding_bias, logits, n);
  arena.rewind(mark);
}

template <Architecture A, class Scalar>
template <class Sum>
void Transformer<A, Scalar>::backward(PrefixTree const& tree, Scalar const* gates,
                                      Pass<Scalar>& pass, std::span<Scalar const> d_logprob,
                                      Sum* d_gates, LayerReplacements<Scalar> replacements) const {
  auto& arena = pass.arena;
  auto const C = d_model(), targets = static_cast<Index>(tree.target_rows().size());
  logit_gradient(tree, pass, d_logprob);
  auto* dx = arena.template allocate<Scalar>(targets * C);
  ops::row(dx, targets * C).setZero();
  auto const mark = arena.mark();
  auto* const d_normed = arena.template allocate<Scalar>(targets * C);
  parts_->unembedding.backward(pass.probabilities, targets, d_normed);
  parts_->final_norm->backward(pass.x_final, pass.final_norm, targets, d_normed, dx);
  arena.rewind(mark);
  for (Index l = layers(); l-- > 0;) {
    ops::AttentionRows const rows(tree, l + 1 < layers() ? ops::Rows::all : ops::Rows::targets);
    dx = parts_->layers[static_cast<std::size_t>(l)].backward(
        rows, gates + l * heads(), replacement(replacements, l), arena,
        pass.layers[static_cast<std::size_t>(l)], dx, d_gates + l * heads(), l > 0);
  }
}

template <Architecture A, class Scalar>
void Transformer<A, Scalar>::run_layers(PrefixTree const& tree, Scalar const* gates,
                                        Pass<Scalar>& pass, Keep keep,
                                        LayerReplacements<Scalar> replacements,
                                        ResidualStream<Scalar> const& stream, Index end) const {
  auto& arena = pass.arena;
  auto const targets = static_cast<Index>(tree.target_rows().size());
  arena.reset(keep == Keep::for_backward ? pass_bytes(tree.rows(), targets, tree.depth()) : 0);
  pass.layers.resize(static_cast<std::size_t>(layers()));
  auto const n = tree.rows(), C = d_model();
  Scalar* x[2] = {arena.template allocate<Scalar>(n * C),
                  keep == Keep::results ? arena.template allocate<Scalar>(n * C) : nullptr};
  auto* const normed = arena.template allocate<Scalar>(n * C);
  if (stream.layer == 0)
    embed(tree, x[0]);
  else
    ops::row(x[0], n * C) = ops::row(stream.x.data(), n * C);
  for (Index l = stream.layer; l < end; ++l) {
    ops::AttentionRows const rows(tree, l + 1 < layers() ? ops::Rows::all : ops::Rows::targets);
    auto& state = pass.layers[static_cast<std::size_t>(l)];
    state.x = x[0];
    auto* const out =
        keep == Keep::results ? x[1] : arena.template allocate<Scalar>(rows.queries() * C);
    auto const mark = arena.mark();
    parts_->layers[static_cast<std::size_t>(l)].forward(
        rows, gates + l * heads(), replacement(replacements, l), arena, state, normed, out);
    if (keep == Keep::results) {
      arena.rewind(mark);
      std::swap(x[0], x[1]);
    } else {
      x[0] = out;
    }
  }
  pass.x_final = x[0];
}

template <Architecture A, class Scalar>
void Transformer<A, Scalar>::final_logits(PrefixTree const& tree, Pass<Scalar>& pass,
                                          Keep keep) const {
  auto& arena = pass.arena;
  auto const targets = static_cast<Index>(tree.target_rows().size());
  pass.final_norm = arena.template allocate<Scalar>(parts_->final_norm->state_columns() * targets);
  pass.probabilities = arena.template allocate<Scalar>(targets * vocab());
  unembed(pass.x_final, targets, arena, pass.final_norm, pass.probabilities);
  if (config().logit_soft_cap > 0) cap_logits(pass, targets, keep);
}

template <Architecture A, class Scalar>
void Transformer<A, Scalar>::cap_logits(Pass<Scalar>& pass, Index targets, Keep keep) const {
  auto const cap = Scalar(static_cast<RealType>(config().logit_soft_cap));
  auto logits = ops::row(pass.probabilities, targets * vocab());
  logits = (logits / cap).tanh();
  if (keep == Keep::for_backward) {
    pass.logit_slope = pass.arena.template allocate<Scalar>(targets * vocab());
    ops::row(pass.logit_slope, targets * vocab()) = Scalar(1) - logits.square();
  }
  logits *= cap;
}

template <Architecture A, class Scalar>
void Transformer<A, Scalar>::likelihoods(PrefixTree const& tree, Pass<Scalar>& pass) const {
  auto const targets = static_cast<Index>(tree.target_rows().size());
  pass.logprob.resize(tree.edges().size());
  pass.argmax.resize(static_cast<std::size_t>(targets));
  pass.row_weight.resize(static_cast<std::size_t>(targets));
  for (std::size_t e = 0; e < pass.logprob.size(); ++e)
    pass.logprob[e] = pass.probabilities[tree.edges()[e].target * vocab() + tree.edges()[e].token];
  for (Index t = 0; t < targets; ++t) {
    auto const likelihood = ops::softmax_row(pass.probabilities + t * vocab(), vocab());
    pass.row_weight[static_cast<std::size_t>(t)] = likelihood.log_normaliser;
    pass.argmax[static_cast<std::size_t>(t)] = static_cast<Token>(likelihood.argmax);
  }
  for (std::size_t e = 0; e < pass.logprob.size(); ++e)
    pass.logprob[e] -= pass.row_weight[static_cast<std::size_t>(tree.edges()[e].target)];
}

template <Architecture A, class Scalar>
void Transformer<A, Scalar>::logit_gradient(PrefixTree const& tree, Pass<Scalar>& pass,
                                            std::span<Scalar const> d_logprob) const {
  std::fill(pass.row_weight.begin(), pass.row_weight.end(), Scalar(0));
  for (std::size_t e = 0; e < d_logprob.size(); ++e)
    pass.row_weight[static_cast<std::size_t>(tree.edges()[e].target)] += d_logprob[e];
  for (std::size_t t = 0; t < pass.row_weight.size(); ++t)
    ops::row(pass.probabilities + static_cast<Index>(t) * vocab(), vocab()) *= -pass.row_weight[t];
  for (std::size_t e = 0; e < d_logprob.size(); ++e)  // forward: log p_v = x_v - log sum exp(x)
    pass.probabilities[tree.edges()[e].target * vocab() + tree.edges()[e].token] += d_logprob[e];
  auto const logits = static_cast<Index>(pass.row_weight.size()) * vocab();
  if (pass.logit_slope)
    ops::row(pass.probabilities, logits) *=
        ops::row(static_cast<Scalar const*>(pass.logit_slope), logits);
}

/// A transformer whose policies and extents are known at run time only, as it comes from a file.
template <class Scalar = float>
using AnyTransformer = Transformer<any_architecture, Scalar>;

/// What the functions that run batches need of a model.
template <class M>
concept TransformerModel =
    requires(M const& m, PrefixTree const& tree, Pass<typename M::scalar_type>& pass,
             typename M::scalar_type const* gates, Accumulator<typename M::scalar_type>* d_gates,
             std::span<typename M::scalar_type const> d_logprob) {
      { m.config() } -> std::convertible_to<Config const&>;
      { m.products() } -> std::convertible_to<Products>;
      { m.layers() } -> std::convertible_to<Index>;
      { m.heads() } -> std::convertible_to<Index>;
      m.forward(tree, gates, pass, Keep::for_backward);
      m.backward(tree, gates, pass, d_logprob, d_gates);
    };

}  // namespace chg
