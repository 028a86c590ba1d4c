// SPDX-License-Identifier: MIT
// What commands do before they compute: precision, tokens, data, gates, and a place for the result.
#pragma once

#include <chg/cli/console.hpp>
#include <chg/cli/data.hpp>
#include <chg/cli/gates_file.hpp>
#include <chg/cli/memory.hpp>
#include <chg/cli/run_settings.hpp>
#include <chg/files/output.hpp>

#if defined(CHG_CLI_TOKENIZER)
#include <chg/cli/model_tokenizer.hpp>
#include <chg/text_task/text_example.hpp>
#endif

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace chg::cli {

/// Calls f.template operator()<float>() or <double>(); bf16 is float with products_of(s).
template <class F>
void with_precision(Settings const& s, F&& f) {
  if (s.precision == "f64")
    f.template operator()<double>();
  else
    f.template operator()<float>();
}

/// Origin::scalar_bytes of a model that is loaded under these settings.
inline Index scalar_bytes_of(Settings const& s) { return s.precision == "f64" ? 8 : s.precision == "bf16" ? 2 : 4; }

/// The model's tokenizer as a source of tokens, loaded at the first text; none for constructed models and in a program that was
/// built without the room tokenizer.
inline TokenSource token_source([[maybe_unused]] ModelWord const& word, [[maybe_unused]] Settings const& s) {
#if defined(CHG_CLI_TOKENIZER)
  if (word.constructed()) return {};
  auto const loaded = std::make_shared<std::optional<Tokenizer>>();
  return [path = word.path(), family = word.description().model_type, s, loaded, &use = word.texts()](
             std::string const& prompt, std::string const& target, std::string const& name) {
    if (!*loaded) *loaded = load_tokenizer(path, {.pretokenizer = s.pretokenizer, .family = family});
    use = {.read = true, .bos = s.bos == "on" || (s.bos == "auto" && (**loaded).adds_bos())};
    return text_task::to_example(**loaded, {prompt, target}, bos_of(s), name);
  };
#else
  return {};
#endif
}

inline Examples read_data(std::filesystem::path const& path, ModelWord const& word, Settings const& s) {
  return read_data(path, DataLimits{word.config().vocab, word.config().context}, token_source(word, s));
}

/// The gates of a file, or one set of ones where there is none; to be called when data were read. A notice where a run wrote them
/// under other settings.
inline GatesFile gates_or_ones(std::string const& path, ModelWord const& word, Settings const& s) {
  auto const& c = word.config();
  compare_with_run_of(path, word, s);
  return path.empty() ? GatesFile{Gates::ones(1, c.layers, c.heads), false} : read_gates(path, c.layers, c.heads);
}

/// Tokens of the longest example of all; null pointers are passed over.
inline Index longest_example(std::initializer_list<Examples const*> data) {
  std::size_t most = 1;
  for (auto const* examples : data)
    if (examples)
      for (auto const& e : *examples) most = std::max(most, e.tokens.size());
  return static_cast<Index>(most);
}

/// Reads the weights of a model that will be given these data sets, to be called after run_options() has made the forecast; a bar
/// on stderr when that takes longer than a second. Null pointers are passed over.
template <class Real>
AnyTransformer<Real> load_model(ModelWord const& word, Settings const& s, std::initializer_list<Examples const*> data) {
  check_threads(threads_of(s.threads));
  LoadingLine line(s, word.name());
  return word.load<Real>(products_of(s), longest_example(data), [&](Index done, Index total) { line.show(done, total); });
}

/// The files of a model and these others, as far as they have a name: what a command reads and must not write over.
inline std::vector<std::filesystem::path> inputs_of(ModelWord const& word, std::vector<std::string> const& others) {
  auto all = word.files();
  for (auto const& file : others)
    if (!file.empty()) all.emplace_back(file);
  return all;
}

}  // namespace chg::cli
