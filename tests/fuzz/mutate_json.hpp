// SPDX-License-Identifier: MIT
// Mutation of JSON: of values, types, lengths and keys, with keys that are there twice.
#pragma once

#include <nlohmann/json.hpp>

#include "fuzz/mutate.hpp"

#include <span>

namespace chg::fuzz {

/// Keeps the order of keys, and keys that are there twice where they are added to the list itself.
using JsonTree = nlohmann::ordered_json;

inline void collect(JsonTree& node, std::vector<JsonTree*>& nodes, std::vector<std::string>& words) {
  if (nodes.size() == 1'000) return;
  nodes.push_back(&node);
  if (node.is_string()) words.push_back(node.get_ref<std::string const&>());
  if (node.is_array())
    for (auto& element : node) collect(element, nodes, words);
  if (node.is_object())
    for (auto& [key, value] : node.get_ref<JsonTree::object_t&>()) words.push_back(key), collect(value, nodes, words);
}

inline JsonTree any_value(Random& random, std::vector<std::string> const& words) {
  switch (random.below(9)) {
    case 0: return nullptr;
    case 1: return random.one_in(2);
    case 2: return random.number();
    case 3: return -static_cast<std::int64_t>(random.number() >> 1);
    case 4: return random.real();  // infinities and NaN are written as null
    case 5: return JsonTree::array();
    case 6: return JsonTree::object();
    case 7: return random.of(words);
    default: return std::string(random.below(40), 'x') + std::string(random.below(2), '\0') + "\u00e9\U0001F600";
  }
}

/// Changes one place. `extra`: keys and values of the format.
inline void mutate_json(JsonTree& root, Random& random, std::span<std::string_view const> extra) {
  std::vector<JsonTree*> nodes;
  std::vector<std::string> words(extra.begin(), extra.end());
  words.emplace_back("");
  collect(root, nodes, words);
  auto& node = *random.of(nodes);
  auto const other = *random.of(nodes);  // a copy, since it may lie within the node
  auto const choice = random.below(10);
  if (choice == 0) {
    node = any_value(random, words);
  } else if (choice == 1) {
    node = other;
  } else if (choice == 2) {
    auto inner = node;
    node = random.one_in(2) ? JsonTree::array({inner}) : JsonTree::object({{random.of(words), inner}});
  } else if (node.is_object()) {
    auto& all = node.get_ref<JsonTree::object_t&>();
    std::vector<std::pair<std::string, JsonTree>> pairs(all.begin(), all.end());  // those of `all` have keys that are const
    if (pairs.empty()) pairs.emplace_back(random.of(words), any_value(random, words));
    auto const place = random.below(pairs.size());
    auto const pair = pairs[place];
    if (choice <= 4) pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(place));
    if (choice >= 4) {
      auto const twice = choice >= 7;
      pairs.emplace_back(twice ? pair.first : random.of(words), choice == 6   ? any_value(random, words)
                                                                : choice == 5 ? other
                                                                              : pair.second);
    }
    all.clear();
    for (auto const& one : pairs) all.push_back(one);
  } else if (node.is_array()) {
    auto const place = node.empty() ? 0 : random.below(node.size());
    if (choice <= 4 && !node.empty())
      node.erase(place);
    else if (choice <= 6 && !node.empty())
      node.insert(node.begin() + static_cast<std::ptrdiff_t>(place), JsonTree(node[place]));
    else
      node.push_back(random.one_in(2) ? other : any_value(random, words));
  } else if (node.is_string()) {
    auto& s = node.get_ref<std::string&>();
    if (choice <= 5)
      s = random.of(words);
    else if (choice == 6)
      s += random.of(words);
    else
      s = random.bytes_like(s);
  } else if (node.is_number()) {
    if (choice <= 5)
      node = random.number();
    else if (choice <= 7 && node.is_number_integer())
      node = node.get<std::uint64_t>() + random.below(5) - 2;
    else
      node = random.real();
  } else {
    node = any_value(random, words);
  }
}

/// One to four changes of a text that is JSON; nothing where it is not. Keys that a text has twice are kept once.
inline std::optional<std::string> mutated_json(std::string_view text, Random& random, std::span<std::string_view const> extra) {
  auto tree = JsonTree::parse(text.begin(), text.end(), nullptr, false);
  if (tree.is_discarded()) return std::nullopt;
  for (auto rounds = 1 + random.below(4); rounds > 0; --rounds) mutate_json(tree, random, extra);
  return tree.dump(random.one_in(16) ? 1 : -1, ' ', false, JsonTree::error_handler_t::ignore);
}

/// The same for lines of JSON, one of which is changed, left out, or there again.
inline std::optional<std::string> mutated_json_lines(std::string_view text, Random& random,
                                                     std::span<std::string_view const> extra) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find('\n', begin), text.size());
    lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (lines.empty()) return std::nullopt;
  auto const place = random.below(lines.size());
  auto const choice = random.below(8);
  if (choice == 0) {
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(place));
  } else if (choice == 1) {
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(place), lines[random.below(lines.size())]);
  } else {
    auto changed = mutated_json(lines[place], random, extra);
    if (!changed) return std::nullopt;
    lines[place] = *std::move(changed);
  }
  static constexpr std::array<std::string_view, 4> ends{"\n", "\n", "\r\n", "\n\n"};
  std::string all(random.one_in(16) ? "\xEF\xBB\xBF" : "");
  for (auto const& line : lines) all.append(line).append(random.one_in(16) ? random.of(ends) : "\n");
  return all;
}

}  // namespace chg::fuzz
