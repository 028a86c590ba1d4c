// SPDX-License-Identifier: MIT
// A constructed transformer that knows one mapping in two formats, each served by a head of its own: ground truth for
// contrastive fits.
//
//     icl:          (Q: x A: f(x) \n) ten times, Q: x A:   ->  f(x)
//     instruction:  give the plural word \n Q: x A:        ->  f(x)
//
//     layer 0 head 1         instructed look-up: looks at x, the word before A:, and writes f(x), unless it finds an output word to look at
//     layer 0 head 2         in-context look-up: the same, unless it finds an instruction to look at
//     layer 0 heads 0 and 3  idle, see idle_heads.hpp
//
// With its look-up at gate g, f(x) leads the newline by 10 g - 8.7: right with P = 0.76, and forgotten at g below 0.35. The
// lead is small on purpose. Forgetting pulls at u with the force of d log P / du = 10 P(newline) g (1 - g) only. At the end
// of the regulariser, u = 4, that is 0.04, against a pressure of lambda = 0.1 a head in the preset paper and 0.025 in the
// preset reference. So reference forgets from every start, and paper from every start below u = 3.2; above, the look-up
// stays open (4% of starts; 9 of 200 fits). It is a finding about the method: a format that is answered with confidence has
// no gradient left to be forgotten by, and no gain of the look-up mends it, since a lead that grows faster is also cut
// sooner by the clip of the loss at -5.
#pragma once

#include <chg/builtin/idle_heads.hpp>
#include <chg/builtin/known_model.hpp>

namespace chg::builtin {

/// Ground truth for chg::contrast on task::contrastive_mapping of its one mapping, "plural" (with leading = 0): all heads
/// are kept but the look-up of the forgotten format.
template <class Scalar = float, Architecture A = attention_only>
KnownModel<A, Scalar> two_formats() {
  using namespace detail;
  constexpr double kAnswer = 10, kNewlineLogit = 8.7;
  constexpr double kDistraction = 6 * kSharp;  // above any score that positions give
  constexpr Token kNewline = 1, kGive = 4, kRival = 8, kInput = 9, kOutput = kInput + kWords;
  task::Vocabulary v;
  v.names = {"<bos>", "\n",   "Q:",   "A:",   "give", "the",   "plural", "word", "?",                                //
             "ant",   "bee",  "cat",  "dog",  "elk",  "fox",   "gnu",    "hen",  "ibex",   "jay",  "kiwi",  "lynx",  //
             "ants",  "bees", "cats", "dogs", "elks", "foxes", "gnus",   "hens", "ibexes", "jays", "kiwis", "lynxes"};
  v.size = std::ssize(v.names);
  v.bos = 0, v.newline = kNewline, v.question = 2, v.answer = 3;
  task::Mapping plural{.name = "plural", .instruction = {kGive, 5, 6, 7}, .inputs = {}, .outputs = {}};
  for (Token w = 0; w < kWords; ++w) plural.inputs.push_back(kInput + w), plural.outputs.push_back(kOutput + w);
  v.mappings.push_back(std::move(plural));

  Construction model({.layers = 1, .heads = 4, .vocab = v.size, .own_channels = 0});
  model.bias(kNewline, kNewlineLogit);
  model.bias(kRival, kRivalLogit);
  auto const look_up = [&](Index head) {
    auto h = model.head(0, head).look_back(1);
    for (Index w = 0; w < kWords; ++w)
      h.write(model.token(kInput + w), model.token(kOutput + w), kAnswer)
          .write(model.token(kInput + w), model.token(kRival), kAnswer);
    return h;
  };
  auto instructed = look_up(1);
  for (Index w = 0; w < kWords; ++w) instructed.look_for(model.token(kOutput + w), kDistraction);
  look_up(2).look_for(model.token(kGive), kDistraction);
  for (Index const head : {0, 3}) {
    auto idle = model.head(0, head).look_back(1);
    waver(idle, model.token(kInput), model.token(kRival), head + 1);
  }

  using task::Format;
  return {model.config(), model.weights<Real<Scalar>>(), std::move(v),
          Circuit({{0, 0, "idle"},
                   {0, 1, "instructed look-up", HeadClass::facilitating, {}, Format::instruction},
                   {0, 2, "in-context look-up", HeadClass::facilitating, {}, Format::icl},
                   {0, 3, "idle"}})};
}

}  // namespace chg::builtin
