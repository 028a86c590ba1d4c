// SPDX-License-Identifier: MIT
// Finds a circuit that is known: the model's weights were written by hand.
//
//     cmake --build build/release --target find_circuit && build/release/examples/find_circuit
//
// prints a line for each of 8 heads, two of them facilitating (previous token, induction) and one interfering in all of 10
// fits, and ablation curves:
//
//         0    1          0.95          0.00         0.05  facilitating
//         1    0          0.00          0.95         0.05  interfering
//         1    2          1.00          0.00         0.00  facilitating
//       by class:         contradictory  0.0  facilitating  2.0  interfering  1.0  irrelevant  5.0  undecided  0.0
//         1          -3.5207       0.0142      10 of 10
#include <chg/chg.hpp>

#include <iostream>

int main() {
  auto const model = chg::builtin::induction<float>();
  auto const task = chg::task::aba_abb(model.vocabulary(), {.rule = chg::task::Rule::aba, .examples = 512, .seed = 1});
  auto const fit = chg::fit(model, task, {.gate_sets = 10});  // without pressure, under retention, under removal
  std::cout << chg::roles(fit) << chg::ablate(model, task, fit, chg::Score::facilitation);
}
