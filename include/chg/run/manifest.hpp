// SPDX-License-Identifier: MIT
// run.json: what a run was made from and by, so that it can be told apart from others and made again.
#pragma once

#include <chg/files/sha256.hpp>
#include <chg/formats/mapped_file.hpp>
#include <chg/gate/fit_record.hpp>
#include <chg/model/architecture.hpp>
#include <chg/model/workers.hpp>
#include <chg/tensor/gemm.hpp>
#include <chg/tensor/list_folder.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace chg::run {

using Json = nlohmann::ordered_json;  ///< keys stay in the order in which they are written

struct FileRecord {
  std::string name;
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct ModelRecord {
  std::string name;  ///< a path, or builtin:NAME
  Config config;     ///< with every policy
  std::vector<FileRecord> files{};
};

struct DataRecord {
  std::string role;  ///< train, validation, retain or forget
  std::string name;  ///< a path, or how it was made
  std::string sha256;
  Index examples = 0;
  Index target_tokens = 0;
};

/// Name, size and SHA-256 of a file. Throws Error when it cannot be read.
inline FileRecord describe_file(std::filesystem::path const& path) {
  formats::MappedFile const file(path);
  constexpr std::size_t kPiece = std::size_t{1} << 20;  // which leaves memory before the next is read
  files::Sha256 hash;
  for (auto rest = file.bytes(); !rest.empty(); rest = rest.subspan(std::min(kPiece, rest.size()))) {
    auto const piece = rest.first(std::min(kPiece, rest.size()));
    hash.add(piece);
    file.release(piece);
  }
  return {path.filename().string(), file.bytes().size(), hash.hex()};
}

/// The files of a model's directory that decide what it computes and which tokens texts become, as far as they are there.
inline std::vector<std::filesystem::path> model_files(std::filesystem::path const& directory) {
  std::vector<std::filesystem::path> found;
  for (auto const* name :
       {"config.json", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "added_tokens.json", "tokenizer.model", "spiece.model", "vocab.json", "merges.txt", "encoder.json", "vocab.bpe"})
    if (std::filesystem::is_regular_file(directory / name)) found.push_back(directory / name);
  for (auto const& name : names_in_folder(directory))
    if (std::filesystem::path(name).extension() == ".safetensors") found.push_back(directory / name);
  return found;
}

/// A model under its name. The files of `directory` (when there is one) that decide what it computes and reads are hashed.
template <class Model>
ModelRecord describe_model(std::string name, Model const& model, std::filesystem::path const& directory = {}) {
  ModelRecord record{std::move(name), model.config()};
  if (directory.empty()) return record;
  for (auto const& file : model_files(directory)) record.files.push_back(describe_file(file));
  return record;
}

/// Examples that no file holds. The hash is that of their lines {"tokens":[...],"target_mask":[...]}, each ended by a newline.
inline DataRecord describe_data(std::string role, std::string name, Examples const& examples) {
  DataRecord record{std::move(role), std::move(name), "", examples.size(), 0};
  files::Sha256 hash;
  for (auto const& e : examples) {
    hash.add(Json{{"tokens", e.tokens}, {"target_mask", e.target_mask}}.dump()).add("\n");
    record.target_tokens += e.targets();
  }
  record.sha256 = hash.hex();
  return record;
}

/// Examples that were read from a file, whose bytes are hashed.
inline DataRecord describe_data_file(std::string role, std::filesystem::path const& file, Examples const& examples) {
  auto record = describe_data(std::move(role), file.string(), examples);
  record.sha256 = describe_file(file).sha256;
  return record;
}

/// What decides which tokens texts become, and what results mean, beside options and data.
struct SettingsRecord {
  std::string bos = "auto";         ///< the rule: auto, on or off
  std::optional<bool> bos_added{};  ///< whether texts began with a BOS; nothing where no texts were read
  std::string pretokenizer{};       ///< as named for files that name none
};

struct Manifest {
  std::string command;  ///< as it was typed, or the name of the program
  ModelRecord model;
  std::vector<DataRecord> data;
  std::string bos = "none added";  ///< how a first token was chosen
  std::optional<SettingsRecord> settings{};
  std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
};

namespace detail {

inline std::string utc(std::chrono::system_clock::time_point when) {
  auto const seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> out{};
  return {out.data(), std::strftime(out.data(), out.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// JSON has no infinity: "none", as an option is spelled that is switched off.
inline Json option_json(double value) { return std::isinf(value) ? Json("none") : Json(value); }
inline Json option_json(Index value) { return value; }
inline Json option_json(std::uint64_t value) { return value; }
inline Json option_json(LearningRate const& rate) { return {rate.start, rate.end}; }
inline Json option_json(Preset preset) { return preset == Preset::paper ? "paper" : "reference"; }
inline Json option_json(Order order) { return order == Order::shuffle ? "shuffle" : "sequential"; }
inline Json option_json(std::optional<Normalise> const& n) { return !n ? Json() : Json(*n == Normalise::mean ? "mean" : "sum"); }
/// The logits themselves are too many: their hash, as doubles in C order.
inline Json option_json(std::optional<GateLogits> const& init) {
  if (!init) return Json();
  auto const& u = init->values();
  return {{"shape", {init->sets(), init->layers(), init->heads()}},
          {"sha256", files::Sha256().add(std::as_bytes(std::span(u.data(), u.size()))).hex()}};
}

inline Json model_json(ModelRecord const& m) {
  auto const& c = m.config;
  Json files = Json::array();
  for (auto const& f : m.files) files.push_back({{"name", f.name}, {"bytes", f.bytes}, {"sha256", f.sha256}});
  return {{"name", m.name},
          {"files", files},
          {"architecture",
           {{"norm", name_of(c.norm.value)},
            {"mlp", name_of(c.mlp.value)},
            {"position", name_of(c.position.value)},
            {"query_key_norm", c.query_key_norm.value},
            {"post_norms", c.post_norms.value},
            {"parallel", c.parallel.value},
            {"layers", c.layers},
            {"heads", c.heads},
            {"kv_heads", c.kv_heads},
            {"head_dim", c.head_dim},
            {"d_model", c.d_model},
            {"d_ff", c.d_ff},
            {"vocab", c.vocab},
            {"context", c.context}}}};
}

inline Json data_json(DataRecord const& d) {
  return {{"role", d.role}, {"name", d.name}, {"sha256", d.sha256}, {"examples", d.examples}, {"target_tokens", d.target_tokens}};
}

/// build_info() as an object.
inline Json build_json() {
  Json build = Json::object();
  auto const info = build_info();
  for (std::size_t begin = 0; begin < info.size();) {
    auto const end = info.find('\n', begin), colon = info.find(": ", begin);
    build[info.substr(begin, colon - begin)] = info.substr(colon + 2, end - colon - 2);
    begin = end + 1;
  }
  return build;
}

}  // namespace detail

/// run.json of a run that begins, as far as it says what it is.
inline Json running_json(char const* kind) {
  return {{"chg", detail::build_json().value("chg", "")}, {"kind", kind}, {"status", "running"}};
}

/// run.json of a fit (chg::Fit or chg::ContrastiveFit): the manifest, and what the fit itself records.
template <class Record>
Json manifest_json(Manifest const& m, Record const& fit) {
  auto const now = std::chrono::system_clock::now();
  auto const build = detail::build_json();
  Json json;
  json["chg"] = build.value("chg", "");
  json["command"] = m.command;
  json["kind"] = std::is_same_v<Record, ContrastiveFit> ? "contrast" : "fit";
  json["status"] = fit.status == Status::finished ? "finished" : "interrupted";
  json["started"] = detail::utc(m.started);
  json["ended"] = detail::utc(now);
  json["seconds"] = std::chrono::duration<double>(now - m.started).count();
  json["model"] = detail::model_json(m.model);
  json["data"] = Json::array();
  for (auto const& d : m.data) json["data"].push_back(detail::data_json(d));
  json["bos"] = m.bos;
  json["threads"] = threads_of(fit.options.run.threads);
  json["precision"] = fit.origin.scalar_bytes == 8 ? "f64" : fit.origin.scalar_bytes == 2 ? "bf16" : "f32";
  for (Index s = 0; s < fit.options.gate_sets; ++s) json["seeds"].push_back(fit.seed(s));
  chg::detail::visit_options(fit.options,
                             [&](char const* name, auto const& value) { json["options"][name] = detail::option_json(value); });
  json["build"] = build;
  if (m.settings)
    json["settings"] = {{"bos", m.settings->bos},
                        {"bos_added", m.settings->bos_added ? Json(*m.settings->bos_added) : Json()},
                        {"pretokenizer", m.settings->pretokenizer}};
  return json;
}

}  // namespace chg::run
