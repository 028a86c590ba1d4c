// SPDX-License-Identifier: MIT
// A transformer whose architecture is known at run time only: any Transformer<A, Scalar> behind one type.
//
// It is a TransformerModel, so fits, scores and ablations over it are instantiated once a scalar, and a further architecture
// costs its own Transformer alone. The cost at run time is one virtual call a pass.
#pragma once

#include <chg/model/patch_rows.hpp>

#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace chg {

namespace detail {

/// What AnyTransformer asks of the transformer behind it.
template <class Scalar>
class ErasedTransformer {
 public:
  virtual ~ErasedTransformer() = default;
  virtual Architecture architecture() const = 0;
  virtual Config const& config() const = 0;
  virtual Products products() const = 0;
  virtual void check_example(Example const& example, Index index) const = 0;
  virtual void forward(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
                       LayerReplacements<Scalar> replacements) const = 0;
  virtual void forward_layers(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
                              LayerReplacements<Scalar> replacements) const = 0;
  virtual void advance(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, ResidualStream<Scalar>& stream) const = 0;
  virtual void forward_from(ResidualStream<Scalar> const& stream, PrefixTree const& tree, Scalar const* gates,
                            Pass<Scalar>& pass, LayerReplacements<Scalar> replacements) const = 0;
  /// Throws Error for a model over dual numbers.
  virtual void patch_rows(PrefixTree const& tree, Scalar const* gates, Arena& arena, PatchJob<Scalar> const& job) const = 0;
  virtual void backward(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, std::span<Scalar const> d_logprob,
                        Accumulator<Scalar>* d_gates, LayerReplacements<Scalar> replacements) const = 0;
  virtual std::size_t weight_bytes() const = 0;
  virtual std::size_t pass_bytes(Index rows, Index targets, Index depth) const = 0;
  /// The same model over dual numbers; null for one that is over them already.
  virtual std::shared_ptr<ErasedTransformer<Dual<Real<Scalar>>> const> duals() const = 0;
};

template <Architecture A, class Scalar>
class ErasedAs final : public ErasedTransformer<Scalar> {
 public:
  explicit ErasedAs(Transformer<A, Scalar> model) : model_(std::move(model)) {}

  Architecture architecture() const override { return A; }
  Config const& config() const override { return model_.config(); }
  Products products() const override { return model_.products(); }
  void check_example(Example const& example, Index index) const override { model_.check_example(example, index); }
  void forward(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
               LayerReplacements<Scalar> replacements) const override {
    model_.forward(tree, gates, pass, keep, replacements);
  }
  void forward_layers(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
                      LayerReplacements<Scalar> replacements) const override {
    model_.forward_layers(tree, gates, pass, keep, replacements);
  }
  void advance(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, ResidualStream<Scalar>& stream) const override {
    model_.advance(tree, gates, pass, stream);
  }
  void forward_from(ResidualStream<Scalar> const& stream, PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass,
                    LayerReplacements<Scalar> replacements) const override {
    model_.forward_from(stream, tree, gates, pass, replacements);
  }
  void patch_rows(PrefixTree const& tree, Scalar const* gates, Arena& arena, PatchJob<Scalar> const& job) const override {
    if constexpr (is_dual<Scalar>)  // keeps every family's patched rows on duals out of the compile time
      throw Error({"patched rows", "a model over real numbers", "one over dual numbers", "Use the model itself."});
    else
      chg::patch_rows(model_, tree, gates, arena, job);
  }
  void backward(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, std::span<Scalar const> d_logprob,
                Accumulator<Scalar>* d_gates, LayerReplacements<Scalar> replacements) const override {
    model_.backward(tree, gates, pass, d_logprob, d_gates, replacements);
  }
  std::size_t weight_bytes() const override { return model_.weight_bytes(); }
  std::size_t pass_bytes(Index rows, Index targets, Index depth) const override {
    return model_.pass_bytes(rows, targets, depth);
  }
  std::shared_ptr<ErasedTransformer<Dual<Real<Scalar>>> const> duals() const override {
    if constexpr (is_dual<Scalar>)
      return nullptr;
    else
      return std::make_shared<ErasedAs<A, Dual<Scalar>>>(model_.template as<Dual<Scalar>>());
  }

 private:
  Transformer<A, Scalar> model_;
};

}  // namespace detail

/// Immutable, hence safe to share between threads. Copies share the weights. Scalar: float or double, or a Dual of them.
template <class Scalar = float>
class AnyTransformer {
 public:
  using scalar_type = Scalar;

  template <Architecture A>
  explicit AnyTransformer(Transformer<A, Scalar> model)
      : erased_(std::make_shared<detail::ErasedAs<A, Scalar>>(std::move(model))) {}

  Architecture architecture() const { return erased_->architecture(); }
  Config const& config() const { return erased_->config(); }
  Products products() const { return erased_->products(); }
  Index layers() const { return config().layers; }
  Index heads() const { return config().heads; }
  Index vocab() const { return config().vocab; }

  /// This model itself for its own scalar, or the same weights over dual numbers: `model.template as<Dual<float>>()`.
  template <class Other>
  AnyTransformer<Other> as() const {
    if constexpr (std::is_same_v<Other, Scalar>) {
      return *this;
    } else {
      static_assert(!is_dual<Scalar> && std::is_same_v<Other, Dual<Scalar>>,
                    "chg::AnyTransformer::as: the other scalar must be this one, or Dual of it. Load the weights in another "
                    "precision instead.");
      return AnyTransformer<Other>(erased_->duals());
    }
  }

  /// As the functions of Transformer of these names.
  void check_example(Example const& example, Index index) const { erased_->check_example(example, index); }
  void forward(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
               LayerReplacements<Scalar> replacements = {}) const {
    erased_->forward(tree, gates, pass, keep, replacements);
  }
  void forward_layers(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, Keep keep,
                      LayerReplacements<Scalar> replacements = {}) const {
    erased_->forward_layers(tree, gates, pass, keep, replacements);
  }
  void advance(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, ResidualStream<Scalar>& stream) const {
    erased_->advance(tree, gates, pass, stream);
  }
  void forward_from(ResidualStream<Scalar> const& stream, PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass,
                    LayerReplacements<Scalar> replacements = {}) const {
    erased_->forward_from(stream, tree, gates, pass, replacements);
  }
  friend void patch_rows(AnyTransformer const& model, PrefixTree const& tree, Scalar const* gates, Arena& arena,
                         PatchJob<Scalar> const& job) {
    model.erased_->patch_rows(tree, gates, arena, job);
  }
  void backward(PrefixTree const& tree, Scalar const* gates, Pass<Scalar>& pass, std::span<Scalar const> d_logprob,
                Accumulator<Scalar>* d_gates, LayerReplacements<Scalar> replacements = {}) const {
    erased_->backward(tree, gates, pass, d_logprob, d_gates, replacements);
  }
  std::size_t weight_bytes() const { return erased_->weight_bytes(); }
  std::size_t pass_bytes(Index rows, Index targets, Index depth) const { return erased_->pass_bytes(rows, targets, depth); }

 private:
  template <class>
  friend class AnyTransformer;
  using Erased = detail::ErasedTransformer<Scalar>;

  explicit AnyTransformer(std::shared_ptr<Erased const> erased) : erased_(std::move(erased)) {}

  std::shared_ptr<Erased const> erased_;
};

/// A transformer of one architecture behind the common type. Not inline, so that a program of many architectures can compile each
/// in a source file of its own: `extern template` where it is called, `template` where it is compiled.
template <Architecture A, class Real>
AnyTransformer<Real> make_any_transformer(Config config, WeightReader<Real> const& read, Products products) {
  return AnyTransformer<Real>(Transformer<A, Real>(std::move(config), read, products));
}

}  // namespace chg
