// SPDX-License-Identifier: MIT
// Walks through the bytes of a GGUF file, never past their end: numbers, strings, and metadata values of every type.
//
//     string    length: u64, bytes                 array    type of its elements: u32, count: u64, elements
//
// Everything is little endian, without padding. Time is bounded by the bytes that are there, whatever they claim.
#pragma once

#include <chg/tensor/error.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace chg::formats {

static_assert(std::endian::native == std::endian::little,
              "chg::formats reads little-endian files by copying their bytes: this machine is big-endian.");

/// The types of metadata values, by the numbers of the format.
enum class GgufType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

/// Where a value lies. For an array `type` is that of its elements.
struct GgufValue {
  GgufType type = GgufType::u8;
  bool is_array = false;
  std::uint64_t count = 1;
  std::size_t begin = 0;  ///< of the value or the first element, counted from the start of the file
};

namespace detail {

inline constexpr std::array<std::string_view, 13> gguf_type_names{"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                                  "bool", "string", "array", "u64", "i64", "f64"};
/// Bytes of a value; for strings and arrays the least, that of empty ones.
inline constexpr std::array<std::size_t, 13> gguf_type_sizes{1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

inline std::string_view name_of(GgufType type) { return gguf_type_names[static_cast<std::size_t>(type)]; }
inline std::size_t size_of(GgufType type) { return gguf_type_sizes[static_cast<std::size_t>(type)]; }

/// Reads a file from front to back and never past its end.
class GgufCursor {
 public:
  GgufCursor(std::span<std::byte const> bytes, std::string file, std::size_t at = 0)
      : bytes_(bytes), file_(std::move(file)), at_(at) {}

  std::size_t position() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  std::string at(std::string_view what) const { return text(file_, ": ", what); }

  template <class Number>
  Number take(std::string_view what) {
    need(sizeof(Number), what);
    Number number;
    std::memcpy(&number, bytes_.data() + at_, sizeof number);
    at_ += sizeof number;
    return number;
  }

  std::string_view take_string(std::string_view what) {
    auto const length = take<std::uint64_t>(what);
    need(length, what);
    std::string_view const string(reinterpret_cast<char const*>(bytes_.data()) + at_, static_cast<std::size_t>(length));
    at_ += string.size();
    return string;
  }

  /// A number of things of at least `each` bytes that follow: never more than there is room for.
  std::uint64_t take_count(std::string_view what, std::size_t each) {
    auto const count = take<std::uint64_t>(what);
    if (count > left() / each) [[unlikely]]
      throw Error({at(what) + ": count", text("at most ", left() / each, ", for which the file has room"), text(count),
                   "The file is damaged or cut short."});
    return count;
  }

  void skip(std::uint64_t bytes, std::string_view what) {
    need(bytes, what);
    at_ += static_cast<std::size_t>(bytes);
  }

 private:
  void need(std::uint64_t bytes, std::string_view what) const {
    if (bytes > left()) [[unlikely]]
      throw Error({at(what), text(bytes, " bytes from byte ", at_, " of the file on"), text(left()),
                   "The file is damaged or cut short."});
  }

  std::span<std::byte const> bytes_;
  std::string file_;
  std::size_t at_;
};

inline GgufType take_gguf_type(GgufCursor& cursor, std::string_view what) {
  auto const number = cursor.take<std::uint32_t>(what);
  if (number >= gguf_type_names.size()) [[unlikely]]
    throw Error({cursor.at(what) + ": type", "the number of a type, 0 to 12", text(number), "The file is damaged, or newer."});
  return static_cast<GgufType>(number);
}

inline constexpr int deepest_gguf_array = 4;

/// Passes over values that lie one after the other and checks what they are made of. Arrays of arrays may nest four deep.
inline void skip_gguf_values(GgufCursor& cursor, GgufValue const& values, std::string_view what, int depth = 1);

inline GgufValue take_gguf_array(GgufCursor& cursor, std::string_view what) {
  GgufValue array{.type = take_gguf_type(cursor, what), .is_array = true};
  array.count = cursor.take_count(what, size_of(array.type));
  array.begin = cursor.position();
  return array;
}

inline void skip_gguf_values(GgufCursor& cursor, GgufValue const& values, std::string_view what, int depth) {
  if (values.type == GgufType::string) {
    for (std::uint64_t i = 0; i < values.count; ++i) cursor.take_string(what);
  } else if (values.type == GgufType::boolean) {
    for (std::uint64_t i = 0; i < values.count; ++i) {
      auto const value = cursor.take<std::uint8_t>(what);
      if (value > 1) [[unlikely]]
        throw Error({cursor.at(what), "0 or 1, as every bool", text(int{value}), ""});
    }
  } else if (values.type == GgufType::array) {
    if (depth == deepest_gguf_array) [[unlikely]]
      throw Error(
          {cursor.at(what) + " is nested too deeply", text("at most ", deepest_gguf_array, " arrays in each other"), "more", ""});
    for (std::uint64_t i = 0; i < values.count; ++i) skip_gguf_values(cursor, take_gguf_array(cursor, what), what, depth + 1);
  } else {
    cursor.skip(values.count * size_of(values.type), what);
  }
}

/// One value, checked and passed over.
inline GgufValue take_gguf_value(GgufCursor& cursor, std::string_view what) {
  GgufValue value{.type = take_gguf_type(cursor, what)};
  if (value.type == GgufType::array)
    value = take_gguf_array(cursor, what);
  else
    value.begin = cursor.position();
  skip_gguf_values(cursor, value, what);
  return value;
}

}  // namespace detail

}  // namespace chg::formats
