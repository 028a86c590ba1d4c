// SPDX-License-Identifier: MIT
// Separates the circuits of two formats of the same tasks: gates that keep answering from ten examples, and no longer from an
// instruction (or the other way round), fitted on five tasks and tried on the sixth.
//
//     cmake --build build/release --target contrastive_chg && build/release/examples/contrastive_chg
//
// prints, for each task left out, the accuracy on both formats without gates and under the gates: near the ungated one in the format
// retained, lower in the format forgotten. Options: --seeds K, --updates N, --examples N (a task), --threads N.
#include "support/console.hpp"

#include <chg/chg.hpp>
#include <chg/formats/load.hpp>

using namespace chg;

int main(int argc, char** argv) {
  return examples::guarded([&] {
    examples::check_options(argc, argv, {"--seeds", "--updates", "--examples", "--threads"});
    auto const model = load<llama_like>(builtin::teaching_directory());
    auto const vocabulary = builtin::teaching_vocabulary();
    RunOptions const run{.threads = examples::option(argc, argv, "--threads", 0)};
    task::MappingOptions const data{.examples = examples::option(argc, argv, "--examples", Index{32}), .seed = 1};
    ContrastOptions options{.gate_sets = examples::option(argc, argv, "--seeds", Index{3}), .batch = 32,
                            .updates = examples::option(argc, argv, "--updates", Index{200}), .preset = Preset::paper, .run = run};

    auto const percent = [](double share) { return detail::fixed(100 * share, 0, 4) + "%"; };
    std::cout << "                          retained          forgotten\n"
                 "retain       left out   ungated gated    ungated gated\n";
    for (auto const retain : {task::Format::icl, task::Format::instruction})
      for (Index left_out = 0; left_out < static_cast<Index>(vocabulary.mappings.size()); ++left_out) {
        auto const split = task::leave_one_out(vocabulary, left_out, retain, data);
        auto const fit = contrast(model, split.fit, options);
        auto const accuracy = [&](Examples const& examples) {
          double sum = 0;
          for (Index s = 0; s < options.gate_sets; ++s) sum += score(model, examples, fit.g().set(s), run).accuracy();
          return sum / static_cast<double>(options.gate_sets);
        };
        std::cout << detail::padded(retain == task::Format::icl ? "in context" : "instruction", 13)
                  << detail::padded(vocabulary.mappings[static_cast<std::size_t>(left_out)].name, 10) << ' '
                  << percent(score(model, split.held_out.retain, run).accuracy()) << "  " << percent(accuracy(split.held_out.retain)) << "      "
                  << percent(score(model, split.held_out.forget, run).accuracy()) << "  " << percent(accuracy(split.held_out.forget)) << std::endl;
      }
  });
}
