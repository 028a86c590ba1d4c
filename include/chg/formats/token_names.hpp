// SPDX-License-Identifier: MIT
// The surface strings of a vocabulary of whole words (tokenizer.json, model type WordLevel), for printing prompts.
#pragma once

#include <chg/formats/json.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace chg {

namespace formats {

/// Reads a parsed tokenizer.json of type WordLevel; `name` stands for it in errors. Entry i is the string of token i. Throws
/// Error unless the ids are 0 .. V-1, each with one string.
inline std::vector<std::string> parse_token_names(nlohmann::json const& json, std::string const& name) {
  JsonObject const file(json, name);
  auto const model = file.object("model");
  auto const type = model.string("type");
  check(type == "WordLevel", model.at("type"), "WordLevel", in_quotes(type),
        "Only vocabularies of whole words have printable names here.");
  auto const vocab = model.object("vocab");
  auto const added = file.has("added_tokens") ? file.array("added_tokens") : nlohmann::json::array();

  std::vector<std::optional<std::string>> names(vocab.items().size() + added.size());
  auto const set = [&](Index id, std::string const& string) {
    auto& place = names[static_cast<std::size_t>(id)];
    check(!place || *place == string, name + ": token " + text(id), "one string",
          place ? in_quotes(*place) + " and " + in_quotes(string) : "");
    place = string;
  };
  auto const last = static_cast<Index>(names.size()) - 1;
  for (auto const& item : vocab.items().items()) set(vocab.integer(item.key(), 0, last), item.key());
  for (auto const& item : added) {
    JsonObject const token(item, name + ": added_tokens");
    set(token.integer("id", 0, last), token.string("content"));
  }

  // A special token is listed both in the vocabulary and among the added ones, so fewer ids than entries are used.
  while (!names.empty() && !names.back()) names.pop_back();
  std::vector<std::string> all;
  all.reserve(names.size());
  for (auto const& n : names) {
    check(n.has_value(), name + ": token " + text(all.size()), "a string for every id below the largest", "none");
    all.push_back(*n);
  }
  return all;
}

}  // namespace formats

/// The strings of the tokens of directory/tokenizer.json, by id. Throws Error as formats::parse_token_names does.
inline std::vector<std::string> token_names(std::filesystem::path const& directory) {
  auto const path = directory / "tokenizer.json";
  return formats::parse_token_names(formats::read_json(path), path.string());
}

}  // namespace chg
