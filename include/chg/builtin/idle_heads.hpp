// SPDX-License-Identifier: MIT
// Heads that do nothing for a task, in two kinds: nothing on balance, and nothing at all.
//
// Every constructed model has a rival answer that is always e^-3 as likely as the right one. A wavering head adds a to the
// rival's logit for half of the words that it may look at and -c for the other half, a = 1/2 and c such that the mean NLL is
// the same with the head and without it:
//
//     (1 + rho e^a)(1 + rho e^-c) = (1 + rho)^2,     rho = e^-3
//
// In between the NLL is a little lower (0.0005 nats), so that the gradient leads away from both ends. That matters. A silent head
// writes where nothing reads: its gradient is exactly 0 in every phase, so only the regulariser can move it, and that ends at
// |u| = 4. Gates start uniform in (0, 1); 2 sigmoid(-4) = 3.6% of them start beyond. Such a head stays where it was born, and is
// called interfering (born below) or facilitating (born above) in both presets, however long the fit: of 120 fits with five
// silent heads each, 97 recover the circuit ((1 - .036)^5 is 83%), with five wavering heads all 120.
//
// The opposite holds too: a gradient however small, if its sign is constant, is enough. Adam divides it by its own size, so
// the phase without pressure carries u beyond 4 in 500 updates, and no pressure reaches it there: a head that lowers the NLL
// by 4e-6 nats is called facilitating, and one that raises it by as much interfering, in 20 of 20 fits of both presets.
// Classes tell the sign of an effect, not its size; ablation tells the size.
#pragma once

#include <chg/builtin/construction.hpp>

namespace chg::builtin {

/// wavering: the NLL is the same with the head and without it. silent: its output is not read at all.
enum class Idle { wavering, silent };

namespace detail {

inline constexpr Index kWords = 12;
inline constexpr double kRivalLogit = -3;  ///< relative to the right answer's
inline constexpr double kWaver = 0.5;      ///< a

/// c of the equation above.
inline double balance(double a) {
  auto const rho = std::exp(kRivalLogit);
  return -std::log(((1 + rho) * (1 + rho) / (1 + rho * std::exp(a)) - 1) / rho);
}

/// Entry (pattern, word) of a Hadamard matrix of order 12 (Paley's, of the quadratic residues mod 11), pattern >= 1: each row has
/// six of either sign, and any two rows are orthogonal, so that wavering heads do not add up.
constexpr double sign(Index pattern, Index word) {
  if (word == 0) return -1;
  if (word == pattern) return 1;
  auto const difference = ((pattern - word) % 11 + 11) % 11;
  for (Index r : {1, 3, 4, 5, 9})
    if (difference == r) return 1;
  return -1;
}

/// Adds what a wavering head writes: from kWords channels to the rival's.
inline void waver(Construction::Head& head, Index first_word, Index rival, Index pattern) {
  std::array<double, kWords> weights;
  for (Index w = 0; w < kWords; ++w) weights[static_cast<std::size_t>(w)] = sign(pattern, w) > 0 ? kWaver : -balance(kWaver);
  head.write_sum(first_word, weights, rival);
}

}  // namespace detail
}  // namespace chg::builtin
