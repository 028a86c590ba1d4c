// SPDX-License-Identifier: MIT
// JSON from files that may be damaged or hostile: bounded depth and count, no duplicate keys, and readers of single values
// whose errors name the file and the key.
#pragma once

#include <chg/formats/mapped_file.hpp>
#include <chg/formats/text_file.hpp>
#include <chg/tensor/matrix.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace chg::formats {

struct JsonLimits {
  int depth = 64;                     ///< of nested arrays and objects; no published file needs more than ten
  std::size_t values = 8'000'000;     ///< a tokenizer of 256k tokens and 580k merge pairs has 2 million
  std::size_t bytes = 1'000'000'000;  ///< of a whole file
};

/// A name that came out of a file, fit for an error message: in quotes, control characters escaped, cut when long.
inline std::string in_quotes(std::string_view name) {
  constexpr std::size_t longest = 120;
  auto const cut = name.size() > longest;
  auto const plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (!cut && std::all_of(name.begin(), name.end(), plain)) return '"' + std::string(name) + '"';
  auto const string = nlohmann::json(std::string(name.substr(0, longest)));
  return string.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + (cut ? "..." : "");
}

/// A value for an error message: numbers, strings and literals as they stand, arrays and objects by kind alone.
inline std::string shown(nlohmann::json const& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return value.is_string() ? in_quotes(value.get_ref<std::string const&>()) : value.dump();
}

namespace detail {

/// The error for a text that the parser left at `place`: what the reader of the error can do something about comes first.
inline Error json_error(std::string_view text, std::size_t place, std::string const& name, std::string const& parser) {
  auto const at = name + line_of(text, place) + " is not valid JSON";
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return Error({at, "JSON text (RFC 8259)", text.empty() ? "an empty file" : "white space alone", ""});
  // The parser stops within the word that it does not know.
  auto const letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; };
  auto begin = std::min(place, text.size()), end = begin;
  while (begin > 0 && letter(text[begin - 1])) --begin;
  while (end < text.size() && letter(text[end])) ++end;
  auto const word = text.substr(begin, end - begin);
  for (auto const* const number : {"NaN", "Infinity", "-Infinity", "nan", "inf", "-inf"})
    if (word == number)
      return Error({at, "JSON text (RFC 8259), which has no NaN and no infinity", std::string(word),
                    "Python's json.dumps(..., allow_nan=False) finds it. Write a number, or leave the value out."});
  auto const cut = place >= text.size() && parser.find("unexpected end of input") != std::string::npos;
  return Error({at, "JSON text (RFC 8259)", in_quotes(parser), cut ? "It ends too early: is the file whole?" : ""});
}

}  // namespace detail

/// Parses one JSON value that fills `bytes`. `name` stands for them in errors. Throws Error on what is not JSON (RFC 8259),
/// on a key that an object holds twice, and beyond `limits`; the parser does not recurse. A byte order mark of UTF-8 is passed over.
inline nlohmann::json parse_json(std::string_view bytes, std::string const& name, JsonLimits const& limits = {}) {
  using Event = nlohmann::json::parse_event_t;
  bytes = text_without_mark(bytes, name);
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  std::size_t values = 0;
  auto const watch = [&](int depth, Event event, nlohmann::json& parsed) {
    if ((event == Event::object_start || event == Event::array_start) && depth >= limits.depth)
      throw Error({name + ": JSON is nested too deeply", text("at most ", limits.depth, " levels"), "more", ""});
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key) {
      auto const& key = parsed.get_ref<std::string const&>();
      if (!keys.back().insert(key).second)
        throw Error({name + ": the key " + in_quotes(key) + " is there twice", "distinct keys", "a duplicate", ""});
    } else if (event == Event::object_start || event == Event::array_start || event == Event::value) {
      if (++values > limits.values) throw Error({name + ": number of JSON values", text("at most ", limits.values), "more", ""});
    }
    return true;
  };
  // The parser takes a zero byte for the end of the text.
  if (bytes.find('\0') != std::string_view::npos)
    throw Error({name + " is not valid JSON", "JSON text (RFC 8259)", "a zero byte", ""});
  try {
    return nlohmann::json::parse(bytes.begin(), bytes.end(), watch);
  } catch (nlohmann::json::parse_error const& e) {
    check_utf8(bytes, name);
    throw detail::json_error(bytes, e.byte > 0 ? e.byte - 1 : 0, name, e.what());
  } catch (nlohmann::json::exception const& e) {
    throw Error({name + " is not valid JSON", "JSON text (RFC 8259)", in_quotes(e.what()), ""});
  }
}

/// Parses a file. Throws Error when it cannot be read, and as parse_json does.
inline nlohmann::json read_json(std::filesystem::path const& path, JsonLimits const& limits = {}) {
  MappedFile const file(path);
  check(file.bytes().size() <= limits.bytes, path.string() + ": size", text("at most ", limits.bytes, " bytes"),
        file.bytes().size());
  return parse_json(file.chars(), path.string(), limits);
}

/// An object of a file, read value by value. A key that is absent or null takes the default, or is an Error when there is none.
class JsonObject {
 public:
  /// `name` stands for the object in errors, the path of its file for instance. Keeps a reference to `object`.
  JsonObject(nlohmann::json const& object, std::string name) : object_(object), name_(std::move(name)) {
    check(object.is_object(), name_, "a JSON object", shown(object));
  }

  std::string const& name() const { return name_; }
  bool has(std::string const& key) const { return find(key) != nullptr; }

  Index integer(std::string const& key, Index lowest, Index highest) const {
    auto const& value = required(key);
    // The parser makes a whole number that fits no 64-bit integer a floating-point one.
    auto const fits = value.is_number_unsigned()
                          ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(highest) && value.get<Index>() >= lowest
                          : value.is_number_integer() && value.get<Index>() >= lowest && value.get<Index>() <= highest;
    check(fits, at(key), text("a whole number from ", lowest, " to ", highest), shown(value));
    return value.get<Index>();
  }
  Index integer(std::string const& key, Index lowest, Index highest, Index otherwise) const {
    return has(key) ? integer(key, lowest, highest) : otherwise;
  }

  double number(std::string const& key, double lowest, double highest) const {
    auto const& value = required(key);
    auto const fits = value.is_number() && value.get<double>() >= lowest && value.get<double>() <= highest;
    check(fits, at(key), text("a number from ", lowest, " to ", highest), shown(value));
    return value.get<double>();
  }
  double number(std::string const& key, double lowest, double highest, double otherwise) const {
    return has(key) ? number(key, lowest, highest) : otherwise;
  }

  bool boolean(std::string const& key, bool otherwise) const {
    if (!has(key)) return otherwise;
    auto const& value = required(key);
    check(value.is_boolean(), at(key), "true or false", shown(value));
    return value.get<bool>();
  }

  std::string string(std::string const& key) const {
    auto const& value = required(key);
    check(value.is_string(), at(key), "a string", shown(value));
    return value.get<std::string>();
  }
  std::string string(std::string const& key, std::string otherwise) const { return has(key) ? string(key) : otherwise; }

  /// The object below `key`; refers into this one.
  JsonObject object(std::string const& key) const { return {required(key), at(key)}; }
  nlohmann::json const& array(std::string const& key) const {
    auto const& value = required(key);
    check(value.is_array(), at(key), "an array", shown(value));
    return value;
  }
  nlohmann::json const& items() const { return object_; }

  /// The key for an error message, after the name of the object.
  std::string at(std::string const& key) const { return name_ + ": " + key; }

 private:
  nlohmann::json const* find(std::string const& key) const {
    auto const found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  nlohmann::json const& required(std::string const& key) const {
    auto const* value = find(key);
    check(value != nullptr, at(key), "a value", object_.contains(key) ? "null" : "no such key");
    return *value;
  }

  nlohmann::json const& object_;
  std::string name_;
};

}  // namespace chg::formats
