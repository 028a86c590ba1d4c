// SPDX-License-Identifier: MIT
// A constructed transformer with two heads for one job: either is enough, and removal must leave exactly one of them.
//
//     x ^ y ^ x \n   (four times)   x ^ y ^   ->   x
//
//     layer 0 heads 1 and 2   copy: look three positions back and copy the word there into the logits
//     layer 0 heads 0 and 3   idle, see idle_heads.hpp
//
// The two add up: with gates g and g' the right word leads the newline by 16 (g + g') - 9, so one at .98 suffices with the other
// at .02 (NLL 0.05, the floor that the rival sets), and neither does anything for the other. Under removal pressure g + g' = c < 1 is
// held at the least u + u'; there the symmetric solution is unstable and the heads part, but at the slow rate lambda (1 - c): from
// nearly equal starts some fits need more than 100 pressed updates in the reference preset. Which head stays is decided by the start.
#pragma once

#include <chg/builtin/symbolic.hpp>

namespace chg::builtin {

/// Ground truth for chg::fit on task::aba_abb with Rule::aba: one of (0, 1) and (0, 2) facilitating, the others irrelevant.
template <class Scalar = float>
KnownModel<attention_only, Scalar> redundant() {
  using namespace detail;
  constexpr double kAnswer = 16, kNewlineLogit = 9;
  auto model = symbolic(1, 4, kNewlineLogit);
  answer(model, model.head(0, 1).look_back(3), kAnswer);
  answer(model, model.head(0, 2).look_back(3), kAnswer);
  idle(model, model.head(0, 0), Idle::wavering, 1, 1);
  idle(model, model.head(0, 3), Idle::wavering, 5, 2);
  return finished<Scalar>(model, Circuit({{0, 0, "idle"},
                                          {0, 1, "copy", HeadClass::facilitating, 1},
                                          {0, 2, "copy", HeadClass::facilitating, 1},
                                          {0, 3, "idle"}}));
}

}  // namespace chg::builtin
