// SPDX-License-Identifier: MIT
// Does it matter what an ablated head is replaced by? One fit, one score, three replacements.
//
//     cmake --build build/release --target ablation && build/release/examples/ablation
//
// prints three curves of the constructed induction model. Zero and mean agree on the two heads of the circuit; resampling does not
// see the previous-token head, which says the same in every prompt.
#include <chg/chg.hpp>

#include <iostream>

int main() {
  auto const model = chg::builtin::induction<float>();
  auto const train = chg::task::aba_abb(model.vocabulary(), {.examples = 512, .seed = 1, .split = chg::task::Split::train});
  auto const held_out = chg::task::aba_abb(model.vocabulary(), {.examples = 128, .seed = 1, .split = chg::task::Split::validation});
  auto const fit = chg::fit(model, train, {.gate_sets = 3, .updates = 200, .updates_pressed = 200});
  for (auto const replace : {chg::Replace::zero, chg::Replace::mean, chg::Replace::resample})
    std::cout << chg::ablate(model, held_out, fit, chg::Score::facilitation, {.mode = chg::Toggle::single, .replace = replace}) << '\n';
}
