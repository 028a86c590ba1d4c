// SPDX-License-Identifier: MIT
#include <chg/formats/safetensors.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using chg::formats::parse_safetensors;
using chg::formats::Safetensors;

namespace {

std::string complaint(std::string const& file) {
  return message_of([&] { parse_safetensors(std::as_bytes(std::span(file)), "FILE"); });
}

/// A header of one F32 tensor "w" of shape [2], with that text for its three values.
std::string header(std::string const& dtype, std::string const& shape, std::string const& offsets) {
  return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

std::string const kEight(8, '\0');

}  // namespace

TEST_CASE("safetensors: F32, F16 and BF16 tensors are read as their numbers, in float and in double", "[formats]") {
  TemporaryDirectory const directory;
  auto const path = directory.write("m.safetensors", SafetensorsBuilder()
                                                         .add("half", "F16", {3}, std::string("\x00\x3c\x01\x00\xff\xfb", 6))
                                                         .add("brain", "BF16", {1, 2}, std::string("\x80\x3f\x20\xc0", 4))
                                                         .add("full", "F32", {2, 2}, bytes_of({1.5f, -2, 0, 3e-40f}))
                                                         .add("one", "F32", {}, bytes_of({7}))
                                                         .add("none", "F32", {0, 5}, "")
                                                         .file());
  Safetensors const file(path);
  auto const check_as = [&](auto number) {
    using Real = decltype(number);
    std::vector<Real> half(3), brain(2), full(4), one(1), none;
    file.read("half", std::span(half));
    file.read("brain", std::span(brain));
    file.read("full", std::span(full));
    file.read("one", std::span(one));
    file.read("none", std::span(none));
    REQUIRE(half == std::vector<Real>{1, static_cast<Real>(0x1p-24), -65504});
    REQUIRE(brain == std::vector<Real>{1, -2.5});
    REQUIRE(full == std::vector<Real>{1.5, -2, 0, static_cast<Real>(3e-40f)});
    REQUIRE(one == std::vector<Real>{7});
  };
  check_as(0.0f);
  check_as(0.0);
  REQUIRE(file.tensors().size() == 5);
  REQUIRE(file.info("brain").shape == std::vector<chg::Index>{1, 2});
  REQUIRE(file.info("none").elements == 0);
}

TEST_CASE("safetensors: tensors in any order, spaces after the header and metadata are part of the format", "[formats]") {
  auto const file = safetensors_bytes(
      R"({"b":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}    )",
      std::string(7, '\1'));
  auto const parsed = parse_safetensors(std::as_bytes(std::span(file)), "FILE");
  REQUIRE(parsed.metadata.at("format") == "pt");
  REQUIRE(parsed.tensors.at("b").end == file.size());
  auto const empty = safetensors_bytes("{}", "");
  REQUIRE(parse_safetensors(std::as_bytes(std::span(empty)), "FILE").tensors.empty());
}

TEST_CASE("safetensors: metadata that are null are none", "[formats]") {
  auto const bytes = safetensors_bytes(R"({"__metadata__":null,"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
  auto const header = chg::formats::parse_safetensors(std::as_bytes(std::span(bytes)), "F");
  CHECK(header.metadata.empty());
  CHECK(header.tensors.size() == 1);
}

TEST_CASE("safetensors: a length of the header that cannot be is refused before anything is allocated for it", "[formats]") {
  REQUIRE(ordered(complaint(""), {"FILE is too short for a safetensors file", "8 bytes or more", "got 0"}));
  REQUIRE(ordered(complaint("1234567"), {"got 7"}));
  REQUIRE(ordered(complaint(safetensors_bytes("{}", "", std::uint64_t{1} << 60)),
                  {"length of the header", "100000000", "1152921504606846976"}));
  REQUIRE(ordered(complaint(safetensors_bytes("{}", "", ~std::uint64_t{0})), {"18446744073709551615"}));
  REQUIRE(ordered(complaint(safetensors_bytes("{}", "", 3)), {"the 2 bytes that follow", "got 3", "cut short"}));
  REQUIRE(ordered(complaint(safetensors_bytes("", "")), {"a JSON object", "nothing"}));
}

TEST_CASE("safetensors: a header that is not an object of tensors is refused", "[formats]") {
  REQUIRE(ordered(complaint(safetensors_bytes(" {}", "")), {"from its first byte on"}));
  REQUIRE(ordered(complaint(safetensors_bytes("[]", "")), {"from its first byte on", "["}));
  REQUIRE(ordered(complaint(safetensors_bytes("{} x", "")), {"not valid JSON"}));
  REQUIRE(ordered(complaint(safetensors_bytes(std::string("{}\0\0", 4), "")), {"not valid JSON"}));
  REQUIRE(ordered(complaint(safetensors_bytes(R"({"w":3})", "")), {"\"w\"", "a JSON object", "got 3"}));
  REQUIRE(ordered(complaint(safetensors_bytes("{\"w\":" + std::string(500'000, '['), "")), {"nested too deeply"}));
  REQUIRE(
      ordered(complaint(safetensors_bytes(R"({"__metadata__":{"a":1}})", "")), {"__metadata__", "\"a\"", "a string", "got 1"}));
  REQUIRE(ordered(complaint(safetensors_bytes(R"({"__metadata__":[]})", "")), {"__metadata__", "an array"}));
  auto const one = R"("w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  REQUIRE(ordered(complaint(safetensors_bytes(std::string("{") + one + "," + one + "}", "1234")), {"\"w\" is there twice"}));
}

TEST_CASE("safetensors: an entry with a part missing, unknown or of another type is refused by tensor and part", "[formats]") {
  REQUIRE(complaint(safetensors_bytes(header("\"F32\"", "[2]", "[0,8]"), kEight)) == "(no chg::Error was thrown)");
  REQUIRE(ordered(complaint(safetensors_bytes(R"({"w":{"shape":[2],"data_offsets":[0,8]}})", kEight)),
                  {"\"w\": dtype", "no such key"}));
  REQUIRE(ordered(complaint(safetensors_bytes(R"({"w":{"dtype":"F32","data_offsets":[0,8]}})", kEight)),
                  {"\"w\": shape", "no such key"}));
  REQUIRE(ordered(complaint(safetensors_bytes(R"({"w":{"dtype":"F32","shape":[2]}})", kEight)),
                  {"\"w\": data_offsets", "no such key"}));
  REQUIRE(ordered(complaint(safetensors_bytes(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"stride":1}})", kEight)),
                  {"\"w\"", "the keys dtype, shape, data_offsets", "\"stride\""}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F33\"", "[2]", "[0,8]"), kEight)), {"dtype", "\"F33\""}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("32", "[2]", "[0,8]"), kEight)), {"dtype", "a string", "got 32"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "2", "[0,8]"), kEight)), {"shape", "an array"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[-2]", "[0,8]"), kEight)), {"shape", "0 or more", "got -2"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[2.0]", "[0,8]"), kEight)), {"shape", "got 2.0"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[2]", "[0]"), kEight)), {"data_offsets", "two whole numbers"}));
  REQUIRE(
      ordered(complaint(safetensors_bytes(header("\"F32\"", "[2]", "[0,8,8]"), kEight)), {"data_offsets", "two whole numbers"}));
  REQUIRE(
      ordered(complaint(safetensors_bytes(header("\"F32\"", "[2]", "[-8,0]"), kEight)), {"data_offsets", "two whole numbers"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[2]", "[0,\"8\"]"), kEight)),
                  {"data_offsets", "two whole numbers"}));
}

TEST_CASE("safetensors: dtype, shape and offsets must agree, without overflow for any number", "[formats]") {
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F16\"", "[2]", "[0,8]"), kEight)),
                  {"4 bytes, as F16 of shape [2]", "got 8 bytes"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F16\"", "[2]", "[2,8]"), kEight)), {"4 bytes, as F16", "got 6 bytes"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F64\"", "[2]", "[0,8]"), kEight)), {"\"w\"", "shape"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[1]", "[0,8]"), kEight)), {"4 bytes", "got 8 bytes"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[2]", "[8,0]"), kEight)), {"begin <= end", "[8, 0]"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[2]", "[4,12]"), kEight)), {"end <= 8", "[4, 12]"}));
  // 2^62 elements of 4 bytes, and 2^32 times 2^32 of them: both are 0 modulo 2^64.
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[4611686018427387904]", "[0,0]"), "")),
                  {"shape", "4611686018427387904"}));
  REQUIRE(
      ordered(complaint(safetensors_bytes(header("\"F32\"", "[4294967296,4294967296]", "[0,0]"), "")), {"shape", "4294967296"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"F32\"", "[2]", "[18446744073709551608,18446744073709551615]"), kEight)),
                  {"end <= 8"}));
  REQUIRE(ordered(complaint(safetensors_bytes(header("\"U8\"", "[0,18446744073709551615]", "[0,0]"), "")),
                  {"shape", "18446744073709551615"}));
}

TEST_CASE("safetensors: data that overlap, leave a hole or do not end with the file are refused", "[formats]") {
  auto const two = [](std::string const& a, std::string const& b) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + a + R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b +
           "}}";
  };
  REQUIRE(complaint(safetensors_bytes(two("[4,8]", "[0,4]"), kEight)) == "(no chg::Error was thrown)");
  REQUIRE(ordered(complaint(safetensors_bytes(two("[0,4]", "[3,7]"), kEight)),
                  {"\"b\": data_offsets overlap", "starts at 4", "got 3"}));
  REQUIRE(ordered(complaint(safetensors_bytes(two("[0,4]", "[0,4]"), kEight)), {"overlap"}));
  REQUIRE(ordered(complaint(safetensors_bytes(two("[0,4]", "[5,9]"), std::string(9, 'x'))),
                  {"\"b\": data_offsets leave a hole", "starts at 4", "got 5"}));
  REQUIRE(ordered(complaint(safetensors_bytes(two("[1,5]", "[5,9]"), std::string(9, 'x'))),
                  {"\"a\": data_offsets leave a hole", "starts at 0"}));
  REQUIRE(ordered(complaint(safetensors_bytes(two("[0,4]", "[4,8]"), std::string(9, 'x'))),
                  {"bytes of data", "8, where the last tensor ends", "got 9"}));
  REQUIRE(ordered(complaint(safetensors_bytes("{}", "x")), {"bytes of data", "got 1"}));
}

TEST_CASE("safetensors: a file cut short at any byte is refused", "[formats]") {
  auto const whole =
      SafetensorsBuilder().add("a", "F32", {2, 3}, bytes_of({1, 2, 3, 4, 5, 6})).add("b", "F16", {2}, "abcd").file();
  REQUIRE(complaint(whole) == "(no chg::Error was thrown)");
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK(ordered(complaint(whole.substr(0, n)), {"FILE"}));
}

TEST_CASE(
    "safetensors: whatever a byte of the header is changed to, the file is read or refused, and every tensor lies inside it",
    "[formats]") {
  auto const whole =
      SafetensorsBuilder().add("a", "F32", {2, 3}, bytes_of({1, 2, 3, 4, 5, 6})).add("b", "F16", {2}, "abcd").file();
  int read = 0;
  for (std::size_t i = 0; i + 28 < whole.size(); ++i)
    for (int byte = 0; byte < 256; ++byte) {
      auto file = whole;
      file[i] = static_cast<char>(byte);
      try {
        for (auto const& [name, info] : parse_safetensors(std::as_bytes(std::span(file)), "FILE").tensors)
          if (info.begin > info.end || info.end > file.size())
            FAIL("byte " << i << " as " << byte << ": tensor " << name << " ends at " << info.end);
        ++read;
      } catch (chg::Error const&) {
      }
    }
  REQUIRE(read > 0);
}

TEST_CASE("safetensors: reading a tensor that is absent, of another size or of a type that holds no weights is refused",
          "[formats]") {
  TemporaryDirectory const directory;
  Safetensors const file(directory.write(
      "m.safetensors", SafetensorsBuilder().add("a", "F32", {2}, bytes_of({1, 2})).add("mask", "BOOL", {2}, "\1\1").file()));
  std::vector<float> two(2), three(3);
  REQUIRE(ordered(message_of([&] { file.read("b", std::span(two)); }), {"m.safetensors", "tensor \"b\"", "missing"}));
  REQUIRE(ordered(message_of([&] { file.read("a", std::span(three)); }), {"tensor \"a\"", "Expected 3", "got 2"}));
  REQUIRE(ordered(message_of([&] { file.read("mask", std::span(two)); }), {"tensor \"mask\"", "F32, F16 or BF16", "BOOL"}));
}
