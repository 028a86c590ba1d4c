// SPDX-License-Identifier: MIT
// chg inspect: what a model is, without reading its weights.
#pragma once

#include <chg/cli/console.hpp>
#include <chg/cli/inputs.hpp>
#include <chg/formats/gguf.hpp>

#include <memory>
#include <string>
#include <utility>

namespace chg::cli {

namespace detail {

/// Kind of the tokenizer and its BOS rule, for a person.
inline std::pair<std::string, std::string> tokenizer_words(ModelWord const& word, [[maybe_unused]] Settings const& s) {
  if (word.constructed()) return {"none: tokens only", word.vocabulary()->bos ? "chg tasks make begins prompts with it" : "none"};
#if defined(CHG_CLI_TOKENIZER)
  try {
    auto const tokenizer = model_tokenizer(word, s);
    return {kind_name(tokenizer.kind()), tokenizer.adds_bos() ? text("added, id ", *tokenizer.bos())
                                         : tokenizer.bos()    ? text("not added, id ", *tokenizer.bos())
                                                              : std::string("none")};
  } catch (Error const& e) {
    return {"none that can be read: " + e.complaint().what, "unknown"};
  }
#else
  return {"not read: this chg has no tokenizers", "unknown"};
#endif
}

}  // namespace detail

inline void inspect(std::string const& model, bool as_json, Settings const& s) {
  with_precision(s, [&]<class Real>() {
    ModelWord const word(model);
    auto const& d = word.description();
    auto const& c = d.config;
    auto const threads = threads_of(s.threads);
    constexpr Index kPrompt = 256;  // tokens of a sequence in the forecast
    auto const [tokenizer, bos] = detail::tokenizer_words(word, s);
    run::Json const json{{"family", d.model_type},
                         {"layers", c.layers},
                         {"heads", c.heads},
                         {"kv_heads", c.kv_heads},
                         {"head_dim", c.head_dim},
                         {"d_model", c.d_model},
                         {"d_ff", c.mlp == Mlp::none ? Index{0} : c.d_ff},
                         {"vocab", c.vocab},
                         {"context", c.context},
                         {"parameters", word.parameters()},
                         {"memory_needed", static_cast<Index>(memory_needed<Real>(word, s, kPrompt))},
                         {"tokenizer_kind", tokenizer},
                         {"bos_rule", bos}};
    if (as_json) return print_out(json.dump(2) + "\n");
    std::string out;
    for (auto const& [key, value] : json.items()) {
      auto const shown = key == "memory_needed"
                             ? bytes_text(value.template get<double>()) +
                                   fmt::format(" ({}, {} threads, sequences of {} tokens)", s.precision, threads, kPrompt)
                         : value.is_string() ? value.template get<std::string>()
                                             : value.dump();
      out += fmt::format("{:<15} {}\n", key, shown);
    }
    print_out(out);
  });
}

inline void add_inspect(CLI::App& program, Settings& s) {
  auto* const command = program.add_subcommand("inspect", "Shape, size and tokenizer of a model");
  auto const model = std::make_shared<std::string>();
  auto const json = std::make_shared<bool>(false);
  command->add_option("MODEL", *model, "A .gguf file, a Hugging Face directory, or builtin:NAME")->required()->type_name("");
  command->add_flag("--json", *json, "As JSON; memory_needed in bytes");
  add_settings(*command, s);
  command->footer("Example:\n  chg inspect builtin:teaching --json");
  command->callback([=, &s] { inspect(*model, *json, s); });
}

}  // namespace chg::cli
