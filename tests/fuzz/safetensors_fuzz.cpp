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

/// The last offset that a header gives, which the data should be as long as.
std::uint64_t end_of_data(std::string_view header) {
  constexpr std::string_view key = "\"data_offsets\":[";
  std::uint64_t last = 0;
  for (auto at = header.find(key); at != std::string_view::npos; at = header.find(key, at)) {
    at += key.size();
    auto const comma = std::min(header.find_first_not_of("0123456789", at), header.size() - 1) + 1;
    std::uint64_t end = 0;
    std::from_chars(header.data() + comma, header.data() + header.size(), end);
    last = std::max(last, end);
  }
  return last;
}

}  // namespace

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return {};
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > bytes.size() - sizeof length) return {};
  auto const header = bytes.substr(sizeof length, static_cast<std::size_t>(length));
  auto const data = bytes.substr(sizeof length + header.size());
  auto const places = JsonPlaces::of(header.substr(0, header.find_last_not_of(' ') + 1));
  if (!places) return {};
  return [places = std::make_shared<JsonPlaces const>(*places), data](Random& random) {
    std::string all(sizeof length, '\0');
    JsonChanges(*places, kWords, random).write(all);
    if (random.one_in(8)) all.append(random.below(9), ' ');
    auto const header_length = std::uint64_t{all.size() - sizeof length};
    std::memcpy(all.data(), &header_length, sizeof header_length);
    // Half of them have as much data as they say, up to 4 KiB.
    auto const end = random.one_in(2) ? end_of_data(std::string_view(all).substr(sizeof length)) : data.size();
    all += data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(end, data.size())));
    if (end > data.size() && end <= 4'096) all.append(static_cast<std::size_t>(end) - data.size(), '\1');
    return std::optional(std::move(all));
  };
}
