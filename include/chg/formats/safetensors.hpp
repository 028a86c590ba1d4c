// SPDX-License-Identifier: MIT
// Reader of safetensors files (huggingface.co/docs/safetensors): mapped into memory, every rule of the format checked before
// a byte of data is used.
//
//     8 bytes      N, the length of the header: unsigned, little endian
//     N bytes      JSON {"NAME": {"dtype": ..., "shape": [...], "data_offsets": [begin, end]}, ..., "__metadata__": {...}}
//     the rest     the tensors, row-major, little endian, without gap or overlap; offsets count from here
#pragma once

#include <chg/formats/float16.hpp>
#include <chg/formats/json.hpp>
#include <chg/formats/mapped_file.hpp>
#include <chg/formats/tensor_shape.hpp>
#include <chg/tensor/bfloat16.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace chg::formats {

static_assert(std::endian::native == std::endian::little,
              "chg::formats reads little-endian files by copying their bytes: this machine is big-endian.");

/// One tensor of a file: what the header says, checked.
struct TensorInfo {
  std::string dtype;         ///< as the format spells it: "F32", "F16", "BF16", ...
  std::vector<Index> shape;  ///< empty for a single number
  std::size_t begin = 0;     ///< of its bytes, counted from the start of the file
  std::size_t end = 0;
  Index elements = 1;  ///< the product of the shape
};

struct SafetensorsHeader {
  std::map<std::string, TensorInfo, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

namespace detail {

/// Bytes of an element, 0 for a dtype that the format does not know or that is smaller than a byte.
inline std::size_t dtype_size(std::string_view dtype) {
  static constexpr std::array<std::string_view, 6> one{"U8", "I8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0"};
  static constexpr std::array<std::string_view, 4> two{"F16", "BF16", "I16", "U16"}, eight{"F64", "I64", "U64", "C64"};
  static constexpr std::array<std::string_view, 3> four{"F32", "I32", "U32"};
  auto const in = [&](auto const& names) { return std::find(names.begin(), names.end(), dtype) != names.end(); };
  return in(one) ? 1 : in(two) ? 2 : in(four) ? 4 : in(eight) ? 8 : 0;
}

/// One entry of the header. `data` is the number of bytes after the header, and `origin` where they start in the file.
inline TensorInfo tensor_info(nlohmann::json const& entry, std::string const& name, std::size_t data, std::size_t origin) {
  JsonObject const object(entry, name);
  for (auto const& item : entry.items())
    check(item.key() == "dtype" || item.key() == "shape" || item.key() == "data_offsets", name,
          "the keys dtype, shape, data_offsets", in_quotes(item.key()));
  TensorInfo info;
  info.dtype = object.string("dtype");
  auto const size = dtype_size(info.dtype);
  check(size != 0, object.at("dtype"), "F32, F16, BF16 or another type of the format", in_quotes(info.dtype));

  // Every product is kept at or below the bytes that are there, so none overflows. An extent of 0 makes the tensor empty.
  auto const limit = static_cast<std::uint64_t>(data / size);
  std::uint64_t elements = 1;
  auto const& shape = object.array("shape");
  auto const extent_of = [&](nlohmann::json const& extent) {
    check(extent.is_number_unsigned(), object.at("shape"), "whole numbers, 0 or more", shown(extent));
    return extent.get<std::uint64_t>();
  };
  auto const empty = std::any_of(shape.begin(), shape.end(), [&](auto const& extent) { return extent_of(extent) == 0; });
  for (auto const& item : shape) {
    auto const extent = extent_of(item);
    auto const most = empty ? std::uint64_t{1} << 40 : limit / elements;
    check(extent <= most, object.at("shape"), text("a tensor within the ", data, " bytes of data of the file"),
          text("an extent of ", extent));
    if (!empty) elements *= extent;
    info.shape.push_back(static_cast<Index>(extent));
  }
  if (empty) elements = 0;
  info.elements = static_cast<Index>(elements);

  auto const& offsets = object.array("data_offsets");
  check(offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(), object.at("data_offsets"),
        "two whole numbers, [begin, end]", offsets.dump().substr(0, 120));
  auto const begin = offsets[0].get<std::uint64_t>(), end = offsets[1].get<std::uint64_t>();
  check(begin <= end && end <= data, object.at("data_offsets"), text("begin <= end <= ", data, ", the bytes of data of the file"),
        text("[", begin, ", ", end, "]"));
  check(end - begin == elements * size, object.at("data_offsets"),
        text(elements * size, " bytes, as ", info.dtype, " of shape ", shape_text(info.shape), " has"),
        text(end - begin, " bytes"));
  info.begin = origin + begin;
  info.end = origin + end;
  return info;
}

}  // namespace detail

/// Reads and checks the header of a whole file given as bytes; `file` names it in errors. Throws Error for the first rule that
/// is broken, with file, tensor, what is expected and what is there.
inline SafetensorsHeader parse_safetensors(std::span<std::byte const> bytes, std::string const& file) {
  constexpr std::size_t prefix = sizeof(std::uint64_t),
                        longest_header = 100'000'000;  // the limit of the reference implementation
  check(bytes.size() >= prefix, file + " is too short for a safetensors file", "8 bytes or more", bytes.size());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), prefix);
  check(length <= longest_header, file + ": length of the header", text("at most ", longest_header, " bytes"), length,
        "This is no safetensors file.");
  check(length <= bytes.size() - prefix, file + ": length of the header",
        text("at most the ", bytes.size() - prefix, " bytes that follow"), length,
        "The file is cut short, or is no safetensors file.");
  auto const origin = prefix + static_cast<std::size_t>(length);
  auto const data = bytes.size() - origin;
  std::string_view const json(reinterpret_cast<char const*>(bytes.data()) + prefix, static_cast<std::size_t>(length));
  check(!json.empty() && json.front() == '{', file + ": header", "a JSON object, from its first byte on",
        json.empty() ? "nothing" : in_quotes(json.substr(0, 1)));
  // The format itself nests two levels deep, and then one array.
  auto const parsed = parse_json(json, file + ": header", {.depth = 8, .values = 4'000'000});

  SafetensorsHeader header;
  std::vector<std::map<std::string, TensorInfo, std::less<>>::const_iterator> order;
  for (auto const& item : parsed.items()) {
    auto const name = file + ": " + in_quotes(item.key());
    if (item.key() == "__metadata__") {
      if (item.value().is_null()) continue;  // as the reference reads it: none
      check(item.value().is_object(), name, "an object of strings", shown(item.value()));
      for (auto const& entry : item.value().items()) {
        check(entry.value().is_string(), name + ": " + in_quotes(entry.key()), "a string", shown(entry.value()));
        header.metadata.emplace(entry.key(), entry.value().get<std::string>());
      }
    } else {
      order.push_back(header.tensors.emplace(item.key(), detail::tensor_info(item.value(), name, data, origin)).first);
    }
  }

  std::sort(order.begin(), order.end(),
            [](auto a, auto b) { return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end); });
  auto expected = origin;
  for (auto const& item : order) {
    auto const& info = item->second;
    check(info.begin == expected,
          file + ": " + in_quotes(item->first) + ": data_offsets " + (info.begin < expected ? "overlap" : "leave a hole"),
          text("data that starts at ", expected - origin, ", where the tensor before it ends"), info.begin - origin);
    expected = info.end;
  }
  check(expected == bytes.size(), file + ": bytes of data", text(expected - origin, ", where the last tensor ends"), data,
        "The file is damaged, or something was appended to it.");
  return header;
}

/// An open file. Movable; reading from several threads is safe.
class Safetensors {
 public:
  /// Maps the file and checks all of its header. Throws Error as parse_safetensors does.
  explicit Safetensors(std::filesystem::path const& path)
      : file_(path), header_(parse_safetensors(file_.bytes(), path.string())) {}

  std::filesystem::path const& path() const { return file_.path(); }
  std::map<std::string, TensorInfo, std::less<>> const& tensors() const { return header_.tensors; }
  std::map<std::string, std::string, std::less<>> const& metadata() const { return header_.metadata; }
  bool contains(std::string_view name) const { return header_.tensors.find(name) != header_.tensors.end(); }

  /// Throws Error naming file and tensor when there is none of this name.
  TensorInfo const& info(std::string_view name) const {
    auto const found = header_.tensors.find(name);
    if (found == header_.tensors.end())
      throw Error({describe(name) + " is missing", "a tensor of this name", text("none among ", header_.tensors.size()),
                   "The file belongs to another kind of model, or is incomplete."});
    return found->second;
  }

  /// The bytes of a tensor as they lie in the file, at any alignment.
  std::span<std::byte const> bytes(std::string_view name) const {
    auto const& tensor = info(name);
    return file_.bytes().subspan(tensor.begin, tensor.end - tensor.begin);
  }

  /// Writes a tensor of dtype F32, F16 or BF16 to `out`, element by element and exactly; double holds every one of them.
  /// Throws Error when it has another dtype or another number of elements. The pages of the tensor are given back to the system.
  template <class Real>
  void read(std::string_view name, std::span<Real> out) const {
    static_assert(std::is_same_v<Real, float> || std::is_same_v<Real, double>,
                  "chg::formats::Safetensors::read: the numbers must be float or double. Read into one of them and convert.");
    auto const& tensor = info(name);
    check(tensor.elements == static_cast<Index>(out.size()), describe(name) + ": number of elements", text(out.size()),
          tensor.elements);
    auto const* const source = bytes(name).data();
    if (tensor.dtype == "F32")
      convert<float>(source, out, [](float x) { return x; });
    else if (tensor.dtype == "F16")
      convert<std::uint16_t>(source, out, float_from_f16);
    else if (tensor.dtype == "BF16")
      convert<std::uint16_t>(source, out, from_bfloat16);
    else
      throw Error(
          {describe(name) + ": dtype", "F32, F16 or BF16", tensor.dtype, "Convert the checkpoint to one of these types."});
    file_.release(bytes(name));
  }

  /// File and tensor, for an error message.
  std::string describe(std::string_view name) const { return path().string() + ": tensor " + in_quotes(name); }

 private:
  template <class Stored, class Real, class Convert>
  static void convert(std::byte const* source, std::span<Real> out, Convert convert_one) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      Stored stored;
      std::memcpy(&stored, source + i * sizeof(Stored), sizeof(Stored));
      out[i] = static_cast<Real>(convert_one(stored));
    }
  }

  MappedFile file_;
  SafetensorsHeader header_;
};

}  // namespace chg::formats
