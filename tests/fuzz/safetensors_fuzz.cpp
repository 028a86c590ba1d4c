// SPDX-License-Identifier: MIT
// Any bytes as a safetensors file.
#include <chg/formats/safetensors.hpp>

#include "formats/test_files.hpp"
#include "fuzz/fuzz.hpp"

void chg::fuzz::read(std::string_view bytes) {
  for (auto const& [name, info] : formats::parse_safetensors(std::as_bytes(std::span(bytes)), "FILE").tensors)
    require(info.begin <= info.end && info.end <= bytes.size());
}

std::vector<std::string> chg::fuzz::seeds() {
  test::SafetensorsBuilder file;
  file.add("a.weight", "F32", {2, 3}, std::string(24, '\1')).add("b", "BF16", {5}, std::string(10, '\2'));
  file.add("none", "F16", {0, 4}, "").add("scalar", "I64", {}, std::string(8, '\0'));
  return {file.file(), test::safetensors_bytes(
                           R"({"__metadata__":{"format":"pt"},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   )", "x")};
}
