// SPDX-License-Identifier: MIT
// Any bytes as a GGUF file: its header, every value of the metadata, every tensor that is not large, and the model.
#include <chg/formats/gguf_model.hpp>

namespace {

void read_values(chg::formats::GgufMetadata const& metadata) {
  constexpr auto least = std::numeric_limits<chg::Index>::min(), most = std::numeric_limits<chg::Index>::max();
  for (auto const& [key, value] : metadata.values()) {
    static_cast<void>(metadata.shown(value));
    try {
      using chg::formats::GgufType;
      if (value.type == GgufType::string)
        value.is_array ? static_cast<void>(metadata.strings(key)) : static_cast<void>(metadata.string(key));
      else if (value.type == GgufType::boolean)
        metadata.boolean(key, false);
      else if (value.type == GgufType::f32 || value.type == GgufType::f64)
        value.is_array ? static_cast<void>(metadata.numbers(key)) : static_cast<void>(metadata.number(key, 0, 1));
      else
        value.is_array ? static_cast<void>(metadata.integers(key, least, most))
                       : static_cast<void>(metadata.integer(key, least, most));
    } catch (chg::Error const&) {
    }
  }
}

void read_tensors(chg::formats::Gguf const& file) {
  constexpr chg::Index large = 1 << 16;
  for (auto const& [name, tensor] : file.tensors()) {
    if (tensor.elements > large) continue;
    try {
      std::vector<float> floats(static_cast<std::size_t>(tensor.elements));
      file.read(name, std::span(floats));
    } catch (chg::Error const&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  try {
    chg::formats::Gguf const file(std::as_bytes(std::span(data, size)), "FILE");
    read_values(file.metadata());
    read_tensors(file);
    chg::formats::read_gguf_weights<float>(file, chg::formats::describe_gguf(file));
  } catch (chg::Error const&) {
  }
  return 0;
}
