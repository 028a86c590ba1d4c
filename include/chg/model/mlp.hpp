// SPDX-License-Identifier: MIT
// The frozen MLP of a block, by the architecture's policy. A further kind is a class like GatedMlp
// in a header of its own, its name in Mlp, and a line in each of Mlps and PolicyMlp.
#pragma once

#include <chg/model/gated_mlp.hpp>
#include <chg/model/plain_mlp.hpp>
#include <chg/model/policy_layer.hpp>

namespace chg {

namespace detail {
template <class RealType>
struct Mlps {
  template <auto Kind>
  static auto class_of() {
    if constexpr (Kind == Mlp::none)
      return std::type_identity<NoMlp<RealType>>{};
    else if constexpr (gated(Kind))
      return std::type_identity<GatedMlp<Kind, RealType>>{};
    else
      return std::type_identity<PlainMlp<Kind, RealType>>{};
  }
  template <auto Kind>
  using Of = typename decltype(class_of<Kind>())::type;
};

template <class RealType, Policy<Mlp> P>
using PolicyMlp = PolicyLayer<P, Mlps<RealType>::template Of, Mlp::swiglu, Mlp::geglu_tanh,
                              Mlp::gelu, Mlp::gelu_tanh, Mlp::none>;
}  // namespace detail

/// Calls call.template operator()<Class>() with the class of an MLP, for its static members.
template <class RealType, class Call>
void with_mlp_class(Mlp kind, Call&& call) {
  detail::PolicyMlp<RealType, dynamic>::with_class(kind, std::forward<Call>(call));
}

/// The MLP of a policy. Immutable, hence safe to share between threads. Runs on RealType and on
/// duals over it.
template <Policy<Mlp> P, class RealType>
class MlpLayer {
 public:
  /// Takes the MLP weights of `layer`; what else it holds is left alone. kind: P's where it is known.
  MlpLayer(Mlp kind, Config const& config, LayerWeights<RealType>& layer,
           Products products = Products::full)
      : layer_(Layer::make(kind, config, layer, products)) {}

  /// As the members of GatedMlp.
  Index state_columns() const {
    return layer_.with([](auto const& mlp) { return mlp.state_columns(); });
  }
  template <class Scalar>
  void forward(Scalar const* x, Index n, Scalar* state, Scalar* y, Arena& arena) const {
    layer_.with([&](auto const& mlp) { mlp.forward(x, n, state, y, arena); });
  }
  template <class Scalar>
  void backward(Scalar* state, Index n, Scalar const* dy, Scalar* dx, Arena& arena) const {
    layer_.with([&](auto const& mlp) { mlp.backward(state, n, dy, dx, arena); });
  }
  std::size_t weight_bytes() const {
    return layer_.with([](auto const& mlp) { return mlp.weight_bytes(); });
  }

 private:
  using Layer = detail::PolicyMlp<RealType, P>;

  Layer layer_;
};

}  // namespace chg
