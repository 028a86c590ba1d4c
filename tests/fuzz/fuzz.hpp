// SPDX-License-Identifier: MIT
// What every fuzz target shares. A target defines two functions:
//
//     void read(std::string_view bytes)          whatever the bytes are, it returns or throws chg::Error
//     std::vector<std::string> seeds()           small files that it reads to the end
//
// PROGRAM --write-seeds DIRECTORY writes the seeds, each after it was read, so that one that is refused is a failure and not an
// empty start; without it the program is libFuzzer's.
#pragma once

#include <chg/tensor/error.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace chg::fuzz {

void read(std::string_view bytes);
std::vector<std::string> seeds();

/// For what a reader promises about the values that it returns; libFuzzer keeps the input.
inline void require(bool holds) {
  if (!holds) std::abort();
}

inline int write_seeds(std::filesystem::path const& directory) {
  std::filesystem::create_directories(directory);
  std::size_t number = 0;
  for (auto const& seed : seeds()) {
    try {
      read(seed);
    } catch (Error const& e) {
      std::fprintf(stderr, "chg: error: seed %zu is refused: %s\n", number, e.what());
      return 1;
    }
    std::ofstream out(directory / ("seed-" + std::to_string(number++)), std::ios::binary);
    out.write(seed.data(), static_cast<std::streamsize>(seed.size()));
    if (!out.flush()) return 1;
  }
  return number > 0 ? 0 : 1;
}

}  // namespace chg::fuzz

#ifndef CHG_FUZZ_WITHOUT_ENTRY  // those of libFuzzer; sweep.cpp has its own
extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  if (*count == 3 && std::strcmp((*words)[1], "--write-seeds") == 0) std::exit(chg::fuzz::write_seeds((*words)[2]));
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  try {
    chg::fuzz::read({reinterpret_cast<char const*>(data), size});
  } catch (chg::Error const&) {
  }
  return 0;
}
#endif
