// SPDX-License-Identifier: MIT
// Run directories for tests, and what is in them.
#pragma once

#include <chg/run/run_directory.hpp>

#include "formats/test_files.hpp"
#include "run/small_fit.hpp"

#include <fcntl.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>

namespace chg::test {

using Names = std::set<std::string>;

inline run::Json const kRunning{{"chg", "0"}, {"kind", "fit"}, {"status", "running"}};
inline run::Json const kInterrupted{{"chg", "0"}, {"kind", "fit"}, {"status", "interrupted"}};
inline run::Json const kFinished{{"chg", "0"}, {"kind", "fit"}, {"status", "finished"}};

inline Names names_in(std::filesystem::path const& directory) {
  Names names;
  for (auto const& entry : std::filesystem::directory_iterator(directory)) names.insert(entry.path().filename().string());
  return names;
}

/// Every file below a folder with what it holds, and every folder.
inline std::map<std::string, std::string> snapshot(std::filesystem::path const& directory) {
  std::map<std::string, std::string> all;
  for (auto const& entry : std::filesystem::recursive_directory_iterator(directory))
    all[entry.path().lexically_relative(directory).string()] = entry.is_regular_file() ? contents(entry.path()) : "(no file)";
  return all;
}

inline std::map<std::string, std::string> without_state(std::map<std::string, std::string> all) {
  std::erase_if(all, [](auto const& file) { return file.first == "state" || file.first.starts_with("state/"); });
  return all;
}

/// Descriptors of this program that are open.
inline int open_files() {
  auto open = 0;
  for (int file = 0; file < 256; ++file) open += ::fcntl(file, F_GETFD) >= 0;
  return open;
}

inline std::filesystem::path finished_run(std::filesystem::path const& name, std::map<std::string, std::string> const& results) {
  run::RunDirectory run(name);
  run.begin(kRunning);
  for (auto const& [file, bytes] : results) run.write(file, bytes);
  run.finish(kFinished);
  return name;
}

}  // namespace chg::test
