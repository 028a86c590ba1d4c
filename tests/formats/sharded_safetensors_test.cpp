// SPDX-License-Identifier: MIT
#include <chg/formats/load.hpp>

#include "formats/published_models.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using chg::formats::ShardedSafetensors;

namespace {

std::string const kA = SafetensorsBuilder().add("a", "F32", {2}, bytes_of({1, 2})).file();
std::string const kB = SafetensorsBuilder().add("b", "F32", {1}, bytes_of({3})).add("c", "F32", {1}, bytes_of({4})).file();
char const* const kIndex =
    R"({"metadata": {"total_size": 16}, "weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "2.safetensors"}})";

/// What a directory of two shards with that index complains about.
std::string complaint(std::string const& index, std::string const& a = kA, std::string const& b = kB) {
  TemporaryDirectory const directory;
  directory.write("1.safetensors", a);
  directory.write("2.safetensors", b);
  directory.write("model.safetensors.index.json", index);
  return message_of([&] { ShardedSafetensors{directory.path()}; });
}

std::string map_to(std::string const& file) { return R"({"weight_map": {"a": "1.safetensors", "b": ")" + file + R"("}})"; }

}  // namespace

TEST_CASE("sharded_safetensors: the tensors of all shards are read as those of one file", "[formats]") {
  TemporaryDirectory const directory;
  directory.write("1.safetensors", kA);
  directory.write("2.safetensors", kB);
  directory.write("model.safetensors.index.json", kIndex);
  ShardedSafetensors const files(directory.path());
  std::vector<float> a(2), c(1);
  files.read("a", std::span(a));
  files.read("c", std::span(c));
  REQUIRE(a == std::vector<float>{1, 2});
  REQUIRE(c == std::vector<float>{4});
  REQUIRE(files.tensors().size() == 3);
  REQUIRE(ordered(files.describe("b"), {"2.safetensors: tensor \"b\""}));
  REQUIRE(ordered(message_of([&] { files.info("d"); }), {"index.json: tensor \"d\" is missing", "none among 3"}));
}

TEST_CASE("sharded_safetensors: model.safetensors comes before an index beside it", "[formats]") {
  TemporaryDirectory const directory;
  directory.write("model.safetensors", kA);
  directory.write("model.safetensors.index.json", "no JSON");
  REQUIRE(ShardedSafetensors(directory.path()).tensors().size() == 1);
}

TEST_CASE("sharded_safetensors: a model in shards is the model in one file", "[formats]") {
  TemporaryDirectory const whole, parts;
  auto const p = published_llama({.tied = false});
  p.write(whole);
  // Every second tensor into the second shard.
  chg::formats::Safetensors const file(whole.path() / "model.safetensors");
  SafetensorsBuilder shards[2];
  nlohmann::json map;
  int next = 0;
  for (auto const& [name, info] : file.tensors()) {
    auto const bytes = file.bytes(name);
    shards[next].add(name, info.dtype, {info.shape.begin(), info.shape.end()},
                     {reinterpret_cast<char const*>(bytes.data()), bytes.size()});
    map[name] = "model-0000" + std::to_string(next + 1) + "-of-00002.safetensors";
    next = 1 - next;
  }
  parts.write("config.json", p.config);
  parts.write("model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
  for (int i : {0, 1}) parts.write("model-0000" + std::to_string(i + 1) + "-of-00002.safetensors", shards[i].file());
  std::vector<chg::Token> const tokens{3, 1, 4, 1, 5};
  auto const a = chg::load_weights<float>(whole.path()).weights, b = chg::load_weights<float>(parts.path()).weights;
  REQUIRE(a.layers[1].W_down == b.layers[1].W_down);
  REQUIRE(a.embedding == b.embedding);
  REQUIRE(a.unembedding == b.unembedding);
  // A tensor that the model has no place for is named with its shard.
  shards[1].add("extra", "F32", {1}, bytes_of({1}));
  map["extra"] = "model-00002-of-00002.safetensors";
  parts.write("model-00002-of-00002.safetensors", shards[1].file());
  parts.write("model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
  CHECK(ordered(message_of([&] { chg::load_weights<float>(parts.path()); }),
                {"model-00002-of-00002.safetensors: tensor \"extra\" has no place"}));
}

TEST_CASE("sharded_safetensors: an index that is no map of tensors to files is refused by key", "[formats]") {
  CHECK(ordered(complaint("{}"), {"index.json: weight_map", "no such key"}));
  CHECK(ordered(complaint(R"({"weight_map": {}})"), {"index.json: weight_map", "one tensor or more"}));
  CHECK(ordered(complaint(R"({"weight_map": {"a": 1}})"), {"weight_map: \"a\"", "the name of a file", "got 1"}));
  CHECK(ordered(complaint(R"({"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}})"),
                {"index.json: the key \"a\" is there twice"}));
}

TEST_CASE("sharded_safetensors: a shard outside the directory is refused, even where it exists", "[formats]") {
  TemporaryDirectory const outer;
  std::filesystem::create_directory(outer.path() / "inner");
  std::filesystem::create_directory(outer.path() / "inner" / "deeper");
  for (auto const* name : {"2.safetensors", "inner/deeper/2.safetensors", "inner/..safetensors"}) outer.write(name, kB);
  outer.write("inner/1.safetensors", kA);
  for (auto const& name :
       {std::string("../2.safetensors"), std::string("deeper/2.safetensors"), std::string("deeper\\\\2.safetensors"),
        (outer.path() / "2.safetensors").string(), std::string("..safetensors")}) {
    outer.write("inner/model.safetensors.index.json", map_to(name));
    INFO(name);
    CHECK(ordered(message_of([&] { ShardedSafetensors{outer.path() / "inner"}; }),
                  {"weight_map: \"b\"", "in the same directory", "safetensors"}));
  }
  CHECK(ordered(complaint(map_to("2.bin")), {"weight_map: \"b\"", ".safetensors file", "\"2.bin\""}));
  CHECK(ordered(complaint(map_to("")), {"weight_map: \"b\"", ".safetensors file", "\"\""}));
  CHECK(ordered(complaint(map_to("2.safetensors\\u0000.safetensors")), {"weight_map: \"b\"", "in the same directory", "u0000"}));
}

TEST_CASE("sharded_safetensors: an index and shards that do not agree are refused by file and tensor", "[formats]") {
  CHECK(complaint(kIndex) == "(no chg::Error was thrown)");
  CHECK(ordered(complaint(R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "3.safetensors"}})"),
                {"3.safetensors", "No such file"}));
  CHECK(ordered(complaint(R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "1.safetensors"}})"),
                {"1.safetensors: tensor \"c\" is missing"}));
  CHECK(ordered(complaint(R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})"),
                {"2.safetensors: tensor \"c\"", "index.json names", "a surplus tensor"}));
  CHECK(ordered(complaint(R"({"weight_map": {"a": "1.safetensors", "b": "1.safetensors"}})"),
                {"1.safetensors: tensor \"b\" is missing"}));
  CHECK(ordered(complaint(kIndex, kA, SafetensorsBuilder().add("b", "F32", {1}, bytes_of({3})).file()),
                {"2.safetensors: tensor \"c\" is missing"}));
  auto const twice = SafetensorsBuilder()
                         .add("a", "F32", {1}, bytes_of({3}))
                         .add("b", "F32", {1}, bytes_of({3}))
                         .add("c", "F32", {1}, bytes_of({4}));
  CHECK(
      ordered(complaint(kIndex, kA, twice.file()), {"2.safetensors: tensor \"a\"", "one tensor of this name", "1.safetensors"}));
}
