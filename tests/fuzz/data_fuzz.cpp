// SPDX-License-Identifier: MIT
// Any bytes as a data file of the command line: tokens, and texts whose tokens are their bytes.
#include <chg/cli/data.hpp>

#include "fuzz/mutate_json.hpp"

void chg::fuzz::read(std::string_view bytes) {
  constexpr cli::DataLimits limits{.vocab = 300, .context = 40};
  auto const tokens = [](std::string const& prompt, std::string const& target, std::string const&) {
    auto const ids = [](std::string const& s) {
      std::vector<Token> all;
      for (auto const c : s) all.push_back(static_cast<unsigned char>(c));
      return all;
    };
    return prompt_and_target(ids(prompt), ids(target));
  };
  auto const data = cli::parse_data(bytes, "FILE", limits, tokens);
  std::string lines;
  for (Index i = 0; i < data.size(); ++i) {
    auto const& e = data[i];
    require(static_cast<Index>(e.tokens.size()) <= limits.context && e.target_mask.size() == e.tokens.size());
    require(e.targets() >= 1 && e.target_mask[0] == 0);
    for (auto const token : e.tokens) require(token >= 0 && token < limits.vocab);
    lines += cli::data_line(e);
  }
  auto const again = cli::parse_data(lines, "FILE", limits);
  require(again.size() == data.size());
  for (Index i = 0; i < data.size(); ++i) require(again[i] == data[i]);
}

std::vector<std::string> chg::fuzz::seeds() {
  return {
      "{\"tokens\": [1, 2, 299], \"target_mask\": [0, 0, 1]}\n{\"note\": [1.5], \"target_mask\": [0, 1], \"tokens\": [0, 0]}\n",
      "\xEF\xBB\xBF{\"prompt\": \"a\\u00e9 b\", \"target\": \" c\"}\r\n\n  \n",
      "{\"tokens\":[3,4],\"target_mask\":[0,1],\"patched_target\":7}"};
}

chg::fuzz::Mutator chg::fuzz::mutator(std::string_view bytes) {
  static constexpr std::array<std::string_view, 5> words{"tokens", "target_mask", "prompt", "target", "patched_target"};
  return json_lines_mutator(bytes, words);
}
