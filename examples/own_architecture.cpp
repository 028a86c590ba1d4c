// SPDX-License-Identifier: MIT
// An architecture of your own: policies and extents are one constexpr value, and the model is the same through fixed and dynamic
// extents.
//
//     cmake --build build/release --target own_architecture && build/release/examples/own_architecture
//
// prints (the last digits of round-off differ between machines)
//
//     d nll / d gates
//      0.294493   0.32729 -0.742262  0.883777
//     -0.593458  0.564098  -0.32331 -0.435359
//
//     operation       layer  against                        compared      relative error    limit  worst at     verdict
//     gates of layer      0  dual numbers                          4             1.8e-15  1.0e-12  head(3)      passed
//     gates of layer      1  dual numbers                          4             7.5e-16  1.0e-12  head(2)      passed
//     all gates              dual numbers along directions         4             1.2e-15  1.0e-12  direction 1  passed
//     all gates              differences                           8  9.3e-13 +- 6.3e-12  6.0e-08  gates(0, 2)  passed
//     4 checks, all passed
#include <chg/chg.hpp>

#include <iostream>

int main() {
  using namespace chg;
  constexpr Architecture mine{.layers = 2,
                              .heads = 4,
                              .kv_heads = 1,
                              .head_dim = 6,
                              .d_model = 20,
                              .d_ff = 48,
                              .vocab = 50,
                              .norm = Norm::layer,
                              .mlp = Mlp::gelu,
                              .position = Position::rotary};
  auto config = config_of(mine);  // what the architecture leaves open is said at run time
  config.context = 32;
  config.windows = {8, 0};  // layer 0 sees 8 positions, layer 1 all
  Transformer<mine, double> const model(config, random_weights<double>(mine, config, {.seed = 1, .biases = true}));

  Examples const examples({prompt_and_target({0, 7, 21, 7}, {21}), prompt_and_target({0, 7, 21, 3, 9, 3}, {9, 4})});
  Matrix<double> const gates = Matrix<double>::Constant(2, 4, 0.7);
  std::cout << "d nll / d gates\n"
            << gradient(model, examples, gates).d_gates << "\n\n"
            << verify_gradient(model, examples, gates);
}
