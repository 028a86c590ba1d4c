// SPDX-License-Identifier: MIT
#include <chg/formats/dequantize.hpp>
#include <chg/formats/json.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using chg::formats::dequantize;
using chg::formats::find_ggml_type;
using chg::formats::GgmlType;

namespace {

std::vector<std::byte> from_hex(std::string const& hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

/// The checksum of zlib, bit by bit.
std::uint32_t crc32(std::span<std::byte const> bytes) {
  auto crc = ~std::uint32_t{0};
  for (auto const byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1) * 0xEDB88320u;
  }
  return ~crc;
}

std::string complaint(GgmlType const& type, std::size_t bytes, std::size_t elements) {
  std::vector<std::byte> const from(bytes);
  std::vector<float> out(elements);
  return message_of([&] { dequantize(type, std::span(from), std::span(out), "TENSOR"); });
}

}  // namespace

TEST_CASE("dequantize: blocks of every type become the floats of the reference package, bit for bit", "[formats]") {
  auto const golden = chg::formats::read_json(repository("tests/formats/gguf_golden.json"));
  std::size_t types = 0;
  for (auto const& item : golden.items()) {
    INFO(item.key());
    if (!item.value().contains("blocks")) continue;
    auto const blocks = from_hex(item.value()["blocks"]), expected = from_hex(item.value()["floats"]);
    auto const* const type = find_ggml_type(item.key());
    REQUIRE(type != nullptr);
    std::vector<float> floats(expected.size() / sizeof(float));
    dequantize(*type, std::span(blocks), std::span(floats), "TENSOR");
    std::vector<std::uint32_t> bits(floats.size()), expected_bits(floats.size());
    std::memcpy(bits.data(), floats.data(), expected.size());
    std::memcpy(expected_bits.data(), expected.data(), expected.size());
    CHECK(bits == expected_bits);
    std::vector<double> doubles(floats.size());
    dequantize(*type, std::span(blocks), std::span(doubles), "TENSOR");
    CHECK(doubles == std::vector<double>(floats.begin(), floats.end()));
    ++types;
  }
  REQUIRE(types + 1 == chg::formats::detail::decoders<float>.size());  // the reference decodes all of them but Q1_0
}

TEST_CASE("dequantize: the grids of the IQ types are those of the reference package, point by point", "[formats]") {
  auto const golden = chg::formats::read_json(repository("tests/formats/gguf_golden.json"))["CRC-32 of the grids"];
  auto const same = [&](char const* name, auto const& grid) {
    INFO(name);
    CHECK(crc32(std::as_bytes(std::span(grid))) == golden[name].template get<std::uint32_t>());
  };
  same("IQ2_XXS", chg::formats::detail::iq2_xxs_grid());
  same("IQ2_XS", chg::formats::detail::iq2_xs_grid());
  same("IQ2_S", chg::formats::detail::iq2_s_grid());
  same("IQ3_XXS", chg::formats::detail::iq3_xxs_grid());
  same("IQ3_S", chg::formats::detail::iq3_s_grid());
  same("IQ1_S", chg::formats::detail::iq1_grid());
}

TEST_CASE("dequantize: a bit of Q1_0 says d or -d", "[formats]") {
  std::vector<std::byte> block(18);
  block[1] = std::byte{0x38}, block[2] = std::byte{0x05}, block[17] = std::byte{0x80};  // d = 0.5; bits 0, 2 and 127
  std::vector<float> y(128);
  dequantize(*find_ggml_type("Q1_0"), std::span<std::byte const>(block), std::span(y), "TENSOR");
  for (std::size_t j = 0; j < y.size(); ++j) CHECK(y[j] == (j == 0 || j == 2 || j == 127 ? 0.5f : -0.5f));
}

TEST_CASE("dequantize: one block by hand: four bits low half first, then the sub-block scales of a K-quant", "[formats]") {
  // d = 0.5 (F16 0x3800); byte 0 holds element 0 (1) and element 16 (15).
  std::vector<std::byte> q4_0(18);
  q4_0[1] = std::byte{0x38}, q4_0[2] = std::byte{0xF1};
  std::vector<float> y(32);
  dequantize(*find_ggml_type("Q4_0"), std::span<std::byte const>(q4_0), std::span(y), "TENSOR");
  REQUIRE(y[0] == -3.5f);
  REQUIRE(y[16] == 3.5f);
  REQUIRE(y[1] == -4);
  // Q4_K: d = 1, dmin = 0.5; sub-block 5 has scale 33 = 0b100001 and minimum 18 = 0b010010.
  std::vector<std::byte> q4_k(144);
  q4_k[1] = std::byte{0x3C}, q4_k[3] = std::byte{0x38};
  q4_k[4 + 9] = std::byte{0x21}, q4_k[4 + 1] = std::byte{2 << 6}, q4_k[4 + 5] = std::byte{1 << 6};
  q4_k[16 + 64 + 7] = std::byte{0x70};  // element 7 of sub-block 5: 7
  std::vector<float> z(256);
  dequantize(*find_ggml_type("Q4_K"), std::span<std::byte const>(q4_k), std::span(z), "TENSOR");
  REQUIRE(z[5 * 32 + 7] == 33 * 7 - 9.0f);
  REQUIRE(z[5 * 32 + 8] == -9.0f);
  REQUIRE(z[4 * 32 + 7] == 0);
}

TEST_CASE("dequantize: nothing is written behind the last element, of any type", "[formats]") {
  for (auto const& entry : chg::formats::detail::decoders<float>) {
    INFO(entry.name);
    auto const type = *find_ggml_type(entry.name);
    std::vector<std::byte> const blocks(2 * type.bytes, std::byte{0x11});
    auto const elements = 2 * static_cast<std::size_t>(type.block);
    std::vector<float> y(elements + 64, 42);
    dequantize(type, std::span(blocks), std::span(y).first(elements), "TENSOR");
    CHECK(std::all_of(y.begin() + static_cast<std::ptrdiff_t>(elements), y.end(), [](float x) { return x == 42; }));
  }
}

TEST_CASE("dequantize: a type without a decoder is refused by name", "[formats]") {
  for (auto const* name : {"Q8_K", "I8", "I32", "F64"}) {
    auto const type = *find_ggml_type(name);
    CHECK(ordered(complaint(type, type.bytes, static_cast<std::size_t>(type.block)),
                  {"TENSOR: type", "one of F32, F16", "IQ4_NL", std::string("got ") + name, "Convert"}));
  }
}

TEST_CASE("dequantize: bytes that are not those of the elements are refused", "[formats]") {
  auto const type = *find_ggml_type("Q8_0");
  CHECK(complaint(type, 68, 64) == "(no chg::Error was thrown)");
  CHECK(ordered(complaint(type, 67, 64), {"TENSOR: size", "32 elements in 34 bytes", "64 elements in 67 bytes"}));
  CHECK(ordered(complaint(type, 68, 32), {"32 elements in 68 bytes"}));
  CHECK(ordered(complaint(type, 68, 65), {"65 elements in 68 bytes"}));
}

TEST_CASE("dequantize: the table of types is that of the format: a block of b bits an element and its scales", "[formats]") {
  REQUIRE(find_ggml_type(std::uint32_t{14})->name == "Q6_K");
  REQUIRE(find_ggml_type(std::uint32_t{4}) == nullptr);
  REQUIRE(find_ggml_type(std::uint32_t{1000}) == nullptr);
  REQUIRE(find_ggml_type("Q9_9") == nullptr);
  for (auto const& type : chg::formats::ggml_types) {
    INFO(type.name);
    CHECK(find_ggml_type(type.number)->name == type.name);
    CHECK(find_ggml_type(type.name)->number == type.number);
  }
}
