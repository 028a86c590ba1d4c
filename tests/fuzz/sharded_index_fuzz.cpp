// SPDX-License-Identifier: MIT
// Any bytes as the index of a sharded checkpoint.
#include <chg/formats/sharded_safetensors.hpp>

#include "fuzz/mutate_json.hpp"

void chg::fuzz::read(std::string_view bytes) {
  for (auto const& [tensor, file] : formats::parse_weight_map(formats::parse_json(bytes, "FILE"), "FILE"))
    require(std::filesystem::path(file).filename() == file && !file.starts_with('.'));
}

std::vector<std::string> chg::fuzz::seeds() {
  return {R"({"metadata": {"total_size": 12}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "x.safetensors"}})"};
}

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  static constexpr std::array<std::string_view, 8> words{"weight_map",       "metadata",       "total_size",   "a.safetensors",
                                                         "../a.safetensors", "/a.safetensors", ".safetensors", "a.bin"};
  return json_mutator(bytes, words);
}
