// SPDX-License-Identifier: MIT
// A number that counts: models over it say what they multiply, not what a formula says they should.
#pragma once

#include <chg/tensor/register_tile.hpp>

#include <Eigen/Core>

#include <cmath>
#include <type_traits>

namespace chg::tests {

/// What one thread multiplied.
struct Multiplications {
  static inline long with_weights = 0;  ///< multiply-adds of products with frozen weights
  static inline long others = 0;        ///< attention, and what is done element by element
};

struct Counted {
  double value;

  Counted() = default;
  template <class Number>
    requires std::is_arithmetic_v<Number>
  constexpr Counted(Number v) : value(static_cast<double>(v)) {}  // NOLINT: numbers are constants
  template <class Number>
    requires std::is_arithmetic_v<Number>
  explicit constexpr operator Number() const {
    return static_cast<Number>(value);
  }

  Counted& operator+=(Counted b) { return value += b.value, *this; }
  Counted& operator-=(Counted b) { return value -= b.value, *this; }
  Counted& operator*=(Counted b) { return *this = *this * b; }
  Counted& operator/=(Counted b) { return value /= b.value, *this; }
  friend Counted operator-(Counted a) { return -a.value; }
  friend Counted operator+(Counted a, Counted b) { return a.value + b.value; }
  friend Counted operator-(Counted a, Counted b) { return a.value - b.value; }
  friend Counted operator*(Counted a, Counted b) { return ++Multiplications::others, a.value * b.value; }
  friend Counted operator/(Counted a, Counted b) { return a.value / b.value; }
  friend auto operator<=>(Counted const&, Counted const&) = default;

  friend Counted exp(Counted a) { return std::exp(a.value); }
  friend Counted log(Counted a) { return std::log(a.value); }
  friend Counted sqrt(Counted a) { return std::sqrt(a.value); }
  friend Counted tanh(Counted a) { return std::tanh(a.value); }
  friend Counted abs(Counted a) { return std::abs(a.value); }
  friend bool isfinite(Counted a) { return std::isfinite(a.value); }
};

}  // namespace chg::tests

/// One number a vector, so that no column is padding where the extents are multiples of four.
template <>
struct chg::detail::RealTile<chg::tests::Counted> {
  using Sum = tests::Counted;
  using Factor = tests::Counted;
  using Vector = tests::Counted;
  static constexpr int lanes = 1;

  static Vector spread(Factor const* a) { return *a; }
  static Vector load(Factor const* b) { return *b; }
  static void multiply_add(Vector& sum, Vector a, Vector b) {
    ++tests::Multiplications::with_weights;
    sum.value += a.value * b.value;
  }
};

template <>
struct Eigen::NumTraits<chg::tests::Counted> : Eigen::GenericNumTraits<chg::tests::Counted> {
  using Real = chg::tests::Counted;
  using NonInteger = Real;
  using Nested = Real;
  using Literal = Real;
  enum { IsComplex = 0, IsInteger = 0, IsSigned = 1, RequireInitialization = 0, ReadCost = 1, AddCost = 1, MulCost = 1 };
  static Real epsilon() { return NumTraits<double>::epsilon(); }
  static Real dummy_precision() { return NumTraits<double>::dummy_precision(); }
  static Real highest() { return NumTraits<double>::highest(); }
  static Real lowest() { return NumTraits<double>::lowest(); }
};
