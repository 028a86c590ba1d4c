// SPDX-License-Identifier: MIT
// The constructed models of the room builtin, by name.
#pragma once

#include <chg/builtin/builtin.hpp>
#include <chg/builtin/induction.hpp>
#include <chg/builtin/redundant.hpp>
#include <chg/builtin/two_formats.hpp>
#include <chg/model/any_transformer.hpp>

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

/// One of constructed_models. Not inline, to be compiled in a source file of its own, like make_any_transformer.
template <class Real>
BuiltinModel<Real> make_builtin(std::string_view name) {
  auto const erased = [](auto const& known) {
    Transformer<builtin::attention_only, Real> const& transformer = known;
    return BuiltinModel<Real>{AnyTransformer<Real>(transformer), known.vocabulary()};
  };
  if (name == "induction") return erased(builtin::induction<Real>());
  if (name == "redundant") return erased(builtin::redundant<Real>());
  check(name == "two_formats", "builtin model", "induction, redundant or two_formats", name);
  return erased(builtin::two_formats<Real>());
}

}  // namespace chg::cli
