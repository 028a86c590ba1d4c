// SPDX-License-Identifier: MIT
// The families that a Hugging Face directory may hold. A family is a type with its model_type as `name`, read(config.json) and
// take(tensors, description).
#pragma once

#include <chg/formats/families/gemma.hpp>
#include <chg/formats/families/gpt2.hpp>
#include <chg/formats/families/gpt_neox.hpp>
#include <chg/formats/families/llama.hpp>
#include <chg/formats/families/phi3.hpp>
#include <chg/formats/families/qwen.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace chg::formats::families {

template <class... Families>
struct List {
  /// Calls visit.template operator()<Family>() for the family of this name; whether there is one.
  template <class Visit>
  static bool visit(std::string_view name, Visit&& visit) {
    return ((Families::name == name && (visit.template operator()<Families>(), true)) || ...);
  }
  /// All names, for an error message.
  static std::string names() {
    std::string all;
    ((all += (all.empty() ? "" : ", ") + std::string(Families::name)), ...);
    return all;
  }
};

using All = List<Llama, Mistral, Qwen2, Qwen3, Gemma, Gemma2, Gemma3, Phi3, GptNeox, Gpt2>;

}  // namespace chg::formats::families
