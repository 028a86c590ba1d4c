// SPDX-License-Identifier: MIT
// chg verify: the hand-derived gate gradient of a model against dual numbers and central differences.
#pragma once

#include <chg/cli/console.hpp>
#include <chg/cli/inputs.hpp>
#include <chg/model/verify_gradient.hpp>

#include <algorithm>
#include <memory>
#include <string>

namespace chg::cli {

struct VerifyWords {
  std::string model, data, gates;
  Index heads = 0, examples = 8;
};

namespace detail {

/// Random ids, two targets each: any tokens show whether a derivative is right.
inline Examples random_examples(ModelWord const& word, Index count, std::uint64_t seed) {
  auto const length = std::clamp<Index>(word.config().context, 2, 10);
  Random random(seed, Stream::verify, 100);
  std::vector<Example> examples;
  for (Index i = 0; i < count; ++i) {
    Example e;
    for (Index t = 0; t < length; ++t)
      e.tokens.push_back(static_cast<Token>(random.below(static_cast<std::uint64_t>(word.config().vocab))));
    e.target_mask.assign(e.tokens.size(), 0);
    e.target_mask.back() = e.target_mask[e.target_mask.size() / 2] = 1;
    examples.push_back(std::move(e));
  }
  return Examples(std::move(examples));
}

}  // namespace detail

template <class Real>
void verify_command(VerifyWords const& w, Settings const& s) {
  check(s.precision != "bf16", "--precision", "f64 or f32", "bf16", "Rounding to bf16 has no derivative to check.");
  ModelWord const word(w.model);
  auto const& c = word.config();
  auto const all = w.data.empty() ? detail::random_examples(word, w.examples, s.seed) : read_data(w.data, word, s);
  auto const examples = all.slice(0, std::min(all.size(), w.examples));
  compare_with_run_of(w.gates, word, s, "none", false);
  auto const gates =
      w.gates.empty() ? sigmoid(random_logits(1, c.layers, c.heads, s.seed)) : read_gates(w.gates, c.layers, c.heads).gates;
  auto const run = run_options<Real>(word, s, verify_use(size_of(examples)));
  auto const model = load_model<Real>(word, s, {&examples});
  constexpr Index kMostGates = 256;
  auto const heads = w.heads > 0                        ? w.heads
                     : c.layers * c.heads <= kMostGates ? Index{0}
                                                        : std::max<Index>(1, kMostGates / c.layers);
  auto const table =
      verify_gradient(model, examples, gates.set(0), {.heads = std::min(heads, c.heads), .seed = s.seed, .run = run});
  TextStream out;
  out << table;
  print_out(out.str());
  check(table.passed(), "gradient of " + w.model, "every check of the table passed", text(table.failures(), " that did not"));
}

inline void add_verify(CLI::App& program, Settings& s) {
  auto* const command = program.add_subcommand(
      "verify",
      "Check the gradient of this model: by dual numbers a layer and along random directions, and by central differences");
  auto const w = std::make_shared<VerifyWords>();
  command->add_option("MODEL", w->model, "A .gguf file, a Hugging Face directory, or builtin:NAME")->required()->type_name("");
  command->add_option("DATA", w->data, "Examples, one JSON object a line; without it, random tokens")->type_name("");
  command->add_option("--gates", w->gates, "Where to check, .npy; the first set counts. Without it, gates drawn by the seed")
      ->type_name("GATES");
  command->add_option("--heads", w->heads, "Heads a layer to check; 0: all, of a model with more than 256 as many as make 256")
      ->check(CLI::Range(0, 1 << 20))
      ->type_name("N");
  command->add_option("--examples", w->examples, "Examples to use, from the first on")
      ->check(CLI::Range(1, 1 << 20))
      ->type_name("N");
  add_settings(*command, s);
  auto* const precision = command->get_option("--precision")->default_str("f64");
  command->footer(
      "Relative to the largest entry, the limit is 1e-12 in f64 (differences 6e-8) and 1e-4 in f32, which leaves the\n"
      "differences out: their round-off would hide what they look for.\n\n"
      "Example:\n  chg verify builtin:induction");
  command->callback([=, &s] {
    if (precision->count() == 0) s.precision = "f64";
    with_precision(s, [&]<class Real>() { verify_command<Real>(*w, s); });
  });
}

}  // namespace chg::cli
