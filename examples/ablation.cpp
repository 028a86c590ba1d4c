// SPDX-License-Identifier: MIT
// Does it matter what an ablated head is replaced by? One fit, one score, three replacements.
//
//     cmake --build build/release --target ablation && build/release/examples/ablation
//
// prints three curves of the constructed induction model, one head at a time, highest score first. Zero and mean agree on the
// two heads of the circuit; resampling does not see the previous-token head, which says the same in every prompt:
//
//     ablation by facilitation, single, context plus, replaced by zero
//         k    effect (nats)   std. error   negative in
//         1          -3.5110       0.0352        3 of 3
//         2          -3.5069       0.0353        3 of 3
//         3           0.0002       0.0032        1 of 3
//     ablation by facilitation, single, context plus, replaced by resample
//         1          -5.1244       0.0849        3 of 3
//         2           0.0000       0.0000        0 of 3
#include <chg/chg.hpp>

#include <iostream>

int main() {
  auto const model = chg::builtin::induction<float>();
  auto const train = chg::task::aba_abb(model.vocabulary(), {.examples = 512, .seed = 1, .split = chg::task::Split::train});
  auto const held_out =
      chg::task::aba_abb(model.vocabulary(), {.examples = 128, .seed = 1, .split = chg::task::Split::validation});
  auto const fit = chg::fit(model, train, {.gate_sets = 3, .updates = 200, .updates_pressed = 200});
  for (auto const replace : {chg::Replace::zero, chg::Replace::mean, chg::Replace::resample})
    std::cout << chg::ablate(model, held_out, fit, chg::Score::facilitation, {.mode = chg::Toggle::single, .replace = replace})
              << '\n';
}
