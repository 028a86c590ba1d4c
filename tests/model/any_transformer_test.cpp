// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/model/any_transformer.hpp>
#include <chg/model/evaluate.hpp>

using namespace chg;
using namespace chg::tests;

TEST_CASE("any_transformer: scores, gradients and dual numbers have the bits of the transformer behind it", "[model]") {
  auto const model = llama<double>();
  AnyTransformer<double> const any(model);
  auto const examples = ragged(6);
  Matrix<double> const gates = Matrix<double>::Constant(model.layers(), model.heads(), 0.7);
  CHECK(any.architecture() == llama_like);
  CHECK(any.config() == model.config());
  CHECK(any.weight_bytes() == model.weight_bytes());
  CHECK(any.pass_bytes(5, 2, 4) == model.pass_bytes(5, 2, 4));
  CHECK(score(any, examples, gates).nll() == score(model, examples, gates).nll());
  CHECK(gradient(any, examples, gates).d_gates == gradient(model, examples, gates).d_gates);

  auto const duals = gates.cast<Dual<double>>().eval();
  auto seeded = duals;
  seeded(1, 2).tangent = 1;
  auto const slope = nll(any.as<Dual<double>>(), examples, seeded);
  CHECK(slope.value == nll(model.as<Dual<double>>(), examples, seeded).value);
  CHECK(slope.tangent == nll(model.as<Dual<double>>(), examples, seeded).tangent);
  CHECK(&any.as<double>().config() == &any.config());
}
