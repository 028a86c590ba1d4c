// SPDX-License-Identifier: MIT
#include <chg/run/same_run.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using namespace chg::run;

namespace {

Json manifest() {
  return Json::parse(R"({"chg": "0.1.0", "kind": "fit", "status": "interrupted", "precision": "f32", "bos": "auto, for texts",
    "model": {"name": "m", "architecture": {"layers": 2}, "files": [{"name": "config.json", "sha256": "aa"},
      {"name": "tokenizer.json", "sha256": "bb"}, {"name": "special_tokens_map.json", "sha256": "cc"}]},
    "data": [{"role": "train", "name": "d", "sha256": "dd"}], "options": {"lambda": 0.1, "preset": "paper", "null": "none"},
    "build": {"gemm": "packed", "vector bytes": "64", "compiler": "g++ 12.2"},
    "settings": {"bos": "auto", "bos_added": true, "pretokenizer": ""}})");
}

std::string said(Json const& then, Json const& now) {
  return message_of([&] { check_same_run("run", then, now); });
}

}  // namespace

TEST_CASE("same_run: what decides the bits is compared, the rest is not", "[run]") {
  auto other = manifest();
  other["command"] = "another", other["threads"] = 3, other["started"] = "now", other["model"]["name"] = "moved";
  other["data"][0]["name"] = "moved", other["options"]["preset"] = "reference", other["results"] = Json::array();
  REQUIRE_NOTHROW(check_same_run("run", manifest(), other));

  auto const differs = [](char const* pointer, Json const& value, std::initializer_list<std::string_view> parts) {
    auto now = manifest();
    now[Json::json_pointer(pointer)] = value;
    auto const message = said(manifest(), now);
    INFO(pointer << ": " << message);
    CHECK(has_all(message, parts));
    CHECK(has_all(message, {"run: ", "--force"}));
  };
  differs("/precision", "f64", {"precision", "f32", "f64"});
  differs("/kind", "contrast", {"kind", "fit", "contrast"});
  differs("/bos", "off, for texts", {"bos", "auto", "off"});
  differs("/options/lambda", 0.2, {"option lambda", "0.1", "0.2"});
  differs("/options/null", "targets", {"option null", "targets"});
  differs("/settings/pretokenizer", "qwen2", {"pretokenizer", "qwen2"});
  differs("/model/files/2/sha256", "xx", {"special_tokens_map.json", "cc", "xx"});
  differs("/data/0/sha256", "xx", {"SHA-256 of the data (train)", "dd", "xx"});
  differs("/build/vector bytes", "32", {"build, vector bytes", "64", "32", "rounds otherwise"});
  differs("/build/gemm", "blas", {"build, gemm", "packed", "blas", "the program that began it"});
  differs("/model/architecture/layers", 3, {"architecture of the model", "{\"layers\":2}", "{\"layers\":3}"});
  differs("/model/files/3", Json{{"name", "merges.txt"}, {"sha256", "xx"}}, {"merges.txt", "none, as when the run began"});
}

TEST_CASE("same_run: a manifest of an older version is compared by what it records", "[run]") {
  auto older = manifest(), now = manifest();
  older.erase("settings");
  older["model"]["files"].erase(2);
  now["settings"]["pretokenizer"] = "qwen2";
  REQUIRE_NOTHROW(check_same_run("run", older, now));
  for (auto const* name : {"special_tokens_map.json", "added_tokens.json", "spiece.model"}) {
    now["model"]["files"][2]["name"] = name;
    CHECK_NOTHROW(check_same_run("run", older, now));
  }
  now["model"]["files"][1]["sha256"] = "xx";
  REQUIRE(has_all(said(older, now), {"tokenizer.json", "bb", "xx"}));
}

TEST_CASE("same_run: odd values give one short line, never a text of the JSON library", "[run]") {
  for (auto const* key : {"precision", "model", "data", "options", "build", "settings", "bos"})
    for (auto const& value : {Json(), Json(1), Json("x"), Json({"x"}), Json({{"x", 1}}), Json({{{"name", 3}}}), Json(true)}) {
      auto odd = manifest();
      odd[key] = value;
      auto const message = said(odd, manifest());
      INFO(key << ' ' << value << ": " << message);
      CHECK(message.starts_with("run: "));
      CHECK(message.size() < 500);
    }
  auto odd = manifest();
  odd["options"]["lambda"] = std::string(100'000, 'x');
  odd["options"][std::string(100'000, 'k')] = 1;
  odd["model"]["files"][0]["name"] = std::string(100'000, 'n');
  odd["data"][0]["role"] = std::string(100'000, 'r');
  for (auto const* key : {"options", "model", "data"}) {
    auto one = manifest();
    one[key] = odd[key];
    CHECK(said(one, manifest()).size() < 700);
  }
}

TEST_CASE("same_run: a model without files is known by its name, and one with files is not", "[run]") {
  for (auto const& files : {Json::array(), Json()}) {
    auto then = manifest(), now = manifest();
    then["model"]["files"] = now["model"]["files"] = files;
    CHECK_NOTHROW(check_same_run("run", then, now));
    now["model"]["name"] = "another";
    CHECK(said(then, now).starts_with("run: model. Expected \"m\", with which the run began, got \"another\"."));
  }
}

TEST_CASE("same_run: what one of them does not have is an error that says so", "[run]") {
  auto then = manifest(), now = manifest();
  now["options"].erase("lambda");
  CHECK(said(then, now).starts_with("run: option lambda. Expected 0.1, with which the run began, got none."));
  CHECK(said(now, then).starts_with("run: option lambda. Expected none, as when the run began, got 0.1."));
  then.erase("precision");
  CHECK(said(then, manifest()).starts_with("run: precision. Expected null, with which the run began, got \"f32\"."));
}

TEST_CASE("same_run: values are shown in one line, as they were written, up to 120 characters", "[run]") {
  auto const shown = [](Json const& value) {
    auto now = manifest();
    now["options"]["lambda"] = value;
    auto const message = said(manifest(), now);
    auto const begin = message.find("got ") + 4;
    return message.substr(begin, message.find(". Resume with") - begin);
  };
  CHECK(shown({0.1, 0.01}) == "[0.1,0.01]");
  CHECK(shown("\xc3\xa9") == "\"\xc3\xa9\"");
  auto const longest = std::string(118, 'x');
  CHECK(shown(longest) == '"' + longest + '"');
  CHECK(shown(longest + "y") == '"' + longest + "y...");
}

TEST_CASE("same_run: of names 40 characters are shown", "[run]") {
  auto const shown = std::string(40, 'n');
  auto const differs = [](Json const& now) { return said(manifest(), now); };
  auto now = manifest();
  now["options"][shown + "m"] = 1;
  CHECK(differs(now).starts_with("run: option " + shown + ". "));
  now = manifest();
  now["build"][shown + "m"] = 1;
  CHECK(differs(now).starts_with("run: build, " + shown + ". "));
  now = manifest();
  now["data"].push_back({{"role", shown + "m"}, {"sha256", "x"}});
  CHECK(differs(now).starts_with("run: SHA-256 of the data (" + shown + "). "));
}
