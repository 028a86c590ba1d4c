// SPDX-License-Identifier: MIT
// Random ids in the shape of a task's prompts: the workloads of bench/rival/compare.py, by chg::Random in place of numpy.
#pragma once

#include <chg/tensor/examples.hpp>
#include <chg/tensor/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

namespace chg::tests {

/// No two draws are arguments of one call, whose order would be the compiler's.
class Workload {
 public:
  Workload(std::uint64_t seed, Index vocab) : random_(seed, Stream::user), vocab_(vocab) {}

  /// BOS, four times `x ^ y ^ x newline`, then `x ^ y ^` and x: 29 tokens, nothing shared but BOS.
  Examples aba(Index count) {
    return examples(count, [&] {
      std::vector<Token> tokens{1};
      Token x = 0;
      for (int block = 0; block < 5; ++block) {
        x = word();
        auto const y = word();
        for (auto const token : {x, Token{2}, y, Token{2}, x, Token{3}}) tokens.push_back(token);
      }
      tokens.resize(tokens.size() - 2);
      return prompt_and_target(std::move(tokens), {x});
    });
  }

  /// Ten pairs and a query: 97 to 118 tokens, of which all share the first two.
  Examples in_context(Index count) {
    auto const start = words(2);
    return examples(count, [&] {
      auto prompt = joined({start, words(clipped(106 + 4.5 * random_.normal(), 97, 118) - 2)});
      return prompt_and_target(std::move(prompt), target());
    });
  }

  /// An instruction (19 tokens), one of ten leading examples (9 tokens), and a query: 32 to 35 tokens.
  Examples instruction(Index count) {
    auto const instruction = words(19);
    auto const leading = ten([](Index) { return 9; });
    return examples(count, [&] {
      auto const& first = leading[random_.below(10)];
      auto const query = words(1 + choice({0.77, 0.17, 0.05}));
      return prompt_and_target(joined({instruction, first, query, {2, 3, 4}}), target());
    });
  }

  /// One of ten leading questions with their answers (33 to 37 tokens), and a question: 64 to 110 tokens.
  Examples commonsense(Index count) {
    auto const leading = ten([](Index n) { return 33 + n % 5; });
    return examples(count, [&] {
      auto const& first = leading[random_.below(10)];
      auto gamma = 0.0;  // of shape 6 and scale 3
      for (int i = 0; i < 6; ++i) gamma -= 3 * std::log(random_.uniform());
      auto prompt = joined({first, words(clipped(gamma, 4, 48) + 27)});
      return prompt_and_target(std::move(prompt), words(1));
    });
  }

 private:
  template <class Make>
  static Examples examples(Index count, Make const& make) {
    std::vector<Example> all;
    for (Index i = 0; i < count; ++i) all.push_back(make());
    return Examples(std::move(all));
  }
  template <class Length>
  std::array<std::vector<Token>, 10> ten(Length const& length) {
    std::array<std::vector<Token>, 10> all;
    for (std::size_t n = 0; n < all.size(); ++n) all[n] = words(length(static_cast<Index>(n)));
    return all;
  }

  Token word() { return static_cast<Token>(100 + random_.below(static_cast<std::uint64_t>(vocab_ - 100))); }
  std::vector<Token> words(Index count) {
    std::vector<Token> all;
    for (Index i = 0; i < count; ++i) all.push_back(word());
    return all;
  }
  std::vector<Token> target() { return words(1 + choice({0.45, 0.4})); }
  /// 0, 1, ... by their probabilities, of which the last is left out.
  Index choice(std::initializer_list<double> probabilities) {
    auto left = random_.uniform();
    Index chosen = 0;
    for (auto const p : probabilities) {
      if (left < p) break;
      left -= p, ++chosen;
    }
    return chosen;
  }
  static Index clipped(double x, double low, double high) { return static_cast<Index>(std::clamp(x, low, high)); }
  static std::vector<Token> joined(std::initializer_list<std::vector<Token>> parts) {
    std::vector<Token> all;
    for (auto const& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  }

  Random random_;
  Index vocab_;
};

}  // namespace chg::tests
