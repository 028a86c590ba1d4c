// SPDX-License-Identifier: MIT
// Reads the config.json of a Hugging Face model directory: which Architecture it is, and its Config.
//
// Keys and defaults are those of transformers, as its versions 4 (rope_theta, rope_scaling) and 5 (rope_parameters) write them.
// What would change the computation and is not supported here is refused by name.
#pragma once

#include <chg/formats/families/all.hpp>

#include <filesystem>
#include <string>

namespace chg::formats {

/// Reads a parsed config.json; `name` stands for it in errors. Throws Error naming the key that is missing, of another type,
/// out of bounds, inconsistent with another one, or not supported.
inline ModelDescription parse_config(nlohmann::json const& json, std::string const& name) {
  JsonObject const file(json, name);
  if (file.has("quantization_config"))
    throw Error({file.at("quantization_config"), "no such key", shown(file.items()["quantization_config"]),
                 "Quantised checkpoints are not supported: use one in F32, F16 or BF16."});
  auto const type = file.string("model_type");
  ModelDescription description;
  auto const known = families::All::visit(type, [&]<class Family>() { description = Family::read(file); });
  check(known, file.at("model_type"), families::All::names(), in_quotes(type),
        type == "gemma3" ? "This is a model of text and images: take one of text alone, gemma3_text."
                         : "This family is not supported.");
  validate(description, name);
  return description;
}

/// Reads directory/config.json. Throws Error as parse_config does, and when the file cannot be read.
inline ModelDescription read_config(std::filesystem::path const& directory) {
  auto const path = directory / "config.json";
  return parse_config(read_json(path, {.bytes = 10'000'000}), path.string());
}

}  // namespace chg::formats
