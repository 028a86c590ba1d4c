// SPDX-License-Identifier: MIT
// Examples from a file of JSON lines: {"tokens": [ids], "target_mask": [0, 0, 1]} or {"prompt": "...", "target": "..."}.
//
// Lines end in \n or \r\n, a UTF-8 byte order mark before the first is passed over, and empty lines are allowed at the end of the
// file alone: line i of a file must stay the partner of line i of another.
#pragma once

#include <chg/formats/json.hpp>
#include <chg/formats/mapped_file.hpp>
#include <chg/formats/text_file.hpp>
#include <chg/tensor/examples.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chg::cli {

/// Tokens of a prompt and its target; `name` stands for the line in errors. Empty: this program has no tokenizer for the model.
using TokenSource = std::function<Example(std::string const& prompt, std::string const& target, std::string const& name)>;

/// What a model can read.
struct DataLimits {
  Index vocab;
  Index context;
};

namespace detail {

inline constexpr std::size_t kLongestLine = 64 << 20;  ///< bytes; parsing one takes some 20 times that

inline std::vector<Token> whole_numbers(formats::JsonObject const& line, char const* key, Index most, char const* what) {
  auto const& array = line.array(key);
  std::vector<Token> numbers;
  numbers.reserve(array.size());
  for (auto const& value : array) {
    auto const fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most);
    if (!fits)
      throw Error({line.name() + text(": ", key, "[", numbers.size(), "]"), what, formats::shown(value),
                   most > 1 ? "Were the tokens made for another model?" : ""});
    numbers.push_back(static_cast<Token>(value.get<std::uint64_t>()));
  }
  return numbers;
}

inline Example token_example(formats::JsonObject const& line, DataLimits const& limits) {
  Example e;
  e.tokens = whole_numbers(line, "tokens", limits.vocab - 1, text("an id from 0 to ", limits.vocab - 1).c_str());
  auto const mask = whole_numbers(line, "target_mask", 1, "0 or 1");
  check(mask.size() == e.tokens.size(), line.at("target_mask"), text(e.tokens.size(), " entries, one a token"), mask.size());
  e.target_mask.assign(mask.begin(), mask.end());
  check(e.targets() > 0, line.at("target_mask"), "at least one 1", "none",
        "Mark the tokens whose log-probability counts, or leave the line out.");
  check(e.target_mask[0] == 0, line.name() + ": target_mask[0]", "0, since nothing precedes the first token", "1",
        "Put a token (BOS, for instance) before it.");
  return e;
}

inline Example text_example(formats::JsonObject const& line, DataLimits const& limits, TokenSource const& tokens) {
  auto const prompt = line.string("prompt"), target = line.string("target");
  check(static_cast<bool>(tokens), line.name() + ": prompt and target as text", "tokens and target_mask", "text",
        "This chg has no tokenizer for this model: give it the ids.");
  auto example = tokens(prompt, target, line.name());
  check(!example.tokens.empty() && example.targets() > 0, line.at("target"), "text of one token or more", "none");
  auto const most = *std::ranges::max_element(example.tokens);
  check(static_cast<Index>(most) < limits.vocab, line.name() + ": ids of its tokens", text("0 to ", limits.vocab - 1), most,
        "The tokenizer is that of another model.");
  return example;
}

inline Example read_line(std::string_view bytes, std::string const& name, DataLimits const& limits, TokenSource const& tokens) {
  check(bytes.size() <= kLongestLine, name, text("at most ", kLongestLine, " bytes"), bytes.size());
  auto const json = formats::parse_json(bytes, name);
  formats::JsonObject const line(json, name);
  auto const ids = line.has("tokens") || line.has("target_mask"), words = line.has("prompt") || line.has("target");
  check(ids != words, name, "either tokens and target_mask, or prompt and target", ids ? "both" : "neither");
  auto example = ids ? token_example(line, limits) : text_example(line, limits, tokens);
  check(static_cast<Index>(example.tokens.size()) <= limits.context, name + ": length of the sequence",
        text("at most ", limits.context, " tokens, the model's context"), example.tokens.size(), "Shorten it, or leave it out.");
  return example;
}

}  // namespace detail

/// The examples of a data file's characters; `name` stands for the file in errors. Throws Error naming file, line and what was
/// expected for the first line that the model cannot read, and for a file without lines.
inline Examples parse_data(std::string_view rest, std::string const& name, DataLimits const& limits,
                           TokenSource const& tokens = {}) {
  rest = formats::text_without_mark(rest, name);
  std::vector<Example> examples;
  Index empty = 0;  // number of the first empty line since the last example
  for (Index number = 1; !rest.empty(); ++number) {
    auto const end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos) {
      if (empty == 0) empty = number;
      continue;
    }
    check(empty == 0, text(name, ", line ", empty), "an example", "an empty line",
          "Remove it; lines of matched files must stay partners.");
    examples.push_back(detail::read_line(line, text(name, ", line ", number), limits, tokens));
  }
  check(!examples.empty(), name, "at least one example", "a file without lines");
  return Examples(std::move(examples));
}

/// Reads a data file; holds one line at a time beside the examples. Throws Error as parse_data does, and when it cannot be read.
inline Examples read_data(std::filesystem::path const& path, DataLimits const& limits, TokenSource const& tokens = {}) {
  formats::MappedFile const file(path);
  return parse_data(file.chars(), path.string(), limits, tokens);
}

/// One example as a line of a data file, with its newline.
inline std::string data_line(Example const& e) {
  std::string line = "{\"tokens\":[";
  for (std::size_t t = 0; t < e.tokens.size(); ++t) line += (t ? "," : "") + std::to_string(e.tokens[t]);
  line += "],\"target_mask\":[";
  for (std::size_t t = 0; t < e.target_mask.size(); ++t) line += t ? (e.target_mask[t] ? ",1" : ",0") : "0";
  return line + "]}\n";
}

}  // namespace chg::cli
