// SPDX-License-Identifier: MIT
// The wire format of protocol buffers, field by field, from bytes that may be damaged: nothing is read beyond their end.
//
// A field is a varint (number << 3 | wire type), then a varint (0), 8 bytes (1), a length and its bytes (2), or 4 bytes (5).
#pragma once

#include <chg/tensor/error.hpp>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace chg::tokenizer {

class ProtobufFields {
 public:
  /// `name` stands for the message in errors. Keeps a view of `bytes`.
  ProtobufFields(std::string_view bytes, std::string name) : rest_(bytes), size_(bytes.size()), name_(std::move(name)) {}

  /// Steps to the next field; false at the end. Throws Error for what is no field.
  bool next() {
    if (rest_.empty()) return false;
    auto const key = varint();
    type_ = static_cast<unsigned>(key & 7);
    number_ = key >> 3;
    if (number_ == 0 || number_ > 0x1FFF'FFFF) fail("a field number from 1 to 536870911", text(number_));
    if (type_ == 0)
      value_ = varint();
    else if (type_ == 1)
      take(8);
    else if (type_ == 2)
      take(varint());
    else if (type_ == 5)
      take(4);
    else
      fail("a wire type of 0, 1, 2 or 5", text(type_));
    return true;
  }

  std::uint64_t number() const { return number_; }
  std::string const& name() const { return name_; }

  /// The bytes of a string or a message. Throws Error when the field is of another type; so do the others.
  std::string_view bytes() const { return want(2, "a length and bytes"), bytes_; }
  float number32() const {
    want(5, "4 bytes");
    float number = 0;
    std::memcpy(&number, bytes_.data(), sizeof(number));
    return number;
  }
  bool boolean() const { return want(0, "a varint"), value_ != 0; }
  /// An int32 or an enum: negative numbers take ten bytes. Throws Error when it does not fit.
  std::int32_t integer() const {
    want(0, "a varint");
    auto const number = std::bit_cast<std::int64_t>(value_);
    if (number < INT32_MIN || number > INT32_MAX) fail("a 32-bit number", text(number));
    return static_cast<std::int32_t>(number);
  }

  [[noreturn]] void fail(std::string expected, std::string got) const {
    throw Error({name_ + ": field " + std::to_string(number_) + ", before byte " + std::to_string(size_ - rest_.size()),
                 std::move(expected), std::move(got), "The file is damaged, or is another kind of file."});
  }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) fail("a whole number", "the end of the data");
      auto const byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail("a varint of at most 10 bytes", "a longer one");
  }
  void take(std::uint64_t size) {
    if (size > rest_.size()) fail(text("at most the ", rest_.size(), " bytes that follow"), text(size));
    bytes_ = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(static_cast<std::size_t>(size));
  }
  void want(unsigned type, char const* what) const {
    if (type_ != type) fail(what, text("wire type ", type_));
  }

  std::string_view rest_;
  std::size_t size_;
  std::string name_;
  std::uint64_t number_ = 0, value_ = 0;
  unsigned type_ = 0;
  std::string_view bytes_;
};

}  // namespace chg::tokenizer
