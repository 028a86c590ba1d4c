// SPDX-License-Identifier: MIT
// The metadata of a GGUF file: typed values by key, left where they lie in the file and read when they are asked for.
//
// Errors name the file, the key, what was expected and what is there.
#pragma once

#include <chg/formats/gguf_cursor.hpp>
#include <chg/formats/json.hpp>

#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace chg::formats {

/// The metadata of one file, by key. A key that is absent takes the default, or is an Error when there is none. Refers to the
/// bytes of the file, which must outlive it. Reading from several threads is safe.
class GgufMetadata {
 public:
  /// `file` stands for the file in errors.
  GgufMetadata(std::span<std::byte const> bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {}

  /// Throws Error when there is a value of this key already.
  void add(std::string_view key, GgufValue const& value) {
    check(values_.emplace(key, value).second, at(key), "one value of this key", "two");
  }

  std::map<std::string, GgufValue, std::less<>> const& values() const { return values_; }
  bool has(std::string_view key) const { return values_.find(key) != values_.end(); }

  Index integer(std::string_view key, Index lowest, Index highest) const {
    auto const& value = required(key, false);
    auto const number = whole_number(value, value.begin);
    check(number && *number >= lowest && *number <= highest, at(key), text("a whole number from ", lowest, " to ", highest),
          shown(value));
    return *number;
  }
  Index integer(std::string_view key, Index lowest, Index highest, Index otherwise) const {
    return has(key) ? integer(key, lowest, highest) : otherwise;
  }

  /// A value of any type of numbers.
  double number(std::string_view key, double lowest, double highest) const {
    auto const& value = required(key, false);
    auto const number = real(value, value.begin);
    check(number >= lowest && number <= highest, at(key), text("a number from ", lowest, " to ", highest), shown(value));
    return number;
  }
  double number(std::string_view key, double lowest, double highest, double otherwise) const {
    return has(key) ? number(key, lowest, highest) : otherwise;
  }

  bool boolean(std::string_view key, bool otherwise) const {
    if (!has(key)) return otherwise;
    auto const& value = required(key, false);
    check(value.type == GgufType::boolean, at(key), "true or false, of type bool", shown(value));
    return bytes_[value.begin] != std::byte{0};
  }

  std::string string(std::string_view key) const {
    auto const& value = required(key, false);
    check(value.type == GgufType::string, at(key), "a string", shown(value));
    return std::string(detail::GgufCursor(bytes_, file_, value.begin).take_string(key));
  }
  std::string string(std::string_view key, std::string otherwise) const { return has(key) ? string(key) : otherwise; }

  /// An array of strings, the tokens of a vocabulary for instance: views into the file.
  std::vector<std::string_view> strings(std::string_view key) const {
    auto const& value = required(key, true);
    check(value.type == GgufType::string, at(key), "an array of strings", shown(value));
    detail::GgufCursor cursor(bytes_, file_, value.begin);
    std::vector<std::string_view> all;
    all.reserve(static_cast<std::size_t>(value.count));
    for (std::uint64_t i = 0; i < value.count; ++i) all.push_back(cursor.take_string(key));
    return all;
  }

  std::vector<Index> integers(std::string_view key, Index lowest, Index highest) const {
    auto const& value = required(key, true);
    std::vector<Index> all;
    for (std::uint64_t i = 0; i < value.count; ++i) {
      auto const number = whole_number(value, place(value, i));
      check(number && *number >= lowest && *number <= highest, at(key),
            text("an array of whole numbers from ", lowest, " to ", highest), number ? text(*number, " at ", i) : shown(value));
      all.push_back(*number);
    }
    return all;
  }

  std::vector<bool> booleans(std::string_view key) const {
    auto const& value = required(key, true);
    check(value.type == GgufType::boolean, at(key), "an array of type bool", shown(value));
    std::vector<bool> all;
    for (std::uint64_t i = 0; i < value.count; ++i) all.push_back(bytes_[place(value, i)] != std::byte{0});
    return all;
  }

  /// An array of any type of numbers; NaN for what is beyond Index.
  std::vector<double> numbers(std::string_view key) const {
    auto const& value = required(key, true);
    auto const numeric = value.type != GgufType::boolean && value.type != GgufType::string && value.type != GgufType::array;
    check(numeric, at(key), "an array of numbers", shown(value));
    std::vector<double> all;
    for (std::uint64_t i = 0; i < value.count; ++i) all.push_back(real(value, place(value, i)));
    return all;
  }

  /// File and key, for an error message.
  std::string at(std::string_view key) const { return text(file_, ": ", in_quotes(key)); }

  /// A value for an error message: numbers, bools and strings as they stand, arrays by count and type.
  std::string shown(GgufValue const& value) const {
    auto const type = detail::name_of(value.type);
    if (value.is_array) return text("an array of ", value.count, " ", type);
    if (value.type == GgufType::string) return in_quotes(detail::GgufCursor(bytes_, file_, value.begin).take_string(""));
    if (value.type == GgufType::boolean) return bytes_[value.begin] == std::byte{0} ? "false" : "true";
    if (is_real(value.type)) return text(type, " ", real(value, value.begin));
    if (value.type == GgufType::u64) return text(type, " ", stored<std::uint64_t>(value.begin));
    return text(type, " ", whole_number(value, value.begin).value_or(0));
  }

 private:
  GgufValue const& required(std::string_view key, bool array) const {
    auto const found = values_.find(key);
    if (found == values_.end()) throw Error({at(key), "a value", "no such key", "The file is incomplete, or of another kind."});
    check(found->second.is_array == array, at(key), array ? "an array" : "a single value", shown(found->second));
    return found->second;
  }

  template <class Number>
  Number stored(std::size_t begin) const {
    Number number;
    std::memcpy(&number, bytes_.data() + begin, sizeof number);
    return number;
  }
  static std::size_t place(GgufValue const& value, std::uint64_t i) {
    return value.begin + static_cast<std::size_t>(i) * detail::size_of(value.type);
  }
  static bool is_real(GgufType type) { return type == GgufType::f32 || type == GgufType::f64; }

  /// NaN for what is no number: it lies within no bounds.
  double real(GgufValue const& value, std::size_t begin) const {
    if (value.type == GgufType::f32) return static_cast<double>(stored<float>(begin));
    if (value.type == GgufType::f64) return stored<double>(begin);
    auto const whole = whole_number(value, begin);
    return whole ? static_cast<double>(*whole) : std::numeric_limits<double>::quiet_NaN();
  }

  /// None for another type, and for a number above those of Index.
  std::optional<Index> whole_number(GgufValue const& value, std::size_t begin) const {
    switch (value.type) {
      case GgufType::u8:
        return stored<std::uint8_t>(begin);
      case GgufType::i8:
        return stored<std::int8_t>(begin);
      case GgufType::u16:
        return stored<std::uint16_t>(begin);
      case GgufType::i16:
        return stored<std::int16_t>(begin);
      case GgufType::u32:
        return stored<std::uint32_t>(begin);
      case GgufType::i32:
        return stored<std::int32_t>(begin);
      case GgufType::i64:
        return stored<std::int64_t>(begin);
      case GgufType::u64: {
        auto const number = stored<std::uint64_t>(begin);
        if (number > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) return std::nullopt;
        return static_cast<Index>(number);
      }
      default:
        return std::nullopt;
    }
  }

  std::span<std::byte const> bytes_;
  std::string file_;
  std::map<std::string, GgufValue, std::less<>> values_;
};

}  // namespace chg::formats
