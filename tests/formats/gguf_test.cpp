// SPDX-License-Identifier: MIT
#include <chg/formats/gguf.hpp>

#include "formats/gguf_files.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using chg::Index;
using chg::formats::Gguf;

namespace {

Gguf parse(std::string const& file) { return {std::as_bytes(std::span(file)), "FILE"}; }
std::string complaint(std::string const& file) {
  return message_of([&] { parse(file); });
}
std::string complaint(GgufBuilder const& builder) { return complaint(builder.file()); }

constexpr std::uint64_t kHuge = std::uint64_t{1} << 60;
std::string const kSixteen(16, '\0');

/// A tensor "a" of four floats, then "b" of two.
GgufBuilder two_tensors() {
  GgufBuilder b;
  return b.tensor("a", {4}, "F32", bytes_of({1, 2, 3, 4})).tensor("b", {2}, "F32", bytes_of({5, 6}));
}

}  // namespace

TEST_CASE("gguf: versions 2 and 3 give their tensors, row-major, in float and in double", "[formats]") {
  TemporaryDirectory const directory;
  for (std::uint32_t const version : {2, 3}) {
    GgufBuilder b;
    b.version = version;
    b.string("general.architecture", "llama")
        .tensor("full", {3, 2}, "F32", bytes_of({1, 2, 3, 4, 5, 6}))
        .tensor("half", {2}, "F16", std::string("\x00\x3c\xff\xfb", 4))
        .tensor("blocks", {32, 1}, "Q8_0", std::string("\x00\x38", 2) + std::string(32, '\x04'));
    Gguf const file(directory.write("m.gguf", b.file()));
    REQUIRE(file.version() == version);
    REQUIRE(file.info("full").shape == std::vector<Index>{2, 3});
    REQUIRE(file.info("blocks").shape == std::vector<Index>{1, 32});
    REQUIRE(file.tensors().size() == 3);
    REQUIRE_FALSE(file.contains("other"));
    std::vector<float> full(6), half(2);
    std::vector<double> blocks(32);
    file.read("full", std::span(full));
    file.read("half", std::span(half));
    file.read("blocks", std::span(blocks));
    REQUIRE(full == std::vector<float>{1, 2, 3, 4, 5, 6});
    REQUIRE(half == std::vector<float>{1, -65504});
    REQUIRE(blocks == std::vector<double>(32, 2.0));
  }
}

TEST_CASE("gguf: a missing tensor and a wrong number of elements are errors with file and tensor", "[formats]") {
  auto const bytes = two_tensors().file();
  auto const file = parse(bytes);
  std::vector<float> three(3);
  CHECK(ordered(message_of([&] { file.read("c", std::span(three)); }), {"FILE: tensor \"c\" is missing", "none among 2"}));
  CHECK(ordered(message_of([&] { file.read("b", std::span(three)); }), {"tensor \"b\": number of elements", "3", "got 2"}));
}

TEST_CASE("gguf: alignment is that of the file, tensors may lie in another order than their entries", "[formats]") {
  GgufBuilder b;
  b.alignment = 8;
  b.integer("general.alignment", 8);
  b.tensor_at("second", {1}, 0, 8, bytes_of({7}) + std::string(4, '\0')).tensor_at("first", {1}, 0, 0, bytes_of({8}));
  auto const bytes = b.file();
  std::vector<float> one(1);
  auto const file = parse(bytes);
  REQUIRE(file.alignment() == 8);
  file.read("second", std::span(one));
  REQUIRE(one[0] == 8);                                                              // the bytes were stored the other way round
  REQUIRE(complaint(bytes + std::string(4, '\0')) == "(no chg::Error was thrown)");  // padding after the last tensor
}

TEST_CASE("gguf: a file of metadata alone, as vocabularies are published, is read", "[formats]") {
  GgufBuilder b;
  b.string("general.architecture", "llama");
  REQUIRE(complaint(b) == "(no chg::Error was thrown)");
  auto padded = b.file();
  padded.resize((padded.size() + 31) / 32 * 32);
  REQUIRE(complaint(padded) == "(no chg::Error was thrown)");
  REQUIRE(ordered(complaint(padded + '\0'), {"FILE: size", "where the header ends"}));
}

TEST_CASE("gguf: another magic, version 1, newer versions and big-endian files are refused by name", "[formats]") {
  CHECK(ordered(complaint(std::string("GGUF")), {"FILE is too short", "24 bytes", "got 4"}));
  GgufBuilder b;
  b.magic = "ggjt";
  CHECK(ordered(complaint(b), {"FILE: magic", "\"GGUF\"", "\"ggjt\""}));
  b.magic = "GGUF";
  b.version = 1;
  CHECK(ordered(complaint(b), {"FILE: version", "2 or 3", "got 1", "Convert the checkpoint again"}));
  for (std::uint32_t const version : {0, 4}) {
    b.version = version;
    CHECK(ordered(complaint(b), {"FILE: version", "got " + std::to_string(version)}));
  }
  b.version = 0x0300'0000;
  CHECK(ordered(complaint(b), {"FILE: version", "little endian", "3, big endian"}));
}

TEST_CASE("gguf: counts beyond the bytes that follow are refused before anything is allocated", "[formats]") {
  auto b = two_tensors();
  b.tensors = kHuge;
  CHECK(ordered(complaint(b), {"FILE: tensors: count", "has room", std::to_string(kHuge)}));
  b = two_tensors();
  b.values = kHuge;
  CHECK(ordered(complaint(b), {"FILE: values: count", "has room", std::to_string(kHuge)}));
  auto claim = [](std::uint64_t tensors, std::uint64_t values) {  // room for all of them, and too many
    GgufBuilder c;
    c.tensors = tensors, c.values = values;
    c.data = std::string(4'000'000, '\0');
    return complaint(c);
  };
  CHECK(ordered(claim(100'000, 0), {"FILE: tensors: count", "at most 65536", "got 100000"}));
  CHECK(ordered(claim(0, 100'000), {"FILE: values: count", "at most 65536", "got 100000"}));
}

TEST_CASE("gguf: strings, arrays and nested arrays longer than the file are refused by key", "[formats]") {
  auto const with = [](std::uint32_t type, std::string const& bytes) {
    return complaint(GgufBuilder().value("KEY", type, bytes).value("other", 0, "\1"));
  };
  CHECK(ordered(with(8, u64(kHuge) + "abc"), {"FILE: \"KEY\"", std::to_string(kHuge) + " bytes", "cut short"}));
  for (std::uint32_t const type : {0, 5, 7, 8, 9, 10, 12})
    CHECK(ordered(with(9, u32(type) + u64(kHuge)), {"FILE: \"KEY\": count", "has room", std::to_string(kHuge)}));
  CHECK(ordered(with(9, u32(9) + u64(1) + u32(4) + u64(kHuge)), {"FILE: \"KEY\": count", std::to_string(kHuge)}));
  CHECK(ordered(with(9, u32(8) + u64(2) + gguf_string("a") + u64(kHuge)), {"FILE: \"KEY\"", std::to_string(kHuge) + " bytes"}));
  CHECK(ordered(with(13, "\1"), {"FILE: \"KEY\": type", "0 to 12", "got 13"}));
  CHECK(ordered(with(9, u32(77) + u64(0)), {"FILE: \"KEY\": type", "got 77"}));
  CHECK(ordered(with(7, "\2"), {"FILE: \"KEY\"", "0 or 1", "got 2"}));
  CHECK(ordered(with(9, u32(7) + u64(3) + std::string("\0\1\7", 3)), {"FILE: \"KEY\"", "0 or 1", "got 7"}));
  auto const cut = GgufBuilder().integer("KEY", 5).file();
  CHECK(ordered(complaint(cut.substr(0, cut.size() - 1)), {"FILE: \"KEY\"", "4 bytes", "got 3"}));
  GgufBuilder key;
  key.values = 1, key.value_bytes = u64(kHuge) + "abcdefgh";
  CHECK(ordered(complaint(key), {"FILE: key of a value", std::to_string(kHuge) + " bytes"}));
  CHECK(ordered(complaint(GgufBuilder().integer(std::string(65'536, 'k'), 1)), {"length of a key", "at most 65535", "65536"}));
}

TEST_CASE("gguf: arrays nest four deep and no deeper, so that no file exhausts the stack", "[formats]") {
  auto const nested = [](int arrays) {
    std::string bytes;
    for (int i = 1; i < arrays; ++i) bytes += u32(9) + u64(1);
    return complaint(GgufBuilder().value("KEY", 9, bytes + u32(4) + u64(1) + u32(7)));
  };
  CHECK(nested(1) == "(no chg::Error was thrown)");
  CHECK(nested(4) == "(no chg::Error was thrown)");
  CHECK(ordered(nested(5), {"FILE: \"KEY\" is nested too deeply", "at most 4"}));
  CHECK(ordered(nested(100'000), {"nested too deeply"}));
}

TEST_CASE("gguf: two values of one key, two tensors of one name are refused", "[formats]") {
  CHECK(ordered(complaint(GgufBuilder().integer("k", 1).integer("k", 1)), {"FILE: \"k\"", "one value", "two"}));
  GgufBuilder b;
  b.tensor("a", {8}, "F32", bytes_of(std::vector<float>(8))).tensor("a", {8}, "F32", bytes_of(std::vector<float>(8)));
  CHECK(ordered(complaint(b), {"FILE: tensor \"a\"", "one tensor of this name", "two"}));
}

TEST_CASE("gguf: an alignment that is no power of two, or no whole number, is refused", "[formats]") {
  for (std::uint32_t const alignment : {0, 4, 7})
    CHECK(ordered(complaint(GgufBuilder().integer("general.alignment", alignment)),
                  {"FILE: \"general.alignment\"", "from 8", "got u32 " + std::to_string(alignment)}));
  CHECK(ordered(complaint(GgufBuilder().integer("general.alignment", 24)), {"\"general.alignment\"", "power of two", "got 24"}));
  CHECK(ordered(complaint(GgufBuilder().string("general.alignment", "32")), {"\"general.alignment\"", "whole number", "\"32\""}));
}

TEST_CASE("gguf: tensors of unknown types, of too many or no extents, or of broken blocks are refused by name", "[formats]") {
  auto const with = [](std::vector<std::uint64_t> const& extents, std::uint32_t type) {
    return complaint(GgufBuilder().tensor_at("t", extents, type, 0, kSixteen));
  };
  CHECK(ordered(with({4}, 4), {"FILE: tensor \"t\": type", "got type 4"}));
  CHECK(ordered(with({4}, 0xFFFF'FFFF), {"FILE: tensor \"t\": type", "got type 4294967295"}));
  CHECK(ordered(with({}, 0), {"FILE: tensor \"t\": number of extents", "1 to 4", "got 0"}));
  CHECK(ordered(with({1, 1, 1, 1, 4}, 0), {"number of extents", "got 5"}));
  CHECK(with({4, 1, 1, 1}, 0) == "(no chg::Error was thrown)");
  CHECK(ordered(with({0, 4}, 0), {"FILE: tensor \"t\": extents", "1 element or more", "extent of 0"}));
  CHECK(ordered(with({16, 2}, 8), {"FILE: tensor \"t\": row", "multiple of 32", "Q8_0", "got 16"}));
  GgufBuilder rank;
  rank.tensors = 1, rank.tensor_bytes = gguf_string("t") + u32(0xFFFF'FFFF) + std::string(64, '\0');
  CHECK(ordered(complaint(rank), {"number of extents", "got 4294967295"}));
  CHECK(ordered(complaint(GgufBuilder().tensor(std::string(65, 'n'), {4}, "F32", kSixteen)),
                {"length of the name of a tensor", "at most 64", "got 65"}));
  CHECK(complaint(GgufBuilder().tensor(std::string(64, 'n'), {4}, "F32", kSixteen)) == "(no chg::Error was thrown)");
}

TEST_CASE("gguf: extents whose product overflows, or that the file has no room for, are refused", "[formats]") {
  auto const with = [](std::vector<std::uint64_t> const& extents) {
    return complaint(GgufBuilder().tensor_at("t", extents, 0, 0, kSixteen));
  };
  CHECK(ordered(with({std::uint64_t{1} << 63, 2}), {"FILE: tensor \"t\": extents", "extent of 9223372036854775808"}));
  CHECK(ordered(with({std::uint64_t{1} << 32, std::uint64_t{1} << 32}), {"FILE: tensor \"t\": extents"}));
  CHECK(ordered(with({4, std::uint64_t{1} << 62}), {"FILE: tensor \"t\": extents", "extent of 4611686018427387904"}));
  CHECK(ordered(with({5}), {"FILE: tensor \"t\"", "bytes within the", "cut short"}));
}

TEST_CASE("gguf: tensors that overlap, leave a hole, lie outside the file or off the alignment are refused", "[formats]") {
  auto const with = [](std::uint64_t offset) {
    return complaint(GgufBuilder().tensor_at("a", {8}, 0, 0, std::string(32, '\0')).tensor_at("b", {4}, 0, offset, kSixteen));
  };
  CHECK(with(32) == "(no chg::Error was thrown)");
  CHECK(ordered(with(0), {"FILE: tensor", "overlaps another", "offset of"}));
  CHECK(ordered(with(64), {"FILE: tensor \"b\" leaves a hole", "offset of 32", "got 64"}));
  CHECK(ordered(with(33), {"FILE: tensor \"b\": offset", "multiple of 32", "got 33"}));
  CHECK(ordered(with(kHuge), {"FILE: tensor \"b\": offset", "bytes of the file", std::to_string(kHuge)}));
  CHECK(ordered(with(~std::uint64_t{0} - 31), {"FILE: tensor \"b\": offset", "bytes of the file"}));
  CHECK(ordered(complaint(GgufBuilder().tensor_at("a", {4}, 0, 32, std::string(48, '\0'))), {"tensor \"a\" leaves a hole"}));
  auto const whole = two_tensors().file();
  CHECK(ordered(complaint(whole.substr(0, whole.size() - 1)), {"FILE: tensor \"b\"", "bytes within", "cut short"}));
  CHECK(ordered(complaint(whole + std::string(32, '\0')), {"FILE: size", "where the last tensor ends", "appended"}));
}

TEST_CASE("gguf: every file that is cut short anywhere is an error and nothing else", "[formats]") {
  auto const whole =
      two_tensors().string("s", "text").value("a", 9, u32(8) + u64(2) + gguf_string("x") + gguf_string("yz")).file();
  REQUIRE(complaint(whole) == "(no chg::Error was thrown)");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    auto const message = complaint(whole.substr(0, size));
    INFO(size << ": " << message);
    REQUIRE(ordered(message, {"FILE", "Expected"}));
  }
}
