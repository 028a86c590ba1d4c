// SPDX-License-Identifier: MIT
// Gates G in [0, 1] and their logits u, S sets of [L, H]: two types, so that neither is taken for the other.
//
//     G = 1 / (1 + exp(-u))        u = log(G) - log(1 - G)        dG/du = G (1 - G)
//
// Nam et al. 2025, section 3.1: G_lh scales the output of query head h in layer l before W_O. Only u is learned. It is double for
// every model: a float gate of exactly 1 has lost its logit.
#pragma once

#include <chg/tensor/array.hpp>
#include <chg/tensor/matrix.hpp>
#include <chg/tensor/random.hpp>

#include <cmath>
#include <utility>

namespace chg {

namespace detail {

inline std::string head_text(Index set, Index layer, Index head) { return text("set ", set, ", layer ", layer, ", head ", head); }

/// Values [S, L, H] of one meaning; what Gates and GateLogits share. Default constructed: no sets.
template <class Derived>
class GateArray {
 public:
  GateArray() : values_(Shape{0, 0, 0}) {}

  Index sets() const { return static_cast<Index>(values_.shape()[0]); }
  Index layers() const { return static_cast<Index>(values_.shape()[1]); }
  Index heads() const { return static_cast<Index>(values_.shape()[2]); }
  bool empty() const { return values_.size() == 0; }

  /// [S, L, H], C order.
  Array<double, 3> const& values() const { return values_; }
  double operator()(Index set, Index layer, Index head) const {
    return values_(static_cast<std::size_t>(set), static_cast<std::size_t>(layer), static_cast<std::size_t>(head));
  }

  /// One set, [L, H]. Throws Error when there is no such set.
  Matrix<double> set(Index s) const {
    check(s >= 0 && s < sets(), "gates: set", text("0 to ", sets() - 1), s);
    return map(values_.data() + s * layers() * heads(), layers(), heads());
  }

  bool operator==(GateArray const& other) const {
    return values_.shape() == other.values_.shape() && std::equal(values_.begin(), values_.end(), other.values_.begin());
  }

 protected:
  using Shape = typename Array<double, 3>::shape_type;

  explicit GateArray(Array<double, 3> values) : values_(std::move(values)) {}

  static Array<double, 3> filled(Index sets, Index layers, Index heads, double value) {
    check(sets >= 1 && layers >= 1 && heads >= 1, "gates: shape", "1 or more of sets, layers and heads",
          text("[", sets, ", ", layers, ", ", heads, "]"));
    Shape const shape{static_cast<std::size_t>(sets), static_cast<std::size_t>(layers), static_cast<std::size_t>(heads)};
    return Array<double, 3>(shape, value);
  }
  static Array<double, 3> one_set(ConstMatrixRef<double> m) {
    auto values = filled(1, m.rows(), m.cols(), 0);
    map(values.data(), m.rows(), m.cols()) = m;
    return values;
  }
  /// Calls valid(value) for every entry and throws Error naming the first one that is not.
  template <class Valid>
  void check_entries(char const* what, char const* expected, char const* advice, Valid&& valid) const {
    for (Index s = 0; s < sets(); ++s)
      for (Index l = 0; l < layers(); ++l)
        for (Index h = 0; h < heads(); ++h)
          if (auto const value = (*this)(s, l, h); !valid(value))
            throw Error({text(what, ": ", head_text(s, l, h)), expected, text(value), advice});
  }

  Array<double, 3> values_;
};

}  // namespace detail

namespace detail {
/// Finite for a gate inside (0, 1); the callers see to that.
inline double logit(double gate) { return std::log(gate) - std::log1p(-gate); }
}  // namespace detail

/// S gate sets [S, L, H], each entry in [0, 1].
class Gates : public detail::GateArray<Gates> {
 public:
  Gates() = default;
  /// Throws Error naming the first entry outside [0, 1].
  explicit Gates(Array<double, 3> values) : GateArray(std::move(values)) {
    check_entries("gates", "a number in [0, 1]", "", [](double g) { return g >= 0 && g <= 1; });
  }
  /// One set from its matrix [L, H].
  explicit Gates(ConstMatrixRef<double> set) : Gates(one_set(set)) {}

  static Gates ones(Index sets, Index layers, Index heads) { return filled(sets, layers, heads, 1); }
  static Gates filled(Index sets, Index layers, Index heads, double value) {
    return Gates(GateArray::filled(sets, layers, heads, value));
  }
};

/// Logits of S gate sets [S, L, H], each entry finite.
class GateLogits : public detail::GateArray<GateLogits> {
 public:
  GateLogits() = default;
  /// Throws Error naming the first entry that is not finite.
  explicit GateLogits(Array<double, 3> values) : GateArray(std::move(values)) {
    check_entries("gate logits", "a finite number", "A gate of exactly 0 or 1 has no logit.",
                  [](double u) { return std::isfinite(u); });
  }
  explicit GateLogits(ConstMatrixRef<double> set) : GateLogits(one_set(set)) {}

  static GateLogits filled(Index sets, Index layers, Index heads, double value) {
    return GateLogits(GateArray::filled(sets, layers, heads, value));
  }
};

/// G of one logit. Exactly 1 in double for u above 36.8, exactly 0 below -745.2; the logit is what must be kept.
inline double sigmoid(double u) {
  auto const e = std::exp(-std::abs(u));  // of the size that cannot overflow
  return (u < 0 ? e : 1.0) / (1.0 + e);
}
/// dG/du = G (1 - G), from the logit: exact where 1 - G is not.
inline double sigmoid_slope(double u) { return sigmoid(u) * sigmoid(-u); }

inline Gates sigmoid(GateLogits const& u) {
  auto values = u.values();
  for (auto& x : values) x = sigmoid(x);
  return Gates(std::move(values));
}

/// Throws Error naming set, layer and head of the first gate of exactly 0 or 1, whose logit would be infinite.
inline GateLogits logit(Gates const& gates) {
  auto values = gates.values();
  for (Index s = 0; s < gates.sets(); ++s)
    for (Index l = 0; l < gates.layers(); ++l)
      for (Index h = 0; h < gates.heads(); ++h) {
        auto const g = gates(s, l, h);
        check(g > 0 && g < 1, text("logit: gate of ", detail::head_text(s, l, h)), "a number between 0 and 1, both excluded", g,
              "Move it inside, to 0.001 or 0.999 for instance.");
      }
  for (auto& x : values) x = detail::logit(x);
  return GateLogits(std::move(values));
}

/// The start of a fit: gates uniform in (0, 1) (section 3.2), drawn as logits so that all are finite. Set s is the only set of
/// seed + s.
inline GateLogits random_logits(Index sets, Index layers, Index heads, std::uint64_t seed) {
  auto values = GateLogits::filled(sets, layers, heads, 0).values();
  auto entry = values.data();
  for (Index s = 0; s < sets; ++s) {
    Random random(seed + static_cast<std::uint64_t>(s), Stream::gates);
    for (Index i = 0; i < layers * heads; ++i) *entry++ = detail::logit(random.uniform());
  }
  return GateLogits(std::move(values));
}

}  // namespace chg
