// SPDX-License-Identifier: MIT
// What the two pressed fits say of each head: scores, roles, and one class a head and fit.
//
//     facilitation F = G-        interference I = 1 - G+        irrelevance R = G+ (1 - G-)
//
// Nam et al. 2025, section 3.3 and table 1 (whose irrelevance is right where the running text misprints it). A head HAS a
// role when the score is 0.5 or more. The roles are no partition: a head may have none, or two. So two counts exist, and
// both are given: heads that have a role, as the paper's table 2 counts, and classes, decided in the order of HeadClass.
// Both are decided a fit at a time: a mean of gates over fits mixes circuits, and is never thresholded.
#pragma once

#include <chg/gate/fit_record.hpp>
#include <chg/tensor/array.hpp>

#include <array>
#include <string_view>

namespace chg {

enum class Score { facilitation, interference, irrelevance };
inline constexpr std::array all_scores{Score::facilitation, Score::interference, Score::irrelevance};

/// In the order of decision. Contradictory (F and I at once: kept under removal, dropped under retention) tells of a fit that has
/// not settled, and is folded into no other class.
enum class HeadClass : std::uint8_t { contradictory, facilitating, interfering, irrelevant, undecided };
inline constexpr std::array all_head_classes{HeadClass::contradictory, HeadClass::facilitating, HeadClass::interfering,
                                             HeadClass::irrelevant, HeadClass::undecided};

constexpr std::string_view name(Score score) {
  constexpr std::string_view names[] = {"facilitation", "interference", "irrelevance"};
  return names[static_cast<int>(score)];
}
constexpr std::string_view name(HeadClass c) {
  constexpr std::string_view names[] = {"contradictory", "facilitating", "interfering", "irrelevant", "undecided"};
  return names[static_cast<int>(c)];
}

/// One score of one head, in [0, 1] for gates in [0, 1].
constexpr double head_score(Score score, double g_plus, double g_minus) {
  switch (score) {
    case Score::facilitation: return g_minus;
    case Score::interference: return 1 - g_plus;
    default: return g_plus * (1 - g_minus);
  }
}

/// Whether a score amounts to the role.
constexpr bool has_role(double score) { return score >= 0.5; }

constexpr HeadClass classify(double g_plus, double g_minus) {
  auto const has = [&](Score score) { return has_role(head_score(score, g_plus, g_minus)); };
  if (has(Score::facilitation) && has(Score::interference)) return HeadClass::contradictory;
  if (has(Score::facilitation)) return HeadClass::facilitating;
  if (has(Score::interference)) return HeadClass::interfering;
  if (has(Score::irrelevance)) return HeadClass::irrelevant;
  return HeadClass::undecided;
}

/// Scores and classes of every head in every fit.
class Roles {
 public:
  /// The gates after the two phases with pressure. seeds: of each gate set, for reference. Throws Error unless the shapes agree.
  Roles(Gates const& g_plus, Gates const& g_minus, std::vector<std::uint64_t> seeds)
      : plus_(g_plus.values()), minus_(g_minus.values()), classes_(plus_.shape()), seeds_(std::move(seeds)) {
    check(plus_.shape() == minus_.shape(), "roles: gates of the two fits", "the same shape", "different ones");
    check(seeds_.size() == plus_.shape()[0], "roles: seeds", text(plus_.shape()[0], ", one a gate set"), seeds_.size());
    for (std::size_t i = 0; i < classes_.size(); ++i) classes_.data()[i] = chg::classify(plus_.data()[i], minus_.data()[i]);
  }

  Index sets() const { return static_cast<Index>(plus_.shape()[0]); }
  Index layers() const { return static_cast<Index>(plus_.shape()[1]); }
  Index heads() const { return static_cast<Index>(plus_.shape()[2]); }
  std::vector<std::uint64_t> const& seeds() const { return seeds_; }

  /// [S, L, H]
  Array<double, 3> scores(Score score) const {
    Array<double, 3> result(plus_.shape());
    for (std::size_t i = 0; i < result.size(); ++i) result.data()[i] = head_score(score, plus_.data()[i], minus_.data()[i]);
    return result;
  }
  /// [S, L, H]
  Array<HeadClass, 3> const& classes() const { return classes_; }

  double score(Score score, Index set, Index layer, Index head) const {
    return head_score(score, plus_(set, layer, head), minus_(set, layer, head));
  }
  HeadClass head_class(Index set, Index layer, Index head) const { return classes_(set, layer, head); }

  /// Heads of one fit that have a role: shares by score, the paper's count.
  Index with_role(Score score, Index set) const {
    Index count = 0;
    for_each_head([&](Index l, Index h) { count += has_role(this->score(score, set, l, h)); });
    return count;
  }
  /// Heads of one fit in a class.
  Index in_class(HeadClass c, Index set) const {
    Index count = 0;
    for_each_head([&](Index l, Index h) { count += head_class(set, l, h) == c; });
    return count;
  }
  /// In how many fits a head has a class.
  Index fits_in_class(HeadClass c, Index layer, Index head) const {
    Index count = 0;
    for (Index s = 0; s < sets(); ++s) count += head_class(s, layer, head) == c;
    return count;
  }

  template <class Visit>
  void for_each_head(Visit&& visit) const {
    for (Index l = 0; l < layers(); ++l)
      for (Index h = 0; h < heads(); ++h) visit(l, h);
  }

 private:
  Array<double, 3> plus_, minus_;
  Array<HeadClass, 3> classes_;
  std::vector<std::uint64_t> seeds_;
};

/// The roles of a finished fit. Throws Error when the fit was interrupted.
inline Roles roles(Fit const& fit) {
  check(fit.status == Status::finished, "roles: fit", "a finished fit", "an interrupted one", "Go on with chg::resume.");
  std::vector<std::uint64_t> seeds;
  for (Index s = 0; s < fit.options.gate_sets; ++s) seeds.push_back(fit.seed(s));
  return {fit.g_plus(), fit.g_minus(), std::move(seeds)};
}

}  // namespace chg
