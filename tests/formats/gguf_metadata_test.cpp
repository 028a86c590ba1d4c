// SPDX-License-Identifier: MIT
#include <chg/formats/gguf.hpp>

#include "formats/gguf_files.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using chg::Index;
using chg::formats::Gguf;

namespace {

std::string everything() {
  auto const array = [](std::uint32_t type, std::uint64_t count, std::string const& bytes) {
    return u32(type) + u64(count) + bytes;
  };
  return GgufBuilder()
      .value("u8", 0, raw(std::uint8_t{200}))
      .value("i8", 1, raw(std::int8_t{-100}))
      .value("u16", 2, raw(std::uint16_t{60'000}))
      .value("i16", 3, raw(std::int16_t{-30'000}))
      .value("u32", 4, u32(4'000'000'000))
      .value("i32", 5, raw(std::int32_t{-2'000'000'000}))
      .value("f32", 6, raw(0.5f))
      .value("bool", 7, "\1")
      .string("string", "a \"quoted\" text")
      .value("u64", 10, u64(~std::uint64_t{0}))
      .value("i64", 11, raw(std::int64_t{-5'000'000'000}))
      .value("f64", 12, raw(0.1))
      .value("strings", 9, array(8, 3, gguf_string("") + gguf_string("be") + gguf_string("\n")))
      .value("integers", 9, array(5, 2, raw(std::int32_t{-1}) + raw(std::int32_t{7})))
      .value("numbers", 9, array(6, 2, raw(0.25f) + raw(-2.0f)))
      .value("nothing", 9, array(4, 0, ""))
      .file();
}

template <class Read>
std::string complaint(Read const& read) {
  auto const bytes = everything();
  Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
  return message_of([&] { read(file.metadata()); });
}

}  // namespace

TEST_CASE("gguf_metadata: values of every type are read as they are stored", "[formats]") {
  auto const bytes = everything();
  Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
  auto const& m = file.metadata();
  constexpr auto most = std::numeric_limits<Index>::max(), least = std::numeric_limits<Index>::min();
  CHECK(m.integer("u8", least, most) == 200);
  CHECK(m.integer("i8", least, most) == -100);
  CHECK(m.integer("u16", least, most) == 60'000);
  CHECK(m.integer("i16", least, most) == -30'000);
  CHECK(m.integer("u32", least, most) == 4'000'000'000);
  CHECK(m.integer("i32", least, most) == -2'000'000'000);
  CHECK(m.integer("i64", least, most) == -5'000'000'000);
  CHECK(m.number("f32", 0, 1) == 0.5);
  CHECK(m.number("f64", 0, 1) == 0.1);
  CHECK(m.number("i64", -1e10, 0) == -5e9);
  CHECK(m.boolean("bool", false));
  CHECK(m.string("string") == "a \"quoted\" text");
  CHECK(m.strings("strings") == std::vector<std::string_view>{"", "be", "\n"});
  CHECK(m.integers("integers", -1, 7) == std::vector<Index>{-1, 7});
  CHECK(m.numbers("numbers") == std::vector<double>{0.25, -2});
  CHECK(m.integers("nothing", 0, 0).empty());
  CHECK(m.numbers("integers") == std::vector<double>{-1, 7});
  CHECK(m.values().size() == 16);
}

TEST_CASE("gguf_metadata: a key that is absent takes the default, or is an error by file and key", "[formats]") {
  auto const bytes = everything();
  Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
  auto const& m = file.metadata();
  CHECK_FALSE(m.has("k"));
  CHECK(m.integer("k", 0, 1, 7) == 7);
  CHECK(m.number("k", 0, 1, 0.25) == 0.25);
  CHECK(m.boolean("k", true));
  CHECK(m.string("k", "default") == "default");
  CHECK(ordered(message_of([&] { m.integer("k", 0, 1); }), {"FILE: \"k\"", "a value", "no such key"}));
  CHECK(ordered(message_of([&] { m.strings("k"); }), {"FILE: \"k\"", "no such key"}));
}

TEST_CASE("gguf_metadata: a value of another type, or out of bounds, is an error with both", "[formats]") {
  CHECK(ordered(complaint([](auto& m) { m.integer("u8", 0, 199); }), {"FILE: \"u8\"", "from 0 to 199", "got u8 200"}));
  CHECK(ordered(complaint([](auto& m) { m.integer("i8", -99, 0); }), {"\"i8\"", "from -99 to 0", "got i8 -100"}));
  CHECK(ordered(complaint([](auto& m) { m.integer("u64", -1, 1); }), {"\"u64\"", "got u64 18446744073709551615"}));
  CHECK(ordered(complaint([](auto& m) { m.integer("f32", 0, 1); }), {"\"f32\"", "a whole number", "got f32 0.5"}));
  CHECK(ordered(complaint([](auto& m) { m.integer("bool", 0, 1); }), {"\"bool\"", "a whole number", "got true"}));
  CHECK(ordered(complaint([](auto& m) { m.integer("integers", 0, 1); }), {"\"integers\"", "a single value", "got an array of 2"}));
  CHECK(ordered(complaint([](auto& m) { m.number("string", 0, 300); }), {"\"string\"", "a number from 0 to 300", "quoted"}));
  CHECK(ordered(complaint([](auto& m) { m.number("f64", 0.2, 1); }), {"\"f64\"", "from 0.2", "got f64 0.1"}));
  CHECK(ordered(complaint([](auto& m) { m.boolean("u8", true); }), {"\"u8\"", "true or false", "got u8 200"}));
  CHECK(ordered(complaint([](auto& m) { m.string("strings"); }), {"a single value", "got an array of 3 string"}));
  CHECK(ordered(complaint([](auto& m) { m.string("f32"); }), {"\"f32\"", "a string", "got f32 0.5"}));
  CHECK(ordered(complaint([](auto& m) { m.strings("string"); }), {"an array", "got \"a \\\"quoted\\\" text\""}));
  CHECK(ordered(complaint([](auto& m) { m.strings("integers"); }), {"\"integers\"", "an array of strings", "got an array of 2"}));
  CHECK(ordered(complaint([](auto& m) { m.integers("integers", 0, 7); }), {"whole numbers from 0 to 7", "got -1 at 0"}));
  CHECK(ordered(complaint([](auto& m) { m.integers("numbers", 0, 7); }), {"whole numbers", "got an array of 2 f32"}));
  CHECK(ordered(complaint([](auto& m) { m.numbers("strings"); }), {"an array of numbers", "got an array of 3 string"}));
}

TEST_CASE("gguf_metadata: NaN is within no bounds", "[formats]") {
  auto const bytes = GgufBuilder().number("k", std::nanf("")).file();
  Gguf const file(std::as_bytes(std::span(bytes)), "FILE");
  CHECK(ordered(message_of([&] { file.metadata().number("k", -1e30, 1e30); }), {"FILE: \"k\"", "got f32 nan"}));
}
