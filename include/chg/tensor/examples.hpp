// SPDX-License-Identifier: MIT
// Examples: token sequences of any length with the positions whose log-probability counts.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace chg {

using Token = std::int32_t;

/// target_mask[t] = 1 counts log P(tokens[t] | tokens[<t]). Same length as tokens; target_mask[0] is 0.
struct Example {
  std::vector<Token> tokens;
  std::vector<std::uint8_t> target_mask;

  /// Number of target tokens.
  Index targets() const { return static_cast<Index>(std::count(target_mask.begin(), target_mask.end(), 1)); }

  bool operator==(Example const&) const = default;
};

/// A prompt followed by a target, every token of which counts.
inline Example prompt_and_target(std::vector<Token> prompt, std::vector<Token> const& target) {
  Example e;
  e.target_mask.assign(prompt.size(), 0);
  e.target_mask.insert(e.target_mask.end(), target.size(), 1);
  e.tokens = std::move(prompt);
  e.tokens.insert(e.tokens.end(), target.begin(), target.end());
  return e;
}

/// A checked data set: not empty, and every example has at least one target that something precedes. Lengths are kept
/// with the examples; no padding, no sentinel token. Token ids are checked against a vocabulary by the model that reads them.
class Examples {
 public:
  /// Throws Error naming the first bad example by its index.
  explicit Examples(std::vector<Example> items) : items_(std::move(items)) {
    check(!items_.empty(), "examples: the data set is empty", "at least one example", "none");
    for (std::size_t i = 0; i < items_.size(); ++i) validate(i);
  }

  Index size() const { return static_cast<Index>(items_.size()); }
  Example const& operator[](Index i) const { return items_[static_cast<std::size_t>(i)]; }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

  /// The examples from `first` on, `count` of them. Throws Error when they are not all there.
  Examples slice(Index first, Index count) const {
    check(first >= 0 && count >= 1 && first + count <= size(), "examples: slice", text("a non-empty range inside 0..", size()),
          text(first, "..", first + count));
    return Examples({items_.begin() + first, items_.begin() + first + count});
  }

 private:
  void validate(std::size_t i) const {
    auto const& e = items_[i];
    auto const name = [&] { return text("examples: example ", i); };
    if (e.tokens.size() != e.target_mask.size())
      throw Error({name() + ": target_mask has another length than tokens", text(e.tokens.size(), " entries"),
                   text(e.target_mask.size()), ""});
    if (std::any_of(e.target_mask.begin(), e.target_mask.end(), [](auto m) { return m > 1; }))
      throw Error({name() + ": target_mask", "entries of 0 or 1", "another value", ""});
    if (e.targets() == 0)
      throw Error({name() + " has no target token", "at least one 1 in target_mask", "none",
                   "Mark the tokens whose log-probability counts, or leave the example out."});
    if (e.target_mask[0] == 1)
      throw Error({name() + ": target_mask[0]", "0, since nothing precedes the first token", "1",
                   "Put a token (BOS, for instance) before it."});
  }

  std::vector<Example> items_;
};

/// Matched examples in two formats of one task (eq. 2 of the paper): example i of one is the counterpart of example i of the
/// other.
struct ContrastiveExamples {
  /// Throws Error unless both hold the same number of examples.
  ContrastiveExamples(Examples retain_examples, Examples forget_examples)
      : retain(std::move(retain_examples)), forget(std::move(forget_examples)) {
    check(retain.size() == forget.size(), "contrastive examples: forget",
          text(retain.size(), " examples, one for each of retain"), forget.size());
  }

  Index size() const { return retain.size(); }

  Examples retain;
  Examples forget;
};

}  // namespace chg
