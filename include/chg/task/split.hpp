// SPDX-License-Identifier: MIT
// Training and validation data that share no prompt.
#pragma once

#include <chg/task/draw.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace chg::task {

/// Which part of a task a generator draws from. The parts are the same for every seed and every number of examples, so a
/// training set never shares a prompt with a validation set, whatever either was drawn with.
enum class Split { all, train, validation };

/// Share of the prompts (or queries) in Split::validation (Nam et al. 2025, appendix 6.1: 90 / 10).
inline constexpr double validation_share = 0.1;

struct TrainValidation {
  Examples train;
  Examples validation;
};

struct SplitOptions {
  double share = validation_share;  ///< of the different prompts that goes to validation
  std::uint64_t seed = 0;
};

/// Splits a data set by prompt: examples whose tokens before the first target are equal go to the same side, so nothing
/// leaks. Both sides keep the order of `data`; at least one prompt goes to each.
/// Throws Error when the share is not inside (0, 1) or all prompts are equal.
inline TrainValidation split(Examples const& data, SplitOptions options = {}) {
  check(options.share > 0 && options.share < 1, "split: share", "a number between 0 and 1, both excluded", options.share);
  std::map<std::vector<Token>, Index> number_of;  // of each different prompt, in order of appearance
  std::vector<Index> prompt_of;
  for (auto const& e : data) {
    auto const first = std::find(e.target_mask.begin(), e.target_mask.end(), 1) - e.target_mask.begin();
    auto const next = static_cast<Index>(number_of.size());
    prompt_of.push_back(number_of.try_emplace({e.tokens.begin(), e.tokens.begin() + first}, next).first->second);
  }
  auto const prompts = static_cast<Index>(number_of.size());
  check(prompts >= 2, "split: different prompts", "2 or more", prompts, "A prompt must not be on both sides.");
  auto const wanted = static_cast<Index>(std::llround(options.share * static_cast<double>(prompts)));
  auto const held_out = std::clamp<Index>(wanted, 1, prompts - 1);
  Random random(options.seed, Stream::task, detail::kSplit);
  std::vector<bool> in_validation(static_cast<std::size_t>(prompts));
  for (auto const p : detail::draw_distinct(random, detail::iota(prompts), held_out))
    in_validation[static_cast<std::size_t>(p)] = true;
  std::vector<Example> train, validation;
  for (Index i = 0; i < data.size(); ++i)
    (in_validation[static_cast<std::size_t>(prompt_of[static_cast<std::size_t>(i)])] ? validation : train).push_back(data[i]);
  return {Examples(std::move(train)), Examples(std::move(validation))};
}

}  // namespace chg::task
