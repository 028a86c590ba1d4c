// SPDX-License-Identifier: MIT
// A constructed transformer that solves ABA prompts by two heads in series, against one that opposes them.
//
//     x ^ y ^ x \n   (four times)   x ^ y ^   ->   x
//
//     layer 0 head 1   previous token: writes at every position which token stands before it
//     layer 1 head 2   induction: looks for the nearest position after a newline, and copies the word there into the logits
//     layer 1 head 0   negative: looks at the right word and pushes every wrong one
//     the other five   idle, see idle_heads.hpp
//
// The induction head reads layer 0's output in its keys: without the previous-token head it looks at carets, which hold
// nothing. Unless a word is pushed, the model says newline. Ungated it is right on every prompt with an NLL of 1.79 nats, of
// 0.14 without the negative head, and wrong on every prompt without either of the two.
//
// What an ablation replaces a head by matters here. Zero and the mean show both heads of the circuit (effects of -3.5 nats).
// Another prompt's output (Replace::resample) shows the induction head (-5.1) and not the previous-token head (0.0):
// newlines stand at the same places in every prompt, so what it says of them is the same in every prompt.
#pragma once

#include <chg/builtin/symbolic.hpp>

namespace chg::builtin {

struct InductionOptions {
  Idle idle = Idle::wavering;
};

/// Ground truth for chg::fit on task::aba_abb with Rule::aba: facilitating (0, 1) and (1, 2), interfering (1, 0), the others
/// irrelevant.
template <class Scalar = float, Architecture A = attention_only>
KnownModel<A, Scalar> induction(InductionOptions options = {}) {
  using namespace detail;
  constexpr double kAnswer = 6, kNewlineLogit = 3, kWrong = 5;
  constexpr double kAfterNewline = 12, kAtCaret = 6, kNear = 12;
  auto model = symbolic(2, 4, kNewlineLogit);

  auto previous_token = model.head(0, 1).look_back(1);
  for (Index id = 0; id < model.config().vocab; ++id) previous_token.write(model.token(id), previous(model, id), 1);

  auto induction = model.head(1, 2)
                       .look_near(kNear)
                       .look_for(previous(model, kNewline), kAfterNewline)
                       .look_for(model.token(kCaret), kAtCaret);
  answer(model, induction, kAnswer);

  auto negative = model.head(1, 0).look_back(3);
  for (Index right = kFirstWord; right < kFirstWord + kWords; ++right)
    for (Index wrong = kFirstWord; wrong < kFirstWord + kWords; ++wrong)
      if (wrong != right) negative.write(model.token(right), model.token(wrong), kWrong);

  idle(model, model.head(0, 0), options.idle, 3, 1);
  idle(model, model.head(0, 2), options.idle, 5, 2);
  idle(model, model.head(0, 3), options.idle, 1, 3);
  idle(model, model.head(1, 1), options.idle, 7, 4);
  idle(model, model.head(1, 3), options.idle, 11, 5);

  return finished<Scalar, A>(model, Circuit({{0, 0, "idle"},
                                          {0, 1, "previous token", HeadClass::facilitating},
                                          {0, 2, "idle"},
                                          {0, 3, "idle"},
                                          {1, 0, "negative: pushes the wrong words", HeadClass::interfering},
                                          {1, 1, "idle"},
                                          {1, 2, "induction", HeadClass::facilitating},
                                          {1, 3, "idle"}}));
}

}  // namespace chg::builtin
