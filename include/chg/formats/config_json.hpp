// SPDX-License-Identifier: MIT
// Reads the config.json of a Hugging Face model directory: which Architecture it is, and its Config.
//
// Keys and defaults are those of transformers, as its versions 4 (rope_theta, rope_scaling) and 5 (rope_parameters) write them.
// What would change the computation and is not supported here is refused by name.
#pragma once

#include <chg/formats/families/all.hpp>
#include <chg/tensor/list_folder.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace chg::formats {

namespace detail {

/// Families that do not read layer_types have full attention in every layer.
inline void check_layer_types(JsonObject const& file, ModelDescription const& description) {
  if (!file.has("layer_types") || !description.config.windows.empty()) return;
  for (auto const& kind : file.array("layer_types"))
    check(kind == "full_attention", file.at("layer_types"), "full_attention in every layer", shown(kind),
          "This kind of layer is not supported here.");
}

}  // namespace detail

/// Reads a parsed config.json; `name` stands for it in errors. Throws Error naming the key that is missing, of another type,
/// out of bounds, inconsistent with another one, or not supported.
inline ModelDescription parse_config(nlohmann::json const& json, std::string const& name) {
  JsonObject const file(json, name);
  if (file.has("quantization_config"))
    throw Error({file.at("quantization_config"), "no such key", shown(file.items()["quantization_config"]),
                 "Quantised checkpoints are not supported: use one in F32, F16 or BF16."});
  check(file.boolean("is_causal", true), file.at("is_causal"), "true", "false",
        "A gate acts on causal attention: take a decoder.");
  check(!file.has("per_layer_config"), file.at("per_layer_config"), "no such key", "a value",
        "Layers of different shapes are not supported.");
  auto const type = file.string("model_type");
  ModelDescription description;
  auto const known = families::All::visit(type, [&]<class Family>() { description = Family::read(file); });
  check(known, file.at("model_type"), families::All::names(), in_quotes(type),
        type == "gemma3" ? "This is a model of text and images: take one of text alone, gemma3_text."
                         : "This family is not supported.");
  detail::check_layer_types(file, description);
  validate(description, name);
  return description;
}

/// Reads directory/config.json. Throws Error as parse_config does, when the file cannot be read, and for a directory that holds an
/// adapter, whose changes to the model would be left out.
inline ModelDescription read_config(std::filesystem::path const& directory) {
  auto const path = directory / "config.json";
  std::error_code unknown;  // what may not be looked at cannot be opened below
  auto const adapter = directory / "adapter_config.json";
  check(!std::filesystem::exists(adapter, unknown), adapter.string(), "a model without an adapter beside it", "an adapter",
        "Merge it into its model (merge_and_unload in peft) and save that; or take the file away.");
  std::vector<std::string> names;
  if (!std::filesystem::exists(path, unknown)) list_folder(directory, names);  // the error below says more than a reason
  for (auto const& name : names)
    check(std::filesystem::path(name).extension() != ".gguf", path.string(), "a file of this name, or the path of a GGUF file",
          "none", "Give the path of " + name + " itself.");
  return parse_config(read_json(path, {.bytes = 10'000'000}), path.string());
}

}  // namespace chg::formats
