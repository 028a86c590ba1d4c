// SPDX-License-Identifier: MIT
// A file for each kind of fault that was published against readers of model files: numbers that wrap, counts past the file,
// values of another type, entries that are there twice. Each is an error of one line that names file and place, costs no memory
// beyond a few times its size, and is never read as a model. The tests write them all; none does harm.
#include <chg/formats/load.hpp>

#include "formats/gguf_models.hpp"
#include "formats/published_models.hpp"
#include "support/catch.hpp"
#include "support/count_allocations.hpp"

#include <cmath>
#include <limits>

using namespace chg::test;
using chg::formats::ModelSource;

namespace {

constexpr auto kMost = ~std::uint64_t{0};
constexpr std::uint32_t kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9, kU64 = 10, kI64 = 11;

/// What reading a model from this path, its weights too, complains about.
std::string read_all(std::filesystem::path const& path) {
  return message_of([&] { static_cast<void>(ModelSource(path).weights<float>()); });
}

/// Checks that `message` is an error of one line with all `words`, and that nothing large was asked for on the way to it.
void check_refused(std::string const& message, std::vector<std::string> const& words, std::size_t file_size) {
  INFO(message);
  CHECK(message.find("Expected") != std::string::npos);
  CHECK(message.find('\n') == std::string::npos);
#if CHG_TEST_OWN_MALLOC
  CHECK(largest_allocation <= 8 * file_size + 65'536);
#else
  static_cast<void>(file_size);
#endif
  for (auto const& word : words) {
    INFO(word);
    CHECK(message.find(word) != std::string::npos);
  }
}

#if !CHG_TEST_OWN_MALLOC
std::size_t largest_allocation = 0;
#endif

void gguf_is_refused(char const* what, std::string const& bytes, std::vector<std::string> words) {
  INFO(what);
  TemporaryDirectory const directory;
  auto const path = directory.write("hostile.gguf", bytes);
  largest_allocation = 0;
  auto const message = read_all(path);
  words.emplace_back("hostile.gguf");
  check_refused(message, words, bytes.size());
}
void gguf_is_refused(char const* what, GgufBuilder const& file, std::vector<std::string> words) {
  gguf_is_refused(what, file.file(), std::move(words));
}

/// The model without the value at `key`, of whatever type, and with another instead.
GgufBuilder with(std::string const& key, std::uint32_t type, std::string const& bytes) {
  auto file = gguf_llama();
  auto const at = file.value_bytes.find(gguf_string(key));
  if (at != std::string::npos) {  // those of the model are u32 and f32, but for the first
    file.value_bytes.erase(at, gguf_string(key).size() + 8);
    --file.values;
  }
  return file.value(key, type, bytes);
}

std::string array(std::uint32_t type, std::uint64_t count, std::string const& elements = "") {
  return u32(type) + u64(count) + elements;
}

void safetensors_are_refused(char const* what, std::string const& bytes, std::vector<std::string> words) {
  INFO(what);
  TemporaryDirectory const directory;
  published_llama({}).write(directory);
  directory.write("model.safetensors", bytes);
  largest_allocation = 0;
  auto const message = read_all(directory.path());
  words.emplace_back("model.safetensors");
  check_refused(message, words, bytes.size());
}

std::string entry(std::string const& name, std::string const& dtype, std::string const& shape, std::string const& offsets) {
  return '"' + name + R"(":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}
std::string one(std::string const& dtype, std::string const& shape, std::string const& offsets, std::string const& data) {
  return safetensors_bytes("{" + entry("w", dtype, shape, offsets) + "}", data);
}

}  // namespace

TEST_CASE("hostile files: GGUF counts and lengths that wrap, or go past the file", "[formats]") {
  for (auto const huge : {kMost, kMost - 7, std::uint64_t{1} << 63, kMost / 13 + 1, kMost / 32 + 1, std::uint64_t{1} << 40}) {
    auto file = gguf_llama();
    file.values = huge;
    gguf_is_refused("values", file, {"values: count", std::to_string(huge)});
    file = gguf_llama();
    file.tensors = huge;
    gguf_is_refused("tensors", file, {"tensors: count", std::to_string(huge)});
    gguf_is_refused("length of a string", with("s", kString, u64(huge) + "abc"), {"\"s\"", std::to_string(huge)});
    gguf_is_refused("length in an array", with("s", kArray, array(kString, 1, u64(huge))), {"\"s\"", std::to_string(huge)});
    file = gguf_llama();
    ++file.values, file.value_bytes += u64(huge);
    gguf_is_refused("length of a key", file, {"key of a value", std::to_string(huge)});
    file = gguf_llama();
    ++file.tensors, file.tensor_bytes += u64(huge);
    gguf_is_refused("length of a tensor's name", file, {"name of a tensor", std::to_string(huge)});
    for (std::uint32_t type = 0; type < 13; ++type)
      gguf_is_refused("count of an array", with("a", kArray, array(type, huge)), {"\"a\": count", std::to_string(huge)});
  }
  for (auto const count : {std::uint64_t{1} << 61, std::uint64_t{1} << 62})  // times 8 and 4 bytes: 0 modulo 2^64
    for (auto const type : {kI32, kU64, kString})
      gguf_is_refused("size of an array that wraps", with("a", kArray, array(type, count)), {"\"a\": count"});
  auto const whole = gguf_llama().file();
  for (std::size_t size = 0; size < whole.size(); size += size < 900 ? 1 : 97)
    gguf_is_refused("cut short", whole.substr(0, size), {});
  gguf_is_refused("the header alone", std::string("GGUF") + u32(3) + u64(0) + u64(0), {"general.architecture"});
}

TEST_CASE("hostile files: GGUF values of other types, nested too deeply, or there twice", "[formats]") {
  std::string deep, wide;
  for (int i = 0; i < 50'000; ++i) deep += array(kArray, 1);
  for (int i = 0; i < 1'000; ++i) wide += array(kArray, 0);
  gguf_is_refused("arrays in arrays", with("a", kArray, deep + array(kI32, 0)), {"\"a\"", "nested too deeply"});
  gguf_is_refused("an array of a thousand arrays, and one more than there is",
                  with("a", kArray, array(kArray, 1'001, wide.substr(0, 11'000))), {"hostile.gguf"});
  for (std::uint32_t const type : {13u, 255u, 0x8000'0000u, 0xFFFF'FFFFu}) {
    gguf_is_refused("type of a value", with("v", type, "12345678"), {"\"v\": type", std::to_string(type)});
    gguf_is_refused("type in an array", with("v", kArray, array(type, 1, "12345678")), {"\"v\": type", std::to_string(type)});
  }
  gguf_is_refused("a bool of 2", with("v", kBool, "\2"), {"\"v\"", "0 or 1"});
  gguf_is_refused("two values of one key", gguf_llama().integer("llama.block_count", 1), {"llama.block_count", "two"});
  auto twice = gguf_llama();
  twice.tensor("output_norm.weight", {5}, "F32", bytes_of({1, 2, 3, 4, 5}));
  gguf_is_refused("two tensors of one name", twice, {"output_norm.weight", "two"});
  // Reading in C would end at the zero byte, and see a key or a name twice.
  gguf_is_refused("a key with a zero byte", gguf_llama().integer(std::string("llama.block_count\0", 18), 1),
                  {"llama.block_count\\u0000", "no such key"});
  gguf_is_refused(
      "a family with a zero byte",
      [] {
    auto file = gguf_llama();
    auto const name = gguf_string("llama");
    file.value_bytes.replace(file.value_bytes.rfind(name, 60), name.size(), gguf_string(std::string("llama\0x", 7)));
    return file;
      }(),
      {"general.architecture", "llama\\u0000x"});
  auto zero = gguf_llama();
  zero.tensor(std::string("output_norm.weight\0", 19), {5}, "F32", bytes_of({1, 2, 3, 4, 5}));
  gguf_is_refused("a tensor's name with a zero byte", zero, {"output_norm.weight\\u0000", "no place"});
}

TEST_CASE("hostile files: GGUF alignments", "[formats]") {
  for (std::uint32_t const alignment : {0u, 1u, 2u, 3u, 4u, 24u, 33u, 0x8000'0001u, 0xFFFF'FFFFu})
    gguf_is_refused("no power of two from 8", with("general.alignment", 4, u32(alignment)), {"general.alignment"});
  gguf_is_refused("2^63", with("general.alignment", kU64, u64(std::uint64_t{1} << 63)), {"general.alignment"});
  gguf_is_refused("negative", with("general.alignment", kI32, u32(0xFFFF'FFE0u)), {"general.alignment", "-32"});
  gguf_is_refused("a float", with("general.alignment", kF32, raw(32.0f)), {"general.alignment", "whole number"});
  gguf_is_refused("a bool", with("general.alignment", kBool, "\1"), {"general.alignment"});
  gguf_is_refused("a string", with("general.alignment", kString, gguf_string("32")), {"general.alignment"});
  gguf_is_refused("an array", with("general.alignment", kArray, array(4, 1, u32(32))), {"general.alignment", "single value"});
  gguf_is_refused("larger than the file", with("general.alignment", 4, u32(1u << 31)), {"tensor"});
}

TEST_CASE("hostile files: GGUF tensors of impossible extents, types and places", "[formats]") {
  auto const with_tensor = [](std::vector<std::uint64_t> const& extents, std::uint32_t type, std::uint64_t offset) {
    auto file = gguf_llama();
    ++file.tensors;
    file.tensor_bytes += gguf_tensor("extra", extents, type, offset);
    return file;
  };
  auto const end = [] {
    auto const file = gguf_llama();
    return (file.data.size() + 31) / 32 * 32;
  }();
  for (auto const rank : {0u, 5u, 0x8000'0000u, 0xFFFF'FFFFu}) {
    auto file = gguf_llama();
    ++file.tensors, file.tensor_bytes += gguf_string("extra") + u32(rank) + std::string(256, '\1');
    gguf_is_refused("number of extents", file, {"\"extra\": number of extents", std::to_string(rank)});
  }
  auto const wraps = std::vector<std::vector<std::uint64_t>>{{0},
                                                             {4, 0},
                                                             {kMost},
                                                             {std::uint64_t{1} << 63, 2},
                                                             {std::uint64_t{1} << 32, std::uint64_t{1} << 32},
                                                             {std::uint64_t{1} << 62, 4},
                                                             {1, 1, std::uint64_t{1} << 63, 2},
                                                             {0x5555'5555'5555'5556, 3},
                                                             {kMost / 4 + 2}};
  for (auto const& extents : wraps) gguf_is_refused("extents that wrap", with_tensor(extents, 0, end), {"\"extra\": extents"});
  for (auto const& type : chg::formats::ggml_types)
    gguf_is_refused("extents that wrap, in every type",
                    with_tensor({std::uint64_t{1} << 40, std::uint64_t{1} << 40}, type.number, end),
                    {"\"extra\": extents", std::string(type.name)});
  for (auto const type : {4u, 5u, 9u, 31u, 32u, 33u, 36u, 37u, 38u, 42u, 1000u, 0x8000'0000u, 0xFFFF'FFFFu})
    gguf_is_refused("types that are none, or no more", with_tensor({4}, type, end), {"\"extra\": type", std::to_string(type)});
  gguf_is_refused("a row that is no whole block", with_tensor({16, 2}, 8, end), {"\"extra\": row", "Q8_0"});
  for (auto const offset : {kMost, kMost - 31, std::uint64_t{1} << 63, std::uint64_t{end} + 32, std::uint64_t{end} + 1})
    gguf_is_refused("an offset past the end", with_tensor({4}, 0, offset), {"\"extra\""});
  gguf_is_refused("an offset off the alignment", with_tensor({1}, 0, 4), {"offset", "multiple of 32"});
  gguf_is_refused("an offset of another tensor", with_tensor({1}, 0, 0), {"overlaps"});
  gguf_is_refused("data past the end", with_tensor({4}, 0, end), {"\"extra\"", "cut short"});
}

TEST_CASE("hostile files: GGUF numbers of a model that its tensors contradict", "[formats]") {
  std::vector<std::pair<std::uint32_t, std::string>> const no_extents{{4, u32(0)},
                                                                      {4, u32(0xFFFF'FFFF)},
                                                                      {kI32, u32(0xFFFF'FFFF)},
                                                                      {kI32, u32(0x8000'0000)},
                                                                      {kI64, u64(kMost)},
                                                                      {kU64, u64(kMost)},
                                                                      {kU64, u64(std::uint64_t{1} << 63)},
                                                                      {kF32, raw(2.0f)},
                                                                      {kBool, "\1"},
                                                                      {kString, gguf_string("2")},
                                                                      {kArray, array(4, 2, u32(2) + u32(2))},
                                                                      {kArray, array(4, 0)}};
  for (auto const* key : {"block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
                          "attention.head_count_kv", "attention.key_length"})
    for (auto const& [type, bytes] : no_extents) gguf_is_refused(key, with(std::string("llama.") + key, type, bytes), {key});
  for (std::uint32_t const layers : {1u, 3u, 100u, 10'000u})
    gguf_is_refused("block_count that is not that of the tensors", with("llama.block_count", 4, u32(layers)), {"tensor \"blk."});
  for (auto const* key :
       {"embedding_length", "feed_forward_length", "attention.head_count", "attention.key_length", "vocab_size"})
    for (std::uint32_t const extent : {1u, 2u, 64u, 1u << 24})
      gguf_is_refused(key, with(std::string("llama.") + key, 4, u32(extent)), {});
  for (auto const* key : {"attention.layer_norm_rms_epsilon", "rope.freq_base"})
    for (float const number : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1.0f})
      gguf_is_refused(key, with(std::string("llama.") + key, kF32, raw(number)), {key});
  auto empty = gguf_llama();
  empty.tensors = 0, empty.tensor_bytes.clear(), empty.data.clear();
  gguf_is_refused("no tensors", empty, {"token_embd.weight", "none among 0"});
}

TEST_CASE("hostile files: GGUF of other versions, byte orders and kinds", "[formats]") {
  for (std::uint32_t const version : {0u, 1u, 4u, 0x0100'0000u, 0x0300'0000u, 0xFFFF'FFFFu}) {
    auto file = gguf_llama();
    file.version = version;
    gguf_is_refused("version", file, {"version"});
  }
  for (auto const* magic : {"FUGG", "ggml", "ggjt", "GGMF", "PK\3\4", "gguf"}) {
    auto file = gguf_llama();
    file.magic = magic;
    gguf_is_refused("magic", file, {"magic"});
  }
}

TEST_CASE("hostile files: safetensors whose header is no header", "[formats]") {
  for (auto const length : {kMost, kMost - 7, kMost - 8, std::uint64_t{1} << 63, std::uint64_t{100'000'001}, std::uint64_t{3}})
    safetensors_are_refused("length", safetensors_bytes("{}", "", length), {"length of the header", std::to_string(length)});
  safetensors_are_refused("no header", safetensors_bytes("", "data"), {"header"});
  for (std::string const header : {" {}", "[]", "null", "{", "{}}", "{}{}", "\xEF\xBB\xBF{}", "{\"a\"}", "{\"a\":}", "\"{}\""})
    safetensors_are_refused("not one object", safetensors_bytes(header, ""), {"header"});
  safetensors_are_refused("zero bytes after the object", safetensors_bytes(std::string("{}\0\0", 4), ""),
                          {"header", "zero byte"});
  safetensors_are_refused("no UTF-8", safetensors_bytes("{\"\xFF\":1}", ""), {"header", "UTF-8"});
  safetensors_are_refused("nested", safetensors_bytes("{\"w\":" + std::string(100'000, '['), ""), {"nested too deeply"});
  safetensors_are_refused("no tensors", safetensors_bytes("{}", ""), {"is missing", "none among 0"});
  for (auto const* metadata :
       {"[]", "3", "\"pt\"", "{\"a\":null}", "{\"a\":1}", "{\"a\":{}}", "{\"a\":[\"b\"]}", "{\"a\":\"b\",\"a\":\"c\"}"})
    safetensors_are_refused("metadata", safetensors_bytes(std::string("{\"__metadata__\":") + metadata + "}", ""), {});
}

TEST_CASE("hostile files: safetensors with impossible tensors", "[formats]") {
  auto const four = std::string("1234");
  for (auto const* dtype : {"\"f32\"", "\"F33\"", "\"\"", "null", "32", "\"F4\"", "\"F32\\u0000\"", "[\"F32\"]"})
    safetensors_are_refused("dtype", one(dtype, "[1]", "[0,4]", four), {"\"w\"", "dtype"});
  for (auto const* shape : {"[-1]", "[1.0]", "[1e0]", "[\"1\"]", "[null]", "[[1]]", "{}", "1", "null", "[4611686018427387905]",
                            "[18446744073709551615]", "[18446744073709551616]", "[4294967296,4294967296]",
                            "[2147483648,2147483648,4]", "[0,18446744073709551615]", "[2]", "[]"})
    if (std::string(shape) != "[]")  // one number
      safetensors_are_refused("shape", one("\"F32\"", shape, "[0,4]", four), {"\"w\""});
  for (auto const* offsets :
       {"[4,0]", "[0,5]", "[1,5]", "[-4,0]", "[0,4.0]", "[0]", "[0,4,4]", "4", "null", "[18446744073709551612,0]",
        "[0,18446744073709551620]", "[18446744073709551612,18446744073709551615]"})
    safetensors_are_refused("data_offsets", one("\"F32\"", "[1]", offsets, four), {"\"w\""});
  auto const two = [](std::string const& a, std::string const& b, std::string const& data) {
    return safetensors_bytes("{" + entry("a", "\"F32\"", "[1]", a) + "," + entry("b", "\"F32\"", "[1]", b) + "}", data);
  };
  safetensors_are_refused("overlap", two("[0,4]", "[0,4]", "12345678"), {"overlap"});
  safetensors_are_refused("overlap by a byte", two("[0,4]", "[3,7]", "12345678"), {"overlap"});
  safetensors_are_refused("a hole", two("[0,4]", "[5,9]", "123456789"), {"hole"});
  safetensors_are_refused("a hole before the first", two("[1,5]", "[5,9]", "123456789"), {"hole"});
  safetensors_are_refused("bytes behind the last", two("[0,4]", "[4,8]", "123456789"), {"bytes of data"});
  auto const w = entry("w", "\"F32\"", "[1]", "[0,4]");
  safetensors_are_refused("two of a name", safetensors_bytes("{" + w + "," + w + "}", four), {"\"w\"", "twice"});
  safetensors_are_refused("two of a name, one escaped",
                          safetensors_bytes("{" + w + "," + entry("\\u0077", "\"F32\"", "[1]", "[0,4]") + "}", four), {"twice"});
  for (auto const* value : {"null", "3", "[]", "{}", "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}"})
    safetensors_are_refused("an entry", safetensors_bytes(std::string("{\"w\":") + value + "}", four), {"\"w\""});
}

TEST_CASE("hostile files: an index of shards that leads elsewhere", "[formats]") {
  for (auto const* index : {"{}",
                            "[]",
                            "null",
                            "{\"weight_map\":null}",
                            "{\"weight_map\":[]}",
                            "{\"weight_map\":{}}",
                            "{\"weight_map\":{\"a\":1}}",
                            "{\"weight_map\":{\"a\":null}}",
                            "{\"weight_map\":{\"a\":[\"1.safetensors\"]}}",
                            "{\"weight_map\":{\"a\":\"\"}}",
                            "{\"weight_map\":{\"a\":\"../1.safetensors\"}}",
                            "{\"weight_map\":{\"a\":\"/1.safetensors\"}}",
                            "{\"weight_map\":{\"a\":\"d/1.safetensors\"}}",
                            "{\"weight_map\":{\"a\":\"..\\\\1.safetensors\"}}",
                            "{\"weight_map\":{\"a\":\".safetensors\"}}",
                            "{\"weight_map\":{\"a\":\"1.safetensors\\u0000.safetensors\"}}",
                            "{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}",
                            "{\"weight_map\":{\"a\":\"2.safetensors\"}}",
                            "{\"weight_map\":{\"b\":\"1.safetensors\"}}",
                            "{\"weight_map\":{\"a\":\"1.safetensors\",\"a\":\"1.safetensors\"}}",
                            "{\"weight_map\":{\"a\":\"1.safetensors\"}"}) {
    INFO(index);
    TemporaryDirectory const directory;
    published_llama({}).write(directory);
    std::filesystem::remove(directory.path() / "model.safetensors");
    directory.write("1.safetensors", SafetensorsBuilder().add("a", "F32", {1}, "1234").file());
    directory.write("model.safetensors.index.json", index);
    largest_allocation = 0;
    check_refused(read_all(directory.path()), {"safetensors"}, std::string_view(index).size());
  }
}
