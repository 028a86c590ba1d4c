// SPDX-License-Identifier: MIT
// An architecture of your own: policies and extents are one constexpr value, and the model is the same through fixed and dynamic
// extents.
//
//     cmake --build build/release --target own_architecture && build/release/examples/own_architecture
//
// prints the gate gradient of a model with layer norm, exact GELU and rotary positions, checked against dual numbers.
#include <chg/chg.hpp>

#include <iostream>

int main() {
  using namespace chg;
  constexpr Architecture mine{.layers = 2, .heads = 4, .kv_heads = 1, .head_dim = 6, .d_model = 20, .d_ff = 48, .vocab = 50,
                              .norm = Norm::layer, .mlp = Mlp::gelu, .position = Position::rotary};
  auto config = config_of(mine);   // what the architecture leaves open is said at run time
  config.context = 32;
  config.windows = {8, 0};         // layer 0 sees 8 positions, layer 1 all
  Transformer<mine, double> const model(config, random_weights<double>(mine, config, {.seed = 1, .biases = true}));

  Examples const examples({prompt_and_target({0, 7, 21, 7}, {21}), prompt_and_target({0, 7, 21, 3, 9, 3}, {9, 4})});
  Matrix<double> const gates = Matrix<double>::Constant(2, 4, 0.7);
  std::cout << "d nll / d gates\n" << gradient(model, examples, gates).d_gates << "\n\n" << verify_gradient(model, examples, gates);
}
