// SPDX-License-Identifier: MIT
// Causal head gating at the size of Llama 3.2 1B: one update at a time, with the memory and the seconds that it takes.
//
//     cmake --build build/release --target llama_3_2_1b && build/release/examples/llama_3_2_1b --layers 2
//
// prints the memory of the weights, a bound of the memory of a pass, and the seconds of each update. The weights are random, of
// the published shapes: --layers 16 is the full model and takes about 6 GB. With the real ones (huggingface.co/meta-llama/
// Llama-3.2-1B, or a GGUF file of it):
//
//     build/release/examples/llama_3_2_1b --model path/to/Llama-3.2-1B
//
// Options: --model DIRECTORY or FILE.gguf, --layers N, --updates N, --batch N, --threads N.
#include "support/console.hpp"

#include <chg/chg.hpp>
#include <chg/formats/load.hpp>

using namespace chg;

int main(int argc, char** argv) {
  return examples::guarded([&] {
    examples::check_options(argc, argv, {"--model", "--layers", "--updates", "--batch", "--threads"});
    // All extents but the number of layers are fixed at compile time.
    constexpr auto shape = [] {
      auto a = llama_3_2_1b;
      a.layers = dynamic;
      return a;
    }();
    auto config = config_of(shape);
    config.layers = examples::option(argc, argv, "--layers", Index{2});
    config.context = 512;
    config.rotary = {.theta = 500'000, .scaled = true, .scaling = {.factor = 32}};
    auto const updates = examples::option(argc, argv, "--updates", Index{2}),
               batch = examples::option(argc, argv, "--batch", Index{8});

    std::string const path = examples::option(argc, argv, "--model", "");
    auto const make = [&] {
      if (!path.empty()) return load<shape>(path);
      std::cout << "making random weights of " << config.layers << " layers" << std::endl;
      return Transformer<shape>(config, random_weights<float>(shape, config));
    };
    auto const model = make();
    std::cout << "weights " << model.weight_bytes() / 1'000'000 << " MB; a pass over 1024 rows at most "
              << model.pass_bytes(1024, batch, 32) / 1'000'000 << " MB a thread" << std::endl;

    task::Vocabulary vocabulary{.size = config.vocab, .bos = 128'000, .caret = 61, .newline = 198};
    for (Token id = 1000; id < 20'000; ++id) vocabulary.words.push_back(id);
    auto const data = task::aba_abb(vocabulary, {.examples = batch, .seed = 1});
    auto const fitted = fit(model, data,
                            {.gate_sets = 1,
                             .batch = batch,
                             .updates = updates,
                             .updates_pressed = 0,
                             .run = {.threads = examples::option(argc, argv, "--threads", 0)},
                             .progress = [](Progress const& p) {
                               std::cout << "update " << p.done << " of " << p.total << ": nll " << p.nll << ", "
                                         << p.seconds / static_cast<double>(p.done) << " s an update" << std::endl;
                               return true;
                             }});
    auto const g = fitted.g0().set(0);
    std::cout << g.size() << " gates, from " << g.minCoeff() << " to " << g.maxCoeff() << '\n';
  });
}
