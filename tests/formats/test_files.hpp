// SPDX-License-Identifier: MIT
// Files for tests: a directory that vanishes, safetensors files built byte by byte, and the message of an expected error.
#pragma once

#include <chg/tensor/error.hpp>
#include <chg/tensor/matrix.hpp>

#include <unistd.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace chg::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    auto name = (std::filesystem::temp_directory_path() / "chg-test-").string() + std::string(6, 'X');  // for mkdtemp to replace
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory: " + name);
    path_ = name;
  }
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path const& path() const { return path_; }
  std::filesystem::path write(std::string const& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string contents(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

/// What an action complains about: the message of its chg::Error, or a sentence that no test expects.
template <class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (Error const& e) {
    return e.what();
  }
  return "(no chg::Error was thrown)";
}

inline bool has_all(std::string const& message, std::initializer_list<std::string_view> parts) {
  for (auto const part : parts)
    if (message.find(part) == std::string::npos) return false;
  return true;
}

/// The parts one after the other: an error says what is wrong, then what is due, then what is there.
inline bool ordered(std::string const& message, std::initializer_list<std::string_view> parts) {
  std::size_t at = 0;
  for (auto const part : parts) {
    auto const found = message.find(part, at);
    if (found == std::string::npos) return false;
    at = found + part.size();
  }
  return true;
}

/// A folder of the test data that are not in the repository, below the directory that CHG_TEST_DATA names; empty when it is
/// not there.
inline std::filesystem::path test_data(std::string const& folder) {
  auto const* const root = std::getenv("CHG_TEST_DATA");
  if (root == nullptr || !std::filesystem::is_directory(std::filesystem::path(root) / folder)) return {};
  return std::filesystem::path(root) / folder;
}

/// A folder of the repository.
inline std::filesystem::path repository(std::string const& folder) {
  return std::filesystem::absolute(__FILE__).parent_path().parent_path().parent_path() / folder;
}

/// A file of that header and those bytes; `length` as claimed in the first eight bytes, that of the header unless given.
inline std::string safetensors_bytes(std::string_view header, std::string_view data, std::uint64_t length) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file.append(header).append(data);
}
inline std::string safetensors_bytes(std::string_view header, std::string_view data) {
  return safetensors_bytes(header, data, header.size());
}

inline std::string bytes_of(std::vector<float> const& numbers) {
  return {reinterpret_cast<char const*>(numbers.data()), numbers.size() * sizeof(float)};
}

/// Collects tensors, then writes them one after the other.
class SafetensorsBuilder {
 public:
  SafetensorsBuilder& add(std::string const& name, std::string const& dtype, std::vector<std::int64_t> const& shape,
                          std::string const& bytes) {
    header_ += (header_.empty() ? "" : ",") + ('"' + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[");
    for (std::size_t i = 0; i < shape.size(); ++i) header_ += (i > 0 ? "," : "") + std::to_string(shape[i]);
    header_ += "],\"data_offsets\":[" + std::to_string(data_.size()) + "," + std::to_string(data_.size() + bytes.size()) + "]}";
    data_ += bytes;
    return *this;
  }

  /// A matrix (or a vector, where rank is 1) as F32.
  template <class Dense>
  SafetensorsBuilder& add_f32(std::string const& name, Dense const& tensor, int rank) {
    std::vector<float> numbers;
    for (Eigen::Index i = 0; i < tensor.size(); ++i) numbers.push_back(static_cast<float>(tensor.data()[i]));
    return add(name, "F32",
               rank == 1 ? std::vector<std::int64_t>{tensor.size()} : std::vector<std::int64_t>{tensor.rows(), tensor.cols()},
               bytes_of(numbers));
  }

  std::string file() const { return safetensors_bytes("{" + header_ + "}", data_); }

 private:
  std::string header_, data_;
};

}  // namespace chg::test
