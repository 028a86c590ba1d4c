// SPDX-License-Identifier: MIT
// Forward-mode dual numbers: a value and its derivative along one direction, carried through every operation.
//
//     f(x + e y) = f(x) + e f'(x) y,   e^2 = 0
//
// A model instantiated with Dual computes exact directional derivatives; a backward pass run on Dual gives exact
// Hessian-vector products. Dual<Dual<T>> differentiates twice.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <limits>
#include <ostream>
#include <type_traits>

namespace chg {

template <class T>
struct Dual {
  T value{};
  T tangent{};

  constexpr Dual() = default;
  constexpr Dual(T v, T t) : value(v), tangent(t) {}
  template <class Number>
    requires std::is_arithmetic_v<Number> || std::is_same_v<Number, T>
  constexpr Dual(Number v) : value(static_cast<T>(v)) {}  // NOLINT: numbers are constants

  constexpr Dual& operator+=(Dual const& b) {
    value += b.value;
    tangent += b.tangent;
    return *this;
  }
  constexpr Dual& operator-=(Dual const& b) {
    value -= b.value;
    tangent -= b.tangent;
    return *this;
  }
  constexpr Dual& operator*=(Dual const& b) { return *this = *this * b; }
  constexpr Dual& operator/=(Dual const& b) { return *this = *this / b; }

  friend constexpr Dual operator+(Dual const& a) { return a; }
  friend constexpr Dual operator-(Dual const& a) { return {-a.value, -a.tangent}; }
  friend constexpr Dual operator+(Dual const& a, Dual const& b) { return {a.value + b.value, a.tangent + b.tangent}; }
  friend constexpr Dual operator-(Dual const& a, Dual const& b) { return {a.value - b.value, a.tangent - b.tangent}; }
  friend constexpr Dual operator*(Dual const& a, Dual const& b) {
    return {a.value * b.value, a.tangent * b.value + a.value * b.tangent};
  }
  friend constexpr Dual operator/(Dual const& a, Dual const& b) {
    auto const quotient = a.value / b.value;
    return {quotient, (a.tangent - quotient * b.tangent) / b.value};
  }

  // The order of dual numbers is the order of their values.
  friend constexpr bool operator==(Dual const& a, Dual const& b) { return a.value == b.value; }
  friend constexpr bool operator!=(Dual const& a, Dual const& b) { return a.value != b.value; }
  friend constexpr bool operator<(Dual const& a, Dual const& b) { return a.value < b.value; }
  friend constexpr bool operator>(Dual const& a, Dual const& b) { return a.value > b.value; }
  friend constexpr bool operator<=(Dual const& a, Dual const& b) { return a.value <= b.value; }
  friend constexpr bool operator>=(Dual const& a, Dual const& b) { return a.value >= b.value; }

  friend std::ostream& operator<<(std::ostream& out, Dual const& a) { return out << a.value << " + " << a.tangent << "e"; }
};

template <class T>
Dual<T> exp(Dual<T> const& a) {
  using std::exp;
  auto const y = exp(a.value);
  return {y, y * a.tangent};
}

template <class T>
Dual<T> log(Dual<T> const& a) {
  using std::log;
  return {log(a.value), a.tangent / a.value};
}

/// The derivative of sqrt is infinite at 0: a zero argument with a zero tangent gives a zero tangent.
template <class T>
Dual<T> sqrt(Dual<T> const& a) {
  using std::sqrt;
  auto const y = sqrt(a.value);
  return {y, a.tangent == T(0) ? T(0) : a.tangent / (T(2) * y)};
}

template <class T>
Dual<T> tanh(Dual<T> const& a) {
  using std::tanh;
  auto const y = tanh(a.value);
  return {y, (T(1) - y * y) * a.tangent};
}

template <class T>
Dual<T> erf(Dual<T> const& a) {
  using std::erf;
  using std::exp;
  constexpr auto two_over_sqrt_pi = 1.12837916709551257389615890312154517;
  return {erf(a.value), T(two_over_sqrt_pi) * exp(-(a.value * a.value)) * a.tangent};
}

template <class T>
Dual<T> sin(Dual<T> const& a) {
  using std::cos;
  using std::sin;
  return {sin(a.value), cos(a.value) * a.tangent};
}

template <class T>
Dual<T> cos(Dual<T> const& a) {
  using std::cos;
  using std::sin;
  return {cos(a.value), -sin(a.value) * a.tangent};
}

/// The derivative at 0 is taken from the right.
template <class T>
Dual<T> abs(Dual<T> const& a) {
  return a.value < T(0) ? -a : a;
}

template <class T>
bool isfinite(Dual<T> const& a) {
  using std::isfinite;
  return isfinite(a.value) && isfinite(a.tangent);
}

namespace detail {
template <class Scalar>
struct ScalarTraits {
  using Real = Scalar;
  static constexpr bool is_dual = false;
};
template <class T>
struct ScalarTraits<Dual<T>> {
  using Real = typename ScalarTraits<T>::Real;
  static constexpr bool is_dual = true;
};
}  // namespace detail

/// The floating-point type below any depth of Dual: Real<Dual<Dual<double>>> is double.
template <class Scalar>
using Real = typename detail::ScalarTraits<Scalar>::Real;

template <class Scalar>
inline constexpr bool is_dual = detail::ScalarTraits<Scalar>::is_dual;

/// The value of a number with every tangent dropped.
template <class Scalar>
constexpr Real<Scalar> real(Scalar const& a) {
  if constexpr (is_dual<Scalar>)
    return chg::real(a.value);
  else
    return a;
}

namespace detail {
template <class Scalar>
struct AccumulatorOf {
  using type = double;
};
template <class T>
struct AccumulatorOf<Dual<T>> {
  using type = Dual<typename AccumulatorOf<T>::type>;
};
}  // namespace detail

/// The number in which sums over tokens and examples are kept: double for float and double, and the dual of that.
template <class Scalar>
using Accumulator = typename detail::AccumulatorOf<Scalar>::type;

/// Converts between numbers of the same dual depth, component by component.
template <class To, class From>
constexpr To number_cast(From const& a) {
  if constexpr (is_dual<To> && is_dual<From>) {
    using Part = decltype(To{}.value);
    return To(number_cast<Part>(a.value), number_cast<Part>(a.tangent));
  } else {
    return static_cast<To>(a);
  }
}

}  // namespace chg

namespace Eigen {
template <class T>
struct NumTraits<chg::Dual<T>> : GenericNumTraits<chg::Dual<T>> {
  using Real = chg::Dual<T>;
  using NonInteger = chg::Dual<T>;
  using Nested = chg::Dual<T>;
  using Literal = chg::Dual<T>;
  enum { IsComplex = 0, IsInteger = 0, IsSigned = 1, RequireInitialization = 1, ReadCost = 2, AddCost = 2, MulCost = 4 };
  static chg::Dual<T> epsilon() { return NumTraits<T>::epsilon(); }
  static chg::Dual<T> dummy_precision() { return NumTraits<T>::dummy_precision(); }
  static chg::Dual<T> highest() { return NumTraits<T>::highest(); }
  static chg::Dual<T> lowest() { return NumTraits<T>::lowest(); }
};
}  // namespace Eigen
