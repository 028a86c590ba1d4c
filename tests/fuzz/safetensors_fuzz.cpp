// SPDX-License-Identifier: MIT
// Any bytes as a safetensors file.
#include <chg/formats/safetensors.hpp>

#include "formats/test_files.hpp"
#include "fuzz/mutate_json.hpp"

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

namespace {

constexpr std::array<std::string_view, 18> kWords{"__metadata__", "dtype", "shape", "data_offsets", "F32",  "F16",
                                                  "BF16",         "F64",   "I64",   "U8",           "BOOL", "I8",
                                                  "F8_E4M3",      "C64",   "F4",    "format",       "pt",   "w"};

/// Makes the data as long as the last offset says, up to 4 KiB.
void fit_data(chg::fuzz::JsonTree const& header, std::string& data) {
  std::uint64_t end = 0;
  if (!header.is_object()) return;
  for (auto const& entry : header) {
    if (!entry.is_object() || !entry.contains("data_offsets")) continue;
    auto const& offsets = entry["data_offsets"];
    if (offsets.is_array() && offsets.size() == 2 && offsets[1].is_number_unsigned())
      end = std::max(end, offsets[1].get<std::uint64_t>());
  }
  if (end <= 4'096) data.resize(static_cast<std::size_t>(end), '\1');
}

}  // namespace

std::optional<std::string> chg::fuzz::mutated(std::string_view bytes, Random& random) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return std::nullopt;
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > bytes.size() - sizeof length) return std::nullopt;
  auto const header = bytes.substr(sizeof length, static_cast<std::size_t>(length));
  std::string data(bytes.substr(sizeof length + header.size()));
  auto const changed = mutated_json(header, random, kWords);
  if (!changed) return std::nullopt;
  if (random.one_in(2)) fit_data(JsonTree::parse(*changed, nullptr, false), data);
  return test::safetensors_bytes(*changed + std::string(random.one_in(8) ? random.below(9) : 0, ' '), data);
}
