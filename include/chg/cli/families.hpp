// SPDX-License-Identifier: MIT
// The architectures that a program can be given at run time: one line a family.
#pragma once

#include <chg/formats/model_description.hpp>
#include <chg/model/any_transformer.hpp>

#include <optional>
#include <string>
#include <utility>

namespace chg::cli {

/// GPT-2 with the exact GELU, which its config.json may ask for.
inline constexpr Architecture gpt2_exact{.norm = Norm::layer, .mlp = Mlp::gelu, .position = Position::learned};

/// GPT-NeoX with the tanh GELU, as the 20B model.
inline constexpr Architecture neox_tanh{.norm = Norm::layer, .mlp = Mlp::gelu_tanh, .parallel = true};

template <Architecture... As>
struct FamilyList {};

using Families = FamilyList<llama_like, qwen3_like, gemma_like, gemma2_like, gemma3_like, neox_like, neox_tanh,
                            neox_sequential_like, gpt2_like, gpt2_exact>;

namespace detail {
template <class Real, Architecture... As>
AnyTransformer<Real> make_one_of(FamilyList<As...>, Architecture const& wanted, Config config, WeightReader<Real> const& read,
                                 Products products) {
  std::optional<AnyTransformer<Real>> made;
  auto const make = [&]<Architecture A>() {
    if (!made && wanted == A) made = make_any_transformer<A, Real>(std::move(config), read, products);
  };
  (make.template operator()<As>(), ...);
  if (!made)
    throw Error({"architecture of the model", "one that this program was built with", formats::architecture_text(wanted),
                 "Use chg::load with this architecture as its template argument."});
  return *std::move(made);
}
}  // namespace detail

/// The model of these parts, which are read once. Real: float or double. Throws Error for an architecture that is no family, and
/// as Transformer does.
template <class Real>
AnyTransformer<Real> make_model(Architecture const& architecture, Config config, WeightReader<Real> const& read,
                                Products products = Products::full) {
  return detail::make_one_of<Real>(Families{}, architecture, std::move(config), read, products);
}

}  // namespace chg::cli
