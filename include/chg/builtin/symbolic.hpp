// SPDX-License-Identifier: MIT
// What the constructed models of the ABA task have in common: their vocabulary, and heads that answer.
#pragma once

#include <chg/builtin/idle_heads.hpp>
#include <chg/builtin/known_model.hpp>

namespace chg::builtin::detail {

inline constexpr Token kBos = 0, kCaret = 1, kNewline = 2, kRival = 3, kFirstWord = 4;

/// <bos> ^ \n, the rival answer ?, and twelve words: two more than a prompt of four examples needs.
inline task::Vocabulary symbolic_vocabulary() {
  task::Vocabulary v;
  v.names = {"<bos>", "^", "\n", "?", "ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibex", "jay", "kiwi", "lynx"};
  v.size = std::ssize(v.names);
  v.bos = kBos, v.caret = kCaret, v.newline = kNewline;
  for (Index w = 0; w < kWords; ++w) v.words.push_back(static_cast<Token>(kFirstWord + w));
  return v;
}

/// A Construction for it. Unless a head speaks up, the model says newline, whose logit is `newline`; the rival starts at
/// kRivalLogit.
inline Construction symbolic(Index layers, Index heads, double newline) {
  auto const V = symbolic_vocabulary().size;
  Construction model({.layers = layers, .heads = heads, .vocab = V, .own_channels = V + 1});
  model.bias(kNewline, newline);
  model.bias(kRival, kRivalLogit);
  return model;
}
/// Channel that holds 1 where the token before is `id`, once a head has written it.
inline Index previous(Construction const& model, Index id) { return model.own(id); }
/// A channel that nothing reads.
inline Index unread(Construction const& model) { return model.own(symbolic_vocabulary().size); }

/// Copies the word that the head looks at into the logits, and raises the rival as much: it stays e^-3 as likely.
inline void answer(Construction const& model, Construction::Head head, double gain) {
  for (Index w = kFirstWord; w < kFirstWord + kWords; ++w)
    head.write(model.token(w), model.token(w), gain).write(model.token(w), model.token(kRival), gain);
}

/// A head of either idle kind that looks at the word `distance` positions back.
inline void idle(Construction const& model, Construction::Head head, Idle kind, Index distance, Index pattern) {
  head.look_back(static_cast<double>(distance));
  waver(head, model.token(kFirstWord), kind == Idle::wavering ? model.token(kRival) : unread(model), pattern);
}

template <class Scalar, Architecture A = attention_only>
KnownModel<A, Scalar> finished(Construction const& model, Circuit circuit) {
  return {model.config(), model.weights<Real<Scalar>>(), symbolic_vocabulary(), std::move(circuit)};
}

}  // namespace chg::builtin::detail
