// SPDX-License-Identifier: MIT
// Any bytes as the run.json of a run: the results that it lists, and the settings that another run is compared with.
#include <chg/run/run_files.hpp>
#include <chg/run/same_run.hpp>

#include "fuzz/mutate_json.hpp"

namespace {

std::string const kManifest =
    R"({"chg":"1.0.0","command":"chg fit","kind":"fit","status":"finished","started":"2026-01-01T00:00:00Z","ended":"2026-01-01T00:00:01Z",
"seconds":1.5,"model":{"name":"m","files":[{"name":"config.json","bytes":3,"sha256":"ab"},{"name":"tokenizer.json","bytes":4,"sha256":"cd"}],
"architecture":{"norm":"rms","mlp":"swiglu","position":"rotary","layers":2,"heads":3,"vocab":7}},
"data":[{"role":"train","name":"d.jsonl","sha256":"ef","examples":4,"target_tokens":4}],"settings":{"pretokenizer":"none"},
"bos":"none added","threads":2,"precision":"f32","seeds":[1,2],"options":{"updates":3,"learning_rate":[0.5,0.1],"init":null},
"build":{"chg":"1.0.0","products":"eigen"},"results":[{"name":"G0.npy","bytes":152,"sha256":"0123"},{"name":"heads.csv","bytes":9,"sha256":"45"}]})";

/// As little of each part as is read, which is read five times as often in the same time.
std::string const kSmall =
    R"({"kind":"fit","status":"finished","model":{"files":[{"name":"m","sha256":"a"}],"architecture":{"layers":2}},
"data":[{"role":"train","sha256":"b"}],"settings":{"pretokenizer":"none"},"bos":"none added","precision":"f32","options":{"updates":3},
"build":{"chg":"1"},"results":[{"name":"G0.npy","bytes":1,"sha256":"0"}]})";

}  // namespace

void chg::fuzz::read(std::string_view bytes) {
  auto const json = formats::parse_json(bytes, "FILE");
  run::detail::finished(json);
  auto const files = run::detail::listed(json, "FILE");
  for (auto const& file : files.value_or(std::vector<run::FileRecord>{})) {
    require(std::filesystem::path(file.name).filename() == file.name && !file.name.empty() && file.name.front() != '.');
    require(run::detail::owns(json, "FILE", file.name));
  }
  static auto const large = run::Json::parse(kManifest), small = run::Json::parse(kSmall);
  run::check_same_run("RUN", run::Json(json), bytes.size() > 2 * kSmall.size() ? large : small);
}

std::vector<std::string> chg::fuzz::seeds() { return {kManifest, kSmall}; }

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  static constexpr std::array<std::string_view, 28> words{
      "chg",      "kind",  "fit",    "contrast", "status", "finished", "interrupted", "running",      "model", "files",
      "name",     "bytes", "sha256", "data",     "role",   "settings", "options",     "pretokenizer", "build", "results",
      "run.json", "state", "../x",   "/x",       ".x",     "G0.npy",   "bos",         "precision"};
  return json_mutator(bytes, words);
}
