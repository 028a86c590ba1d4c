// SPDX-License-Identifier: MIT
#include <chg/run/manifest.hpp>
#include <chg/run/run_directory.hpp>

#include "formats/test_files.hpp"
#include "run/small_fit.hpp"
#include "support/catch.hpp"

using namespace chg::test;
using namespace chg::run;
using chg::files::sha256;

TEST_CASE("manifest: it says what a fit was made from, by what and when", "[run]") {
  auto const model = small_model();
  auto const data = small_examples(1);
  auto options = small_options();
  options.clip_norm = std::numeric_limits<double>::infinity();
  options.run.threads = 2;
  options.init = chg::GateLogits::filled(3, 2, 3, 0.5);
  auto const fit = chg::fit(model, data, options);
  Manifest const manifest{.command = "test \"x\"",
                          .model = describe_model("builtin:small", model),
                          .data = {describe_data("train", "random tokens", data)}};
  auto const json = Json::parse(manifest_json(manifest, fit).dump());

  CHECK(json["chg"] == "0.1.0");
  CHECK(json["command"] == "test \"x\"");
  CHECK(json["kind"] == "fit");
  CHECK(json["status"] == "finished");
  CHECK(json["threads"] == 2);
  CHECK(json["precision"] == "f64");
  CHECK(json["seeds"] == Json({5, 6, 7}));
  CHECK(json["seconds"].get<double>() >= 0);
  auto const started = json["started"].get<std::string>();
  CHECK(started.size() == 20);
  CHECK(has_all(started, {"20", "-", "T", ":", "Z"}));
  CHECK(json["model"]["name"] == "builtin:small");
  CHECK(json["model"]["files"] == Json::array());
  CHECK(json["model"]["architecture"]["mlp"] == "swiglu");
  CHECK(json["model"]["architecture"]["kv_heads"] == 1);
  CHECK(json["data"][0]["role"] == "train");
  CHECK(json["data"][0]["examples"] == 8);
  CHECK(json["data"][0]["target_tokens"] == 16);
  CHECK(json["options"]["clip_norm"] == "none");
  CHECK(json["options"]["gate_sets"] == 3);
  CHECK(json["options"]["batch"] == 4);
  CHECK(json["options"]["normalise"] == "mean");
  CHECK(json["options"]["learning_rate"] == Json({0.1, 0.01}));
  CHECK(json["options"]["init"]["shape"] == Json({3, 2, 3}));
  CHECK(json["options"]["preset"] == (options.preset == chg::Preset::paper ? "paper" : "reference"));
  CHECK(json["options"]["order"] == (options.order == chg::Order::shuffle ? "shuffle" : "sequential"));
  CHECK(json["bos"] == "none added");
  CHECK_FALSE(json.contains("settings"));
  auto const ended = json["ended"].get<std::string>();
  CHECK(ended.size() == 20);
  CHECK(ended >= started);
  std::string build;
  for (auto const& entry : json["build"].items()) build += entry.key() + ": " + entry.value().get<std::string>() + "\n";
  CHECK(build == chg::build_info());
}

TEST_CASE("manifest: options that are chosen by name are written by it", "[run]") {
  CHECK(detail::option_json(chg::Preset::paper) == "paper");
  CHECK(detail::option_json(chg::Preset::reference) == "reference");
  CHECK(detail::option_json(chg::Order::shuffle) == "shuffle");
  CHECK(detail::option_json(chg::Order::sequential) == "sequential");
}

TEST_CASE("manifest: the number type, the settings for texts and the files of the model are in it", "[run]") {
  TemporaryDirectory const directory;
  directory.write("config.json", "abc");
  auto const model = small_model();
  auto fit = chg::fit(model, small_examples(1), small_options());
  Manifest manifest{.command = "c", .model = describe_model("m", model, directory.path()), .data = {}};
  manifest.settings = SettingsRecord{.bos = "on", .bos_added = true, .pretokenizer = "qwen2"};
  auto json = manifest_json(manifest, fit);
  CHECK(json["data"] == Json::array());
  CHECK(json["model"]["files"] == Json({{{"name", "config.json"}, {"bytes", 3}, {"sha256", sha256("abc")}}}));
  CHECK(json["settings"] == Json({{"bos", "on"}, {"bos_added", true}, {"pretokenizer", "qwen2"}}));
  manifest.settings->bos_added.reset();
  for (auto const& [bytes, name] : {std::pair(8, "f64"), {4, "f32"}, {2, "bf16"}}) {
    fit.origin.scalar_bytes = bytes;
    json = manifest_json(manifest, fit);
    CHECK(json["precision"] == name);
    CHECK(json["settings"]["bos_added"].is_null());
  }
}

TEST_CASE("manifest: records begin with nothing", "[run]") {
  CHECK(FileRecord{}.bytes == 0);
  CHECK(DataRecord{}.examples == 0);
  CHECK(DataRecord{}.target_tokens == 0);
}

TEST_CASE("manifest: a command that is not UTF-8 is written all the same, its bytes replaced", "[run]") {
  TemporaryDirectory const directory;
  RunDirectory run(directory.path() / "run");
  run.begin(running_json("fit"));
  run.finish({{"chg", "0"}, {"kind", "fit"}, {"status", "finished"}, {"command", "caf\xe9"}});
  REQUIRE(Json::parse(contents(run.path() / "run.json"))["command"] == "caf\xef\xbf\xbd");
}

TEST_CASE("manifest: the status of an interrupted contrastive fit is that", "[run]") {
  chg::ContrastiveExamples const data(small_examples(1), small_examples(2));
  auto const model = small_model();
  auto const fit = chg::contrast(
      model, data, {.gate_sets = 1, .batch = 4, .updates = 5, .progress = [](chg::Progress const& p) { return p.done < 2; }});
  auto const json = manifest_json({.command = "c", .model = describe_model("m", model), .data = {}}, fit);
  CHECK(json["kind"] == "contrast");
  CHECK(json["status"] == "interrupted");
  CHECK(json["options"]["clip_difference"] == 5);
  CHECK(json["options"]["init"].is_null());
}

TEST_CASE("manifest: the files of a model are named with size and hash, whichever are there", "[run]") {
  TemporaryDirectory const directory;
  directory.write("config.json", "abc");
  directory.write("notes.txt", "not of the model");
  auto const record = describe_model(directory.path().string(), small_model(), directory.path());
  REQUIRE(record.files.size() == 1);
  REQUIRE(record.files[0].name == "config.json");
  REQUIRE(record.files[0].bytes == 3);
  REQUIRE(record.files[0].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  for (auto const* name : {"model-3.safetensors", "model-1.safetensors", "model-2.safetensors", "tokenizer.json"})
    directory.write(name, "");
  std::vector<std::string> names;
  for (auto const& file : model_files(directory.path())) names.push_back(file.filename().string());
  REQUIRE(names == std::vector<std::string>{"config.json", "tokenizer.json", "model-1.safetensors", "model-2.safetensors",
                                            "model-3.safetensors"});
}

TEST_CASE("manifest: the hash of examples is that of their lines, and changes with any token or mask", "[run]") {
  chg::Examples const one({chg::prompt_and_target({3, 1}, {4})});
  // printf '{"tokens":[3,1,4],"target_mask":[0,0,1]}\n' | sha256sum
  CHECK(describe_data("train", "x", one).sha256 == sha256("{\"tokens\":[3,1,4],\"target_mask\":[0,0,1]}\n"));
  CHECK(describe_data("train", "x", one).sha256 !=
        describe_data("train", "x", chg::Examples({chg::prompt_and_target({3}, {1, 4})})).sha256);
  TemporaryDirectory const directory;
  auto const file = describe_data_file("train", directory.write("d.jsonl", "abc"), one);
  CHECK(file.sha256 == sha256("abc"));
  CHECK(file.role == "train");
  CHECK(file.name == (directory.path() / "d.jsonl").string());
  CHECK(file.target_tokens == 1);
}
