// SPDX-License-Identifier: MIT
// The constructed models of the room builtin, by name.
#pragma once

#include <chg/builtin/builtin.hpp>
#include <chg/builtin/induction.hpp>
#include <chg/builtin/redundant.hpp>
#include <chg/builtin/two_formats.hpp>
#include <chg/model/transformer.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace chg::cli {

inline constexpr std::array<std::string_view, 3> constructed_models{"induction", "redundant", "two_formats"};

template <class Real>
struct BuiltinModel {
  AnyTransformer<Real> model;
  task::Vocabulary vocabulary;
};

/// One of constructed_models. Not inline, to be compiled in a source file of its own.
template <class Real>
BuiltinModel<Real> make_builtin(std::string_view name) {
  auto const made = [](auto const& known) { return BuiltinModel<Real>{known, known.vocabulary()}; };
  if (name == "induction") return made(builtin::induction<Real, any_architecture>());
  if (name == "redundant") return made(builtin::redundant<Real, any_architecture>());
  check(name == "two_formats", "builtin model", "induction, redundant or two_formats", name);
  return made(builtin::two_formats<Real, any_architecture>());
}

}  // namespace chg::cli
