// SPDX-License-Identifier: MIT
// Adam, the update rule of the fits.
//
//     m = b1 m + (1 - b1) d      v = b2 v + (1 - b2) d^2      x -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
//
// Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1, with t counting from 1.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <cmath>
#include <concepts>
#include <span>
#include <vector>

namespace chg {

/// An update rule: its own state, and one step from a gradient. A resumed fit restores state() and goes on to the same bits.
template <class U>
concept UpdateRule =
    requires(U update, U const& constant, Index n, std::span<double const> gradient, double lr, std::span<double> x) {
      update.start(n);
      update.step(gradient, lr, x);
      { update.state() } -> std::same_as<std::span<double>>;
      { constant.state() } -> std::same_as<std::span<double const>>;
    };

namespace detail {
template <class U>
struct CheckUpdateRule {
  static_assert(
      requires(U u, Index n) { u.start(n); },
      "chg: an update rule needs `void start(Index parameters)`, which begins afresh with that many parameters. "
      "Add it to the rule, as in chg::Adam.");
  static_assert(
      requires(U u, std::span<double const> gradient, double lr, std::span<double> x) { u.step(gradient, lr, x); },
      "chg: an update rule needs `void step(std::span<double const> gradient, double learning_rate, std::span<double> "
      "parameters)`. "
      "Add it to the rule, as in chg::Adam.");
  static_assert(
      requires(U u, U const& c) {
        { u.state() } -> std::same_as<std::span<double>>;
        { c.state() } -> std::same_as<std::span<double const>>;
      },
      "chg: an update rule needs `std::span<double> state()` and `std::span<double const> state() const`: all that a "
      "resumed fit must restore. Keep the state in one std::vector<double>, as chg::Adam does; an empty span if there is none.");
};
}  // namespace detail

class Adam {
 public:
  struct Options {
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< as in Nam et al. 2025, appendix 6.2
  };

  Adam() = default;
  explicit Adam(Options options) : options_(options) {}

  void start(Index parameters) {
    n_ = static_cast<std::size_t>(parameters);
    state_.assign(static_cast<std::size_t>(state_size(parameters)), 0.0);
  }

  /// gradient, parameters: as many numbers as start() was told.
  void step(std::span<double const> gradient, double learning_rate, std::span<double> parameters) {
    auto const [b1, b2, epsilon] = options_;
    auto const m = state_.data(), v = m + n_;
    auto const t = ++state_[2 * n_];
    auto const correction1 = 1 - std::pow(b1, t), correction2 = 1 - std::pow(b2, t);
    for (std::size_t i = 0; i < n_; ++i) {
      m[i] = b1 * m[i] + (1 - b1) * gradient[i];
      v[i] = b2 * v[i] + (1 - b2) * gradient[i] * gradient[i];
      parameters[i] -= learning_rate * (m[i] / correction1) / (std::sqrt(v[i] / correction2) + epsilon);
    }
  }

  static constexpr Index state_size(Index parameters) { return 2 * parameters + 1; }
  /// m, v, and the number of steps made.
  std::span<double> state() { return state_; }
  std::span<double const> state() const { return state_; }

 private:
  Options options_{};
  std::size_t n_ = 0;
  std::vector<double> state_ = {0.0};
};

static_assert(UpdateRule<Adam>);

}  // namespace chg
