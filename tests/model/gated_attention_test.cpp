// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/model/gated_attention.hpp>
#include <chg/verify/verify.hpp>

#include <limits>

using namespace chg;
using namespace chg::tests;

namespace {

template <class Scalar>
GatedAttention<llama_like, Scalar> layer(std::uint64_t seed = 11) {
  auto weights = random_weights<Real<Scalar>>(llama_like, llama_config(), {.seed = seed, .biases = true});
  return {llama_config(), std::move(weights.layers[0])};
}

}  // namespace

TEST_CASE("gated_attention: gradients by gate and by input equal dual numbers", "[model]") {
  for (Index T : {1, 2, 7, 64, 65}) {
    Matrix<double> const x = Matrix<double>::Random(T, 10);
    Matrix<double> const gates = Matrix<double>::Random(1, 6);
    auto const forward = [](auto const& in, auto const& g) {
      using Scalar = typename std::decay_t<decltype(in)>::Scalar;
      return layer<Scalar>().forward(in, RowVector<Scalar>(g)).out;
    };
    auto const backward = [](auto const& in, auto const& g, auto const& d_out) {
      auto const attention = layer<double>();
      auto run = attention.forward(in, RowVector<double>(g));
      auto d = attention.backward(run, d_out);
      return std::tuple(d.x, Matrix<double>(d.gates));
    };
    auto const report = verify::backward_pass(forward, backward, verify::at("x", x, "gates", gates));
    INFO(report);
    CHECK(report.passed());
  }
}

TEST_CASE("gated_attention: gate 0 removes the head, gate 1 keeps it", "[model]") {
  auto const attention = layer<double>();
  Matrix<double> const x = Matrix<double>::Random(9, 10);
  RowVector<double> gates = RowVector<double>::Ones(6);
  auto const all = attention.forward(x, gates);
  gates[4] = 0;
  auto const without = attention.forward(x, gates);
  gates.setZero();
  auto const none = attention.forward(x, gates);
  gates[4] = 1;
  auto const only = attention.forward(x, gates);
  // The layer is affine in its gates: all = without + only - none.
  CHECK(relative_error(Matrix<double>(without.out + only.out - none.out), all.out) < 1e-14);
  CHECK((all.out - without.out).cwiseAbs().maxCoeff() > 0.01);
  CHECK(all.heads == without.heads);  // what a head computes does not depend on its gate
}

TEST_CASE("gated_attention: backward may be asked twice of one run", "[model]") {
  auto const attention = layer<float>();
  Matrix<float> const x = Matrix<float>::Random(12, 10), d_out = Matrix<float>::Random(12, 10);
  auto run = attention.forward(x, RowVector<float>::Random(6));
  auto const first = attention.backward(run, d_out), second = attention.backward(run, d_out);
  CHECK(first.gates == second.gates);
  CHECK(first.x == second.x);
}

TEST_CASE("gated_attention: wrong shapes are refused with both shapes", "[model]") {
  auto const attention = layer<float>();
  CHECK_THROWS_WITH(attention.forward(Matrix<float>::Ones(3, 9), RowVector<float>::Ones(6)),
                    Catch::Contains("x has the wrong shape. Expected [3, 10], got [3, 9]"));
  CHECK_THROWS_WITH(attention.forward(Matrix<float>::Ones(3, 10), RowVector<float>::Ones(5)),
                    Catch::Contains("gates has the wrong shape. Expected [1, 6], got [1, 5]"));
  CHECK_THROWS_WITH(attention.forward(Matrix<float>(0, 10), RowVector<float>::Ones(6)), Catch::Contains("at least one token"));
  CHECK_THROWS_WITH(attention.forward(Matrix<float>::Ones(81, 10), RowVector<float>::Ones(6)), Catch::Contains("context"));
}

TEST_CASE("gated_attention: weights are checked by name", "[model]") {
  auto const make = [](auto spoil) {
    auto weights = random_weights<float>(llama_like, llama_config(), {.biases = true});
    spoil(weights.layers[0]);
    return GatedAttention<llama_like>(llama_config(), std::move(weights.layers[0]));
  };
  CHECK_NOTHROW(make([](auto&) {}));
  CHECK_THROWS_WITH(make([](auto& w) { w.W_K.resize(3, 10); }),
                    Catch::Contains("W_K has the wrong shape. Expected [8, 10], got [3, 10]"));
  CHECK_THROWS_WITH(make([](auto& w) { w.W_O.resize(0, 0); }),
                    Catch::Contains("W_O is missing. Expected [10, 24], got an empty tensor"));
  CHECK_THROWS_WITH(make([](auto& w) { w.b_Q[2] = std::numeric_limits<float>::infinity(); }),
                    Catch::Contains("b_Q. Expected finite numbers"));
  auto config = llama_config();
  config.kv_heads = 4;
  CHECK_THROWS_WITH((GatedAttention<llama_like>(config, LayerWeights<float>{})),
                    Catch::Contains("kv_heads. Expected a divisor of heads = 6"));
}
