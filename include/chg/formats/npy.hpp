// SPDX-License-Identifier: MIT
// Arrays of floats as .npy files, both ways: float32 or float64, little-endian, C order.
//
// The format is NumPy's (numpy.lib.format, versions 1 to 3): magic, length of the header, a Python dictionary, the numbers.
#pragma once

#include <chg/formats/mapped_file.hpp>
#include <chg/tensor/array.hpp>
#include <chg/tensor/error.hpp>
#include <chg/tensor/matrix.hpp>

#include <bit>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace chg::formats {

/// An array of floats from a file, as doubles.
struct Npy {
  std::vector<Index> shape;
  std::vector<double> values;  ///< C order
};

namespace detail {

/// What stands after 'KEY': in the dictionary of a header, spaces left out. Of a key that is there twice Python takes the last
/// value; no writer writes one, so that is an error.
inline std::string_view npy_entry(std::string_view header, std::string_view key, std::string const& name) {
  auto const quoted = text('\'', key, "':");
  auto const at = header.find(quoted);
  check(at != std::string_view::npos, name + ": header", text("an entry ", key), "none", "The file is damaged.");
  auto const again = header.find(quoted, at + quoted.size()) != std::string_view::npos;
  check(!again, name + ": header", text("one entry ", key), "two or more", "The file is damaged.");
  return header.substr(at + quoted.size());
}

inline std::vector<Index> npy_shape(std::string_view tuple, std::string const& name) {
  auto const damaged = [&] { return Error({name + ": shape in the header", "a tuple of extents", "something else", ""}); };
  if (!tuple.starts_with('(')) throw damaged();
  tuple.remove_prefix(1);
  std::vector<Index> shape;
  while (!tuple.starts_with(')')) {
    Index extent = 0;
    auto const [end, failure] = std::from_chars(tuple.data(), tuple.data() + tuple.size(), extent);
    if (failure != std::errc() || extent < 0 || shape.size() == 8) throw damaged();
    shape.push_back(extent);
    tuple.remove_prefix(static_cast<std::size_t>(end - tuple.data()));
    if (tuple.starts_with(',')) tuple.remove_prefix(1);
  }
  return shape;
}

template <class Stored>
void append_numbers(std::string_view bytes, std::vector<double>& values) {
  values.resize(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored x;
    std::memcpy(&x, bytes.data() + i * sizeof x, sizeof x);
    values[i] = static_cast<double>(x);
  }
}

}  // namespace detail

/// "[2, 3]"
inline std::string extents_text(std::vector<Index> const& shape) {
  std::string out = "[";
  for (auto const n : shape) out += text(out.size() > 1 ? ", " : "", n);
  return out + "]";
}

/// The array of a .npy file's bytes; `name` stands for the file in errors. Throws Error for what is no .npy file, for numbers that
/// are not float32 or float64, for Fortran order, and when the numbers are not as many as the shape says.
inline Npy parse_npy(std::string_view bytes, std::string const& name) {
  check(bytes.size() >= 10 && bytes.starts_with("\x93NUMPY"), name, "a .npy file", "another kind of file");
  auto const version = static_cast<unsigned char>(bytes[6]);
  check(version >= 1 && version <= 3, name + ": version of the format", "1 to 3", static_cast<int>(version));
  std::size_t const length_bytes = version == 1 ? 2 : 4;
  check(bytes.size() >= 8 + length_bytes, name + " is cut off", "a header", "fewer bytes");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= std::size_t{static_cast<unsigned char>(bytes[8 + i])} << (8 * i);
  auto const begin = 8 + length_bytes;
  check(length <= bytes.size() - begin, name + " is cut off", text("a header of ", length, " bytes"), bytes.size() - begin);
  std::string header;
  for (char const c : bytes.substr(begin, length))
    if (c != ' ' && c != '\n') header += c == '"' ? '\'' : c;

  auto const descr = detail::npy_entry(header, "descr", name);
  auto const f32 = descr.starts_with("'<f4'"), f64 = descr.starts_with("'<f8'");
  check(f32 || f64, name + ": type of the numbers", "float32 or float64, little-endian ('<f4' or '<f8')",
        descr.substr(0, descr.find(',')), "Convert it: array.astype('<f4').");
  auto const order = detail::npy_entry(header, "fortran_order", name);
  check(order.starts_with("False"), name + ": order of the numbers", "C order", "Fortran order",
        "Convert it: numpy.ascontiguousarray(array).");
  Npy array{detail::npy_shape(detail::npy_entry(header, "shape", name), name), {}};
  auto const numbers = bytes.substr(begin + length);
  auto const each = f32 ? sizeof(float) : sizeof(double);
  std::size_t wanted = each;
  for (auto const n : array.shape) {
    auto const fits = n == 0 || wanted <= numbers.size() / static_cast<std::size_t>(n);
    wanted = fits ? wanted * static_cast<std::size_t>(n) : numbers.size() + 1;
  }
  check(numbers.size() == wanted, name + ": bytes of numbers",
        "as many as the shape " + extents_text(array.shape) + " says", numbers.size(), "The file is cut off or damaged.");
  f32 ? detail::append_numbers<float>(numbers, array.values) : detail::append_numbers<double>(numbers, array.values);
  return array;
}

/// Throws Error as parse_npy does, and when the file cannot be read.
inline Npy read_npy(std::filesystem::path const& path) {
  MappedFile const file(path);
  return parse_npy(file.chars(), path.string());
}

/// The bytes of a .npy file of version 1 with this array, its numbers as Stored: float or double. They begin at a multiple of 64.
template <class Stored, std::size_t Axes>
std::string npy_bytes(Array<double, Axes> const& values) {
  static_assert(std::is_same_v<Stored, float> || std::is_same_v<Stored, double>,
                "chg::formats::npy_bytes<Stored>: Stored must be float or double. Name it: npy_bytes<float>(values).");
  static_assert(std::endian::native == std::endian::little, "chg::formats::npy_bytes writes the machine's own order of bytes");
  std::string shape;
  for (auto const n : values.shape()) shape += (shape.empty() ? "" : ", ") + std::to_string(n);
  if (Axes == 1) shape += ',';  // a tuple of one
  auto header = text("{'descr': '<f", sizeof(Stored), "', 'fortran_order': False, 'shape': (", shape, "), }");
  constexpr std::size_t kBefore = 10;  // magic, version and length
  auto const size = (kBefore + header.size() + 1 + 63) / 64 * 64 - kBefore;
  header.resize(size - 1, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += {static_cast<char>(size & 255), static_cast<char>(size >> 8)};
  bytes += header;
  auto const begin = bytes.size();
  bytes.resize(begin + values.size() * sizeof(Stored));
  auto* to = bytes.data() + begin;
  for (auto const x : values) {
    auto const stored = static_cast<Stored>(x);
    std::memcpy(to, &stored, sizeof stored);
    to += sizeof stored;
  }
  return bytes;
}

}  // namespace chg::formats
