// SPDX-License-Identifier: MIT
// Rotary positions: at position p the channel pair i of a head turns by the angle p w_i, w_i = theta^(-2 i / R), where R <= D
// is the number of channels that turn; the others stay.
//
//     a' = a cos - b sin,   b' = a sin + b cos         backward: the same with -sin, since a rotation's transpose undoes it
//
// Su et al., arXiv 2104.09864. Pairs are (i, i + R/2), or (2i, 2i + 1) in the original Llama layout. Llama 3.1 and later
// stretch long wavelengths (2 pi / w_i > original_context / low_freq_factor) by `factor`, keep short ones
// (< original_context / high_freq_factor), and blend linearly in original_context / wavelength between.
#pragma once

#include <chg/tensor/dual.hpp>
#include <chg/tensor/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace chg {

/// Which channels of a head turn together: (i, i + R/2) as Hugging Face stores them, or (2i, 2i + 1) as the original Llama does.
enum class RotaryPairing { halves, neighbours };

/// Frequency scaling of Llama 3.1 and later: long wavelengths are stretched by `factor`, short ones kept, with a ramp between.
struct Llama3Scaling {
  double factor = 8;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  Index original_context = 8192;

  bool operator==(Llama3Scaling const&) const = default;
};

struct Rotary {
  double theta = 10'000;
  RotaryPairing pairing = RotaryPairing::halves;
  Index channels = 0;        ///< R, the first channels of a head, which turn; 0: all
  double linear_factor = 1;  ///< positions are divided by it
  bool scaled = false;       ///< whether `scaling` applies
  Llama3Scaling scaling{};
  std::vector<double> divisors{};  ///< one a pair, by which its frequency is divided; empty: none

  bool operator==(Rotary const&) const = default;
};

}  // namespace chg

namespace chg::ops {

/// R, the number of channels of a head that turn.
inline Index rotary_channels(Rotary const& rotary, Index head_dim) { return rotary.channels > 0 ? rotary.channels : head_dim; }

/// The frequency w_i of pair i, radians a position.
inline double rotary_frequency(Rotary const& rotary, Index head_dim, Index pair) {
  constexpr auto kTwoPi = 6.283185307179586477;
  auto const turned = static_cast<double>(rotary_channels(rotary, head_dim));
  auto const divisor = rotary.divisors.empty() ? 1 : rotary.divisors[static_cast<std::size_t>(pair)];
  auto const plain = std::pow(rotary.theta, -2.0 * static_cast<double>(pair) / turned) / (rotary.linear_factor * divisor);
  if (!rotary.scaled) return plain;
  auto const& s = rotary.scaling;
  auto const turns = static_cast<double>(s.original_context) * plain / kTwoPi;  // original_context / wavelength
  auto const kept = std::clamp((turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor), 0.0, 1.0);
  return plain * (kept + (1 - kept) / s.factor);
}

/// cos and sin of every position and pair, computed in double whatever the Real.
template <class RealType>
class RotaryTable {
 public:
  RotaryTable() = default;
  RotaryTable(Rotary const& rotary, Index head_dim, Index positions)
      : pairing_(rotary.pairing),
        head_dim_(head_dim),
        cos_(positions, rotary_channels(rotary, head_dim) / 2),
        sin_(positions, cos_.cols()) {
    for (Index i = 0; i < cos_.cols(); ++i) {
      auto const frequency = rotary_frequency(rotary, head_dim, i);
      for (Index p = 0; p < positions; ++p) {
        cos_(p, i) = static_cast<RealType>(std::cos(static_cast<double>(p) * frequency));
        sin_(p, i) = static_cast<RealType>(std::sin(static_cast<double>(p) * frequency));
      }
    }
  }

  /// Turns `heads` heads of one token in place. x: [heads D], contiguous; position below the table's length.
  template <class Scalar>
  void turn(Scalar* x, Index heads, Index position) const {
    rotate<false>(x, heads, position);
  }
  /// Turns back: the backward pass of turn(), in place.
  template <class Scalar>
  void turn_back(Scalar* x, Index heads, Index position) const {
    rotate<true>(x, heads, position);
  }

 private:
  template <bool Back, class Scalar>
  void rotate(Scalar* x, Index heads, Index position) const {
    if (pairing_ == RotaryPairing::halves)
      rotate<Back, 1>(x, heads, position, cos_.cols());
    else
      rotate<Back, 2>(x, heads, position, 1);
  }

  // Pair i is x[i Step] and x[i Step + partner]; a step known to the compiler makes whole vectors of it.
  template <bool Back, Index Step, class Scalar>
  void rotate(Scalar* x, Index heads, Index position, Index partner) const {
    auto const half = cos_.cols();
    auto const* const c = cos_.data() + position * half;
    auto const* const s = sin_.data() + position * half;
    for (Index h = 0; h < heads; ++h, x += head_dim_)
#pragma omp simd
      for (Index i = 0; i < half; ++i) {
        auto const a = x[i * Step], b = x[i * Step + partner];
        auto const sine = Back ? -s[i] : s[i];
        x[i * Step] = a * Scalar(c[i]) - b * Scalar(sine);
        x[i * Step + partner] = a * Scalar(sine) + b * Scalar(c[i]);
      }
  }

  RotaryPairing pairing_ = RotaryPairing::halves;
  Index head_dim_ = 0;
  Matrix<RealType> cos_, sin_;  // [positions, R/2]
};

}  // namespace chg::ops
