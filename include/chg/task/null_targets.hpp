// SPDX-License-Identifier: MIT
// The null of a fit: the same data with targets permuted between examples, so that prompts no longer determine them.
//
// The target tokens of example i are replaced by those of example p(i), where p is a uniform permutation among those that
// leave no example its own (a derangement): a plain uniform permutation would leave one example in its place on average, and
// data of one or two examples unchanged. Examples whose targets happen to be equal may still exchange equal targets, as
// chance has it.
#pragma once

#include <chg/task/draw.hpp>

#include <algorithm>

namespace chg::task {

namespace detail {

inline Examples with_targets_of(Examples const& data, std::vector<Index> const& p) {
  auto const prompt_length = [&](Index i) {
    auto const& mask = data[i].target_mask;
    auto const first = std::find(mask.begin(), mask.end(), 1);
    check(std::find(first, mask.end(), 0) == mask.end(), text("permute_targets: example ", i),
          "target tokens at the very end of every example", "a token after the first target that is no target",
          "Targets in the middle of a text cannot be exchanged.");
    return first - mask.begin();
  };
  std::vector<Example> permuted;
  for (Index i = 0; i < data.size(); ++i) {
    auto const source = p[static_cast<std::size_t>(i)];
    auto const& own = data[i].tokens;
    auto const& other = data[source].tokens;
    std::vector<Token> prompt(own.begin(), own.begin() + prompt_length(i));
    permuted.push_back(prompt_and_target(std::move(prompt), {other.begin() + prompt_length(source), other.end()}));
  }
  return Examples(std::move(permuted));
}

}  // namespace detail

/// `data` with the targets of each example replaced by another example's. Lengths may change where targets differ in length.
/// Throws Error for a single example, and for targets that are not the last tokens of their example.
inline Examples permute_targets(Examples const& data, std::uint64_t seed) {
  check(data.size() >= 2, "permute_targets: examples", "2 or more, to exchange targets between", data.size());
  return detail::with_targets_of(data, derangement(data.size(), seed, Stream::null_targets));
}

/// The same permutation in both formats, so that partners stay partners.
inline ContrastiveExamples permute_targets(ContrastiveExamples const& data, std::uint64_t seed) {
  return {permute_targets(data.retain, seed), permute_targets(data.forget, seed)};
}

}  // namespace chg::task
