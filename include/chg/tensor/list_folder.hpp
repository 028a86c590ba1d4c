// SPDX-License-Identifier: MIT
// The names in a folder. Where memory runs out, std::bad_alloc gets to the caller: the steps of std::filesystem's iterators are
// noexcept in libstdc++ 12, and end the program.
#pragma once

#include <chg/tensor/error.hpp>

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace chg {

/// Puts the names in a folder, without . and .., in order: 0, or errno.
inline int list_folder(std::filesystem::path const& folder, std::vector<std::string>& names) {
  names.clear();
  std::unique_ptr<::DIR, int (*)(::DIR*)> const entries(::opendir(folder.c_str()), [](::DIR* all) { return ::closedir(all); });
  if (!entries) return errno;
  for (errno = 0; auto const* const entry = ::readdir(entries.get()); errno = 0)
    if (std::string_view const name = entry->d_name; name != "." && name != "..") names.emplace_back(name);
  auto const failed = errno;
  std::sort(names.begin(), names.end());
  return failed;
}

/// The same. Throws Error where the folder cannot be read.
inline std::vector<std::string> names_in_folder(std::filesystem::path const& folder) {
  std::vector<std::string> names;
  if (auto const failed = list_folder(folder, names); failed != 0)
    throw Error({folder.string() + " cannot be listed", "a directory that can be read", std::generic_category().message(failed), ""});
  return names;
}

}  // namespace chg
