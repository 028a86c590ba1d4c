// SPDX-License-Identifier: MIT
// What a gradient check found: how far the claimed numbers are from the true ones, where that is worst, and the verdict.
//
//     relative error of entry i of an input's gradient = |claimed_i - true_i| / max(largest |true_j| of that input, floor)
//
// Errors are measured against the largest entry of a gradient, not against the entry itself: an entry that is 0 by
// cancellation carries the round-off of its large neighbours.
#pragma once

#include <chg/tensor/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace chg::verify {

/// undecided: the true derivative is known too roughly to tell (differences only). Nothing but `passed` is a pass.
enum class Verdict { passed, failed, undecided };

inline std::ostream& operator<<(std::ostream& out, Verdict verdict) {
  return out << (verdict == Verdict::passed ? "passed" : verdict == Verdict::failed ? "FAILED" : "UNDECIDED");
}

/// The outcome of one check. The numbers are those of the worst entry (or direction); everything else is nearer to the truth.
struct Report {
  Verdict verdict = Verdict::failed;
  std::string method;      ///< "dual numbers", "differences", or one of them "along directions"
  Index compared = 0;      ///< entries or directions
  std::string where;       ///< the worst one: "q(2, 3)", or "direction 1"
  double claimed = 0;      ///< its claimed derivative
  double truth = 0;        ///< its true derivative
  double absolute = 0;     ///< |claimed - truth|; infinity when a number is not finite
  double relative = 0;     ///< absolute over the scale of the gradient; infinity when a number is not finite
  double uncertainty = 0;  ///< of truth, over the same scale: an estimate for differences, 0 for dual numbers
  double tolerance = 0;    ///< passed when relative + uncertainty stay within it, failed when relative - uncertainty exceeds it

  bool passed() const { return verdict == Verdict::passed; }
  explicit operator bool() const { return passed(); }
};

namespace detail {

/// "3.1e-16"
inline std::string short_number(double x) {
  if (std::isnan(x)) return "NaN";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  if (x == 0) return "0";
  std::ostringstream out;
  out.exceptions(std::ios::badbit);
  out << std::scientific << std::setprecision(1) << x;
  return out.str();
}

/// Collects pairs of claimed and true derivatives and judges them.
class Comparison {
 public:
  Comparison(std::string method, double tolerance, double floor, std::size_t inputs)
      : method_(std::move(method)), tolerance_(tolerance), floor_(floor), scale_(inputs, 0.0) {
    check(tolerance >= 0 && std::isfinite(tolerance), "verify: tolerance", "0 or a positive number", tolerance);
    check(floor > 0 && std::isfinite(floor), "verify: floor", "a positive number", floor,
          "A gradient of zeros has no size of its own: say below which size its entries count as round-off.");
  }

  void add(std::size_t input, std::string where, double claimed, double truth, double uncertainty) {
    pairs_.push_back({input, std::move(where), claimed, truth, uncertainty});
    if (std::isfinite(truth)) scale_[input] = std::max(scale_[input], std::abs(truth));
  }

  Report report() const {
    check(!pairs_.empty(), "verify: nothing to compare", "at least one entry or direction", "none");
    auto const rank = [](Report const& r) { return std::pair(severity(r), r.relative + r.uncertainty); };
    auto worst = judge(pairs_.front());
    for (auto const& p : pairs_)
      if (auto r = judge(p); rank(r) > rank(worst)) worst = std::move(r);
    worst.method = method_;
    worst.compared = static_cast<Index>(pairs_.size());
    return worst;
  }

 private:
  struct Pair {
    std::size_t input;
    std::string where;
    double claimed, truth, uncertainty;
  };

  Report judge(Pair const& p) const {
    Report r;
    r.where = p.where, r.claimed = p.claimed, r.truth = p.truth, r.tolerance = tolerance_;
    if (!std::isfinite(p.claimed) || !std::isfinite(p.truth) || !std::isfinite(p.uncertainty)) {
      r.absolute = r.relative = std::numeric_limits<double>::infinity();
      return r;
    }
    auto const scale = std::max(scale_[p.input], floor_);
    r.absolute = std::abs(p.claimed - p.truth);
    r.relative = r.absolute / scale;
    r.uncertainty = p.uncertainty / scale;
    r.verdict = r.relative + r.uncertainty <= tolerance_  ? Verdict::passed
                : r.relative - r.uncertainty > tolerance_ ? Verdict::failed
                                                          : Verdict::undecided;
    return r;
  }

  static int severity(Report const& r) { return r.verdict == Verdict::failed ? 2 : r.verdict == Verdict::undecided ? 1 : 0; }

  std::string method_;
  double tolerance_, floor_;
  std::vector<double> scale_;
  std::vector<Pair> pairs_;
};

}  // namespace detail

/// One sentence: "FAILED: relative error 1.0e+00, limit 1.0e-12, at q(2, 3): claimed 0.5, true 0.25 (dual numbers, 24 compared)".
inline std::ostream& operator<<(std::ostream& out, Report const& r) {
  out << r.verdict << ": relative error " << detail::short_number(r.relative);
  if (r.uncertainty > 0) out << " +- " << detail::short_number(r.uncertainty);
  out << ", limit " << detail::short_number(r.tolerance) << ", at " << r.where << ": claimed " << text(r.claimed) << ", true "
      << text(r.truth) << " (" << r.method << ", " << r.compared << " compared)";
  return out;
}

}  // namespace chg::verify
