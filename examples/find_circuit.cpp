// SPDX-License-Identifier: MIT
// Finds a circuit that is known: the model's weights were written by hand.
//
//     cmake --build build/release --target find_circuit && build/release/examples/find_circuit
//
// prints the classes of 8 heads in 10 fits, two of them facilitating (previous token, induction), one interfering, and a
// falling ablation curve.
#include <chg/chg.hpp>

#include <iostream>

int main() {
  auto const model = chg::builtin::induction<float>();
  auto const task = chg::task::aba_abb(model.vocabulary(), {.rule = chg::task::Rule::aba, .examples = 512, .seed = 1});
  auto const fit = chg::fit(model, task, {.gate_sets = 10});   // without pressure, under retention, under removal
  std::cout << chg::roles(fit) << chg::ablate(model, task, fit, chg::Score::facilitation);
}
