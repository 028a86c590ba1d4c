// SPDX-License-Identifier: MIT
// A user's program: the core alone.
#include <chg/chg.hpp>

#include <iostream>

int main() {
  auto const model = chg::builtin::induction<float>();
  auto const data = chg::task::aba_abb(model.vocabulary(), {.examples = 16, .seed = 1});
  auto const at_one = chg::gradient(model, data, chg::Matrix<float>::Ones(model.layers(), model.heads()));
  std::cout << chg::build_info() << "\nNLL " << at_one.nll << " nats, its gradient by the gates:\n" << at_one.d_gates << '\n';
  auto const helps = at_one.d_gates.minCoeff()<-0.1, harms = at_one.d_gates.maxCoeff()> 0.1;  // the model has heads of both kinds
  return helps && harms && chg::builtin::teaching_directory().filename() == "teaching" ? 0 : 1;
}
