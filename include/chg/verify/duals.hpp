// SPDX-License-Identifier: MIT
// Checks a hand-derived gradient against forward-mode dual numbers: exact to round-off, no step to choose.
//
//     true derivative of f along v at x = tangent of f(x + e v)
//
// One evaluation of f an entry, or an evaluation a random direction: a gradient g is wrong exactly when <g - grad f, v> is
// not 0 for almost every v, so that a few directions find any error, though not where it is.
#pragma once

#include <chg/tensor/random.hpp>
#include <chg/verify/point.hpp>
#include <chg/verify/report.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

namespace chg::verify {

struct DualOptions {
  double tolerance = 1e-12;  ///< some thousand roundings of a double
  double floor = 1e-8;       ///< a gradient without an entry of this size is measured against it: 0 need not be met to the bit
  Index entries = 0;         ///< compare that many entries, drawn by the seed; 0: all of them
  std::uint64_t seed = 0;
};

struct DirectionOptions {
  double tolerance = 1e-12;  ///< some thousand roundings of a double
  double floor = 1e-8;       ///< as above, of the largest directional derivative
  Index directions = 4;      ///< one finds an error; four measure its size
  std::uint64_t seed = 0;
};

namespace detail {

template <std::size_t N>
using Direction = std::array<Matrix<double>, N>;

template <std::size_t N>
Direction<N> zero_direction(Point<N> const& p) {
  Direction<N> v;
  for (std::size_t n = 0; n < N; ++n) v[n] = Matrix<double>::Zero(p.inputs[n].value.rows(), p.inputs[n].value.cols());
  return v;
}

template <std::size_t N>
void fill_normal(Direction<N>& v, Random& random) {
  for (auto& m : v)
    for (Index i = 0; i < m.size(); ++i) m.data()[i] = random.normal();
}

/// Calls visit(input, row, col, direction) for every entry of the point, or for `entries` of them drawn by the seed.
template <std::size_t N, class Visit>
void for_each_entry(Point<N> const& p, Index entries, std::uint64_t seed, Visit&& visit) {
  check(entries >= 0, "verify: entries", "0 (all) or a positive number", entries);
  std::vector<std::pair<std::size_t, Index>> chosen;
  for (std::size_t n = 0; n < N; ++n)
    for (Index i = 0; i < p.inputs[n].value.size(); ++i) chosen.emplace_back(n, i);
  if (entries > 0 && entries < static_cast<Index>(chosen.size())) {
    Random random(seed, Stream::verify, 1);
    random.shuffle(std::span(chosen));
    chosen.resize(static_cast<std::size_t>(entries));
    std::sort(chosen.begin(), chosen.end());
  }
  auto v = zero_direction(p);
  for (auto const& [n, i] : chosen) {
    v[n].data()[i] = 1;
    visit(n, i / v[n].cols(), i % v[n].cols(), v);
    v[n].data()[i] = 0;
  }
}

/// Compares the claimed gradient with derivative(v) -> (truth, uncertainty), an entry at a time.
template <std::size_t N, class Derivative>
void compare_entries(Comparison& comparison, Point<N> const& p, std::vector<Matrix<double>> const& claim, Index entries,
                     std::uint64_t seed, Derivative&& derivative) {
  for_each_entry(p, entries, seed, [&](std::size_t n, Index row, Index col, Direction<N> const& v) {
    auto const [truth, uncertainty] = derivative(v);
    comparison.add(n, entry_name(p.inputs[n], row, col), claim[n](row, col), truth, uncertainty);
  });
}

/// Compares <claim, v> with derivative(v) along random directions v of normal entries.
template <std::size_t N, class Derivative>
void compare_directions(Comparison& comparison, Point<N> const& p, std::vector<Matrix<double>> const& claim, Index directions,
                        std::uint64_t seed, Derivative&& derivative) {
  check(directions >= 1, "verify: directions", "1 or more", directions);
  auto v = zero_direction(p);
  Random random(seed, Stream::verify, 2);
  for (Index d = 0; d < directions; ++d) {
    fill_normal(v, random);
    double along = 0;
    for (std::size_t n = 0; n < N; ++n) along += claim[n].cwiseProduct(v[n]).sum();
    auto const [truth, uncertainty] = derivative(v);
    comparison.add(0, text("direction ", d), along, truth, uncertainty);
  }
}

/// The derivative of f at p along v.
template <class F, std::size_t N>
std::pair<double, double> dual_derivative(F const& f, Point<N> const& p, Direction<N> const& v) {
  using Scalar = Dual<double>;
  static_assert(takes<F, Scalar, N>,
                "chg::verify: f cannot be called with matrices of Dual<double>. Make it generic, [](auto const& x) { ... }, one "
                "parameter an input, or use against_differences, which needs double or float only.");
  auto x = values<Scalar>(p);
  for (std::size_t n = 0; n < N; ++n)
    for (Index i = 0; i < x[n].size(); ++i) x[n].data()[i].tangent = v[n].data()[i];
  auto const y = call(f, x);
  static_assert(std::is_same_v<std::decay_t<decltype(y)>, Scalar>,
                "chg::verify: f must return one number of the type of its inputs, Dual<double> for Dual<double>. For a function "
                "that returns matrices, check chg::verify::contract(forward, backward, point) or use backward_pass.");
  auto const nan = std::numeric_limits<double>::quiet_NaN();
  return {std::isfinite(y.value) ? y.tangent : nan, 0.0};
}

}  // namespace detail

/// Compares the gradient of f, entry by entry, with the derivative that dual numbers give.
///   f         called with one Matrix<Dual<double>> an input; returns one Dual<double>
///   gradient  the claimed numbers, one matrix an input (a tuple of them for several), or a function of the inputs that gives them
///   point     at("x", x, "weight", w), or one matrix
/// Throws Error when a shape does not fit or an option is out of range. Costs one evaluation of f an entry.
template <class F, class Gradient, class Where>
Report against_duals(F const& f, Gradient const& gradient, Where const& point, DualOptions const& options = {}) {
  auto const& p = detail::point(point);
  auto const claim = detail::claimed<double>(gradient, p);
  detail::Comparison comparison("dual numbers", options.tolerance, options.floor, claim.size());
  detail::compare_entries(comparison, p, claim, options.entries, options.seed,
                          [&](auto const& v) { return detail::dual_derivative(f, p, v); });
  return comparison.report();
}

/// Compares <gradient, v> with the derivative of f along random directions v: any error in any entry shows (with probability
/// 1), for a few evaluations of f. Errors are relative to the largest of the directional derivatives. Otherwise as against_duals.
template <class F, class Gradient, class Where>
Report directional(F const& f, Gradient const& gradient, Where const& point, DirectionOptions const& options = {}) {
  auto const& p = detail::point(point);
  auto const claim = detail::claimed<double>(gradient, p);
  detail::Comparison comparison("dual numbers along directions", options.tolerance, options.floor, 1);
  detail::compare_directions(comparison, p, claim, options.directions, options.seed,
                             [&](auto const& v) { return detail::dual_derivative(f, p, v); });
  return comparison.report();
}

}  // namespace chg::verify
