// SPDX-License-Identifier: MIT
// A transformer whose circuit is known, because its weights were written by hand and not trained.
#pragma once

#include <chg/builtin/circuit.hpp>
#include <chg/model/transformer.hpp>
#include <chg/task/vocabulary.hpp>

namespace chg::builtin {

using chg::attention_only;  // all constructed models are of this kind

/// A Transformer, to be used wherever one is, that also says what it can read and what each head is for.
template <Architecture A = attention_only, class Scalar = float>
class KnownModel : public Transformer<A, Scalar> {
 public:
  /// Throws Error like Transformer, and when the vocabulary has another size than the model's.
  KnownModel(Config config, Weights<Real<Scalar>> weights, task::Vocabulary vocabulary, Circuit circuit)
      : Transformer<A, Scalar>(std::move(config), std::move(weights)),
        vocabulary_(std::move(vocabulary)),
        circuit_(std::move(circuit)) {
    task::validate(vocabulary_);
    check(vocabulary_.size == this->vocab(), "known model: size of the vocabulary", text(this->vocab(), ", the model's"),
          vocabulary_.size);
  }

  task::Vocabulary const& vocabulary() const { return vocabulary_; }
  Circuit const& circuit() const { return circuit_; }

 private:
  task::Vocabulary vocabulary_;
  Circuit circuit_;
};

}  // namespace chg::builtin
