// SPDX-License-Identifier: MIT
// GGUF files for tests, built byte by byte, with every part at hand to be damaged.
#pragma once

#include <chg/formats/ggml_types.hpp>

#include "formats/test_files.hpp"

#include <string>
#include <type_traits>
#include <vector>

namespace chg::test {

template <class Number>
std::string raw(Number number) {
  return {reinterpret_cast<char const*>(&number), sizeof number};
}
inline std::string u32(std::uint64_t number) { return raw(static_cast<std::uint32_t>(number)); }
inline std::string u64(std::uint64_t number) { return raw(number); }
inline std::string gguf_string(std::string const& s) { return u64(s.size()) + s; }

/// One value of the metadata: key, number of the type, and bytes.
inline std::string gguf_value(std::string const& key, std::uint32_t type, std::string const& bytes) {
  return gguf_string(key) + u32(type) + bytes;
}
/// One tensor of the header; extents as the file has them, that of neighbours in memory first.
inline std::string gguf_tensor(std::string const& name, std::vector<std::uint64_t> const& extents, std::uint32_t type,
                               std::uint64_t offset) {
  auto all = gguf_string(name) + u32(extents.size());
  for (auto const extent : extents) all += u64(extent);
  return all + u32(type) + u64(offset);
}

/// Collects values and tensors, then writes them. Public members may be changed to damage the file.
class GgufBuilder {
 public:
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;
  std::uint64_t values = 0, tensors = 0;  // the counts that the file claims
  std::string value_bytes, tensor_bytes, data;

  GgufBuilder& value(std::string const& key, std::uint32_t type, std::string const& bytes) {
    ++values;
    value_bytes += gguf_value(key, type, bytes);
    return *this;
  }
  GgufBuilder& integer(std::string const& key, std::uint32_t number) { return value(key, 4, u32(number)); }
  GgufBuilder& number(std::string const& key, float number) { return value(key, 6, raw(number)); }
  GgufBuilder& string(std::string const& key, std::string const& s) { return value(key, 8, gguf_string(s)); }

  /// Stored where the data end so far, padded.
  GgufBuilder& tensor(std::string const& name, std::vector<std::uint64_t> const& extents, std::string_view type,
                      std::string const& bytes) {
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    return tensor_at(name, extents, formats::find_ggml_type(type)->number, data.size(), bytes);
  }
  GgufBuilder& tensor_at(std::string const& name, std::vector<std::uint64_t> const& extents, std::uint32_t type,
                         std::uint64_t offset, std::string const& bytes) {
    ++tensors;
    tensor_bytes += gguf_tensor(name, extents, type, offset);
    data += bytes;
    return *this;
  }

  /// A matrix [out, in], or a vector where rank is 1, as F32.
  template <class Dense>
  GgufBuilder& add_f32(std::string const& name, Dense const& t, int rank) {
    std::vector<float> numbers;
    for (Eigen::Index i = 0; i < t.size(); ++i) numbers.push_back(static_cast<float>(t.data()[i]));
    auto const columns = static_cast<std::uint64_t>(t.cols()), rows = static_cast<std::uint64_t>(t.rows());
    return tensor(name, rank == 1 ? std::vector{columns} : std::vector{columns, rows}, "F32", bytes_of(numbers));
  }

  std::string file() const {
    auto head = magic + u32(version) + u64(tensors) + u64(values) + value_bytes + tensor_bytes;
    if (tensors > 0) head.resize((head.size() + alignment - 1) / alignment * alignment);
    return head + data;
  }
};

}  // namespace chg::test
