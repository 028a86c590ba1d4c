// SPDX-License-Identifier: MIT
// Whether a run can be gone on with: everything in run.json that decides the bits of its result, compared part by part.
#pragma once

#include <chg/formats/json.hpp>
#include <chg/run/manifest.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::run {

namespace detail {

/// What an object holds below a key; null where it is none or has no such key.
inline nlohmann::json member(nlohmann::json const& object, char const* key) {
  return object.is_object() && object.contains(key) ? object[key] : nlohmann::json();
}
inline std::string text_member(nlohmann::json const& object, char const* key) {
  auto const value = member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// Files of tokenizers that manifests without settings do not name though they were there.
inline bool named_since_settings(std::string_view name) {
  return name == "special_tokens_map.json" || name == "added_tokens.json" || name == "spiece.model";
}

/// A value of a manifest for a message: as it stands, cut when long.
inline std::string brief(nlohmann::json const& value) {
  constexpr std::size_t kLongest = 120;
  auto const whole = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return whole.size() <= kLongest ? whole : whole.substr(0, kLongest) + "...";
}

/// The parts of a manifest that decide the bits of a result, by name. recorded: also what older versions did not record.
inline std::vector<std::pair<std::string, nlohmann::json>> identity(nlohmann::json const& m, bool recorded) {
  std::vector<std::pair<std::string, nlohmann::json>> parts;
  for (auto const* key : {"kind", "precision", "bos"}) parts.emplace_back(key, member(m, key));
  auto const model = member(m, "model");
  parts.emplace_back("architecture of the model", member(model, "architecture"));
  auto const files = member(model, "files");
  if (!files.is_array() || files.empty()) parts.emplace_back("model", member(model, "name"));
  for (auto const& file : files)
    if (recorded || !named_since_settings(text_member(file, "name")))
      parts.emplace_back("SHA-256 of the model's " + formats::in_quotes(text_member(file, "name")), member(file, "sha256"));
  for (auto const& data : member(m, "data"))
    parts.emplace_back("SHA-256 of the data (" + text_member(data, "role").substr(0, 40) + ")", member(data, "sha256"));
  auto const options = member(m, "options");
  if (options.is_object())
    for (auto const& option : options.items())
      if (option.key() != "preset")  // what it decides is there itself
        parts.emplace_back("option " + option.key().substr(0, 40), option.value());
  if (recorded) parts.emplace_back("pretokenizer", member(member(m, "settings"), "pretokenizer"));
  auto const build = member(m, "build");
  if (build.is_object())
    for (auto const& entry : build.items()) parts.emplace_back("build, " + entry.key().substr(0, 40), entry.value());
  return parts;
}

}  // namespace detail

/// Throws Error naming the first thing that decides the result and is not as it was when the run began.
inline void check_same_run(std::filesystem::path const& name, Json const& began_with, Json const& now) {
  auto const recorded = began_with.is_object() && began_with.contains("settings");
  auto const then = detail::identity(nlohmann::json(began_with), recorded);
  auto const parts = detail::identity(nlohmann::json(now), recorded);
  auto const find = [](auto const& all, std::string const& what) {
    return std::find_if(all.begin(), all.end(), [&](auto const& part) { return part.first == what; });
  };
  auto const differs = [&](std::string const& what, std::string const& expected, std::string const& got) {
    auto const rounds = what.starts_with("build, ");
    throw Error(
        {name.string() + ": " + what, expected, got,
         rounds ? "Resume with the program that began it: this one rounds otherwise, to bits that neither gives. Or use --force."
                : "Resume with the model, data and options of the run, or overwrite it with --force."});
  };
  for (auto const& [what, value] : then) {
    auto const same = find(parts, what);
    if (same == parts.end()) differs(what, detail::brief(value) + ", with which the run began", "none");
    if (same->second != value) differs(what, detail::brief(value) + ", with which the run began", detail::brief(same->second));
  }
  for (auto const& [what, value] : parts)
    if (find(then, what) == then.end()) differs(what, "none, as when the run began", detail::brief(value));
}

}  // namespace chg::run
