// SPDX-License-Identifier: MIT
// Result files: arrays as .npy, tables as comma-separated text.
#pragma once

#include <chg/files/write_file.hpp>
#include <chg/formats/npy.hpp>
#include <chg/tensor/array.hpp>
#include <chg/tensor/error.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace chg::run {

/// Writes an array as .npy (C order), its numbers as Stored: float or double.
template <class Stored, std::size_t Axes>
void write_npy(std::filesystem::path const& path, Array<double, Axes> const& values) {
  files::write_file(path, formats::npy_bytes<Stored>(values));
}

/// Comma-separated text: one header row, then rows of as many fields. Numbers are the shortest text that reads back as they are;
/// one that is not defined (NaN) is an empty field, and infinity an error.
class Csv {
 public:
  explicit Csv(std::initializer_list<std::string_view> columns) : columns_(columns.size()) {
    for (auto const name : columns) field(name);
    end();
  }

  /// Throws Error unless there is a field for each column.
  template <class... Fields>
  void row(Fields const&... fields) {
    check(sizeof...(fields) == columns_, "csv: row", text(columns_, " fields"), sizeof...(fields));
    (field(fields), ...);
    end();
  }

  std::string const& bytes() const { return bytes_; }

 private:
  template <class Number>
    requires std::integral<Number> || std::floating_point<Number>
  void field(Number number) {
    if constexpr (std::floating_point<Number>) {
      check(!std::isinf(number), "csv: number", "a finite one", number, "Something overflowed before it was written.");
      if (std::isnan(number)) {
        bytes_ += ',';
        return;
      }
    }
    char digits[40];
    bytes_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr) += ',';
  }
  void field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
      bytes_.append(text) += ',';
      return;
    }
    bytes_ += '"';
    for (char const c : text) bytes_.append(c == '"' ? 2 : 1, c);
    bytes_ += "\",";
  }
  void end() { bytes_.back() = '\n'; }

  std::size_t columns_;
  std::string bytes_;
};

}  // namespace chg::run
