// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/builtin/construction.hpp>
#include <chg/builtin/known_model.hpp>
#include <chg/model/evaluate.hpp>

using namespace chg;
using builtin::KnownModel;

TEST_CASE("known_model: it is a transformer, over floats, doubles and duals", "[builtin]") {
  STATIC_REQUIRE(TransformerModel<KnownModel<builtin::attention_only, float>>);
  STATIC_REQUIRE(TransformerModel<KnownModel<builtin::attention_only, double>>);
  STATIC_REQUIRE(TransformerModel<KnownModel<builtin::attention_only, Dual<double>>>);
}

TEST_CASE("known_model: a vocabulary of another size, or with an id outside it, is refused", "[builtin]") {
  builtin::detail::Construction const model({.layers = 1, .heads = 1, .vocab = 5, .own_channels = 0});
  auto const make = [&](task::Vocabulary v) {
    return KnownModel<>(model.config(), model.weights<float>(), v, builtin::Circuit({}));
  };
  CHECK(make({.size = 5}).vocabulary().size == 5);
  CHECK_THROWS_WITH(make({.size = 6}), Catch::Contains("Expected 5, the model's, got 6"));
  CHECK_THROWS_WITH(make({.size = 5, .bos = 5}), Catch::Contains("bos"));
}
