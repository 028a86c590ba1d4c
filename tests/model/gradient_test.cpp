// SPDX-License-Identifier: MIT
// The gate gradient of whole models, and its derivative, against dual numbers.
#include "model/exactness.hpp"
#include "support/catch.hpp"

using namespace chg;
using namespace chg::tests;

TEST_CASE("transformer: the gate gradient equals dual numbers to 1e-12 of its largest entry", "[model]") {
  auto const examples = ragged(25);
  auto const check_model = [&](auto const& model) { CHECK(gradient_error(model, examples) < 1e-12); };
  check_model(llama<double>());
  check_model(llama<double>(scaled_and_windowed()));
  check_model(gpt2<double>());
  auto one = llama_config();
  one.layers = 1;
  check_model(llama<double>(one));
  constexpr Architecture bare{.norm = Norm::none, .mlp = Mlp::none, .position = Position::learned};
  check_model(Transformer<bare, double>(llama_config(), random_weights<double>(bare, llama_config())));
  constexpr Architecture gelu{.norm = Norm::layer, .mlp = Mlp::gelu, .position = Position::rotary};
  check_model(Transformer<gelu, double>(llama_config(), random_weights<double>(gelu, llama_config(), {.biases = true})));
}

TEST_CASE("transformer: the backward pass on dual numbers gives the Hessian of the loss by gate", "[model]") {
  auto const model = llama<double>();
  auto const dual = model.as<Dual<double>>();
  auto const examples = ragged(10);
  auto const gates = random_gates(3, 6);
  Matrix<double> hessian(18, 18);
  for (Index j = 0; j < 18; ++j) {
    Matrix<Dual<double>> g = gates.cast<Dual<double>>();
    g.data()[j].tangent = 1;
    auto const column = gradient(dual, examples, g).d_gates;
    for (Index i = 0; i < 18; ++i) hessian(i, j) = column.data()[i].tangent;
  }
  CHECK(relative_error(hessian, Matrix<double>(hessian.transpose())) < 1e-12);  // symmetric, though no code makes it so
  CHECK(hessian.cwiseAbs().maxCoeff() > 1e-3);
}
