// SPDX-License-Identifier: MIT
// Where a function is checked: one or several named matrices, `at("x", x, "weight", w)`.
#pragma once

#include <chg/tensor/dual.hpp>
#include <chg/tensor/matrix.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace chg::verify {

struct Input {
  std::string name;
  Matrix<double> value;
};

/// N named inputs: a function is called with N matrices, in this order.
template <std::size_t N>
struct Point {
  std::array<Input, N> inputs;
};

namespace detail {

template <class T>
inline constexpr bool is_number = std::is_arithmetic_v<T> || is_dual<T>;
template <class T>
concept Number = is_number<T>;
template <class T>
concept Dense = requires(T const& t) {
  typename T::PlainObject;
  t.rows();
  t.cols();
};
template <class T>
concept NumberList = !Dense<T> && requires(T const& t) {
  t.size();
  requires is_number<std::decay_t<decltype(*t.begin())>>;
};
template <class T>
concept MatrixList = !Dense<T> && !NumberList<T> && requires(T const& t) {
  t.begin();
  t.end();
};
template <class T>
concept Tuple = !Dense<T> && !MatrixList<T> && !NumberList<T> && requires { std::tuple_size<T>::value; };

/// What a function returned, as matrices of Scalar: a number is [1, 1], a list of numbers [1, n]; tuples and lists give several.
template <class Scalar, class Value>
std::vector<Matrix<Scalar>> matrices(Value const& value) {
  if constexpr (Number<Value>) {
    return {Matrix<Scalar>::Constant(1, 1, number_cast<Scalar>(value))};
  } else if constexpr (Dense<Value>) {
    static_assert(std::is_same_v<Value, typename Value::PlainObject>,
                  "chg::verify: a function under test returned an unevaluated Eigen expression, which refers to numbers that are "
                  "gone. Give the lambda a return type: [](auto const& x) -> std::decay_t<decltype(x)> { ... }.");
    Matrix<Scalar> m(value.rows(), value.cols());
    for (Index i = 0; i < m.rows(); ++i)
      for (Index j = 0; j < m.cols(); ++j) m(i, j) = number_cast<Scalar>(value(i, j));
    return {std::move(m)};
  } else if constexpr (NumberList<Value>) {
    Matrix<Scalar> m(1, static_cast<Index>(value.size()));
    Index j = 0;
    for (auto const& x : value) m(0, j++) = number_cast<Scalar>(x);
    return {std::move(m)};
  } else {
    static_assert(MatrixList<Value> || Tuple<Value>,
                  "chg::verify: a function under test must return a number, a matrix, or a tuple or list of those. Change what "
                  "it returns.");
    std::vector<Matrix<Scalar>> all;
    auto const append = [&](auto const& part) {
      for (auto& m : matrices<Scalar>(part)) all.push_back(std::move(m));
    };
    if constexpr (MatrixList<Value>)
      for (auto const& part : value) append(part);
    else
      std::apply([&](auto const&... parts) { (append(parts), ...); }, value);
    return all;
  }
}

}  // namespace detail

/// The point at which a function of several matrices is checked: name and value in turn, `at("q", q, "k", k)`. A value is a
/// matrix or vector of float or double, a number ([1, 1]) or a list of numbers ([1, n]). Throws Error when a value is empty.
template <class... NamesAndValues>
  requires(sizeof...(NamesAndValues) >= 2)
auto at(NamesAndValues const&... names_and_values) {
  static_assert(sizeof...(NamesAndValues) % 2 == 0,
                "chg::verify::at: names and values come in pairs. Write at(\"x\", x, \"weight\", w).");
  auto const all = std::forward_as_tuple(names_and_values...);
  return [&]<std::size_t... i>(std::index_sequence<i...>) {
    Point<sizeof...(i)> p{{Input{std::get<2 * i>(all), detail::matrices<double>(std::get<2 * i + 1>(all)).at(0)}...}};
    for (auto const& input : p.inputs)
      check(input.value.size() > 0, "verify: " + input.name, "at least one number",
            shape_text(input.value.rows(), input.value.cols()));
    return p;
  }(std::make_index_sequence<sizeof...(NamesAndValues) / 2>{});
}

/// The point at which a function of one matrix is checked; reports call it x.
template <class Value>
auto at(Value const& value) {
  return at("x", value);
}

namespace detail {

template <std::size_t N>
Point<N> const& point(Point<N> const& p) {
  return p;
}
template <class Value>
Point<1> point(Value const& value) {
  return at(value);
}

/// Calls f with the matrices of `arguments`, and whatever follows them.
template <class F, class T, std::size_t N, class... More>
decltype(auto) call(F const& f, std::array<T, N> const& arguments, More const&... more) {
  return std::apply([&](auto const&... a) -> decltype(auto) { return f(a..., more...); }, arguments);
}

template <class F, class T, std::size_t... i>
constexpr bool invocable(std::index_sequence<i...>) {
  return std::is_invocable_v<F const&, decltype((void)i, std::declval<T const&>())...>;
}
/// Whether f can be called with N matrices of Scalar.
template <class F, class Scalar, std::size_t N>
inline constexpr bool takes = invocable<F, Matrix<Scalar>>(std::make_index_sequence<N>{});

template <class Scalar, std::size_t N>
std::array<Matrix<Scalar>, N> values(Point<N> const& p) {
  std::array<Matrix<Scalar>, N> all;
  for (std::size_t n = 0; n < N; ++n) all[n] = p.inputs[n].value.template cast<Scalar>();
  return all;
}

/// The claimed gradient at p: `gradient` is the numbers themselves, or a function of the inputs that returns them.
/// Throws Error when it has not one matrix of the right shape an input.
template <class Scalar, class Gradient, std::size_t N>
std::vector<Matrix<double>> claimed(Gradient const& gradient, Point<N> const& p) {
  auto all = [&] {
    if constexpr (Number<Gradient> || Dense<Gradient> || NumberList<Gradient> || MatrixList<Gradient> || Tuple<Gradient>)
      return matrices<double>(gradient);
    else
      return matrices<double>(call(gradient, values<Scalar>(p)));
  }();
  check(all.size() == N, "verify: the claimed gradient",
        text(N, N == 1 ? " matrix, for the one input" : " matrices, one an input"), all.size());
  for (std::size_t n = 0; n < N; ++n)
    check_shape("verify: the claimed gradient of " + p.inputs[n].name, all[n], p.inputs[n].value.rows(),
                p.inputs[n].value.cols());
  return all;
}

inline std::string entry_name(Input const& input, Index row, Index col) {
  if (input.value.size() == 1) return input.name;
  if (input.value.rows() == 1) return text(input.name, "(", col, ")");
  return text(input.name, "(", row, ", ", col, ")");
}

}  // namespace detail
}  // namespace chg::verify
