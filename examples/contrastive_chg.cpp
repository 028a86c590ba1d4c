// SPDX-License-Identifier: MIT
// Separates the circuits of two formats of the same tasks: gates that keep answering from ten examples, and no longer from
// an instruction (or the other way round), fitted on five tasks and tried on the sixth.
//
//     cmake --build build/release --target contrastive_chg && build/release/examples/contrastive_chg
//
// prints, for the task left out, the accuracy on both formats without gates and under the gates, mean over fits:
//
//                               retained          forgotten
//     retain       left out   ungated gated    ungated gated   forgotten in
//     in context   capital     100%   100%       100%    33%   2 of 3 fits
//     instruction  capital     100%   100%       100%     0%   3 of 3 fits
//
// One of the three fits that retain the in-context format does not forget the other: it starts where both heads of the
// instruction format are open (u of 2.1 and 1.6) and its own are not, and an answer that is given with confidence leaves
// hardly a gradient to be forgotten by. Options: --tasks N (so many are left out in turn, 6 is the whole experiment),
// --seeds K, --updates N, --examples N (a task), --threads N.
#include "support/console.hpp"

#include <chg/chg.hpp>
#include <chg/formats/load.hpp>

using namespace chg;

int main(int argc, char** argv) {
  return examples::guarded([&] {
    examples::check_options(argc, argv, {"--tasks", "--seeds", "--updates", "--examples", "--threads"});
    auto const model = load<llama_like>(builtin::teaching_directory());
    auto const vocabulary = builtin::teaching_vocabulary();
    auto const mappings = static_cast<Index>(vocabulary.mappings.size());
    auto const tasks = examples::option(argc, argv, "--tasks", Index{1});
    check(tasks >= 1 && tasks <= mappings, "option --tasks", text("1 to ", mappings), tasks);
    RunOptions const run{.threads = examples::option(argc, argv, "--threads", 0)};
    task::MappingOptions const data{.examples = examples::option(argc, argv, "--examples", Index{32}), .seed = 1};
    ContrastOptions const options{.gate_sets = examples::option(argc, argv, "--seeds", Index{3}),
                                  .batch = 32,
                                  .updates = examples::option(argc, argv, "--updates", Index{500}),
                                  .run = run};

    auto const percent = [](double share) { return detail::fixed(100 * share, 0, 4) + "%"; };
    std::cout << "                          retained          forgotten\n"
                 "retain       left out   ungated gated    ungated gated   forgotten in\n";
    for (auto const retain : {task::Format::icl, task::Format::instruction})
      for (Index left_out = 0; left_out < tasks; ++left_out) {
        auto const [fitted, held_out] = task::leave_one_out(vocabulary, left_out, retain, data);
        auto const fit = contrast(model, fitted, options);
        double retained = 0, forgotten = 0;
        Index lost = 0;
        for (Index s = 0; s < options.gate_sets; ++s) {
          auto const gates = fit.g().set(s);
          auto const accuracy = score(model, held_out.forget, gates, run).accuracy();
          retained += score(model, held_out.retain, gates, run).accuracy();
          forgotten += accuracy;
          lost += accuracy < 0.05;
        }
        auto const fits = static_cast<double>(options.gate_sets);
        std::cout << detail::padded(retain == task::Format::icl ? "in context" : "instruction", 13)
                  << detail::padded(vocabulary.mappings[static_cast<std::size_t>(left_out)].name, 10) << ' '
                  << percent(score(model, held_out.retain, run).accuracy()) << "  " << percent(retained / fits) << "      "
                  << percent(score(model, held_out.forget, run).accuracy()) << "  " << percent(forgotten / fits) << "   " << lost
                  << " of " << options.gate_sets << " fits" << std::endl;
      }
  });
}
