// SPDX-License-Identifier: MIT
// Reader of GGUF files, versions 2 and 3 (the format of llama.cpp): mapped into memory, every rule of the format checked before
// a byte of data is used.
//
//     "GGUF", version: u32, tensors: u64, values: u64
//     values       key: string, type: u32, value
//     tensors      name: string, n: u32, n extents: u64 (that of neighbours in memory first), type: u32, offset: u64
//     padding, then the tensors; each starts at a multiple of general.alignment (32 unless given), counted from the first
//
// Tensors neither overlap nor leave holes but padding. What the padding is made of is not looked at.
#pragma once

#include <chg/formats/dequantize.hpp>
#include <chg/formats/gguf_metadata.hpp>
#include <chg/formats/mapped_file.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::formats {

/// One tensor of a file: what the header says, checked.
struct GgufTensor {
  GgmlType type;
  std::vector<Index> shape;  ///< [rows, columns]: row-major, so the extents of the file in reverse
  std::size_t begin = 0;     ///< of its bytes, counted from the start of the file
  std::size_t end = 0;
  Index elements = 1;  ///< the product of the shape
};

struct GgufHeader {
  std::uint32_t version = 0;
  std::uint64_t alignment = 32;
  GgufMetadata metadata;
  std::map<std::string, GgufTensor, std::less<>> tensors;
};

namespace detail {

// Far above every published file; what is kept in memory for a hostile one stays below some ten megabytes.
inline constexpr std::uint64_t most_gguf_values = 1 << 16, most_gguf_tensors = 1 << 16;
inline constexpr std::size_t longest_gguf_key = 65'535, longest_gguf_tensor_name = 64, most_gguf_extents = 4;

inline std::uint64_t aligned(std::uint64_t bytes, std::uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Magic and version: an Error that says which other kind of file this is.
inline std::uint32_t take_gguf_version(GgufCursor& cursor, std::string const& file) {
  constexpr std::size_t prefix = 24;  // magic, version and both counts
  check(cursor.left() >= prefix, file + " is too short for a GGUF file", "24 bytes or more", cursor.left());
  std::string magic;
  for (int i = 0; i < 4; ++i) magic += cursor.take<char>("magic");
  check(magic == "GGUF", file + ": magic", "\"GGUF\"", in_quotes(magic),
        "This is no GGUF file. For a Hugging Face model give its directory.");
  auto const version = cursor.take<std::uint32_t>("version");
  check(version == 0 || (version & 0xFFFFu) != 0, file + ": version", "2 or 3, little endian",
        text(version >> 24, ", big endian"), "Convert the file on a machine of its own kind.");
  check(version == 2 || version == 3, file + ": version", "2 or 3", version,
        version == 1  ? "Convert the checkpoint again: version 1 is no longer in use."
        : version > 3 ? "The file is newer than this reader."
                      : "The file is damaged.");
  return version;
}

inline GgufMetadata take_gguf_metadata(GgufCursor& cursor, std::uint64_t count, std::span<std::byte const> bytes,
                                       std::string const& file) {
  GgufMetadata metadata(bytes, file);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto const key = cursor.take_string("key of a value");
    check(key.size() <= longest_gguf_key, file + ": length of a key", text("at most ", longest_gguf_key, " bytes"), key.size());
    metadata.add(key, take_gguf_value(cursor, in_quotes(key)));
  }
  return metadata;
}

inline std::uint64_t gguf_alignment(GgufMetadata const& metadata) {
  constexpr Index usual = 32, least = 8, most = Index{1} << 31;
  auto const alignment = static_cast<std::uint64_t>(metadata.integer("general.alignment", least, most, usual));
  check(std::has_single_bit(alignment), metadata.at("general.alignment"), "a power of two", alignment);
  return alignment;
}

/// One entry of the header, whose begin and end still count from the first tensor. The name is passed over already.
inline GgufTensor take_gguf_tensor(GgufCursor& cursor, std::string const& name, std::size_t file_size) {
  GgufTensor tensor;
  auto const rank = cursor.take<std::uint32_t>(name);
  check(rank >= 1 && rank <= most_gguf_extents, cursor.at(name) + ": number of extents", "1 to 4", rank);
  std::vector<std::uint64_t> extents(rank);
  for (auto& extent : extents) extent = cursor.take<std::uint64_t>(name);
  auto const number = cursor.take<std::uint32_t>(name);
  auto const* const type = find_ggml_type(number);
  check(type != nullptr, cursor.at(name) + ": type", "a tensor type of the format", text("type ", number),
        "The file is damaged, or newer than this reader.");
  tensor.type = *type;

  // Every product is kept at or below the elements that there is room for, so none overflows.
  auto const limit = file_size / type->bytes * static_cast<std::uint64_t>(type->block);
  std::uint64_t elements = 1;
  for (auto const extent : extents) {
    check(extent >= 1 && extent <= limit / elements, cursor.at(name) + ": extents",
          text("a ", type->name, " tensor of 1 element or more within the ", file_size, " bytes of the file"),
          text("an extent of ", extent));
    elements *= extent;
    tensor.shape.insert(tensor.shape.begin(), static_cast<Index>(extent));
  }
  tensor.elements = static_cast<Index>(elements);
  check(tensor.shape.back() % type->block == 0, cursor.at(name) + ": row",
        text("a multiple of ", type->block, " elements, a block of ", type->name), tensor.shape.back());
  auto const offset = cursor.take<std::uint64_t>(name);
  check(offset <= file_size, cursor.at(name) + ": offset", text("at most the ", file_size, " bytes of the file"), offset);
  tensor.begin = static_cast<std::size_t>(offset);
  tensor.end = tensor.begin + static_cast<std::size_t>(elements / static_cast<std::uint64_t>(type->block)) * type->bytes;
  return tensor;
}

/// Offsets become places in the file. Throws Error unless the tensors fill it from `origin` to its end.
inline void place_gguf_tensors(GgufHeader& header, std::uint64_t header_end, std::size_t file_size, std::string const& file) {
  auto const origin = aligned(header_end, header.alignment);
  std::vector<std::pair<std::string const, GgufTensor>*> order;
  for (auto& item : header.tensors) order.push_back(&item);
  std::ranges::sort(order, {}, [](auto const* item) { return std::pair(item->second.begin, item->second.end); });
  std::uint64_t end = 0;
  for (auto* const item : order) {
    auto& tensor = item->second;
    auto const name = [&] { return file + ": tensor " + in_quotes(item->first); };
    auto const expected = aligned(end, header.alignment);
    if (tensor.begin % header.alignment != 0)
      throw Error(
          {name() + ": offset", text("a multiple of ", header.alignment, ", the alignment of the file"), text(tensor.begin), ""});
    if (tensor.begin != expected)
      throw Error({name() + (tensor.begin < expected ? " overlaps another" : " leaves a hole"),
                   text("an offset of ", expected, ", where the tensor before it ends"), text(tensor.begin), ""});
    end = tensor.end;
    tensor.begin += origin;
    tensor.end += origin;
    if (tensor.end > file_size)
      throw Error({name(), text("bytes within the ", file_size, " of the file"), text("bytes ", tensor.begin, " to ", tensor.end),
                   "The file is cut short."});
  }
  auto const last = order.empty() ? header_end : origin + end;
  check(file_size <= aligned(last, header.alignment), file + ": size",
        text(last, " bytes, where the ", order.empty() ? "header" : "last tensor", " ends, and padding"), file_size,
        "The file is damaged, or something was appended to it.");
}

}  // namespace detail

/// Reads and checks the header of a whole file given as bytes, which must outlive the result; `file` names it in errors. Throws
/// Error for the first rule that is broken, with file, key or tensor, what is expected and what is there.
inline GgufHeader parse_gguf(std::span<std::byte const> bytes, std::string const& file) {
  detail::GgufCursor cursor(bytes, file);
  auto const version = detail::take_gguf_version(cursor, file);
  constexpr std::size_t least_tensor = 32, least_value = 13;
  auto const tensors = cursor.take_count("tensors", least_tensor);
  auto const values = cursor.take_count("values", least_value);
  check(tensors <= detail::most_gguf_tensors, file + ": tensors: count", text("at most ", detail::most_gguf_tensors), tensors);
  check(values <= detail::most_gguf_values, file + ": values: count", text("at most ", detail::most_gguf_values), values);

  GgufHeader header{.version = version, .metadata = detail::take_gguf_metadata(cursor, values, bytes, file), .tensors = {}};
  header.alignment = detail::gguf_alignment(header.metadata);
  for (std::uint64_t i = 0; i < tensors; ++i) {
    auto const name = cursor.take_string("name of a tensor");
    check(name.size() <= detail::longest_gguf_tensor_name, file + ": length of the name of a tensor",
          text("at most ", detail::longest_gguf_tensor_name, " bytes"), name.size());
    auto const shown = "tensor " + in_quotes(name);
    auto const added = header.tensors.emplace(name, detail::take_gguf_tensor(cursor, shown, bytes.size())).second;
    check(added, file + ": " + shown, "one tensor of this name", "two");
  }
  detail::place_gguf_tensors(header, cursor.position(), bytes.size(), file);
  return header;
}

/// An open file. Movable; reading from several threads is safe.
class Gguf {
 public:
  /// Maps the file and checks all of its header. Throws Error as parse_gguf does.
  explicit Gguf(std::filesystem::path const& path)
      : file_(path), bytes_(file_->bytes()), name_(path.string()), header_(parse_gguf(bytes_, name_)) {}
  /// The same for bytes in memory, which must outlive this; `name` stands for them in errors.
  Gguf(std::span<std::byte const> bytes, std::string name)
      : bytes_(bytes), name_(std::move(name)), header_(parse_gguf(bytes_, name_)) {}

  /// The path of the file, for error messages.
  std::string const& name() const { return name_; }
  std::uint32_t version() const { return header_.version; }
  std::uint64_t alignment() const { return header_.alignment; }
  GgufMetadata const& metadata() const { return header_.metadata; }
  std::map<std::string, GgufTensor, std::less<>> const& tensors() const { return header_.tensors; }
  bool contains(std::string_view tensor) const { return header_.tensors.find(tensor) != header_.tensors.end(); }

  /// Throws Error naming file and tensor when there is none of this name.
  GgufTensor const& info(std::string_view tensor) const {
    auto const found = header_.tensors.find(tensor);
    if (found == header_.tensors.end())
      throw Error({describe(tensor) + " is missing", "a tensor of this name", text("none among ", header_.tensors.size()),
                   "The file belongs to another kind of model, or is incomplete."});
    return found->second;
  }

  /// The bytes of a tensor as they lie in the file.
  std::span<std::byte const> bytes(std::string_view tensor) const {
    auto const& t = info(tensor);
    return bytes_.subspan(t.begin, t.end - t.begin);
  }

  /// Writes the elements of a tensor to `out` as dequantize() does. Throws Error when it has another number of elements, or a
  /// type that is not decoded. The pages of the tensor are given back to the system.
  template <class Real>
  void read(std::string_view tensor, std::span<Real> out) const {
    auto const& t = info(tensor);
    check(t.elements == static_cast<Index>(out.size()), describe(tensor) + ": number of elements", text(out.size()), t.elements);
    dequantize(t.type, bytes(tensor), out, describe(tensor));
    if (file_) file_->release(bytes(tensor));
  }

  /// File and tensor, for an error message.
  std::string describe(std::string_view tensor) const { return name_ + ": tensor " + in_quotes(tensor); }

 private:
  std::optional<MappedFile> file_;  // none for bytes in memory
  std::span<std::byte const> bytes_;
  std::string name_;
  GgufHeader header_;
};

}  // namespace chg::formats
