// SPDX-License-Identifier: MIT
// Results of a run are used under the settings that they were made under, or with a notice that names both.
#pragma once

#include <chg/cli/model_word.hpp>
#include <chg/cli/settings.hpp>
#include <chg/run/finished_run.hpp>
#include <chg/run/same_run.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chg::cli {

/// The settings of this command that decide what results mean and their bits, as run.json records them.
inline run::SettingsRecord settings_record(ModelWord const& word, Settings const& s) {
  return {.bos = s.bos, .bos_added = word.texts().bos, .pretokenizer = s.pretokenizer};
}

namespace detail {

using run::detail::member;
using run::detail::text_member;

/// "WHAT THEN there, NOW here" of each setting that differs.
class Differences {
 public:
  void add(std::string const& what, std::string const& then, std::string const& now) {
    constexpr std::size_t kLongest = 80;
    auto const shown = [](std::string const& value) { return value.empty() ? std::string("none") : value.substr(0, kLongest); };
    if (then != now) text_ += text(text_.empty() ? "" : "; ", what, ' ', shown(then), " there and ", shown(now), " here");
  }
  std::string const& text_of() const { return text_; }

 private:
  std::string text_;
};

inline std::string bos_words(std::string const& rule, std::optional<bool> added) {
  return rule + (!added ? "" : *added ? " (added)" : " (none added)");
}

/// Where texts are read: BOS and pre-tokenizer. An older run.json has the rule alone, before the comma of its text.
inline void compare_texts(nlohmann::json const& then, ModelWord const& word, Settings const& s, Differences& differences) {
  if (!word.texts().read) return;
  auto const settings = member(then, "settings");
  if (!settings.is_object()) {
    auto const bos = text_member(then, "bos");
    if (!bos.empty()) differences.add("bos", bos.substr(0, bos.find(',')), s.bos);
    return;
  }
  auto const added = member(settings, "bos_added");
  if (!added.is_boolean()) return;  // the run read tokens alone
  if (added.get<bool>() != word.texts().bos)
    differences.add("bos", bos_words(text_member(settings, "bos"), added.get<bool>()), bos_words(s.bos, word.texts().bos));
  differences.add("pretokenizer", text_member(settings, "pretokenizer"), s.pretokenizer);
}

/// Another model of the same shape: by the hashes of its files, or the name of one that was written by hand. The files of the
/// tokenizer count where texts are read. Files of another size are not read.
inline void compare_model(nlohmann::json const& then, ModelWord const& word, Differences& differences) {
  auto const model = member(then, "model");
  auto const files = member(model, "files");
  auto const known = files.is_array() ? files.size() : 0;
  auto const here = word.files();
  if (known == 0 || here.empty()) {
    if (known != here.size() || text_member(model, "name") != word.name())
      differences.add("model", text_member(model, "name"), word.name());
    return;
  }
  auto const single = known == 1 && here.size() == 1;  // a GGUF file, under whatever name
  for (auto const& path : here) {
    auto const name = path.filename().string();
    auto const decides = name == "config.json" || path.extension() == ".safetensors" || name.ends_with(".index.json") || single;
    if (!decides && !word.texts().read) continue;
    nlohmann::json wanted;
    for (auto const& file : files)
      if (single || text_member(file, "name") == name) wanted = file;
    if (wanted.is_null() && !decides) continue;  // an older run.json does not name all files of a tokenizer
    auto const sha256 = text_member(wanted, "sha256");
    std::error_code failed;
    auto const bytes = member(wanted, "bytes");
    auto const size = std::filesystem::file_size(path, failed);
    auto const as_long = bytes.is_number_unsigned() && bytes.get<std::uintmax_t>() == size;
    auto const now = as_long ? run::describe_file(path).sha256 : text(size, " bytes");
    if (now == sha256) continue;
    auto const before = as_long                      ? sha256.substr(0, 12)
                        : bytes.is_number_unsigned() ? text(bytes.get<std::uintmax_t>(), " bytes")
                                                     : "";
    return differences.add("model " + name, before, now.substr(0, as_long ? 12 : 40));  // one file tells
  }
}

inline void compare_build(nlohmann::json const& then, Differences& differences) {
  auto const build = member(then, "build");
  auto const now = run::detail::build_json();
  for (auto const& [key, value] : now.items())
    if (auto const before = text_member(build, key.c_str()); !before.empty())
      differences.add("build: " + key, before, value.get<std::string>());
}

}  // namespace detail

/// One notice that names every setting under which `what` of a run was made and this command is not run; to be called when data
/// were read. precision: whether it counts.
inline void compare_with_run(run::FinishedRun const& run, std::string const& what, ModelWord const& word, Settings const& s,
                             std::string const& null = "none", bool precision = true) {
  auto const& then = run.manifest();
  detail::Differences differences;
  detail::compare_model(then, word, differences);
  detail::compare_texts(then, word, s, differences);
  auto const was = detail::text_member(then, "precision");
  if (precision && !was.empty()) differences.add("precision", was, s.precision);
  auto const nulled = detail::text_member(detail::member(then, "options"), "null");
  if (!nulled.empty()) differences.add("null", nulled, null);
  detail::compare_build(then, differences);
  if (!differences.text_of().empty()) notice(what + " was made under other settings: " + differences.text_of());
}

/// The same for a file of gates, where a run wrote it. Throws Error when it is not what the run wrote.
inline void compare_with_run_of(std::string const& gates, ModelWord const& word, Settings const& s,
                                std::string const& null = "none", bool precision = true) {
  if (gates.empty()) return;
  if (auto const run = run::run_of(gates)) compare_with_run(*run, gates, word, s, null, precision);
}

}  // namespace chg::cli
