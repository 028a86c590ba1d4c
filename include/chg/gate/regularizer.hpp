// SPDX-License-Identifier: MIT
// The pressure on gates that the task leaves undecided: towards 1 (retain) or towards 0 (remove).
//
//     loss = NLL - sign lambda R(u)         R = (1 / LH) sum_lh clip(u_lh, -c, c)   or without the 1 / LH
//
// Nam et al. 2025, eq. 1, with lambda > 0 for retention. Eq. 1 writes the sum; the authors' code takes the mean. Here lambda is
// never negative: the sign is the type Pressure.
#pragma once

#include <chg/tensor/dual.hpp>
#include <chg/tensor/matrix.hpp>

#include <cmath>
#include <span>

namespace chg {

/// none: lambda counts as 0. retain: gates go to 1 unless the task objects (lambda > 0, G+). remove: to 0 (lambda < 0, G-).
enum class Pressure { none, retain, remove };

/// The largest lambda, learning rate and clip_difference: far beyond any use, and squares of sums over all heads stay finite.
inline constexpr double largest_option = 1e100;

/// The sign of lambda in eq. 1: 0, +1 or -1.
constexpr double sign(Pressure pressure) { return pressure == Pressure::none ? 0 : pressure == Pressure::retain ? 1 : -1; }

/// Whether R is the mean or the sum over heads. Concerns R alone, never the NLL.
enum class Normalise { mean, sum };

/// The two readings of eq. 1: `reference` is the mean of the authors' code, `paper` the sum as printed. All else is equal.
enum class Preset { reference, paper };

constexpr Normalise normalise_of(Preset preset) { return preset == Preset::paper ? Normalise::sum : Normalise::mean; }

/// The regulariser of one gate set; u: its L H logits in any order.
struct Regularizer {
  Pressure pressure = Pressure::none;
  double lambda = 0.1;  ///< 0 or more
  double clip = 4;      ///< c; a logit outside has no gradient, one at exactly +-c still has
  Normalise normalise = Normalise::mean;

  /// R, without lambda and sign, whatever the pressure.
  template <class T>
  T value(std::span<T const> u) const {
    T sum = 0;
    for (auto const& x : u) sum += x < T(-clip) ? T(-clip) : x > T(clip) ? T(clip) : x;
    return sum * T(scale(u.size()));
  }

  /// The term that joins the loss: - sign lambda R.
  template <class T>
  T loss(std::span<T const> u) const {
    return T(-sign(pressure) * lambda) * value(u);
  }

  /// Adds (+=) the derivative of loss(u) to du.
  void add_gradient(std::span<double const> u, std::span<double> du) const {
    auto const slope = -sign(pressure) * lambda * scale(u.size());
    for (std::size_t i = 0; i < u.size(); ++i)
      if (std::abs(u[i]) <= clip) du[i] += slope;  // inclusive
  }

 private:
  double scale(std::size_t heads) const { return normalise == Normalise::mean ? 1.0 / static_cast<double>(heads) : 1.0; }
};

/// Throws Error naming the first value that makes no regulariser.
inline void validate(Regularizer const& r) {
  check(r.lambda >= 0 && r.lambda <= largest_option, "lambda", text("0 to ", largest_option), r.lambda,
        r.lambda < 0 ? "The direction is the Pressure (retain or remove), not the sign of lambda." : "");
  check(r.clip > 0, "clip_logit", "a positive number, infinity for no clip", r.clip);
}

}  // namespace chg
