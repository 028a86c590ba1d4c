// SPDX-License-Identifier: MIT
// Gates and logits from .npy files: float32 or float64, little-endian, C order, [L, H] or [S, L, H].
//
// The format is NumPy's (numpy.lib.format, versions 1 to 3): magic, length of the header, a Python dictionary, the numbers.
#pragma once

#include <chg/formats/mapped_file.hpp>
#include <chg/gate/gates.hpp>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace chg::cli {

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
    if (tuple.empty()) throw damaged();
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

inline std::string extents_text(std::vector<Index> const& shape) {
  std::string out = "[";
  for (auto const n : shape) out += text(out.size() > 1 ? ", " : "", n);
  return out + "]";
}

}  // namespace detail

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
        "as many as the shape " + detail::extents_text(array.shape) + " says", numbers.size(), "The file is cut off or damaged.");
  f32 ? detail::append_numbers<float>(numbers, array.values) : detail::append_numbers<double>(numbers, array.values);
  return array;
}

/// Throws Error as parse_npy does, and when the file cannot be read.
inline Npy read_npy(std::filesystem::path const& path) {
  formats::MappedFile const file(path);
  return parse_npy(file.chars(), path.string());
}

/// The array as [S, L, H]; one of [L, H] has S = 1. Throws Error naming both shapes when it is not the model's.
inline Array<double, 3> gate_shaped(Npy const& npy, std::string const& name, Index layers, Index heads) {
  auto const& s = npy.shape;
  auto const right = (s.size() == 2 || (s.size() == 3 && s[0] >= 1)) && s[s.size() - 2] == layers && s.back() == heads;
  check(right, name + " has the wrong shape", text("[", layers, ", ", heads, "] or [S, ", layers, ", ", heads, "], the model's"),
        detail::extents_text(s));
  auto const sets = s.size() == 3 ? s[0] : Index{1};
  Array<double, 3> values({static_cast<std::size_t>(sets), static_cast<std::size_t>(layers), static_cast<std::size_t>(heads)});
  std::copy(npy.values.begin(), npy.values.end(), values.begin());
  return values;
}

/// GATES of a command line.
struct GatesFile {
  Gates gates;
  bool several = false;  ///< the file has the axis of gate sets, perhaps of extent 1
};

/// Throws Error as read_npy does, for another shape than the model's, and naming the first entry outside [0, 1].
inline GatesFile read_gates(std::filesystem::path const& path, Index layers, Index heads) {
  auto const npy = read_npy(path);
  try {
    return {Gates(gate_shaped(npy, path.string(), layers, heads)), npy.shape.size() == 3};
  } catch (Error const& e) {
    auto complaint = e.complaint();
    if (!complaint.what.starts_with(path.string())) complaint.what = path.string() + ": " + complaint.what;
    throw Error(std::move(complaint));
  }
}

}  // namespace chg::cli
