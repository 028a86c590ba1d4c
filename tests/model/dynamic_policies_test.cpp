// SPDX-License-Identifier: MIT
// Policies that are known at run time only.
#include "support/catch.hpp"
#include "support/tiny_models.hpp"

#include <chg/model/evaluate.hpp>

using namespace chg;
using namespace chg::tests;

namespace {

template <Architecture A, class Scalar>
void check_same_bits(Config const& c) {
  auto const weights = random_weights<Scalar>(A, c, kAll);
  Transformer<A, Scalar> const fixed(c, weights);
  AnyTransformer<Scalar> const any(resolved(A, c), weights);
  CHECK(any.config() == fixed.config());
  CHECK(architecture_of(any.config()) == A);
  CHECK(any.weight_bytes() == fixed.weight_bytes());
  CHECK(any.pass_bytes(5, 2, 4) == fixed.pass_bytes(5, 2, 4));
  auto const examples = ragged(12);
  Matrix<Scalar> const gates = random_gates(c.layers, c.heads).cast<Scalar>();
  CHECK(score(any, examples, random_gates(c.layers, c.heads)).nll() ==
        score(fixed, examples, random_gates(c.layers, c.heads)).nll());
  CHECK(gradient(any, examples, gates).d_gates == gradient(fixed, examples, gates).d_gates);
}

std::string complaint(Config const& c) {
  try {
    AnyTransformer<double> const model(c, random_weights<double>(llama_like, llama_config()));
  } catch (Error const& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEMPLATE_TEST_CASE("dynamic_policies: scores and gradients have the bits of the same policies fixed", "[model]", float, double) {
  check_same_bits<llama_like, TestType>(llama_config());
  check_same_bits<gpt2_like, TestType>(gpt2_config());
  check_same_bits<gemma3_like, TestType>(gemma_config());
  check_same_bits<neox_like, TestType>(neox_config());
  check_same_bits<attention_only, TestType>(llama_config());
}

TEST_CASE("dynamic_policies: some may be fixed, and extents too", "[model]") {
  constexpr Architecture some{.heads = 6, .head_dim = 4, .norm = dynamic, .post_norms = dynamic};
  auto const c = llama_config();
  auto const weights = random_weights<double>(llama_like, c, kAll);
  auto const examples = ragged(12);
  auto const gates = random_gates(c.layers, c.heads);
  auto config = c;
  config.norm = Norm::rms, config.post_norms = false;
  CHECK(gradient(Transformer<some, double>(config, weights), examples, gates).d_gates ==
        gradient(Transformer<llama_like, double>(c, weights), examples, gates).d_gates);
}

TEST_CASE("dynamic_policies: dual numbers have the bits of the same policies fixed", "[model]") {
  auto const model = llama<double>();
  AnyTransformer<double> const any(resolved(llama_like, llama_config()), llama_weights<double>());
  Matrix<Dual<double>> gates = Matrix<double>::Constant(3, 6, 0.7).cast<Dual<double>>();
  gates(1, 2).tangent = 1;
  auto const slope = nll(any.as<Dual<double>>(), ragged(6), gates), fixed = nll(model.as<Dual<double>>(), ragged(6), gates);
  CHECK(slope.value == fixed.value);
  CHECK(slope.tangent == fixed.tangent);
  CHECK(slope.tangent != 0);
}

TEST_CASE("dynamic_policies: one that neither architecture nor config has is refused, and one that they contradict", "[model]") {
  auto c = resolved(llama_like, llama_config());
  CHECK(complaint(c) == "no error");
  c.mlp = dynamic;
  CHECK(complaint(c).starts_with("config: mlp. Expected a policy"));
  c = resolved(llama_like, llama_config());
  c.norm = Norm::none, c.post_norms = true;
  CHECK(complaint(c).starts_with("config: post_norms. Expected false where there is no norm"));
  c = resolved(llama_like, llama_config());
  c.parallel = true, c.post_norms = true;
  CHECK(complaint(c).starts_with("config: parallel. Expected false with post_norms"));
  c = resolved(llama_like, llama_config());
  c.parallel = true, c.mlp = Mlp::none;
  CHECK(complaint(c).starts_with("config: parallel. Expected false where there is no MLP"));
  c = llama_config();
  c.position = Position::learned;
  std::string said;
  try {
    Transformer<llama_like, double> const model(c, random_weights<double>(llama_like, llama_config()));
  } catch (Error const& e) {
    said = e.what();
  }
  CHECK(said.starts_with("config: position. Expected rotary, which the Architecture fixes, got learned"));
}
