// SPDX-License-Identifier: MIT
// Patterns split as the tokenizers library splits by them, as patterns.py recorded it: each construct of their syntax, and published
// patterns over all of Unicode.
#include <chg/formats/json.hpp>
#include <chg/tokenizer/pre_tokenizer.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <array>
#include <optional>

using chg::test::message_of;
using namespace chg::tokenizer;
using Strings = std::vector<std::string>;

namespace {
nlohmann::json const& golden() {
  static auto const json = chg::formats::read_json(chg::test::repository("tests/tokenizer/patterns.json"));
  return json;
}
std::vector<Range> ranges(Split const& split, std::string const& text) {
  Words words{text, {{0, text.size()}}, true};
  split(words);
  return words.ranges;
}
Strings words(Split const& split, std::string const& text) {
  Strings all;
  for (auto const range : ranges(split, text)) all.push_back(text.substr(range.begin, range.end - range.begin));
  return all;
}
}  // namespace

TEST_CASE("patterns: every construct of the syntax splits as in the reference library", "[tokenizer]") {
  std::size_t refused = 0, differing = 0;
  for (auto const& row : golden().at("constructs")) {
    auto const pattern = row.at("pattern").get<std::string>();
    CAPTURE(pattern);
    if (!row.contains("text")) {
      CHECK_FALSE(message_of([&] { Regex(pattern, "P"); }).empty());
      ++refused;
      continue;
    }
    auto const text = row.at("text").get<std::string>();
    CAPTURE(text);
    std::optional<Regex> regex;
    auto const complaint = message_of([&] { regex.emplace(pattern, "P"); });
    if (!regex) {  // by an older Oniguruma, by name
      CHECK(detail::onig().before_6_9_9);
      CHECK(chg::test::has_all(complaint, {"P", "Oniguruma"}));
      ++differing;
      continue;
    }
    CHECK(words(Split{*regex}, text) == row.at("words").get<Strings>());
    CHECK(words(Split{*regex, SplitBehavior::removed, true}, text) == row.at("matches").get<Strings>());
  }
  CHECK(refused >= 8);
  CHECK(differing == (detail::onig().before_6_9_9 ? 4 : 0));
}

TEST_CASE("patterns: published ones split all of Unicode as in the reference library", "[tokenizer]") {
  auto const& published = golden().at("published");
  auto const kinds = published.at("kinds").get<std::vector<std::vector<std::vector<std::size_t>>>>();
  auto const runs = published.at("runs").get<std::vector<std::array<std::uint32_t, 3>>>();
  std::vector<std::pair<std::string, Split>> splits;
  for (auto const& entry : published.at("patterns"))
    splits.emplace_back(entry.at(0), Split{Regex(entry.at(1).get<std::string>(), entry.at(0).get<std::string>())});
  REQUIRE(runs.size() > 2000);
  std::size_t wrong = 0;
  for (auto const& [first, last, kind] : runs) {
    auto const step = std::max<std::uint32_t>(1, (last - first) / 3);
    for (auto c = first; c <= last && wrong < 10; c += c < last && c + step > last ? last - c : step) {
      std::string character;
      append_character(character, c);
      auto const text = "a" + character + "b1 " + character;
      for (std::size_t i = 0; i < splits.size(); ++i) {
        std::vector<std::size_t> lengths;
        for (auto const range : ranges(splits[i].second, text)) {
          std::size_t length = 0;
          for (auto at = range.begin; at < range.end; at += character_length(text[at])) ++length;
          lengths.push_back(length);
        }
        if (lengths == kinds.at(kind).at(i)) continue;
        ++wrong;
        UNSCOPED_INFO(splits[i].first << " at " << code_point(c));
      }
    }
  }
  CHECK(wrong == 0);
}
