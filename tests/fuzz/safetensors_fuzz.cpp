// SPDX-License-Identifier: MIT
// Any bytes as a safetensors file, as the index of a sharded checkpoint, and as a config.json.
#include <chg/formats/config_json.hpp>
#include <chg/formats/sharded_safetensors.hpp>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = std::as_bytes(std::span(data, size));
  try {
    for (auto const& [name, info] : chg::formats::parse_safetensors(bytes, "FILE").tensors)
      if (info.begin > info.end || info.end > size) __builtin_trap();
  } catch (chg::Error const&) {
  }
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  try {
    auto const json = chg::formats::parse_json(text, "FILE");
    try {
      for (auto const& [tensor, file] : chg::formats::parse_weight_map(json, "FILE"))
        if (std::filesystem::path(file).filename() != file) __builtin_trap();
    } catch (chg::Error const&) {
    }
    chg::formats::parse_config(json, "FILE");
  } catch (chg::Error const&) {
  }
  return 0;
}
