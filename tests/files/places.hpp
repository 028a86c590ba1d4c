// SPDX-License-Identifier: MIT
// What a folder holds.
#pragma once

#include "formats/test_files.hpp"

#include <filesystem>
#include <iterator>

namespace chg::test {

inline int files_in(std::filesystem::path const& directory) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

}  // namespace chg::test
