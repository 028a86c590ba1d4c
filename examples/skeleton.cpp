// SPDX-License-Identifier: MIT
// A program to copy for an experiment of your own: model, examples, fit, classes, ablation.
//
//     cmake --build build/release --target skeleton && build/release/examples/skeleton
//
// prints 8 of 32 heads as facilitating in both seeds, and a curve that ends at -6.3568 nats.
#include <chg/chg.hpp>
#include <chg/formats/load.hpp>

#include <iostream>

using namespace chg;

int main() try {
  // Model: a GGUF file or a Hugging Face directory, of any family that chg reads.
  auto const model = load(builtin::teaching_directory());

  // Examples: token ids. Your own: Examples({prompt_and_target({0, 20, 1}, {20}), ...})
  auto const words = builtin::teaching_vocabulary();
  auto const train = task::aba_abb(words, {.examples = 256, .split = task::Split::train});
  auto const held_out = task::aba_abb(words, {.examples = 64, .split = task::Split::validation});

  // Gates: without pressure, under retention (G+), under removal (G-); two seeds.
  FitOptions const options{
      .gate_sets = 2, .batch = 32, .updates = 100, .updates_pressed = 100, .preset = Preset::paper};
  auto const found = fit(model, train, options);

  // Classes: seed by seed, since a mean of gates over seeds would mix circuits.
  auto const classes = roles(found);
  std::cout << "accuracy on held-out examples: " << score(model, held_out).accuracy() << '\n';
  for (Index s = 0; s < classes.sets(); ++s)
    std::cout << "seed " << found.seed(s) << ": facilitating heads "
              << classes.in_class(HeadClass::facilitating, s) << ", accuracy under G- "
              << score(model, held_out, found.g_minus().set(s)).accuracy() << '\n';

  // Ablation: do the heads that score highest carry the task?
  std::cout << ablate(model, held_out, found, Score::facilitation, {.points = 4});
} catch (std::exception const& error) {
  return std::cerr << "error: " << error.what() << '\n', 1;
}
