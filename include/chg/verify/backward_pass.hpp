// SPDX-License-Identifier: MIT
// Checks the backward pass of an operation on matrices: forward(x, ...) -> y, backward(x, ..., dy) -> dx, ...
//
//     loss(x) = <c, forward(x)> for a fixed random c,   so that   grad loss = backward(x, c)
//
// A backward pass is linear in dy: if it is wrong for any dy, it is wrong for almost every c.
#pragma once

#include <chg/verify/duals.hpp>

#include <memory>

namespace chg::verify {

/// A function of one number and its gradient: what against_duals, against_differences and directional take.
template <class Loss, class Gradient>
struct Contraction {
  Loss loss;          ///< loss(inputs...), in any scalar
  Gradient gradient;  ///< gradient(inputs...), as `backward` returns it
};

/// Makes an operation into a function of one number, <c, forward(inputs...)>, with normal entries of c drawn by the seed.
///   forward   one matrix an input; returns a matrix, or a tuple or list of them
///   backward  the inputs, then dy of the shape of the output (a std::vector of matrices where forward returns several);
///             returns one gradient an input, a tuple of them for several
/// `auto const [loss, gradient] = contract(forward, backward, at("x", x));`
template <class Forward, class Backward, class Where>
auto contract(Forward forward, Backward backward, Where const& point, std::uint64_t seed = 0) {
  auto const& p = detail::point(point);
  static_assert(
      detail::takes<Forward, double, std::tuple_size_v<decltype(p.inputs)>>,
      "chg::verify: forward cannot be called with one matrix an input. Write forward(auto const& x, auto const& weight) "
      "for at(\"x\", x, \"weight\", weight).");
  auto const outputs = detail::call(forward, detail::values<double>(p));
  constexpr bool several = detail::MatrixList<std::decay_t<decltype(outputs)>> || detail::Tuple<std::decay_t<decltype(outputs)>>;
  auto const c = std::make_shared<std::vector<Matrix<double>>>(detail::matrices<double>(outputs));
  Random random(seed, Stream::verify, 4);
  for (auto& m : *c)
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = random.normal();

  auto loss = [forward, c](auto const& first, auto const&... rest) {
    using Scalar = typename std::decay_t<decltype(first)>::Scalar;
    auto const y = detail::matrices<Scalar>(forward(first, rest...));
    Accumulator<Scalar> sum = 0;
    for (std::size_t n = 0; n < y.size(); ++n)
      for (Index i = 0; i < y[n].size(); ++i)
        sum += number_cast<Accumulator<Scalar>>(y[n].data()[i]) * Accumulator<Scalar>((*c)[n].data()[i]);
    return sum;
  };
  auto gradient = [backward, c](auto const& first, auto const&... rest) {
    using Scalar = typename std::decay_t<decltype(first)>::Scalar;
    std::vector<Matrix<Scalar>> dy;
    for (auto const& m : *c) dy.push_back(m.template cast<Scalar>());
    if constexpr (several)
      return backward(first, rest..., dy);
    else
      return backward(first, rest..., dy[0]);
  };
  return Contraction<decltype(loss), decltype(gradient)>{std::move(loss), std::move(gradient)};
}

/// Compares a backward pass with dual numbers, entry by entry of every input, for one random dy. See `contract` for the
/// functions and against_duals for options and errors. For floats, check contract(...) with against_differences<float>.
template <class Forward, class Backward, class Where>
Report backward_pass(Forward const& forward, Backward const& backward, Where const& point, DualOptions const& options = {}) {
  auto const contraction = contract(forward, backward, point, options.seed);
  return against_duals(contraction.loss, contraction.gradient, point, options);
}

}  // namespace chg::verify
