// SPDX-License-Identifier: MIT
// Checks a hand-derived gradient against central differences, for functions that take double or float and nothing else.
//
//     D(h) = (f(x + h v) - f(x - h v)) / 2h = f'(x) v + c_2 h^2 + c_4 h^4 + ...
//
// Steps are halved and extrapolated to h = 0 (Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in
// Engineering Software 4, 1982). The noise of f is measured from its differences over tiny steps (Hamming's table, as in
// More and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33, 2011). The step is the one that makes
// extrapolation error plus noise least, and that sum is the uncertainty that the verdict allows for.
#pragma once

#include <chg/verify/duals.hpp>

#include <array>
#include <cmath>
#include <numeric>

namespace chg::verify {

struct DifferenceOptions {
  double tolerance = 0;  ///< 0: 6e-8 in double, 1e-3 in float: well above the uncertainty of differences of smooth functions
  double floor = 1e-8;   ///< a gradient without an entry of this size is measured against it
  Index entries = 0;     ///< compare that many entries, drawn by the seed; 0: all of them
  Index directions = 0;  ///< above 0: that many random directions instead of entries
  double step = 0.25;    ///< the first and largest step, times max(1, |x|) rounded up to a power of 2
  std::uint64_t seed = 0;
};

namespace detail {

struct Estimate {
  double value = std::numeric_limits<double>::quiet_NaN();
  double error = std::numeric_limits<double>::infinity();
};

/// The limit of difference(h) = D(h) at h = 0, by Ridders' method; noise: the standard deviation of the round-off in F.
template <class Difference>
Estimate extrapolate(Difference&& difference, double first_step, double noise) {
  constexpr int kHalvings = 40;
  constexpr double kNoiseOfDifference = 8;  // 1 / sqrt 2 for a difference of two, at most 2 for the extrapolation, 6 deviations
  Estimate best;
  std::vector<double> previous;
  auto h = first_step;
  for (int j = 0; j < kHalvings; ++j, h /= 2) {
    if (kNoiseOfDifference * noise / h > best.error) break;  // smaller steps can only be worse
    std::vector<double> row{difference(h)};
    if (!std::isfinite(row[0])) {  // outside the domain of f: start again nearer to x
      previous.clear();
      continue;
    }
    double power = 1;
    for (std::size_t i = 1; i <= previous.size(); ++i) {
      power *= 4;
      row.push_back((power * row[i - 1] - previous[i - 1]) / (power - 1));
      auto const extrapolation = std::max(std::abs(row[i] - row[i - 1]), std::abs(row[i] - previous[i - 1]));
      auto const error = extrapolation + kNoiseOfDifference * noise / h;
      if (error < best.error) best = {row[i], error};
    }
    previous = std::move(row);
  }
  return best;
}

/// The standard deviation of the round-off in F near t = 0: the largest of a few places, since a function at rest passes the
/// rounding of its argument on only beside that point.
template <class Scalar, class Line>
double noise_of(Line&& line) {
  constexpr int kPoints = 9, kOrders = 5;
  constexpr auto kEpsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());
  double noise = 0;
  for (auto const centre : {-0.2, -0.1, 0.0, 0.1, 0.2}) {
    std::array<double, kPoints> f{};
    double largest = 0;
    for (std::size_t i = 0; i < kPoints; ++i) {
      f[i] = line(centre + (static_cast<double>(i) - kPoints / 2) * 64 * kEpsilon);  // steps too small for F to bend
      largest = std::max(largest, std::abs(f[i]));
    }
    if (!std::isfinite(std::accumulate(f.begin(), f.end(), 0.0))) continue;
    noise = std::max(noise, 0.5 * kEpsilon * largest);
    double gain = 1;  // k-th differences of independent noise have (2k)! / (k!)^2 times its variance
    for (std::size_t k = 1; k <= kOrders; ++k) {
      gain *= 2.0 * static_cast<double>(2 * k - 1) / static_cast<double>(k);
      double squares = 0;
      for (std::size_t i = 0; i + k < kPoints; ++i) {
        f[i] = f[i + 1] - f[i];
        squares += f[i] * f[i];
      }
      if (k == 1) continue;  // first differences hold the slope
      noise = std::max(noise, std::sqrt(squares / (static_cast<double>(kPoints - k) * gain)));
    }
  }
  return noise;
}

/// F(x + t v) in Scalar, as a function of t.
template <class Scalar, class F, std::size_t N>
class Line {
 public:
  static_assert(std::is_floating_point_v<Scalar>,
                "chg::verify::against_differences: the scalar must be float or double. Write against_differences<float>(...).");
  static_assert(takes<F, Scalar, N>,
                "chg::verify: f cannot be called with one Matrix<Scalar> an input. Give it one parameter an input, or choose the "
                "scalar that it takes: against_differences<float>(...).");

  Line(F const& f, Point<N> const& p, Direction<N> const& v) : f_(f), p_(p), v_(v) {}

  double operator()(double t) const {
    std::array<Matrix<Scalar>, N> x;
    for (std::size_t n = 0; n < N; ++n) x[n] = (p_.inputs[n].value + t * v_[n]).template cast<Scalar>();
    auto const y = call(f_, x);
    static_assert(std::is_floating_point_v<std::decay_t<decltype(y)>>,
                  "chg::verify: f must return one number, float or double. For a function that returns matrices, check "
                  "chg::verify::contract(forward, backward, point).");
    return static_cast<double>(y);
  }

 private:
  F const& f_;
  Point<N> const& p_;
  Direction<N> const& v_;
};

}  // namespace detail

/// Compares the gradient of f with central differences, entry by entry or along random directions. The verdict allows for
/// the estimated truncation and round-off error of the differences, and is `undecided` where they are too rough to tell.
///   Scalar    the number f is called with: float or double; the point is rounded to it
///   f         called with one Matrix<Scalar> an input; returns one number
///   gradient  the claimed numbers, one matrix an input (a tuple of them for several), or a function of the inputs that gives them
///   point     at("x", x, "weight", w), or one matrix; f must be differentiable there (not at the kink of a ReLU)
/// Throws Error when a shape does not fit or an option is out of range.
/// Costs some 10 to 20 evaluations of f an entry, and 45 for its noise.
template <class Scalar = double, class F, class Gradient, class Where>
Report against_differences(F const& f, Gradient const& gradient, Where const& point, DifferenceOptions const& options = {}) {
  auto p = detail::point(point);
  for (auto& input : p.inputs) input.value = input.value.template cast<Scalar>().template cast<double>().eval();
  auto const claim = detail::claimed<Scalar>(gradient, p);
  check(options.step > 0 && std::isfinite(options.step), "verify: step", "a positive number", options.step);
  auto const tolerance = options.tolerance != 0 ? options.tolerance : std::is_same_v<Scalar, float> ? 1e-3 : 6e-8;

  using Line = detail::Line<Scalar, F, p.inputs.size()>;
  Random random(options.seed, Stream::verify, 3);
  auto jitter = detail::zero_direction(p);
  detail::fill_normal(jitter, random);
  for (std::size_t n = 0; n < jitter.size(); ++n) jitter[n].array() *= p.inputs[n].value.array().abs().max(1e-3);
  auto const noise = detail::noise_of<Scalar>(Line(f, p, jitter));

  auto const derivative = [&](auto const& v) {
    Line const line(f, p, v);
    double size = 1;
    if (options.directions == 0)
      for (std::size_t n = 0; n < v.size(); ++n)
        size = std::max(size, p.inputs[n].value.cwiseProduct(v[n]).cwiseAbs().maxCoeff());
    size = std::exp2(std::ceil(std::log2(size)));  // so that x + h is exact nearly always
    auto const estimate =
        detail::extrapolate([&](double h) { return (line(h) - line(-h)) / (2 * h); }, options.step * size, noise);
    return std::pair(std::isfinite(line(0)) ? estimate.value : std::numeric_limits<double>::quiet_NaN(), estimate.error);
  };
  if (options.directions > 0) {
    detail::Comparison comparison("differences along directions", tolerance, options.floor, 1);
    detail::compare_directions(comparison, p, claim, options.directions, options.seed, derivative);
    return comparison.report();
  }
  detail::Comparison comparison("differences", tolerance, options.floor, claim.size());
  detail::compare_entries(comparison, p, claim, options.entries, options.seed, derivative);
  return comparison.report();
}

}  // namespace chg::verify
