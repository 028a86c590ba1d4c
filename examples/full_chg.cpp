// SPDX-License-Identifier: MIT
// The main job, end to end: which heads of the trained teaching model matter for ABA prompts, and does ablation agree?
//
//     cmake --build build/release --target full_chg && build/release/examples/full_chg --out results
//
// prints the heads with their roles, the gate matrices of one fit, role counts beside those of a fit on permuted targets, and
// ablation curves on prompts that the fit has not seen; writes everything to the directory named by --out. The README shows
// all of it; it begins
//
//     teaching model: 4 layers of 8 heads; ABA prompts it has not seen: accuracy 100.0%, nll 0.0577 nats
//
//     layer head  facilitation  interference  irrelevance  class (fits of 6)
//         0    0          0.00          0.00         1.00  irrelevant
//
// Options: --out DIR, --seeds K, --updates N (of each phase), --threads N.
#include "support/console.hpp"

#include <chg/chg.hpp>
#include <chg/formats/load.hpp>
#include <chg/run/results.hpp>
#include <chg/run/summary.hpp>

using namespace chg;

int main(int argc, char** argv) {
  return examples::guarded([&] {
    examples::check_options(argc, argv, {"--out", "--seeds", "--updates", "--threads"});
    std::string const out = examples::option(argc, argv, "--out", "results");
    auto const seeds = examples::option(argc, argv, "--seeds", Index{6});
    auto const updates = examples::option(argc, argv, "--updates", Index{200});
    RunOptions const run{.threads = examples::option(argc, argv, "--threads", 0)};
    chg::run::Manifest manifest{.command = "full_chg", .model = {}, .data = {}};
    chg::run::RunDirectory directory(out);
    directory.begin(chg::run::running_json("fit"));  // a run of that name is replaced at the end

    auto const where = builtin::teaching_directory();
    auto const model = load<llama_like>(where);
    auto const vocabulary = builtin::teaching_vocabulary();
    auto const train =
        task::aba_abb(vocabulary, {.rule = task::Rule::aba, .examples = 1024, .seed = 1, .split = task::Split::train});
    auto const held_out =
        task::aba_abb(vocabulary, {.rule = task::Rule::aba, .examples = 256, .seed = 1, .split = task::Split::validation});
    auto const ungated = score(model, held_out, run);
    std::cout << "teaching model: " << model.layers() << " layers of " << model.heads()
              << " heads; ABA prompts it has not seen: accuracy " << detail::fixed(100 * ungated.accuracy(), 1, 1) << "%, nll "
              << detail::fixed(ungated.nll(), 4, 1) << " nats\n\n";

    // The paper's preset: pressure is not divided by the number of heads, so that 200 updates a phase settle the gates.
    FitOptions options{
        .gate_sets = seeds, .batch = 32, .updates = updates, .updates_pressed = updates, .preset = Preset::paper, .run = run};
    options.progress = examples::progress_line("fit");
    auto const found = fit(model, train, options);
    std::cout << roles(found) << '\n' << heatmap(found, 0, examples::escapes(1)) << '\n';

    options.progress = examples::progress_line("null");
    auto const null = fit(model, task::permute_targets(train, 1), options);
    std::cout << "against the null, the same fit with targets permuted between prompts: " << count(roles(null)) << '\n';

    std::vector<Ablation> curves;
    for (auto const s : all_scores) {
      curves.push_back(ablate(model, held_out, found, s, {.points = 8, .run = run}));
      std::cout << curves.back() << '\n';
    }

    chg::run::write_fit(directory, found);
    directory.write("ablation.csv", chg::run::ablation_csv(curves));
    directory.write("summary.csv", chg::run::summary_csv(chg::run::summarise(model, found, "validation", held_out, run)));
    manifest.model = chg::run::describe_model("builtin:teaching", model, where);
    manifest.bos = "on";
    manifest.data = {chg::run::describe_data("train", "aba, seed 1, training split", train),
                     chg::run::describe_data("validation", "aba, seed 1, validation split", held_out)};
    directory.finish(chg::run::manifest_json(manifest, found));
    std::cout << "results: " << directory.path().string() << '\n';
  });
}
