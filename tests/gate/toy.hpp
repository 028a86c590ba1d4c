// SPDX-License-Identifier: MIT
// A source of gradients small enough to check by hand: the log-probability of an example is a logistic function of the gates.
//
//     log P_i = -log(1 + exp(-z_i)),   z_i = sum_lh w_i,lh G_lh - b_i,   w_i, b_i: Philox of the example's tokens
#pragma once

#include <chg/gate/contrast.hpp>

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace toy {

using chg::Index;
using chg::Matrix;

/// Examples whose tokens are all different: [i, 100 + i] -> 200 + i.
inline chg::Examples examples(Index count, chg::Token offset = 0) {
  std::vector<chg::Example> all;
  for (chg::Token i = 0; i < count; ++i)
    all.push_back(chg::prompt_and_target({offset + i, offset + 100 + i}, {offset + 200 + i}));
  return chg::Examples(std::move(all));
}

inline chg::ContrastiveExamples pairs(Index count) { return {examples(count), examples(count, 1000)}; }

/// Satisfies what fit_with asks of a runner.
template <class Scalar = double>
struct Runner {
  struct Job {
    std::vector<Index> units;
    Matrix<Scalar> gates;
    Matrix<double> d_gates;
    std::vector<double> logprob;
    double loss;
  };

  Index layers = 2, heads = 3;
  double scale = 4;                        ///< of the weights; 0: a flat loss
  Index runs = 0;                          ///< calls so far
  std::vector<std::vector<Index>> seen{};  ///< units of the first set, call by call, when `record` is set
  bool record = false;

  template <std::size_t K, class Objective>
  void run(std::array<chg::Examples const*, K> data, std::span<Job> jobs, Objective const& objective) {
    ++runs;
    if (record) seen.push_back(jobs[0].units);
    for (auto& job : jobs) {
      auto const units = job.units.size();
      job.d_gates.setZero(layers, heads);
      job.logprob.resize(units * K);
      job.loss = 0;
      for (std::size_t u = 0; u < units; ++u) {
        std::array<double, K> d_logprob;
        std::span const logprob(job.logprob.data() + u * K, K);
        for (std::size_t k = 0; k < K; ++k) logprob[k] = log_probability((*data[k])[job.units[u]], job.gates, nullptr, 0);
        job.loss += objective(std::span<double const>(logprob), std::span<double>(d_logprob)) / static_cast<double>(units);
        for (std::size_t k = 0; k < K; ++k)
          log_probability((*data[k])[job.units[u]], job.gates, &job.d_gates, d_logprob[k] / static_cast<double>(units));
      }
    }
  }

  /// log P; adds weight * d log P / d G to d_gates unless it is null.
  double log_probability(chg::Example const& e, Matrix<Scalar> const& gates, Matrix<double>* d_gates, double weight) const {
    chg::Random random(static_cast<std::uint64_t>(e.tokens.back()), chg::Stream::user);
    std::array<double, 64> w{};
    double z = 0;
    for (Index i = 0; i < layers * heads; ++i) {
      auto const bias = i % 3 == 0 ? 0.5 : i % 3 == 1 ? -0.5 : 0.0;  // a third each helps, hurts, does nothing on average
      w[static_cast<std::size_t>(i)] = scale * (random.uniform() - 0.5 + bias);
      z += w[static_cast<std::size_t>(i)] * static_cast<double>(gates.data()[i]);
    }
    z -= scale * 0.2;
    if (d_gates)
      for (Index i = 0; i < layers * heads; ++i)
        d_gates->data()[i] += weight * w[static_cast<std::size_t>(i)] / (1 + std::exp(z));
    return -std::log1p(std::exp(-z));
  }
};

/// The message of the chg::Error that an action throws, or a sentence that no test expects.
template <class Action>
std::string complaint(Action&& action) {
  try {
    action();
  } catch (chg::Error const& error) {
    return error.what();
  }
  return "nothing was thrown";
}
inline bool has(std::string const& message, std::string_view part) { return message.find(part) != std::string::npos; }

}  // namespace toy
