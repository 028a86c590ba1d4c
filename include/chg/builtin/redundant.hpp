// SPDX-License-Identifier: MIT
// A constructed transformer with two heads for one job: either is enough, and removal must leave exactly one of them.
//
//     x ^ y ^ x \n   (four times)   x ^ y ^   ->   x
//
//     layer 0 heads 1 and 2   copy: look three positions back and copy the word there into the logits
//     layer 0 heads 0 and 3   idle, see idle_heads.hpp
//
// The two add up: with gates g and g' the right word leads the newline by 16 (g + g') - 9, so one at .98 suffices with the
// other at .02 (an NLL of 0.05, the floor that the rival sets), and neither is of use beside the other. Under removal g + g'
// falls to c = 0.77 (preset paper) or 0.84 (reference). For c < 1 the least u + u' has one head open and one closed; g = g'
// is an equilibrium too, but an unstable one, from which the heads part at a rate of lambda (1 - c). From nearly equal
// starts 100 updates under the weak pressure of reference may not be enough (19 of 20 fits); 200 are (120 of 120), and so
// are the 500 of the method. The start decides which stays.
#pragma once

#include <chg/builtin/symbolic.hpp>

namespace chg::builtin {

/// Ground truth for chg::fit on task::aba_abb with Rule::aba: one of (0, 1) and (0, 2) facilitating, the others irrelevant.
template <class Scalar = float, Architecture A = attention_only>
KnownModel<A, Scalar> redundant() {
  using namespace detail;
  constexpr double kAnswer = 16, kNewlineLogit = 9;
  auto model = symbolic(1, 4, kNewlineLogit);
  answer(model, model.head(0, 1).look_back(3), kAnswer);
  answer(model, model.head(0, 2).look_back(3), kAnswer);
  idle(model, model.head(0, 0), Idle::wavering, 1, 1);
  idle(model, model.head(0, 3), Idle::wavering, 5, 2);
  return finished<Scalar, A>(model, Circuit({{0, 0, "idle"},
                                          {0, 1, "copy", HeadClass::facilitating, 1},
                                          {0, 2, "copy", HeadClass::facilitating, 1},
                                          {0, 3, "idle"}}));
}

}  // namespace chg::builtin
