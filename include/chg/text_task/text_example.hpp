// SPDX-License-Identifier: MIT
// A prompt and a target as text, and the tokens they become.
//
//     tokens = ids(prompt + target),     targets: those beyond ids(prompt), which must be how they begin
//
// A prompt is a beginning, and so is what follows it here: tokens that the tokenizer's rule puts behind a text (EOS) are left out.
#pragma once

#include <chg/tensor/examples.hpp>
#include <chg/tokenizer/tokenizer.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace chg::text_task {

struct TextExample {
  std::string prompt;
  std::string target;  ///< with the space that parts it from the prompt, if there is one

  bool operator==(TextExample const&) const = default;
};

namespace detail {

/// The characters around the border decide what the advice is: a space moves, a word is not cut.
inline std::string border_advice(TextExample const& e) {
  auto const space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  if (!e.prompt.empty() && space(e.prompt.back()))
    return "Move the space: end the prompt without it, and begin the target with it.";
  if (!e.target.empty() && space(e.target.front()))
    return "The target has to begin where a token does: its space belongs to a token with what stands before it, so begin the "
           "target earlier or later.";
  return "The target has to begin where a token does: begin it at the start of the word, and end the prompt before that.";
}

}  // namespace detail

/// Throws Error, naming the example by `name`, when the prompt or the target has no tokens, and when the two do not part where a
/// token ends: then the tokens of the prompt are not those that the whole text begins with.
inline Example to_example(Tokenizer const& tokenizer, TextExample const& e, Bos bos, std::string const& name) {
  EncodeOptions const open{.bos = bos, .ends = false};
  auto const prompt = tokenizer.encode(e.prompt, open);
  auto const whole = tokenizer.encode(e.prompt + e.target, open);
  check(!prompt.empty(), name + ": prompt", "one token or more", "none", "A model needs a token to predict from; try a BOS.");
  auto const begins = prompt.size() <= whole.size() && std::equal(prompt.begin(), prompt.end(), whole.begin());
  if (!begins) {
    auto const differ =
        std::mismatch(prompt.begin(), prompt.begin() + std::min(std::ssize(prompt), std::ssize(whole)), whole.begin());
    auto const at = differ.first - prompt.begin();
    auto const crossing = static_cast<std::size_t>(at) < whole.size()
                              ? ", " + formats::in_quotes(tokenizer.piece(whole[static_cast<std::size_t>(at)]))
                              : std::string();
    throw Error({name + text(": token ", at, " of the prompt"), "the token that prompt and target together have there" + crossing,
                 "another one, since a token crosses from prompt to target", detail::border_advice(e)});
  }
  check(whole.size() > prompt.size(), name + ": target", "one token or more beyond the prompt", "none");
  std::vector<Token> target(whole.begin() + std::ssize(prompt), whole.end());
  return prompt_and_target(prompt, target);
}

/// The same for a whole data set; examples are named by their number.
inline Examples to_examples(Tokenizer const& tokenizer, std::vector<TextExample> const& all, Bos bos = Bos::automatic) {
  std::vector<Example> examples;
  for (std::size_t i = 0; i < all.size(); ++i) examples.push_back(to_example(tokenizer, all[i], bos, text("example ", i)));
  return Examples(std::move(examples));
}

}  // namespace chg::text_task
