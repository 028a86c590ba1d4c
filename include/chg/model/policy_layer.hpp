// SPDX-License-Identifier: MIT
// The layer that a policy stands for: the class of its kind, or a variant of the classes of all kinds
// where the kind is known at run time only.
#pragma once

#include <chg/model/architecture.hpp>

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace chg {

/// Of<K>: the class of kind K. Kinds: all that a dynamic policy may name.
template <auto P, template <auto> class Of, auto... Kinds>
class PolicyLayer {
 public:
  using Kind = std::remove_cv_t<decltype(P.value)>;

  /// The layer of `kind`, which is P's where P is known, made from these arguments.
  template <class... Arguments>
  static PolicyLayer make(Kind kind, Arguments&&... arguments) {
    if constexpr (P.known) {
      return PolicyLayer(Layer(std::forward<Arguments>(arguments)...));
    } else {
      std::optional<PolicyLayer> made;
      check_known(
          kind,
          ((kind == Kinds &&
            (made = PolicyLayer(Layer(Of<Kinds>(std::forward<Arguments>(arguments)...))), true)) ||
           ...));
      return *std::move(made);
    }
  }

  /// Calls call.template operator()<Class>() for the class of `kind`.
  template <class Call>
  static void with_class(Kind kind, Call&& call) {
    check_known(kind, ((kind == Kinds && (call.template operator()<Of<Kinds>>(), true)) || ...));
  }

  /// Calls call(layer) with the one that is there.
  template <class Call>
  decltype(auto) with(Call&& call) const {
    if constexpr (P.known)
      return call(layer_);
    else
      return std::visit(std::forward<Call>(call), layer_);
  }

 private:
  static void check_known(Kind kind, bool found) {
    check(found, "policy", "a kind in the list of its layer", text("kind ", static_cast<int>(kind)),
          "A kind that was added needs its class in that list.");
  }
  static auto type_of_layer() {
    if constexpr (P.known)
      return std::type_identity<Of<P.value>>{};
    else
      return std::type_identity<std::variant<Of<Kinds>...>>{};
  }
  using Layer = typename decltype(type_of_layer())::type;

  explicit PolicyLayer(Layer layer) : layer_(std::move(layer)) {}

  Layer layer_;
};

}  // namespace chg
